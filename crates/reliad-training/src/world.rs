//! The samples that networks learn from and those that are held out.

use std::path::{Path, PathBuf};

use reliad_dataset::{Folder, Record, Split};

use crate::error::{Error, Result};

/// A folder of rendered samples, split by product.
#[derive(Debug, Clone)]
pub struct World {
    folder: Folder,
    count: usize,
}

impl World {
    /// Reads the texts and labels of the folder `dir`, of its first `samples` samples if given.
    ///
    /// # Errors
    /// A missing or damaged `metadata.jsonl`, or too few products for both parts.
    pub fn open(dir: &Path, samples: Option<usize>) -> Result<Self> {
        let folder = Folder::open(dir).map_err(Error::component("data"))?;
        let count = folder.records().len().min(samples.unwrap_or(usize::MAX));
        let world = Self { folder, count };
        let (train, held_out) = world.split();
        if train.is_empty() || held_out.is_empty() {
            return Err(Error::Data {
                path: dir.to_owned(),
                reason: format!(
                    "{} samples to train on and {} held out; render more products",
                    train.len(),
                    held_out.len()
                ),
            });
        }
        Ok(world)
    }

    /// All samples, in the order of the file.
    pub fn records(&self) -> &[Record] {
        &self.folder.records()[..self.count]
    }

    /// Full paths of one kind of picture of the samples `indices`.
    pub fn files(&self, indices: &[usize], kind: impl Fn(&Record) -> &str) -> Vec<PathBuf> {
        indices
            .iter()
            .map(|&index| self.folder.path(kind(&self.records()[index])))
            .collect()
    }

    /// Indices of the samples to train on and of those held out (the validation products).
    pub fn split(&self) -> (Vec<usize>, Vec<usize>) {
        let part = |split| {
            let mut indices = self.folder.split(split);
            indices.retain(|&index| index < self.count);
            indices
        };
        (part(Split::Train), part(Split::Validation))
    }
}
