//! What a run is told.

use std::path::PathBuf;

use crate::error::{Error, Result};

/// What holds for all orders of a run.
#[derive(Clone, Debug)]
pub struct RunSettings {
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
/// counted over the orders as they come, and over the pictures of each.
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
    /// [`Error::Setting`] with the first setting outside its range.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("attempts", self.attempts as usize), ("batch", self.batch)] {
            if value == 0 {
                return Err(Error::Setting {
                    name,
                    got: "0".into(),
                    expected: "at least 1",
                });
            }
        }
        Ok(())
    }
}
