//! Attention as a node of the autodiff graph.

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::kernel::{self, Geometry};
use crate::extension::{FlexTensor, tensor, values};

fn geometry(q: &FlexTensor, k: &FlexTensor, heads: usize, causal: bool) -> Geometry {
    let (q, k) = (q.shape(), k.shape());
    Geometry {
        batch: q[0],
        queries: q[1],
        keys: k[1],
        channels: q[2],
        heads,
        causal,
    }
}

/// The output and the logarithms that the backward pass needs.
pub(crate) fn forward(
    inputs: [FlexTensor; 3],
    heads: usize,
    causal: bool,
) -> (FlexTensor, Vec<f32>) {
    let [q, k, v] = inputs.map(|input| input.to_contiguous());
    let (out, logs) = kernel::forward(
        values(&q),
        values(&k),
        values(&v),
        geometry(&q, &k, heads, causal),
    );
    (tensor(out, q.shape()), logs)
}

#[derive(Debug)]
struct AttentionBackward;

/// What the backward pass keeps, next to the checkpointed inputs.
#[derive(Debug, Clone)]
struct State {
    inputs: [NodeId; 3],
    out: FlexTensor,
    logs: Arc<Vec<f32>>,
    heads: usize,
    causal: bool,
}

impl Backward<Flex, 3> for AttentionBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let State {
            inputs,
            out,
            logs,
            heads,
            causal,
        } = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let inputs = inputs.map(|id| {
            checkpointer
                .retrieve_node_output::<FlexTensor>(id)
                .to_contiguous()
        });
        let geometry = geometry(&inputs[0], &inputs[1], heads, causal);
        let views = inputs.each_ref().map(values);
        let gradients = kernel::backward(views, values(&out), &logs, values(&dy), geometry);
        for (parent, (gradient, input)) in ops
            .parents
            .into_iter()
            .zip(gradients.into_iter().zip(&inputs))
        {
            if let Some(node) = parent {
                grads.register::<Flex>(node.id, tensor(gradient, input.shape()));
            }
        }
    }
}

/// Runs attention and records it.
pub(crate) fn record<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 3],
    heads: usize,
    causal: bool,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    match AttentionBackward
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(mut prep) => {
            let ids = inputs.each_ref().map(|input| prep.checkpoint(input));
            let (out, logs) = forward(inputs.map(|input| input.into_primitive()), heads, causal);
            let state = State {
                inputs: ids,
                out: out.clone(),
                logs: logs.into(),
                heads,
                causal,
            };
            prep.finish(state, out)
        }
        OpsKind::UnTracked(prep) => {
            let (out, _) = forward(inputs.map(|input| input.into_primitive()), heads, causal);
            prep.finish(out)
        }
    }
}
