//! The end of a residual block as an operation with a gradient, with its loops.

use burn::backend::TensorMetadata;
use rayon::prelude::*;

use crate::flex::{FlexTensor, tensor, values};
use crate::operation::Operation;

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

/// `relu(x + identity)`.
#[derive(Debug, Clone)]
pub(super) struct AddRelu;

impl Operation<2> for AddRelu {
    /// The output: where it is above zero, gradients pass.
    type Kept = FlexTensor;

    fn forward(&self, [x, identity]: [FlexTensor; 2]) -> (FlexTensor, FlexTensor) {
        let y = pairwise(&x, &identity, |x, identity| (x + identity).max(0.0));
        (y.clone(), y)
    }

    fn backward(&self, y: FlexTensor, dy: FlexTensor, _: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let dx = pairwise(&dy, &y, |dy, y| if y > 0.0 { dy } else { 0.0 });
        [Some(dx.clone()), Some(dx)]
    }
}
