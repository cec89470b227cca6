//! Batch normalisation as a node of the autodiff graph.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::Options;
use super::kernel::{self, Geometry};
use crate::extension::{FlexTensor, tensor, values};

fn geometry(x: &FlexTensor, options: Options) -> Geometry {
    let shape = x.shape();
    Geometry {
        channels: shape[1],
        pixels: shape.iter().skip(2).product(),
        epsilon: options.epsilon as f32,
        of_batch: options.of_batch,
        relu: options.relu,
    }
}

/// Mean and variance of every channel of `[n, c, *]`, as `[2, c]`.
pub(crate) fn statistics(x: FlexTensor) -> FlexTensor {
    let x = x.to_contiguous();
    let shape = x.shape();
    let pixels = shape.iter().skip(2).product();
    let [mut means, variances] = kernel::statistics(values(&x), shape[1], pixels);
    means.extend(variances);
    tensor(means, [2, shape[1]])
}

/// The output of `[x, gamma, beta]` under the statistics `[mean, variance]`.
pub(crate) fn forward(
    inputs: [FlexTensor; 3],
    statistics: [FlexTensor; 2],
    options: Options,
) -> FlexTensor {
    let inputs = inputs.map(|input| input.to_contiguous());
    let statistics = statistics.map(|values| values.to_contiguous());
    let [x, gamma, beta] = inputs.each_ref().map(values);
    let y = kernel::forward(
        x,
        [gamma, beta],
        statistics.each_ref().map(values),
        geometry(&inputs[0], options),
    );
    tensor(y, inputs[0].shape())
}

#[derive(Debug)]
struct BatchNormBackward;

/// What the backward pass keeps, next to the checkpointed inputs.
#[derive(Debug, Clone)]
struct State {
    inputs: [NodeId; 3],
    statistics: [FlexTensor; 2],
    options: Options,
}

impl Backward<Flex, 3> for BatchNormBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let State {
            inputs,
            statistics,
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
            [gamma, beta],
            statistics.each_ref().map(values),
            geometry(&inputs[0], options),
            ops.parents[1..].iter().any(Option::is_some),
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

/// Normalises `[x, gamma, beta]` and records it; the statistics carry no gradient of their own.
pub(crate) fn record<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 3],
    statistics: [FloatTensor<Autodiff<Flex, C>>; 2],
    options: Options,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    let statistics = statistics.map(|values| values.into_primitive().to_contiguous());
    match BatchNormBackward
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(mut prep) => {
            let ids = inputs.each_ref().map(|input| prep.checkpoint(input));
            let inputs = inputs.map(|input| input.into_primitive());
            let y = forward(inputs, statistics.clone(), options);
            prep.finish(
                State {
                    inputs: ids,
                    statistics,
                    options,
                },
                y,
            )
        }
        OpsKind::UnTracked(prep) => {
            let inputs = inputs.map(|input| input.into_primitive());
            prep.finish(forward(inputs, statistics, options))
        }
    }
}
