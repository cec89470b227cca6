//! Batch normalisation as an operation with a gradient, and the statistics it may take of its input.

use burn::backend::TensorMetadata;

use super::kernel::{self, Geometry};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// Normalisation of `[n, c, *]` with gamma, beta, mean and variance, each `[c]`; no gradient flows through the last two.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchNorm {
    /// Added to the variance.
    pub(super) epsilon: f64,
    /// Whether the statistics are those of the input, and depend on it.
    pub(super) of_batch: bool,
    /// Whether ReLU follows.
    pub(super) relu: bool,
}

impl BatchNorm {
    fn geometry(self, x: &FlexTensor) -> Geometry {
        let shape = x.shape();
        Geometry {
            channels: shape[1],
            pixels: shape.iter().skip(2).product(),
            epsilon: self.epsilon as f32,
            of_batch: self.of_batch,
            relu: self.relu,
        }
    }
}

impl Operation<5> for BatchNorm {
    type Kept = [FlexTensor; 5];

    fn forward(&self, inputs: [FlexTensor; 5]) -> (FlexTensor, Self::Kept) {
        let [x, gamma, beta, mean, variance] = inputs.each_ref().map(values);
        let geometry = self.geometry(&inputs[0]);
        let y = kernel::forward(x, [gamma, beta], [mean, variance], geometry);
        (tensor(y, inputs[0].shape()), inputs)
    }

    fn backward(
        &self,
        inputs: Self::Kept,
        dy: FlexTensor,
        wanted: [bool; 5],
    ) -> [Option<FlexTensor>; 5] {
        let [x, gamma, beta, mean, variance] = inputs.each_ref().map(values);
        let gradients = kernel::backward(
            x,
            values(&dy),
            [gamma, beta],
            [mean, variance],
            self.geometry(&inputs[0]),
            wanted[1] || wanted[2],
        );
        let channels = gamma.len();
        [
            Some(tensor(gradients.x, inputs[0].shape())),
            Some(tensor(gradients.gamma, [channels])),
            Some(tensor(gradients.beta, [channels])),
            None,
            None,
        ]
    }
}

/// Mean and variance of every channel of `[n, c, *]`, as `[2, c]`; no gradient flows through them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statistics;

impl Operation<1> for Statistics {
    type Kept = ();

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, ()) {
        let shape = x.shape();
        let pixels = shape.iter().skip(2).product();
        let [mut means, variances] = kernel::statistics(values(&x), shape[1], pixels);
        means.extend(variances);
        (tensor(means, [2, shape[1]]), ())
    }

    fn backward(&self, (): (), _: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [None]
    }
}
