//! An operation with one input as a node of the autodiff graph.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use crate::extension::FlexTensor;

/// An operation and its gradient, both over contiguous f32 tensors.
pub(crate) trait Unary: Clone + Debug + Send + 'static {
    /// The output.
    fn output(&self, x: &FlexTensor) -> FlexTensor;

    /// The gradient of the input `x`, from that of the output.
    fn gradient(&self, x: &FlexTensor, dy: &FlexTensor) -> FlexTensor;
}

/// The output.
pub(crate) fn forward(operation: &impl Unary, x: FlexTensor) -> FlexTensor {
    operation.output(&x.to_contiguous())
}

/// Runs the operation and records it; its input is kept for the gradient.
pub(crate) fn record<U: Unary, C: CheckpointStrategy>(
    operation: U,
    x: FloatTensor<Autodiff<Flex, C>>,
) -> FloatTensor<Autodiff<Flex, C>> {
    match UnaryBackward::<U>(PhantomData)
        .prepare::<C>([x.node()])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(mut prep) => {
            let id = prep.checkpoint(&x);
            let output = forward(&operation, x.into_primitive());
            prep.finish((id, operation), output)
        }
        OpsKind::UnTracked(prep) => prep.finish(forward(&operation, x.into_primitive())),
    }
}

#[derive(Debug)]
struct UnaryBackward<U>(PhantomData<U>);

impl<U: Unary> Backward<Flex, 1> for UnaryBackward<U> {
    type State = (NodeId, U);

    fn backward(
        self,
        ops: Ops<(NodeId, U), 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let (id, operation) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let x = checkpointer
            .retrieve_node_output::<FlexTensor>(id)
            .to_contiguous();
        let [parent] = ops.parents;
        if let Some(node) = parent {
            grads.register::<Flex>(node.id, operation.gradient(&x, &dy));
        }
    }
}
