//! Layer normalisation as an operation with a gradient.

use std::sync::Arc;

use burn::backend::TensorMetadata;

use super::kernel::{self, Moments};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// Normalisation of `[.., width]` with gamma and beta, each `[width]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerNorm {
    /// Added to the variance.
    pub(super) epsilon: f32,
}

/// What the gradient needs.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    x: FlexTensor,
    gamma: FlexTensor,
    moments: Arc<Moments>,
}

impl Operation<3> for LayerNorm {
    type Kept = Kept;

    fn forward(&self, [x, gamma, beta]: [FlexTensor; 3]) -> (FlexTensor, Kept) {
        let (y, moments) = kernel::forward(values(&x), values(&gamma), values(&beta), self.epsilon);
        let y = tensor(y, x.shape());
        let moments = moments.into();
        (y, Kept { x, gamma, moments })
    }

    fn backward(&self, kept: Kept, dy: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Kept { x, gamma, moments } = kept;
        let gradients = kernel::backward(values(&x), values(&dy), values(&gamma), &moments);
        [
            Some(tensor(gradients.x, x.shape())),
            Some(tensor(gradients.gamma, gamma.shape())),
            Some(tensor(gradients.beta, gamma.shape())),
        ]
    }
}
