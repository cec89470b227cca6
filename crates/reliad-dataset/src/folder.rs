//! An image folder with `metadata.jsonl`: one JSON object a line, file names relative to the folder.

use std::path::{Path, PathBuf};

use image::DynamicImage;

use crate::{Error, Record, Split};

/// A folder of labelled samples; texts are held, pictures are read when asked for.
#[derive(Debug, Clone)]
pub struct Folder {
    dir: PathBuf,
    records: Vec<Record>,
}

impl Folder {
    /// Reads `metadata.jsonl` of `dir`.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Metadata`] naming the line, [`Error::Empty`].
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, Error> {
        let dir = dir.into();
        let path = dir.join("metadata.jsonl");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(Error::Io { path, source }),
        };
        let mut records = Vec::new();
        for (line, text) in text.lines().enumerate() {
            if text.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(text) {
                Ok(record) => records.push(record),
                Err(source) => {
                    return Err(Error::Metadata {
                        path,
                        line: line + 1,
                        source,
                    });
                }
            }
        }
        match records.is_empty() {
            true => Err(Error::Empty { path }),
            false => Ok(Self { dir, records }),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All samples, in the order of the file.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Indices of the samples of one split.
    pub fn split(&self, split: Split) -> Vec<usize> {
        (0..self.records.len())
            .filter(|&index| Split::of_product(self.records[index].product_id) == split)
            .collect()
    }

    /// The full path of a file that a record names.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.dir.join(relative)
    }

    /// Decodes a picture that a record names.
    ///
    /// # Errors
    /// [`Error::Picture`], naming the file.
    pub fn picture(&self, relative: &str) -> Result<DynamicImage, Error> {
        let path = self.path(relative);
        image::open(&path).map_err(|source| Error::Picture { path, source })
    }
}
