//! Data sets in other people's layouts, read as a stream of records.
//!
//! No picture is read and none is copied: records say where the pictures lie, in archives and tables too. What can't
//! become a record is told with its reason and stops nothing.

mod classes;
mod fields;
mod label_txt;
mod listing;
mod meaning;
mod metadata;
mod parquet;
mod reader;
mod rf1m;
mod unpack;
mod webdataset;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use fields::{Fields, ProductBy};
pub(crate) use listing::for_each_member;
pub(crate) use reader::Surroundings;

use crate::error::{Error, Result};
use crate::{LabelMap, Record};

/// How a data set lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// RF1M as released: numbered archives or folders of pictures and a `label.txt`.
    Rf1m,
    /// An image folder with `metadata.jsonl` or `metadata.csv`, Hugging Face's or ours.
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
        if metadata::is_index(path) {
            return Ok(Self::Folder);
        }
        if path.join("label.txt").is_file() {
            return Ok(Self::Rf1m);
        }
        let tables = listing::of_kind(path, &["parquet"])?;
        let shards = listing::of_kind(path, &listing::SHARDS)?;
        // What lies in the folder itself counts before what lies deeper.
        let is_here = |file: &PathBuf| file.parent() == Some(path) || file == path;
        if tables.iter().any(is_here) {
            return Ok(Self::Parquet);
        }
        if shards.iter().any(is_here) {
            return Ok(Self::WebDataset);
        }
        if !metadata::indices(path)?.is_empty() {
            return Ok(Self::Folder);
        }
        if !tables.is_empty() {
            return Ok(Self::Parquet);
        }
        if !shards.is_empty() {
            return Ok(Self::WebDataset);
        }
        Err(Error::Layout {
            path: path.to_owned(),
            reason:
                "it holds neither metadata.jsonl, label.txt, metadata.csv, *.parquet nor *.tar; name its layout"
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
    /// Whether samples without a label are taken where others have one. Where none has, all are.
    pub unlabelled: bool,
}

/// A sample that can't be used. A reason is of the form `kind: particulars`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Where it lies: its picture, or the line of a file.
    pub sample: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Broken {
    /// What the reason has in common with others.
    pub fn kind(&self) -> &str {
        self.reason.split(": ").next().unwrap_or_default()
    }

    /// The sample, and what is particular about its reason.
    pub(crate) fn example(&self) -> String {
        match self.reason.split_once(": ") {
            Some((_, particulars)) => format!("{} ({particulars})", self.sample),
            None => self.sample.clone(),
        }
    }
}

/// Takes what a source holds, piece by piece; an error stops the reading.
pub type Sink<'a> = dyn FnMut(std::result::Result<Record, Broken>) -> Result<()> + 'a;

impl Source {
    /// Hands every sample to `sink`, in the data set's order. Places are as the path was given: relative to the
    /// working directory, or absolute.
    ///
    /// # Errors
    /// A folder or file that can't be opened at all, [`Error::Labels`] where labels have more than one meaning or none, and
    /// whatever `sink` returns.
    pub fn read(&self, sink: &mut Sink<'_>) -> Result<()> {
        let around = Surroundings::default();
        let meaning = self.meaning(around)?;
        self.read_as(&meaning, around, sink)?;
        Ok(())
    }
}

impl reader::Reader<'_, '_> {
    /// Reads the source by its layout.
    fn run(&mut self) -> Result<()> {
        match self.source.layout {
            Layout::Rf1m => rf1m::read(self),
            Layout::Folder => metadata::read(self),
            Layout::Parquet => parquet::read(self),
            Layout::WebDataset => webdataset::read(self),
        }
    }
}
