//! Attention as an operation with a gradient.

use std::sync::Arc;

use burn::backend::TensorMetadata;

use super::kernel::{self, Geometry};
use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

/// Attention of queries, keys and values, each `[n, length, channels]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attention {
    pub(super) heads: usize,
    pub(super) causal: bool,
}

impl Attention {
    fn geometry(self, q: &FlexTensor, k: &FlexTensor) -> Geometry {
        let (q, k) = (q.shape(), k.shape());
        Geometry {
            batch: q[0],
            queries: q[1],
            keys: k[1],
            channels: q[2],
            heads: self.heads,
            causal: self.causal,
        }
    }
}

/// What the gradient needs.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    inputs: [FlexTensor; 3],
    out: FlexTensor,
    logs: Arc<Vec<f32>>,
}

impl Operation<3> for Attention {
    type Kept = Kept;

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, Kept) {
        let [q, k, v] = inputs.each_ref().map(values);
        let (out, logs) = kernel::forward(q, k, v, self.geometry(&inputs[0], &inputs[1]));
        let out = tensor(out, inputs[0].shape());
        let kept = Kept {
            inputs,
            out: out.clone(),
            logs: logs.into(),
        };
        (out, kept)
    }

    fn backward(&self, kept: Kept, dy: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let Kept { inputs, out, logs } = kept;
        let geometry = self.geometry(&inputs[0], &inputs[1]);
        let views = inputs.each_ref().map(values);
        let [dq, dk, dv] = kernel::backward(views, values(&out), &logs, values(&dy), geometry);
        let [q, k, v] = inputs;
        [(dq, q), (dk, k), (dv, v)].map(|(gradient, input)| Some(tensor(gradient, input.shape())))
    }
}
