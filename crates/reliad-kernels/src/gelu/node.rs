//! The activation as an operation with one input.

use burn::backend::TensorMetadata;

use super::kernel;
use crate::extension::{FlexTensor, tensor, values};
use crate::unary::Unary;

/// `x Phi(x)`.
#[derive(Clone, Debug)]
pub(crate) struct Gelu;

impl Unary for Gelu {
    fn output(&self, x: &FlexTensor) -> FlexTensor {
        tensor(kernel::forward(values(x)), x.shape())
    }

    fn gradient(&self, x: &FlexTensor, dy: &FlexTensor) -> FlexTensor {
        tensor(kernel::backward(values(x), values(dy)), x.shape())
    }
}
