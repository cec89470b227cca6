//! The end of a residual block, fused on the CPU: `relu(x + identity)`.

mod node;

use burn::tensor::{Tensor, activation};

use crate::{flex, operation};

/// `relu(x + identity)` of two tensors of one shape.
///
/// # Panics
///
/// If the shapes differ.
pub fn add_relu<const D: usize>(x: Tensor<D>, identity: Tensor<D>) -> Tensor<D> {
    assert_eq!(
        x.dims(),
        identity.dims(),
        "residual: shapes of both branches"
    );
    if flex::fused(&x) && flex::fused(&identity) {
        return operation::of_two(node::AddRelu, [x, identity]);
    }
    activation::relu(x + identity)
}
