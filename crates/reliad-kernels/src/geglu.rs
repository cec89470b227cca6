//! The gated activation of transformers' feed-forward layers, fused on the CPU.
//!
//! Shazeer, "GLU Variants Improve Transformer", 2020, <https://arxiv.org/abs/2002.05202>.

mod kernel;
mod node;

use burn::tensor::{Tensor, activation};

use crate::{flex, operation};

/// `a * gelu(b)`, where `a` and `b` are the halves of the last axis and `gelu(b) = b Phi(b)` with the exact normal
/// distribution (to 2e-7).
///
/// # Shapes
///
/// - input: `[.., 2 * width]`
/// - output: `[.., width]`
///
/// # Panics
///
/// If the last axis is odd.
pub fn geglu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    let width = input.dims()[D - 1];
    assert!(
        width.is_multiple_of(2),
        "geglu: the last axis has {width} elements and no halves"
    );
    if flex::fused(&input) && input.shape().num_elements() > 0 {
        return operation::of_one(node::Geglu, input);
    }
    let value = input.clone().narrow(D - 1, 0, width / 2);
    let gate = input.narrow(D - 1, width / 2, width / 2);
    value * activation::gelu(gate)
}
