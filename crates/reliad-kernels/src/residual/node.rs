//! The end of a residual block as a node of the autodiff graph, with its loops.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use rayon::prelude::*;

use crate::extension::{FlexTensor, tensor, values};

/// Values that a thread computes in one go.
const RUN: usize = 1 << 14;

/// `f` of the values of two tensors, one by one.
fn pairwise(a: &FlexTensor, b: &FlexTensor, f: impl Fn(f32, f32) -> f32 + Sync) -> FlexTensor {
    let runs = values(a).par_chunks(RUN).zip(values(b).par_chunks(RUN));
    let mut out = vec![0.0; values(a).len()];
    out.par_chunks_mut(RUN).zip(runs).for_each(|(out, (a, b))| {
        for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
            *out = f(*a, *b);
        }
    });
    tensor(out, a.shape())
}

/// The output.
pub(crate) fn forward(inputs: [FlexTensor; 2]) -> FlexTensor {
    let [x, identity] = inputs.map(|input| input.to_contiguous());
    pairwise(&x, &identity, |x, identity| (x + identity).max(0.0))
}

#[derive(Debug)]
struct AddReluBackward;

impl Backward<Flex, 2> for AddReluBackward {
    /// The output: where it is above zero, gradients pass.
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let dx = pairwise(&dy, &ops.state, |dy, y| if y > 0.0 { dy } else { 0.0 });
        for node in ops.parents.into_iter().flatten() {
            grads.register::<Flex>(node.id, dx.clone());
        }
    }
}

/// Adds and records.
pub(crate) fn record<C: CheckpointStrategy>(
    inputs: [FloatTensor<Autodiff<Flex, C>>; 2],
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    let prep = AddReluBackward.prepare::<C>(nodes).compute_bound();
    let y = forward(inputs.map(|input| input.into_primitive()));
    match prep.stateful() {
        OpsKind::Tracked(prep) => prep.finish(y.clone(), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}
