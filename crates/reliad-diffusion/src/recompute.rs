//! Gradients in little memory: of a network that runs under a [`Tape`] every block keeps its inputs alone, and runs again
//! when its gradients are due (Chen et al. 2016, arXiv 1604.06174).
//!
//! A block's output starts a graph of its own. Gradients are those of the whole graph, as long as what lies between two
//! blocks leads to one place: Burn refuses to walk a graph twice, so what leads to several is cut, too.

use std::cell::RefCell;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

thread_local! {
    /// What this thread records, the innermost last.
    static OPEN: RefCell<Vec<Tape>> = const { RefCell::new(Vec::new()) };
}

/// The blocks that ran, in their order. It belongs to the thread that recorded it.
#[derive(Default)]
pub struct Tape {
    blocks: Vec<Box<dyn Recorded>>,
}

impl Tape {
    /// What `run` returns, and the blocks that ran under it on this thread and have gradients.
    pub fn record<T>(run: impl FnOnce() -> T) -> (T, Self) {
        /// Ends the recording also where `run` panics.
        struct Recording;
        impl Drop for Recording {
            fn drop(&mut self) {
                OPEN.with_borrow_mut(Vec::pop);
            }
        }
        OPEN.with_borrow_mut(|open| open.push(Self::default()));
        let recording = Recording;
        let value = run();
        let tape = OPEN.with_borrow_mut(|open| open.last_mut().map(std::mem::take));
        drop(recording);
        (value, tape.unwrap_or_default())
    }

    /// Walks back from `root`, one element computed from what was recorded, and hands the gradients to `found` part by part;
    /// those of one tensor are the sum over all parts.
    ///
    /// # Panics
    /// Under a recording, or as [`Tensor::backward`].
    pub fn backward(mut self, root: Tensor<1>, mut found: impl FnMut(Gradients)) {
        assert!(!is_open(), "blocks that run again would be recorded");
        let mut root = Some(root);
        loop {
            if let Some(root) = root.take() {
                let gradients = root.backward();
                drop(root);
                for block in &mut self.blocks {
                    block.take_slope(&gradients);
                }
                found(gradients);
            }
            match self.blocks.pop() {
                Some(block) => root = block.again(),
                None => return,
            }
        }
    }
}

/// A block that can run again.
trait Recorded {
    /// Adds what `gradients` has of its output.
    fn take_slope(&mut self, gradients: &Gradients);

    /// A tensor of one element whose gradients are those that the block passes on; none where its output has none.
    fn again(self: Box<Self>) -> Option<Tensor<1>>;
}

struct Block<const D: usize, F> {
    run: F,
    output: Tensor<D>,
    slope: Option<Tensor<D>>,
}

impl<const D: usize, F: FnOnce() -> Tensor<D>> Recorded for Block<D, F> {
    fn take_slope(&mut self, gradients: &Gradients) {
        if let Some(more) = self.output.grad(gradients) {
            self.slope = Some(match self.slope.take() {
                Some(slope) => slope + more,
                None => more,
            });
        }
    }

    fn again(self: Box<Self>) -> Option<Tensor<1>> {
        let Self { run, output, slope } = *self;
        drop(output);
        slope.map(|slope| (run() * Tensor::from_inner(slope)).sum())
    }
}

fn is_open() -> bool {
    OPEN.with_borrow(|open| !open.is_empty())
}

/// The start of a new graph at the values of `plain`, which `run` gives with the graph before it.
fn start<const D: usize>(plain: Tensor<D>, run: impl FnOnce() -> Tensor<D> + 'static) -> Tensor<D> {
    let output = Tensor::from_inner(plain).require_grad();
    let block = Block {
        run,
        output: output.clone(),
        slope: None,
    };
    OPEN.with_borrow_mut(|open| {
        if let Some(tape) = open.last_mut() {
            tape.blocks.push(Box::new(block));
        }
    });
    output
}

/// `run(module, inputs)`, as a block of the tape where one is open and gradients are tracked.
pub(crate) fn block<M: Module + 'static, I: Inputs, const D: usize>(
    module: &M,
    inputs: I,
    run: impl Fn(&M, I) -> Tensor<D> + 'static,
) -> Tensor<D> {
    if !is_open() || !(inputs.is_tracked() || is_tracked(module)) {
        return run(module, inputs);
    }
    let plain = run(&module.valid(), inputs.plain());
    let module = module.clone();
    start(plain, move || run(&module, inputs))
}

/// `x`, which leads to several places, where a tape is open: these share a value then, and no graph.
pub(crate) fn cut<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if !is_open() || !x.is_tracked() {
        return x;
    }
    start(x.clone().without_autodiff(), move || x)
}

/// Whether a parameter of `module` is tracked.
fn is_tracked<M: Module>(module: &M) -> bool {
    struct Find(bool);
    impl ModuleVisitor for Find {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 = self.0 || param.val().is_tracked();
        }
    }
    let mut find = Find(false);
    module.visit(&mut find);
    find.0
}

/// What a block is given.
pub(crate) trait Inputs: 'static {
    /// Whether gradients of any of it are wanted.
    fn is_tracked(&self) -> bool;

    /// The same values without gradients.
    fn plain(&self) -> Self;
}

impl<const D: usize> Inputs for Tensor<D> {
    fn is_tracked(&self) -> bool {
        Tensor::is_tracked(self)
    }

    fn plain(&self) -> Self {
        self.clone().without_autodiff()
    }
}

impl<I: Inputs> Inputs for Option<I> {
    fn is_tracked(&self) -> bool {
        self.as_ref().is_some_and(I::is_tracked)
    }

    fn plain(&self) -> Self {
        self.as_ref().map(I::plain)
    }
}

impl<I: Inputs, J: Inputs> Inputs for (I, J) {
    fn is_tracked(&self) -> bool {
        self.0.is_tracked() || self.1.is_tracked()
    }

    fn plain(&self) -> Self {
        (self.0.plain(), self.1.plain())
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::{GradientsAccumulator, GradientsParams};
    use burn::tensor::{Device, Distribution, activation};

    use super::*;

    /// Layers over each other with a connection around, the first of them twice.
    fn network(layers: &[Linear; 3], x: Tensor<2>) -> Tensor<1> {
        let layer = |place: usize, x: Tensor<2>| {
            block(&layers[place], x, |layer, x| {
                activation::gelu(layer.forward(x))
            })
        };
        let kept = cut(layers[0].forward(x));
        let deep = layer(1, kept.clone()) * 2.0 + layer(1, kept.clone());
        let deep = layer(2, deep);
        (deep + kept).square().sum()
    }

    #[test]
    fn a_tape_gives_the_gradients_of_the_whole_graph() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let layers = [0; 3].map(|_| LinearConfig::new(4, 4).init(&device));
        let x = Tensor::random([5, 4], Distribution::Default, &device).require_grad();
        let whole = network(&layers, x.clone()).backward();
        let x_whole = x.grad(&whole);
        let layers = layers.to_vec();
        let whole = GradientsParams::from_grads(whole, &layers);
        let [a, b, c] = [0, 1, 2].map(|place: usize| layers[place].clone());
        let (root, tape) = Tape::record(|| network(&[a, b, c], x.clone()));
        assert_eq!(tape.blocks.len(), 4);
        let mut sum = GradientsAccumulator::new();
        let mut x_sum = None;
        tape.backward(root, |gradients| {
            x_sum = x_sum.take().or(x.grad(&gradients));
            sum.accumulate(&layers, GradientsParams::from_grads(gradients, &layers));
        });
        let sum = sum.grads();
        let apart = |one: Option<Tensor<2>>, other: Option<Tensor<2>>| match (one, other) {
            (Some(one), Some(other)) => (one - other).abs().max().into_scalar::<f32>(),
            _ => f32::NAN,
        };
        // The same operations on the same values; only sums of two parts may be in another order.
        assert!(apart(x_whole, x_sum) < 1e-5);
        for layer in &layers {
            let id = layer.weight.id;
            assert!(apart(whole.get(id), sum.get(id)) < 1e-5);
        }
    }

    #[test]
    fn without_a_tape_or_gradients_nothing_is_recorded() {
        let device = Device::flex();
        let layers = [0; 3].map(|_| LinearConfig::new(4, 4).init(&device));
        let x = Tensor::ones([1, 4], &device);
        let (_, tape) = Tape::record(|| network(&layers, x.clone()));
        assert!(tape.blocks.is_empty());
        network(&layers, x);
        assert!(!is_open());
    }
}
