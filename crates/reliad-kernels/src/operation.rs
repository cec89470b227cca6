//! Operations with gradients as extensions of Burn's backends: Flex, and autodiff over Flex.
//!
//! What differs between operations is an [`Operation`]; how one is called through Burn's tensors, and recorded in the
//! graph, stands here for all.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;

use crate::flex::FlexTensor;

/// An operation of `N` f32 tensors and its gradient. The tensors it gets are contiguous.
pub(crate) trait Operation<const N: usize>: Clone + Debug + Send + 'static {
    /// What the gradient needs of the forward pass.
    type Kept: Clone + Debug + Send + 'static;

    /// The output, and what its gradient needs.
    fn forward(&self, inputs: [FlexTensor; N]) -> (FlexTensor, Self::Kept);

    /// The gradients of the inputs, from that of the output; of those that aren't wanted none is needed.
    fn backward(
        &self,
        kept: Self::Kept,
        dy: FlexTensor,
        wanted: [bool; N],
    ) -> [Option<FlexTensor>; N];
}

/// Calls an operation of one tensor.
pub(crate) fn of_one<const D: usize, const E: usize>(
    operation: impl Operation<1>,
    x: Tensor<D>,
) -> Tensor<E> {
    Tensor::from_dispatch(<Dispatch as Operations>::of_one(
        x.into_dispatch(),
        operation,
    ))
}

/// Calls an operation of two tensors.
pub(crate) fn of_two<const D: usize>(
    operation: impl Operation<2>,
    [a, b]: [Tensor<D>; 2],
) -> Tensor<D> {
    let [a, b] = [a, b].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Operations>::of_two(a, b, operation))
}

/// Calls an operation of three tensors.
pub(crate) fn of_three<const D: usize, const E: usize, const F: usize>(
    operation: impl Operation<3>,
    a: Tensor<D>,
    b: Tensor<E>,
    c: Tensor<F>,
) -> Tensor<D> {
    Tensor::from_dispatch(<Dispatch as Operations>::of_three(
        a.into_dispatch(),
        b.into_dispatch(),
        c.into_dispatch(),
        operation,
    ))
}

/// Calls an operation of five tensors, the last four `[channels]`.
pub(crate) fn of_five<const D: usize>(
    operation: impl Operation<5>,
    x: Tensor<D>,
    rest: [Tensor<1>; 4],
) -> Tensor<D> {
    let [a, b, c, d] = rest.map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Operations>::of_five(
        x.into_dispatch(),
        a,
        b,
        c,
        d,
        operation,
    ))
}

/// Backends that run operations.
#[backend_extension(Flex, Autodiff)]
trait Operations: Backend {
    /// See [`of_one`].
    fn of_one<O: Operation<1>>(a: FloatTensor<Self>, operation: O) -> FloatTensor<Self>;

    /// See [`of_two`].
    fn of_two<O: Operation<2>>(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        operation: O,
    ) -> FloatTensor<Self>;

    /// See [`of_three`].
    fn of_three<O: Operation<3>>(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        operation: O,
    ) -> FloatTensor<Self>;

    /// See [`of_five`].
    fn of_five<O: Operation<5>>(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        operation: O,
    ) -> FloatTensor<Self>;
}

impl Operations for Flex {
    fn of_one<O: Operation<1>>(a: FlexTensor, operation: O) -> FlexTensor {
        run(&operation, [a]).0
    }

    fn of_two<O: Operation<2>>(a: FlexTensor, b: FlexTensor, operation: O) -> FlexTensor {
        run(&operation, [a, b]).0
    }

    fn of_three<O: Operation<3>>(
        a: FlexTensor,
        b: FlexTensor,
        c: FlexTensor,
        operation: O,
    ) -> FlexTensor {
        run(&operation, [a, b, c]).0
    }

    fn of_five<O: Operation<5>>(
        a: FlexTensor,
        b: FlexTensor,
        c: FlexTensor,
        d: FlexTensor,
        e: FlexTensor,
        operation: O,
    ) -> FlexTensor {
        run(&operation, [a, b, c, d, e]).0
    }
}

impl<C: CheckpointStrategy> Operations for Autodiff<Flex, C> {
    fn of_one<O: Operation<1>>(a: FloatTensor<Self>, operation: O) -> FloatTensor<Self> {
        record::<O, C, 1>(operation, [a])
    }

    fn of_two<O: Operation<2>>(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        operation: O,
    ) -> FloatTensor<Self> {
        record::<O, C, 2>(operation, [a, b])
    }

    fn of_three<O: Operation<3>>(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        operation: O,
    ) -> FloatTensor<Self> {
        record::<O, C, 3>(operation, [a, b, c])
    }

    fn of_five<O: Operation<5>>(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        c: FloatTensor<Self>,
        d: FloatTensor<Self>,
        e: FloatTensor<Self>,
        operation: O,
    ) -> FloatTensor<Self> {
        record::<O, C, 5>(operation, [a, b, c, d, e])
    }
}

fn run<O: Operation<N>, const N: usize>(
    operation: &O,
    inputs: [FlexTensor; N],
) -> (FlexTensor, O::Kept) {
    operation.forward(inputs.map(|input| input.to_contiguous()))
}

/// Runs an operation and records it.
fn record<O: Operation<N>, C: CheckpointStrategy, const N: usize>(
    operation: O,
    inputs: [FloatTensor<Autodiff<Flex, C>>; N],
) -> FloatTensor<Autodiff<Flex, C>> {
    let nodes = inputs.each_ref().map(|input| input.node());
    let step = Recorded::<O>(PhantomData)
        .prepare::<C>(nodes)
        .compute_bound()
        .stateful();
    let (output, kept) = run(&operation, inputs.map(|input| input.into_primitive()));
    match step {
        OpsKind::Tracked(step) => step.finish((operation, kept), output),
        OpsKind::UnTracked(step) => step.finish(output),
    }
}

#[derive(Debug)]
struct Recorded<O>(PhantomData<O>);

impl<O: Operation<N>, const N: usize> Backward<Flex, N> for Recorded<O> {
    type State = (O, O::Kept);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (operation, kept) = ops.state;
        let dy = grads.consume::<Flex>(&ops.node).to_contiguous();
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let gradients = operation.backward(kept, dy, wanted);
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let (Some(node), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}
