//! The gated activation as an operation with a gradient.

use burn::backend::TensorMetadata;

use super::kernel;
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// `a * gelu(b)` of the halves of the last axis.
#[derive(Clone, Debug)]
pub(super) struct Geglu;

fn half(x: &FlexTensor) -> usize {
    let shape = x.shape();
    shape[shape.num_dims() - 1] / 2
}

impl Operation<1> for Geglu {
    type Kept = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        let mut shape = x.shape();
        let last = shape.num_dims() - 1;
        shape[last] = half(&x);
        (tensor(kernel::forward(values(&x), half(&x)), shape), x)
    }

    fn backward(&self, x: FlexTensor, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dx = kernel::backward(values(&x), values(&dy), half(&x));
        [Some(tensor(dx, x.shape()))]
    }
}
