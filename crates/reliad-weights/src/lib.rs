//! Files to named tensors, strictly: model directories (on disk or embedded), sources of tensors, key maps, loading, saving,
//! inspection, digests.
//!
//! Foreign names are those of the PyTorch ecosystem; a module's fields carry the same names, so that most
//! [`KeyMap`]s are empty. Loading reports every missing, unused and mis-shaped key in one error.

mod digests;
mod error;
mod file_bytes;
mod inspect;
mod key_map;
mod key_pattern;
mod load;
pub mod lora;
mod model_dir;
mod save;
mod source;

pub use digests::Digests;
pub use error::Error;
pub use inspect::{Component, inspect};
pub use key_map::KeyMap;
pub use load::{load, load_file, load_source, read_config};
pub use model_dir::ModelDir;
pub use save::{Precision, named_shapes, save, write_config};
pub use source::{Dtype, Entry, Source};
