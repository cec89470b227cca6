//! Group normalisation as a node of the autodiff graph.

use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::Options;
use super::kernel::{self, Geometry, Moments};
use crate::extension::{FlexTensor, tensor, values};

fn geometry(x: &FlexTensor, options: Options) -> Geometry {
    let shape = x.shape();
    Geometry {
        channels: shape[1],
        groups: options.groups,
        pixels: shape.iter().skip(2).product(),
        epsilon: options.epsilon as f32,
        silu: options.silu,
    }
}

/// The output of `[x, gamma, beta]` and the moments that the backward pass needs.
pub(crate) fn forward(inputs: [FlexTensor; 3], options: Options) -> (FlexTensor, Moments) {
    let [x, gamma, beta] = inputs.map(|input| input.to_contiguous());
    let (y, moments) = kernel::forward(
        values(&x),
        values(&gamma),
        values(&beta),
        geometry(&x, options),
    );
    (tensor(y, x.shape()), moments)
}

#[derive(Debug)]
struct GroupNormBackward;

/// What the backward pass keeps, next to the checkpointed inputs.
#[derive(Debug, Clone)]
struct State {
    inputs: [NodeId; 3],
    moments: Arc<Moments>,
    options: Options,
}

impl Backward<Flex, 3> for GroupNormBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let State {
            inputs,
            moments,
            options,
        } = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let inputs = inputs.map(|id| {
            checkpointer
                .retrieve_node_output::<FlexTensor>(id)
                .to_contiguous()
        });
        let [x, gamma, beta] = inputs.each_ref().map(values);
        let gradients = kernel::backward(
            x,
            values(&dy),
            gamma,
            beta,
            &moments,
            geometry(&inputs[0], options),
        );
        let gradients = [gradients.x, gradients.gamma, gradients.beta];
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

/// Normalises `[x, gamma, beta]` and records it.
pub(crate) fn record<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 3],
    options: Options,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    match GroupNormBackward
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(mut prep) => {
            let ids = inputs.each_ref().map(|input| prep.checkpoint(input));
            let (y, moments) = forward(inputs.map(|input| input.into_primitive()), options);
            prep.finish(
                State {
                    inputs: ids,
                    moments: moments.into(),
                    options,
                },
                y,
            )
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(forward(inputs.map(|input| input.into_primitive()), options).0)
        }
    }
}
