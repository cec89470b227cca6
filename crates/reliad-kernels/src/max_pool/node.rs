//! Maximum pooling as a node of the autodiff graph.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};

use super::{Window, kernel};
use crate::extension::{FlexTensor, tensor, values};

fn size(x: &FlexTensor) -> [usize; 2] {
    let shape = x.shape();
    [shape[2], shape[3]]
}

/// The output.
pub(crate) fn forward(x: FlexTensor, window: Window) -> FlexTensor {
    let x = x.to_contiguous();
    let mut shape = x.shape();
    for axis in [2, 3] {
        shape[axis] = window.count(shape[axis]);
    }
    tensor(kernel::forward(values(&x), size(&x), window), shape)
}

#[derive(Debug)]
struct MaxPoolBackward;

impl Backward<Flex, 1> for MaxPoolBackward {
    type State = (NodeId, Window);

    fn backward(
        self,
        ops: Ops<(NodeId, Window), 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let (id, window) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let x = checkpointer
            .retrieve_node_output::<FlexTensor>(id)
            .to_contiguous();
        let [parent] = ops.parents;
        if let Some(node) = parent {
            let dx = kernel::backward(values(&x), values(&dy), size(&x), window);
            grads.register::<Flex>(node.id, tensor(dx, x.shape()));
        }
    }
}

/// Pools and records.
pub(crate) fn record<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    window: Window,
) -> FloatTensor<Autodiff<Flex, C>> {
    match MaxPoolBackward
        .prepare::<C>([x.node()])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(mut prep) => {
            let id = prep.checkpoint(&x);
            prep.finish((id, window), forward(x.into_primitive(), window))
        }
        OpsKind::UnTracked(prep) => prep.finish(forward(x.into_primitive(), window)),
    }
}
