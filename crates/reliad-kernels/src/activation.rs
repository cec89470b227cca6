//! Activations, fused on the CPU.

mod kernel;
mod node;

use burn::tensor::Tensor;
use burn::tensor::activation;

use self::kernel::{Gelu, Silu};
use self::node::Pointwise;
use crate::{flex, operation};

/// `x Phi(x)` with the exact normal distribution (to 2e-7), of any shape.
///
/// The Gaussian error linear unit of Hendrycks & Gimpel, 2016, <https://arxiv.org/abs/1606.08415>.
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if flex::fused(&x) {
        operation::of_one(Pointwise(Gelu), x)
    } else {
        activation::gelu(x)
    }
}

/// `x / (1 + e^-x)`, of any shape.
///
/// The sigmoid linear unit of Elfwing et al., 2017, <https://arxiv.org/abs/1702.03118>.
pub fn silu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if flex::fused(&x) {
        operation::of_one(Pointwise(Silu), x)
    } else {
        activation::silu(x)
    }
}
