//! What can go wrong while training, with the file or setting it concerns.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A picture could not be decoded.
    #[error("{path}: not a readable picture: {source}", path = path.display())]
    Picture {
        /// The picture's file.
        path: PathBuf,
        /// The decoder's reason.
        source: image::ImageError,
    },
    /// A JSON file does not say what is expected of it.
    #[error("{path}: {source}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where the parser stopped.
        source: serde_json::Error,
    },
    /// A checkpoint cannot be continued with the present command.
    #[error(
        "checkpoint {path}: {reason}; remove the folder to start again, or repeat the command that wrote it",
        path = path.display()
    )]
    Checkpoint {
        /// The checkpoint's folder.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The loss stopped being a number; the last checkpoint is kept.
    #[error(
        "the loss is {loss} at step {step}: lower the learning rate; the last good checkpoint is kept"
    )]
    Diverged {
        /// Number of steps done.
        step: u64,
        /// The loss that was read.
        loss: f64,
    },
    /// A setting is out of its range.
    #[error("setting {name}: {reason}")]
    Setting {
        /// Name of the setting as it stands in the configuration file.
        name: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The data folder holds too little, or records that contradict one another.
    #[error("data in {path}: {reason}", path = path.display())]
    Data {
        /// The data folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A network, tokenizer or weights file of another crate reported an error.
    #[error("{what}: {reason}")]
    Component {
        /// Which component.
        what: &'static str,
        /// Its own message.
        reason: String,
    },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An [`Error::Io`] for `path`, for use in `map_err`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// An [`Error::Component`] from any message, for use in `map_err`.
    pub fn component<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Component {
            what,
            reason: error.to_string(),
        }
    }
}
