//! Files of weights for the tests.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};

/// Bytes of a tensor of this type and shape, all of its own.
pub fn numbers(seed: u8, dtype: Dtype, shape: &[usize]) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let bytes = count * dtype.bitsize() / 8;
    // Small exponents, so that every float is finite.
    (0..bytes)
        .map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed) & 0x3f)
        .collect()
}

/// A `.safetensors` file with these tensors and a note.
pub fn file(tensors: &[(&str, Dtype, &[usize])]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(name, dtype, shape)| numbers(name.len() as u8, *dtype, shape))
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, dtype, shape), bytes)| {
            (
                *name,
                TensorView::new(*dtype, shape.to_vec(), bytes).unwrap(),
            )
        });
    let notes = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(notes)).unwrap()
}

/// A file with this text as its header and so many bytes behind it.
pub fn with_header(header: &str, bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + bytes, 1);
    file
}
