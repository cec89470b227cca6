//! Files to named tensors, strictly: model directories (on disk or embedded), key maps, loading, saving, inspection.
//!
//! Foreign names are those of the PyTorch ecosystem; a module's fields carry the same names, so that most
//! [`KeyMap`]s are empty. Loading reports every missing, unused and mis-shaped key in one error.

mod error;
mod inspect;
mod key_map;
mod load;
pub mod lora;
mod model_dir;
mod save;

pub use error::Error;
pub use inspect::{Component, inspect};
pub use key_map::KeyMap;
pub use load::{load, load_file, read_config};
pub use model_dir::ModelDir;
pub use save::{Precision, named_shapes, save, write_config};
