//! The product of matrices in bf16 as an operation with a gradient.

use burn::backend::TensorMetadata;

use crate::conv2d::matrix::{product, transposed};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// `[rows, inner]` times `[inner, columns]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product;

impl Operation<2> for Product {
    /// Both factors.
    type Kept = [FlexTensor; 2];

    fn forward(&self, [x, weight]: [FlexTensor; 2]) -> (FlexTensor, Self::Kept) {
        let [rows, inner, columns] = sizes(&x, &weight);
        let y = product(
            values(&x),
            [inner, 1],
            values(&weight),
            [rows, inner, columns],
        );
        (tensor(y, [rows, columns]), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: Self::Kept,
        dy: FlexTensor,
        [of_x, of_weight]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let [rows, inner, columns] = sizes(&x, &weight);
        let dy = values(&dy);
        let dx = of_x.then(|| {
            let weight = transposed(values(&weight), columns);
            product(dy, [columns, 1], &weight, [rows, columns, inner])
        });
        let dweight =
            of_weight.then(|| product(values(&x), [1, inner], dy, [inner, rows, columns]));
        [
            dx.map(|gradient| tensor(gradient, [rows, inner])),
            dweight.map(|gradient| tensor(gradient, [inner, columns])),
        ]
    }
}

fn sizes(x: &FlexTensor, weight: &FlexTensor) -> [usize; 3] {
    [x.shape()[0], x.shape()[1], weight.shape()[1]]
}
