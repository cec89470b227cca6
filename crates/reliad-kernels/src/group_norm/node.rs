//! Group normalisation as an operation with a gradient.

use std::sync::Arc;

use burn::backend::TensorMetadata;

use super::kernel::{self, Geometry, Moments};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// Normalisation of `[n, c, *]` with gamma and beta, each `[c]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupNorm {
    pub(super) groups: usize,
    /// Added to the variance.
    pub(super) epsilon: f64,
    /// Whether SiLU follows.
    pub(super) silu: bool,
}

impl GroupNorm {
    fn geometry(self, x: &FlexTensor) -> Geometry {
        let shape = x.shape();
        Geometry {
            channels: shape[1],
            groups: self.groups,
            pixels: shape.iter().skip(2).product(),
            epsilon: self.epsilon as f32,
            silu: self.silu,
        }
    }
}

/// What the gradient needs.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    inputs: [FlexTensor; 3],
    moments: Arc<Moments>,
}

impl Operation<3> for GroupNorm {
    type Kept = Kept;

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Kept) {
        let [x, gamma, beta] = inputs.each_ref().map(values);
        let (y, moments) = kernel::forward(x, gamma, beta, self.geometry(&inputs[0]));
        let moments = moments.into();
        (tensor(y, inputs[0].shape()), Kept { inputs, moments })
    }

    fn backward(&self, kept: Kept, dy: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Kept { inputs, moments } = kept;
        let [x, gamma, beta] = inputs.each_ref().map(values);
        let geometry = self.geometry(&inputs[0]);
        let gradients = kernel::backward(x, values(&dy), gamma, beta, &moments, geometry);
        let channels = gamma.len();
        [
            Some(tensor(gradients.x, inputs[0].shape())),
            Some(tensor(gradients.gamma, [channels])),
            Some(tensor(gradients.beta, [channels])),
        ]
    }
}
