//! The loops of layer normalisation, over rows: all values along the last axis.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};
use crate::vector::sums;

/// Mean and reciprocal standard deviation of each row.
pub(super) type Moments = Vec<[f32; 2]>;

/// Rows that a thread computes in one go, and over which the parameters' gradients are summed first.
const ROWS: usize = 64;

/// The normalised rows, as long as `gamma`, and the moments that [`backward`] needs.
pub(super) fn forward(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) -> (Vec<f32>, Moments) {
    let width = gamma.len();
    let mut y = vec![0.0; x.len()];
    let mut moments = vec![[0.0; 2]; x.len() / width];
    y.par_chunks_mut(ROWS * width)
        .zip(x.par_chunks(ROWS * width))
        .zip(moments.par_chunks_mut(ROWS))
        .for_each(|((y, x), moments)| {
            dispatch(Forward {
                x,
                y,
                moments,
                gamma,
                beta,
                epsilon,
            });
        });
    (y, moments)
}

struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    moments: &'a mut [[f32; 2]],
    gamma: &'a [f32],
    beta: &'a [f32],
    epsilon: f32,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let width = self.gamma.len();
        let rows = self
            .y
            .chunks_exact_mut(width)
            .zip(self.x.chunks_exact(width));
        for ((y, x), moments) in rows.zip(self.moments) {
            let [sum] = sums(width, |i| [x[i]]);
            let mean = sum / width as f32;
            let [squares] = sums(width, |i| {
                let deviation = x[i] - mean;
                [deviation * deviation]
            });
            let scale = 1.0 / (squares / width as f32 + self.epsilon).sqrt();
            *moments = [mean, scale];
            let parameters = self.gamma.iter().zip(self.beta);
            for ((y, x), (gamma, beta)) in y.iter_mut().zip(x).zip(parameters) {
                *y = set.madd((x - mean) * scale, *gamma, *beta);
            }
        }
    }
}

/// Gradients of the inputs.
pub(super) struct Gradients {
    pub(super) x: Vec<f32>,
    /// `[width]`
    pub(super) gamma: Vec<f32>,
    /// `[width]`
    pub(super) beta: Vec<f32>,
}

/// Gradients from the upstream gradient `dy`.
///
/// With `h = (x - mean) * scale` and `g = gamma dy`: `dgamma = sum dy h` and `dbeta = sum dy` over the rows, and
/// `dx = scale (g - mean(g) - h mean(g h))`, means over the row.
pub(super) fn backward(x: &[f32], dy: &[f32], gamma: &[f32], moments: &[[f32; 2]]) -> Gradients {
    let width = gamma.len();
    let mut dx = vec![0.0; x.len()];
    // For each block of rows: its sums for gamma, its sums for beta.
    let blocks = moments.len().div_ceil(ROWS);
    let mut partial = vec![0.0; blocks * 2 * width];
    dx.par_chunks_mut(ROWS * width)
        .zip(x.par_chunks(ROWS * width).zip(dy.par_chunks(ROWS * width)))
        .zip(
            partial
                .par_chunks_mut(2 * width)
                .zip(moments.par_chunks(ROWS)),
        )
        .for_each(|((dx, (x, dy)), (partial, moments))| {
            dispatch(Backward {
                x,
                dy,
                dx,
                moments,
                gamma,
                partial,
            });
        });
    let mut of_parameters = vec![0.0; 2 * width];
    for block in partial.chunks_exact(2 * width) {
        for (sum, part) in of_parameters.iter_mut().zip(block) {
            *sum += part;
        }
    }
    let beta = of_parameters.split_off(width);
    Gradients {
        x: dx,
        gamma: of_parameters,
        beta,
    }
}

struct Backward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    moments: &'a [[f32; 2]],
    gamma: &'a [f32],
    /// Sums for gamma, then for beta.
    partial: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let gamma = self.gamma;
        let width = gamma.len();
        let (of_gamma, of_beta) = self.partial.split_at_mut(width);
        let rows = self.x.chunks_exact(width).zip(self.dy.chunks_exact(width));
        let rows = rows.zip(self.dx.chunks_exact_mut(width));
        for (((x, dy), dx), [mean, scale]) in rows.zip(self.moments) {
            let [sum, product] = sums(width, |i| {
                let g = gamma[i] * dy[i];
                [g, g * (x[i] - mean)]
            });
            // dx = scale gamma dy + tilt x + level
            let tilt = -scale * scale * scale * product / width as f32;
            let level = -scale * sum / width as f32 - mean * tilt;
            for (((dx, x), dy), gamma) in dx.iter_mut().zip(x).zip(dy).zip(gamma) {
                *dx = set.madd(*dy, scale * gamma, set.madd(*x, tilt, level));
            }
            let parameters = of_gamma.iter_mut().zip(of_beta.iter_mut());
            for (((of_gamma, of_beta), x), dy) in parameters.zip(x).zip(dy) {
                *of_gamma = set.madd(*dy, (x - mean) * scale, *of_gamma);
                *of_beta += dy;
            }
        }
    }
}
