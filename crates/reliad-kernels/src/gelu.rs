//! The Gaussian error linear unit, fused on the CPU.
//!
//! Hendrycks & Gimpel, 2016, <https://arxiv.org/abs/1606.08415>.

mod kernel;
mod node;

use burn::tensor::{Tensor, activation};

use crate::{flex, operation};

/// `x Phi(x)` with the exact normal distribution (to 2e-7), of any shape.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if flex::fused(&x) {
        operation::of_one(node::Gelu, x)
    } else {
        activation::gelu(x)
    }
}
