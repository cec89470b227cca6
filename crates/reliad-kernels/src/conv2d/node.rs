//! The convolution as an operation with a gradient.

use burn::backend::TensorMetadata;

use super::kernel::{self, Geometry};
use super::weight_gradient::weight_gradient;
use crate::Arithmetic;
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// Convolution of `[n, c, h, w]` with a square kernel and an offset per channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolution {
    pub(super) stride: usize,
    /// `[(above, below), (left, right)]`
    pub(super) padding: [(usize, usize); 2],
    pub(super) arithmetic: Arithmetic,
}

impl Convolution {
    fn geometry(self, x: &FlexTensor, weight: &FlexTensor) -> Geometry {
        let (x, weight) = (x.shape(), weight.shape());
        let [(above, below), (left, right)] = self.padding;
        Geometry {
            samples: x[0],
            channels_in: x[1],
            channels_out: weight[0],
            input: [x[2], x[3]],
            kernel: weight[2],
            stride: self.stride,
            before: [above, left],
            after: [below, right],
            arithmetic: self.arithmetic,
        }
    }
}

impl Operation<3> for Convolution {
    /// Input and weight.
    type Kept = [FlexTensor; 2];

    fn forward(&self, [x, weight, bias]: [FlexTensor; 3]) -> (FlexTensor, Self::Kept) {
        let geometry = self.geometry(&x, &weight);
        let y = kernel::forward(values(&x), values(&weight), Some(values(&bias)), geometry);
        let [height, width] = geometry.output();
        let shape = [geometry.samples, geometry.channels_out, height, width];
        (tensor(y, shape), [x, weight])
    }

    fn backward(
        &self,
        [x, weight]: Self::Kept,
        dy: FlexTensor,
        [of_x, of_weight, of_bias]: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let geometry = self.geometry(&x, &weight);
        let dy = values(&dy);
        let dx = of_x.then(|| kernel::input_gradient(dy, values(&weight), geometry));
        let dweight = of_weight.then(|| weight_gradient(values(&x), dy, geometry));
        let dbias = of_bias.then(|| {
            let pixels = geometry.output().iter().product();
            kernel::bias_gradient(dy, geometry.channels_out, pixels)
        });
        [
            dx.map(|gradient| tensor(gradient, x.shape())),
            dweight.map(|gradient| tensor(gradient, weight.shape())),
            dbias.map(|gradient| tensor(gradient, [geometry.channels_out])),
        ]
    }
}
