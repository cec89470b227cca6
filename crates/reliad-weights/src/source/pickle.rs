//! `.pth`, `.pt` and `.bin`: checkpoints of PyTorch, through Burn's reader of them, which runs no code of theirs.

use std::path::Path;
use std::sync::Arc;

use burn::store::pytorch_reader::{DType, PytorchReader};

use super::{Dtype, Entries, Entry};
use crate::Error;

/// A checkpoint that wraps its weights in `{"state_dict": ...}` flattens to this prefix.
const WRAPPER: &str = "state_dict.";

/// The tensors of a checkpoint; a tensor's bytes are read from the file when they are asked for.
///
/// # Errors
/// [`Error::Format`] naming `file`.
pub(super) fn entries(path: &Path, file: &str) -> Result<Entries, Error> {
    let reader = PytorchReader::new(path).map_err(|error| Error::Format {
        file: file.to_owned(),
        reason: error.to_string(),
    })?;
    let tensors = reader.into_tensors().into_iter().map(|(name, tensor)| {
        let name = name.strip_prefix(WRAPPER).unwrap_or(&name).to_owned();
        let entry = Entry {
            dtype: dtype_of(tensor.dtype()),
            shape: tensor.shape().to_vec(),
            read: Arc::new(move || tensor.read().map_err(|error| error.to_string())),
        };
        (name, entry)
    });
    Ok(Entries {
        tensors: tensors.collect(),
        ..Entries::default()
    })
}

fn dtype_of(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::BOOL,
    }
}
