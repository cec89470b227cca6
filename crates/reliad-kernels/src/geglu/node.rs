//! The gated activation as an operation with one input.

use burn::backend::TensorMetadata;

use super::kernel;
use crate::extension::{FlexTensor, tensor, values};
use crate::unary::Unary;

/// `a * gelu(b)` of the halves of the last axis.
#[derive(Clone, Debug)]
pub(crate) struct Geglu;

fn half(x: &FlexTensor) -> usize {
    let shape = x.shape();
    shape[shape.num_dims() - 1] / 2
}

impl Unary for Geglu {
    fn output(&self, x: &FlexTensor) -> FlexTensor {
        let mut shape = x.shape();
        let last = shape.num_dims() - 1;
        shape[last] = half(x);
        tensor(kernel::forward(values(x), half(x)), shape)
    }

    fn gradient(&self, x: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        tensor(kernel::backward(values(x), values(dy), half(x)), x.shape())
    }
}
