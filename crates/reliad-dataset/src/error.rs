//! What can go wrong between a folder and a sample.

use std::path::PathBuf;

/// An error of reading a data set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of the metadata does not parse or lacks a field.
    #[error("{}, line {line}: {source}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The folder has no sample.
    #[error("{}: no sample; `reliad synth render --out` writes such a folder", path.display())]
    Empty {
        /// The metadata file.
        path: PathBuf,
    },
    /// A picture could not be decoded.
    #[error("{}: {source}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: image::ImageError,
    },
}
