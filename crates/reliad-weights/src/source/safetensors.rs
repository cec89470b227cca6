//! `.safetensors`: a length of 8 bytes, a header in JSON, and the tensors' bytes one after the other.
//! <https://huggingface.co/docs/safetensors/index#format>

use std::sync::Arc;

use safetensors::tensor::Metadata;

use super::{Entries, Entry};
use crate::Error;
use crate::file_bytes::FileBytes;

/// Bytes of the header's length.
const LENGTH: usize = 8;
/// The longest header that the format's own reader takes.
const LONGEST_HEADER: u64 = 100_000_000;

/// The tensors of the file whose bytes these are. Of the bytes only the header is read.
///
/// # Errors
/// [`Error::Format`] naming `file`: every tensor must lie in the file, and they must fill it without gap or overlap.
pub(super) fn entries(bytes: FileBytes, file: &str) -> Result<Entries, Error> {
    let damaged = |reason: String| Error::Format {
        file: file.to_owned(),
        reason,
    };
    let header = header(&bytes).map_err(damaged)?;
    let start = LENGTH + header.len();
    // This checks that shapes, types and places agree and that nothing overlaps.
    let header: Metadata =
        serde_json::from_slice(&header).map_err(|error| damaged(format!("its header: {error}")))?;
    let (expected, found) = (header.data_len(), bytes.len() - start);
    if expected != found {
        return Err(damaged(format!(
            "its header describes {expected} bytes of tensors, but {found} follow"
        )));
    }
    let bytes = Arc::new(bytes);
    let tensors = header.tensors().into_iter().map(|(name, info)| {
        let bytes = bytes.clone();
        let (from, to) = info.data_offsets;
        let read = move || {
            let copy = bytes.copy(start + from..start + to);
            copy.ok_or_else(|| "it ends before its last byte".to_owned())
        };
        let entry = Entry {
            dtype: info.dtype,
            shape: info.shape.clone(),
            read: Arc::new(read),
        };
        (name, entry)
    });
    let notes = header.metadata().iter().flatten();
    Ok(Entries {
        tensors: tensors.collect(),
        notes: notes
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    })
}

fn header(bytes: &FileBytes) -> Result<Vec<u8>, String> {
    let length = bytes.copy(0..LENGTH);
    let length: [u8; LENGTH] = length
        .and_then(|length| length.try_into().ok())
        .ok_or_else(|| format!("{} bytes are too short for a header", bytes.len()))?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(format!("a header of {length} bytes is too long"));
    }
    let header = bytes.copy(LENGTH..LENGTH + length as usize);
    header.ok_or_else(|| {
        format!(
            "it ends within its header, which would be {length} bytes long: the file has {}",
            bytes.len()
        )
    })
}
