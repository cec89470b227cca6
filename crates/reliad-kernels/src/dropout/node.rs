//! Dropout as an operation with a gradient.

use burn::backend::TensorMetadata;

use super::kernel::{Options, masked};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

impl Operation<1> for Options {
    type Kept = ();

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, ()) {
        (tensor(masked(values(&x), *self), x.shape()), ())
    }

    fn backward(&self, (): (), dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(tensor(masked(values(&dy), *self), dy.shape()))]
    }
}
