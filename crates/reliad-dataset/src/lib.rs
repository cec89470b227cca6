//! Labelled samples from files, split by product.
//!
//! Today one layout: the folder that `reliad synth render` writes, which is an image folder with `metadata.jsonl`.

mod error;
mod folder;
mod record;

pub use error::Error;
pub use folder::Folder;
pub use record::{Record, SceneParameters, Split};
