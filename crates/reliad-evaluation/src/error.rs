//! What can end a measurement.

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
    /// A picture could not be written.
    #[error("{path}: {source}", path = path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// Why.
        source: image::ImageError,
    },
    /// A line of a results file is none.
    #[error("{path}: {source}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where the parser stopped.
        source: serde_json::Error,
    },
    /// A table could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: csv::Error,
    },
    /// A table of titles without the columns that it needs.
    #[error("{path}: it must have the columns `title` and `name` (or `product` or `file`)", path = .0.display())]
    Columns(PathBuf),
    /// A folder of cut-outs without any.
    #[error("{path}: no cut-outs", path = .0.display())]
    NoCutouts(PathBuf),
    /// Nothing was given to inspect.
    #[error("there is no picture to inspect")]
    NoPictures,
    /// A rendered folder that holds fewer samples than it should.
    #[error("{dir}: {found} samples of {wanted}; remove the folder to have them rendered again", dir = dir.display())]
    FewSamples {
        /// The folder.
        dir: PathBuf,
        /// Samples in it.
        found: usize,
        /// Samples asked for.
        wanted: usize,
    },
    /// A painting that was there before.
    #[error("{path}: it is gone", path = .0.display())]
    Gone(PathBuf),
    /// A sample's product that can't be placed.
    #[error("{path}", path = path.display())]
    Product {
        /// The product's file.
        path: PathBuf,
        /// Why.
        source: reliad_imaging::Error,
    },
    /// A sample whose record doesn't tell what its prompt asks for.
    #[error("{image}: its record doesn't tell the scene")]
    Untold {
        /// The sample's picture.
        image: String,
    },
    /// A scene or colour that the scene network doesn't know.
    #[error("the scene network has never seen `{0}`")]
    UnknownScene(String),
    /// A judge without a saliency network, by which second copies of products are found.
    #[error("{0} has no saliency/")]
    NoSaliency(String),
    /// Samples that can't be rendered.
    #[error("rendering the samples")]
    Render(#[source] reliad_synth::Error),
    /// The folder holds the samples of another run.
    #[error(transparent)]
    OtherRun(reliad_synth::Error),
    /// A row of the tables that can't be read.
    #[error("detector")]
    Detector(#[source] serde_json::Error),
    /// A setting is out of its range.
    #[error("setting {name}: {reason}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// A sheet for people, or what they saved of it, that can't be used.
    #[error("{path}: {message}", path = path.display())]
    Sheet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A worker came before the encoder that its detector begins with.
    #[error("the encoder of {0} isn't pretrained; let one run do that for all workers first")]
    NoEncoder(String),
    /// A picture that can't be encoded, a gallery or a model that can't be read.
    #[error(transparent)]
    Generation(#[from] reliad_generation::Error),
    /// What training's parts report.
    #[error(transparent)]
    Training(#[from] reliad_training::Error),
    /// What a judge, saliency or scene network reports.
    #[error(transparent)]
    Judge(#[from] reliad_rfnet::Error),
    /// A map that can't become a picture.
    #[error(transparent)]
    Picture(#[from] reliad_pictures::Error),
    /// What the samples' folder reports.
    #[error(transparent)]
    Data(#[from] reliad_dataset::Error),
    /// What the model's files report, or those that are written.
    #[error(transparent)]
    Files(#[from] reliad_weights::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An [`Error::Io`] for `path`, for use in `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// An [`Error::Json`] for `path`, for use in `map_err`.
    pub(crate) fn json(path: impl Into<PathBuf>) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.into();
        move |source| Self::Json { path, source }
    }

    /// An [`Error::Table`] for `path`, for use in `map_err`.
    pub(crate) fn table(path: impl Into<PathBuf>) -> impl FnOnce(csv::Error) -> Self {
        let path = path.into();
        move |source| Self::Table { path, source }
    }
}
