//! An activation as an operation with a gradient.

use std::fmt::Debug;

use burn::backend::TensorMetadata;

use super::kernel::{Function, backward, forward};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// A function of every number.
#[derive(Clone, Debug)]
pub(super) struct Pointwise<F>(pub(super) F);

impl<F: Function + Debug + 'static> Operation<1> for Pointwise<F> {
    type Kept = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        (tensor(forward(self.0, values(&x)), x.shape()), x)
    }

    fn backward(&self, x: FlexTensor, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dx = backward(self.0, values(&x), values(&dy));
        [Some(tensor(dx, x.shape()))]
    }
}
