//! The loops of the gated activation, over rows of `[value, gate]`.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};
use crate::vector::normal;

/// `value * gate * Phi(gate)` for every row of `[value, gate]`, each `width` long.
pub(crate) fn forward(x: &[f32], width: usize) -> Vec<f32> {
    let mut y = vec![0.0; x.len() / 2];
    y.par_chunks_mut(width)
        .zip(x.par_chunks(2 * width))
        .with_min_len(16)
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
        let (value, gate) = self.x.split_at(self.y.len());
        for ((y, value), gate) in self.y.iter_mut().zip(value).zip(gate) {
            *y = value * gate * normal(set, *gate).0;
        }
    }
}

/// Gradient of `x` from the upstream gradient `dy`; `(b Phi(b))' = Phi(b) + b phi(b)`.
pub(crate) fn backward(x: &[f32], dy: &[f32], width: usize) -> Vec<f32> {
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(2 * width)
        .zip(x.par_chunks(2 * width).zip(dy.par_chunks(width)))
        .with_min_len(16)
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
        let (value, gate) = self.x.split_at(self.dy.len());
        let (dvalue, dgate) = self.dx.split_at_mut(self.dy.len());
        let gradients = dvalue.iter_mut().zip(dgate);
        for (((dvalue, dgate), dy), (value, gate)) in
            gradients.zip(self.dy).zip(value.iter().zip(gate))
        {
            let (below, density) = normal(set, *gate);
            *dvalue = dy * gate * below;
            *dgate = dy * value * set.madd(*gate, density, below);
        }
    }
}
