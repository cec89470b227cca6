//! Dropout as an operation with one input.

use burn::backend::TensorMetadata;

use super::kernel::{Options, masked};
use crate::extension::{FlexTensor, tensor, values};
use crate::unary::Unary;

impl Unary for Options {
    fn output(&self, x: &FlexTensor) -> FlexTensor {
        tensor(masked(values(x), *self), x.shape())
    }

    fn gradient(&self, _x: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        tensor(masked(values(dy), *self), dy.shape())
    }
}
