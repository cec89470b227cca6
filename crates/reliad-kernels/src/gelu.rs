//! The Gaussian error linear unit, fused on the CPU.
//!
//! Hendrycks & Gimpel, 2016, <https://arxiv.org/abs/1606.08415>.

pub(crate) mod kernel;
pub(crate) mod node;

use burn::tensor::{Tensor, activation};

use crate::extension;

/// `x Phi(x)` with the exact normal distribution (to 2e-7), of any shape.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if extension::fused(&x) {
        extension::gelu(x)
    } else {
        activation::gelu(x)
    }
}
