//! Adapters (LoRA) that are laid on a painter beside those of its model directory.

use std::path::{Path, PathBuf};

use reliad_weights::lora::Lora;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Adapters as a manifest records them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adapters {
    /// The file or directory, as an absolute path.
    pub path: PathBuf,
    /// BLAKE3 of the file; of several that of their digests ([`Lora::digest`]).
    pub blake3: String,
    /// How many times they are added to the weights; 1 is as they were trained.
    pub strength: f64,
}

/// Adapters that were read.
#[derive(Clone, Debug)]
pub struct AdapterFile {
    /// What is recorded of it.
    pub adapters: Adapters,
    /// What it holds.
    pub(crate) lora: Lora,
}

impl AdapterFile {
    /// Reads a file or a directory of adapters.
    ///
    /// # Errors
    /// [`Error::Weights`] when it can't be read or holds something else.
    pub fn read(path: &Path, strength: f64) -> Result<Self> {
        let lora = Lora::open(path)?;
        Ok(Self {
            adapters: Adapters {
                blake3: lora.digest().to_owned(),
                path: std::path::absolute(path).map_err(Error::read(path))?,
                strength,
            },
            lora,
        })
    }
}
