//! Adapters (LoRA) that are laid on a painter beside those of its model directory.

use std::path::{Path, PathBuf};

use reliad_weights::Source;
use reliad_weights::lora::Lora;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;

/// Adapters as a manifest records them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adapters {
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// BLAKE3 of the file.
    pub blake3: String,
    /// How many times they are added to the weights; 1 is as they were trained.
    pub strength: f64,
}

/// A file of adapters that was read.
#[derive(Clone, Debug)]
pub struct AdapterFile {
    /// What is recorded of it.
    pub adapters: Adapters,
    /// What it holds.
    pub(crate) lora: Lora,
}

impl AdapterFile {
    /// Reads a file of adapters.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Weights`] when it holds something else.
    pub fn read(path: &Path, strength: f64) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::read(path))?;
        let blake3 = files::hash(&bytes);
        // Of the bytes that were hashed, whatever happens to the file.
        let source = Source::from_bytes(bytes, &path.display().to_string())?;
        Ok(Self {
            lora: Lora::of_source(&source)?,
            adapters: Adapters {
                blake3,
                path: std::path::absolute(path).map_err(Error::read(path))?,
                strength,
            },
        })
    }
}
