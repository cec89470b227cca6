//! What a run is told.

use std::path::PathBuf;

use reliad_diffusion::Sampling;

use crate::error::{Error, Result};

/// What a run shall make.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// What the scenes shall show.
    pub prompt: String,
    /// What they shall not show.
    pub negative_prompt: String,
    /// How pictures are sampled.
    pub sampling: Sampling,
    /// Part of the canvas the product takes, above 0 and at most 1; drawn per item when `None`.
    pub scale: Option<f32>,
    /// The run's seed.
    pub seed: u64,
    /// Pictures wanted of each product, at least 1.
    pub count: u32,
    /// Attempts at each picture, at least 1.
    pub attempts: u32,
    /// Pictures painted at once, at least 1.
    pub batch: usize,
    /// Whether rejected pictures are kept in [`REJECTED`](super::REJECTED).
    pub keep_rejected: bool,
    /// Where results go.
    pub out: PathBuf,
    /// A noise file in place of the drawn noise.
    pub noise: Option<NoiseSource>,
}

/// The noise file of a run. Attempt `a` at item `i` takes row `i * attempts + a`, where items are
/// counted over the products in their order, and over the pictures of each.
#[derive(Clone, Debug)]
pub struct NoiseSource {
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// BLAKE3 of the file.
    pub hash: String,
    /// Rows of its tensors.
    pub rows: usize,
}

impl RunSettings {
    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first setting outside its range, [`Error::Imaging`] for the
    /// canvas.
    pub fn check(&self) -> Result<()> {
        self.sampling.check()?;
        let counts = [
            ("count", self.count as usize),
            ("attempts", self.attempts as usize),
            ("batch", self.batch),
        ];
        for (name, value) in counts {
            if value == 0 {
                return Err(Error::Setting {
                    name,
                    got: "0".into(),
                    expected: "at least 1",
                });
            }
        }
        match self.scale {
            Some(scale) if !(scale > 0.0 && scale <= 1.0) => Err(Error::Setting {
                name: "scale",
                got: scale.to_string(),
                expected: "above 0 and at most 1",
            }),
            _ => Ok(()),
        }
    }
}
