//! The loops of the activation.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};
use crate::vector::normal;

/// Values that a thread computes in one go.
const RUN: usize = 1 << 12;

/// `x Phi(x)`.
pub(crate) fn forward(x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(RUN)
        .zip(x.par_chunks(RUN))
        .for_each(|(y, x)| dispatch(Forward { x, y }));
    y
}

struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y = x * normal(set, *x).0;
        }
    }
}

/// Gradient of `x` from the upstream gradient `dy`; `(x Phi(x))' = Phi(x) + x phi(x)`.
pub(crate) fn backward(x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(RUN)
        .zip(x.par_chunks(RUN).zip(dy.par_chunks(RUN)))
        .for_each(|(dx, (x, dy))| dispatch(Backward { x, dy, dx }));
    dx
}

struct Backward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        for ((dx, x), dy) in self.dx.iter_mut().zip(self.x).zip(self.dy) {
            let (below, density) = normal(set, *x);
            *dx = dy * set.madd(*x, density, below);
        }
    }
}
