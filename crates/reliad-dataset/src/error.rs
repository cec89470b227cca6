//! What can go wrong between a data set and a sample.

use std::path::{Path, PathBuf};

/// An error of reading or writing a data set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the metadata does not parse or lacks a field.
    #[error(
        "{}, line {line}: {source}; `reliad data import` reads other layouts and sets such lines aside",
        path.display()
    )]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The data set has no sample.
    #[error("{}: no sample", path.display())]
    Empty {
        /// The metadata file.
        path: PathBuf,
    },
    /// None of a source's samples can be used.
    #[error("{}: no usable sample{}", path.display(), after(reasons))]
    Unusable {
        /// The source.
        path: PathBuf,
        /// What is wrong with its samples, by kind; empty where it has none.
        reasons: String,
    },
    /// Labels of a data set that have more than one meaning, or none.
    #[error("{}: {reason}", path.display())]
    Labels {
        /// The data set.
        path: PathBuf,
        /// What they may mean and how to say it.
        reason: String,
    },
    /// A picture could not be decoded.
    #[error("{place}: {source}")]
    Picture {
        /// Where it lies.
        place: String,
        /// What is wrong with it.
        source: reliad_imaging::Problem,
    },
    /// A sample lacks a kind of picture that was asked for.
    #[error("{image}: the sample has no {kind}{hint}")]
    Missing {
        /// The sample's picture.
        image: String,
        /// What it lacks.
        kind: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
    /// A file is no data set, or not of the layout that it was said to be.
    #[error("{}: {reason}", path.display())]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

fn after(reasons: &str) -> String {
    match reasons.is_empty() {
        true => String::new(),
        false => format!(": {reasons}"),
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Turns what the system said of `path` into an error.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// `path` is not what it should be, for a reason that another library told.
    pub(crate) fn layout<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self + '_ {
        |error| Self::Layout {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}
