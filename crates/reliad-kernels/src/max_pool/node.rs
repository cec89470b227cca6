//! Maximum pooling as an operation with a gradient.

use burn::backend::TensorMetadata;

use super::kernel::{self, Window};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

fn size(x: &FlexTensor) -> [usize; 2] {
    let shape = x.shape();
    [shape[2], shape[3]]
}

impl Operation<1> for Window {
    type Kept = FlexTensor;

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, FlexTensor) {
        let mut shape = x.shape();
        for axis in [2, 3] {
            shape[axis] = self.count(shape[axis]);
        }
        let y = kernel::forward(values(&x), size(&x), *self);
        (tensor(y, shape), x)
    }

    fn backward(&self, x: FlexTensor, dy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dx = kernel::backward(values(&x), values(&dy), size(&x), *self);
        [Some(tensor(dx, x.shape()))]
    }
}
