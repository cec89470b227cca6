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
        /// What the reader or writer said, where it was one.
        source: Option<Cause>,
    },
    /// Another process trains in the same folder.
    #[error(
        "{path}: another process trains here; wait for its end, stop it, or give another folder",
        path = path.display()
    )]
    Busy {
        /// The checkpoint's folder.
        path: PathBuf,
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
    /// The disk has no room for the judge's views.
    #[error(
        "{path}: {views} views of {each} need {needed}, and {free} are free; give an --out on a larger disk, let the judge learn from fewer \
         samples (`recipe.samples`), or give it fewer inputs or a smaller `preprocess.image_size`",
        path = path.display()
    )]
    Room {
        /// The folder of the views.
        path: PathBuf,
        /// How many are still to be made.
        views: u64,
        /// Bytes of one, for people.
        each: String,
        /// Bytes of all.
        needed: String,
        /// Bytes that are free.
        free: String,
    },
    /// A network, tokenizer or weights file of another crate reported an error.
    #[error("{what}")]
    Component {
        /// Which component.
        what: &'static str,
        /// Its own error.
        source: Cause,
    },
}

/// An error of another crate.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An [`Error::Io`] for `path`, for use in `map_err`.
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// An [`Error::Component`] with its cause, for use in `map_err`.
    pub fn component<E: Into<Cause>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Component {
            what,
            source: error.into(),
        }
    }

    /// The error and its causes in one line, for where it is told and not returned.
    pub(crate) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            // Some messages end with that of their cause.
            let own = error.to_string();
            if !text.ends_with(&own) {
                text += &format!(": {own}");
            }
            cause = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_component_keeps_its_error_and_tells_it_once() {
        let missing = reliad_weights::Error::NoDirectory("nowhere".into());
        let error = Error::component("vae")(missing);
        assert_eq!(error.to_string(), "vae");
        let source = error.source();
        let inner = source.and_then(|source| source.downcast_ref::<reliad_weights::Error>());
        assert!(
            matches!(inner, Some(reliad_weights::Error::NoDirectory(_))),
            "{inner:?}"
        );
        assert_eq!(
            error.in_full(),
            "vae: nowhere: there is no such model directory"
        );
        let denied = Error::io("a")(std::io::Error::other("no permission"));
        assert_eq!(denied.in_full(), "a: no permission");
    }
}
