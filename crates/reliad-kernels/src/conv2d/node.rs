//! The convolution as a node of the autodiff graph.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::Options;
use super::kernel::{self, Geometry};
use crate::extension::{FlexTensor, tensor, values};

fn geometry(x: &FlexTensor, weight: &FlexTensor, options: Options) -> Geometry {
    let (x, weight) = (x.shape(), weight.shape());
    let [(above, below), (left, right)] = options.padding;
    Geometry {
        samples: x[0],
        channels_in: x[1],
        channels_out: weight[0],
        input: [x[2], x[3]],
        kernel: weight[2],
        stride: options.stride,
        before: [above, left],
        after: [below, right],
    }
}

/// The output of `[x, weight, bias]`.
pub(crate) fn forward(inputs: [FlexTensor; 3], options: Options) -> FlexTensor {
    let [x, weight, bias] = inputs.map(|input| input.to_contiguous());
    let geometry = geometry(&x, &weight, options);
    let y = kernel::forward(values(&x), values(&weight), Some(values(&bias)), geometry);
    let [height, width] = geometry.output();
    tensor(y, [geometry.samples, geometry.channels_out, height, width])
}

#[derive(Debug)]
struct Conv2dBackward;

/// What the backward pass keeps.
#[derive(Debug, Clone)]
struct State {
    /// Input and weight.
    inputs: [NodeId; 2],
    options: Options,
}

impl Backward<Flex, 3> for Conv2dBackward {
    type State = State;

    fn backward(self, ops: Ops<State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let State { inputs, options } = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [x, weight] = inputs.map(|id| {
            checkpointer
                .retrieve_node_output::<FlexTensor>(id)
                .to_contiguous()
        });
        let geometry = geometry(&x, &weight, options);
        let [node_x, node_weight, node_bias] = ops.parents;
        if let Some(node) = node_x {
            let gradient = kernel::input_gradient(values(&dy), values(&weight), geometry);
            grads.register::<Flex>(node.id, tensor(gradient, x.shape()));
        }
        if let Some(node) = node_weight {
            let gradient = kernel::weight_gradient(values(&x), values(&dy), geometry);
            grads.register::<Flex>(node.id, tensor(gradient, weight.shape()));
        }
        if let Some(node) = node_bias {
            let pixels = geometry.output().iter().product();
            let gradient = kernel::bias_gradient(values(&dy), geometry.channels_out, pixels);
            grads.register::<Flex>(node.id, tensor(gradient, [geometry.channels_out]));
        }
    }
}

/// Convolves `[x, weight, bias]` and records it.
pub(crate) fn record<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 3],
    options: Options,
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    match Conv2dBackward
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(mut prep) => {
            let ids = [prep.checkpoint(&inputs[0]), prep.checkpoint(&inputs[1])];
            let y = forward(inputs.map(|input| input.into_primitive()), options);
            prep.finish(
                State {
                    inputs: ids,
                    options,
                },
                y,
            )
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(forward(inputs.map(|input| input.into_primitive()), options))
        }
    }
}
