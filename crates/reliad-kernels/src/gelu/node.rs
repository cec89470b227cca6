//! The activation as an operation with a gradient.

use burn::backend::TensorMetadata;

use super::kernel;
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// `x Phi(x)`.
#[derive(Clone, Debug)]
pub(super) struct Gelu;

impl Operation<1> for Gelu {
    type Kept = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        (tensor(kernel::forward(values(&x)), x.shape()), x)
    }

    fn backward(&self, x: FlexTensor, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dx = kernel::backward(values(&x), values(&dy));
        [Some(tensor(dx, x.shape()))]
    }
}
