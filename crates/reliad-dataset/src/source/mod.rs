//! Data sets in other people's layouts, read as a stream of records.
//!
//! No picture is read and none is copied: records say where the pictures lie, in archives and tables too. What can't
//! become a record is told with its reason and stops nothing.

mod fields;
mod listing;
mod metadata;
mod parquet;
mod rf1m;
mod webdataset;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use fields::{Fields, ProductBy};
pub(crate) use listing::for_each_member;

use crate::error::{Error, Result};
use crate::{LabelMap, Record};

/// How a data set lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// RF1M as released: numbered archives or folders of pictures and a `label.txt`.
    Rf1m,
    /// An image folder with `metadata.jsonl`, Hugging Face's or ours.
    Folder,
    /// Parquet files with the pictures' bytes in their cells.
    Parquet,
    /// WebDataset: tar shards whose members share a sample's key.
    WebDataset,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 4] = [Self::Rf1m, Self::Folder, Self::Parquet, Self::WebDataset];

    /// The layout's name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rf1m => "rf1m",
            Self::Folder => "folder",
            Self::Parquet => "parquet",
            Self::WebDataset => "webdataset",
        }
    }

    /// The layout of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layout| layout.name() == name)
    }

    /// What `path`, a folder or one file of a data set, looks like.
    ///
    /// # Errors
    /// [`Error::Layout`] when it looks like none.
    pub fn detect(path: &Path) -> Result<Self> {
        if path.join("metadata.jsonl").is_file() {
            return Ok(Self::Folder);
        }
        if path.join("label.txt").is_file() {
            return Ok(Self::Rf1m);
        }
        if !listing::of_kind(path, "parquet")?.is_empty() {
            return Ok(Self::Parquet);
        }
        if !listing::of_kind(path, "tar")?.is_empty() {
            return Ok(Self::WebDataset);
        }
        Err(Error::Layout {
            path: path.to_owned(),
            reason:
                "it holds neither metadata.jsonl, label.txt, *.parquet nor *.tar; name its layout"
                    .to_owned(),
        })
    }
}

/// A data set to read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its folder, or one file of it.
    pub path: PathBuf,
    /// How it lies on disk.
    pub layout: Layout,
    /// Where RGBA products lie whose names are those of the pictures; for [`Layout::Rf1m`].
    pub products: Option<PathBuf>,
    /// What its labels mean.
    pub labels: LabelMap,
    /// What its fields are called.
    pub fields: Fields,
    /// What tells products apart where no field does.
    pub product_by: ProductBy,
}

/// A sample that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Where it lies: its picture, or the line of a file.
    pub sample: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Takes what a source holds, piece by piece; an error stops the reading.
pub type Sink<'a> = dyn FnMut(std::result::Result<Record, Broken>) -> Result<()> + 'a;

impl Source {
    /// Hands every sample to `sink`, in the data set's order. Places are as the path was given: relative to the
    /// working directory, or absolute.
    ///
    /// # Errors
    /// A folder or file that can't be opened at all, and whatever `sink` returns.
    pub fn read(&self, sink: &mut Sink<'_>) -> Result<()> {
        match self.layout {
            Layout::Rf1m => rf1m::read(self, sink),
            Layout::Folder => metadata::read(self, sink),
            Layout::Parquet => parquet::read(self, sink),
            Layout::WebDataset => webdataset::read(self, sink),
        }
    }
}
