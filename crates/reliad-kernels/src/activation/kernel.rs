//! The loops of the activations.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};
use crate::vector::{normal, sigmoid};

/// Values that a thread computes in one go.
const RUN: usize = 1 << 12;

/// A function of one number.
pub(crate) trait Function: Copy + Send + Sync {
    /// Its value at `x`.
    fn value(self, set: impl Instructions, x: f32) -> f32;
    /// Its derivative at `x`.
    fn slope(self, set: impl Instructions, x: f32) -> f32;
}

/// `x Phi(x)`; `(x Phi(x))' = Phi(x) + x phi(x)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn value(self, set: impl Instructions, x: f32) -> f32 {
        x * normal(set, x).0
    }

    #[inline(always)]
    fn slope(self, set: impl Instructions, x: f32) -> f32 {
        let (below, density) = normal(set, x);
        set.madd(x, density, below)
    }
}

/// `x s(x)` with the logistic function `s`; `(x s)' = s + x s (1 - s)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silu;

impl Function for Silu {
    #[inline(always)]
    fn value(self, set: impl Instructions, x: f32) -> f32 {
        x * sigmoid(set, x)
    }

    #[inline(always)]
    fn slope(self, set: impl Instructions, x: f32) -> f32 {
        let s = sigmoid(set, x);
        set.madd(x * s, 1.0 - s, s)
    }
}

/// Values of `function`.
pub(crate) fn forward<F: Function>(function: F, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(RUN)
        .zip(x.par_chunks(RUN))
        .for_each(|(y, x)| dispatch(Forward { function, x, y }));
    y
}

struct Forward<'a, F> {
    function: F,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl<F: Function> Kernel for Forward<'_, F> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y = self.function.value(set, *x);
        }
    }
}

/// Gradient of `x` from the upstream gradient `dy`.
pub(crate) fn backward<F: Function>(function: F, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(RUN)
        .zip(x.par_chunks(RUN).zip(dy.par_chunks(RUN)))
        .for_each(|(dx, (x, dy))| {
            dispatch(Backward {
                function,
                x,
                dy,
                dx,
            });
        });
    dx
}

struct Backward<'a, F> {
    function: F,
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl<F: Function> Kernel for Backward<'_, F> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        for ((dx, x), dy) in self.dx.iter_mut().zip(self.x).zip(self.dy) {
            *dx = dy * self.function.slope(set, *x);
        }
    }
}
