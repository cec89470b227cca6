//! Maximum pooling as an operation with one input.

use burn::backend::TensorMetadata;

use super::{Window, kernel};
use crate::extension::{FlexTensor, tensor, values};
use crate::unary::Unary;

fn size(x: &FlexTensor) -> [usize; 2] {
    let shape = x.shape();
    [shape[2], shape[3]]
}

impl Unary for Window {
    fn output(&self, x: &FlexTensor) -> FlexTensor {
        let mut shape = x.shape();
        for axis in [2, 3] {
            shape[axis] = self.count(shape[axis]);
        }
        tensor(kernel::forward(values(x), size(x), *self), shape)
    }

    fn gradient(&self, x: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        let dx = kernel::backward(values(x), values(dy), size(x), *self);
        tensor(dx, x.shape())
    }
}
