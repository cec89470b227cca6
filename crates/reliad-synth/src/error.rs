//! What can go wrong when a world is written to a folder or read from one.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A picture could not be encoded.
    #[error("{}: the picture can't be written: {source}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: image::ImageError,
    },
    /// A file of a rendered folder holds something else than it should.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder already holds samples of another run.
    #[error("{}: holds samples of another run ({found}, now {wanted}); choose an empty folder or the same settings", path.display())]
    OtherRun {
        /// The folder's record of its run.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A setting outside its range.
    #[error("{0}")]
    Setting(String),
    /// The caller asked to stop; finished samples stay valid and the same call goes on from there.
    #[error("stopped after {done} of {count} samples; the same command goes on from there")]
    Cancelled {
        /// Samples that are complete.
        done: u64,
        /// Samples asked for.
        count: u64,
    },
}

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;
