//! What can go wrong in a run.

use std::path::{Path, PathBuf};

/// An error of the recurrent loop, of its files or of a replay.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A directory given as input that holds no picture.
    #[error("{}: the directory holds no pictures (png, jpg, jpeg or webp)", .0.display())]
    EmptyDirectory(PathBuf),
    /// A product file whose bytes changed under a run.
    #[error("{}: the file changed while reliad was running", .0.display())]
    Changed(PathBuf),
    /// A path that no manifest can hold.
    #[error("{}: the path has bytes that aren't UTF-8, so it can't be recorded: rename the file or folder", .0.display())]
    Name(PathBuf),
    /// A file that can't be read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that can't be written.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process writes to the same output directory.
    #[error("another reliad is writing to {}", .0.display())]
    Locked(PathBuf),
    /// A setting outside its range.
    #[error("{name} is {got}; it must be {expected}")]
    Setting {
        /// The setting, as its flag is called.
        name: &'static str,
        /// The value given.
        got: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// A JSON file of a model or a run that doesn't hold what it must.
    #[error("{file}: {message}")]
    Content {
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// A model directory without the part that was asked for.
    #[error("{model} has no {part}/")]
    MissingPart {
        /// The model directory.
        model: String,
        /// The missing directory.
        part: &'static str,
    },
    /// The noise file doesn't fit the run.
    #[error("noise file {}: {message}", path.display())]
    Noise {
        /// The file.
        path: PathBuf,
        /// What doesn't fit.
        message: String,
    },
    /// The painter produced values that are no picture.
    #[error("the painter produced {count} values that are not finite numbers in attempt {name}")]
    NotFinite {
        /// How many values.
        count: usize,
        /// Name of the attempt's recipe.
        name: String,
    },
    /// A picture couldn't be encoded.
    #[error("can't encode a picture: {0}")]
    Encode(#[from] image::ImageError),
    /// A picture couldn't be encoded as PNG.
    #[error("can't encode a picture: {0}")]
    Png(#[from] png::EncodingError),
    /// An error of the diffusion crate.
    #[error(transparent)]
    Diffusion(#[from] reliad_diffusion::Error),
    /// An error of the judge.
    #[error(transparent)]
    Judge(#[from] reliad_rfnet::Error),
    /// An error of the model's files.
    #[error(transparent)]
    Weights(#[from] reliad_weights::Error),
    /// A product that can't be used, or a canvas that can't be painted.
    #[error(transparent)]
    Imaging(#[from] reliad_imaging::Error),
}

impl Error {
    /// Shorthand for a failed write of `path`.
    pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Write { path, source }
    }

    /// Shorthand for a failed read of `path`.
    pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Read { path, source }
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;
