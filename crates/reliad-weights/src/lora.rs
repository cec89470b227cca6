//! Adapters (LoRA, Hu et al. 2021, <https://arxiv.org/abs/2106.09685>, and its kin): what a network learns on top of weights
//! that stay as they are, in a file of a few per cent of their size.
//!
//! A weight `W` becomes `W + strength * change`. What the change is for each kind stands in `lora/change.rs`, the names of the
//! files in `lora/names.rs` and `lora/ldm.rs`.

mod adapters;
mod change;
mod directory;
mod file;
mod ldm;
mod merge;
mod names;
mod peft;
mod place;

pub use adapters::Adapters;
pub use directory::FILE;

use change::Change;

/// The adapters of a file or a directory, for any number of components.
#[derive(Debug, Clone, PartialEq)]
pub struct Lora {
    file: String,
    digest: String,
    changes: Vec<Change>,
}

impl Lora {
    /// Whether there are adapters for this component.
    pub fn has(&self, component: &str) -> bool {
        self.changes
            .iter()
            .any(|change| change.component == component)
    }

    /// BLAKE3 of the file as 64 hexadecimal digits; of several files (a configuration beside the tensors) that of their
    /// digests, one after the other.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}
