//! The loops of batch normalisation, over planes: all values of one channel in one sample.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};
use crate::vector::sums;

/// The sizes and options of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) channels: usize,
    /// Values of a plane.
    pub(crate) pixels: usize,
    pub(crate) epsilon: f32,
    pub(crate) of_batch: bool,
    pub(crate) relu: bool,
}

/// Mean and biased variance of every channel, each `[channels]`.
pub(crate) fn statistics(x: &[f32], channels: usize, pixels: usize) -> [Vec<f32>; 2] {
    let count = (x.len() / channels) as f64;
    let planes = |channel: usize| x.chunks_exact(pixels).skip(channel).step_by(channels);
    let of_channel = |channel: usize| {
        let sum = |offset: f32, square: bool| -> f64 {
            let part = |plane: &[f32]| {
                let mut total = 0.0;
                dispatch(Sum {
                    plane,
                    offset,
                    square,
                    total: &mut total,
                });
                f64::from(total)
            };
            planes(channel).map(part).sum()
        };
        let mean = sum(0.0, false) / count;
        // The mean's own rounding is small beside the deviations, and a second pass keeps them exact.
        let variance = sum(mean as f32, true) / count;
        (mean as f32, variance as f32)
    };
    let (means, variances) = (0..channels).into_par_iter().map(of_channel).unzip();
    [means, variances]
}

struct Sum<'a> {
    plane: &'a [f32],
    offset: f32,
    square: bool,
    total: &'a mut f32,
}

impl Kernel for Sum<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, _: I) {
        let (plane, offset) = (self.plane, self.offset);
        *self.total = if self.square {
            sums(plane.len(), |i| {
                let deviation = plane[i] - offset;
                [deviation * deviation]
            })[0]
        } else {
            sums(plane.len(), |i| [plane[i]])[0]
        };
    }
}

/// Factor and offset of a channel: `x * factor + offset` is its output.
fn affine(gamma: f32, beta: f32, mean: f32, variance: f32, epsilon: f32) -> (f32, f32) {
    let factor = gamma / (variance + epsilon).sqrt();
    (factor, beta - mean * factor)
}

/// The output.
pub(crate) fn forward(
    x: &[f32],
    [gamma, beta]: [&[f32]; 2],
    [mean, variance]: [&[f32]; 2],
    geometry: Geometry,
) -> Vec<f32> {
    let Geometry {
        channels,
        pixels,
        epsilon,
        relu,
        ..
    } = geometry;
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(pixels)
        .zip(x.par_chunks(pixels))
        .enumerate()
        .for_each(|(plane, (y, x))| {
            let c = plane % channels;
            let (factor, offset) = affine(gamma[c], beta[c], mean[c], variance[c], epsilon);
            dispatch(Affine {
                x,
                y,
                factor,
                offset,
                relu,
            });
        });
    y
}

struct Affine<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    factor: f32,
    offset: f32,
    relu: bool,
}

impl Kernel for Affine<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let (factor, offset) = (self.factor, self.offset);
        let pairs = self.y.iter_mut().zip(self.x);
        if self.relu {
            pairs.for_each(|(y, x)| *y = set.madd(*x, factor, offset).max(0.0));
        } else {
            pairs.for_each(|(y, x)| *y = set.madd(*x, factor, offset));
        }
    }
}

/// Gradients of the inputs.
pub(crate) struct Gradients {
    pub(crate) x: Vec<f32>,
    /// `[channels]`
    pub(crate) gamma: Vec<f32>,
    /// `[channels]`
    pub(crate) beta: Vec<f32>,
}

/// Gradients from the upstream gradient `dy`. With `n` values a channel, `z` normalised and statistics of the batch,
/// `dx = gamma / deviation * (dy - sum(dy) / n - z * sum(dy z) / n)`; with other statistics the sums are left out, and are
/// zero unless `parameters` wants them as the gradients of gamma and beta.
pub(crate) fn backward(
    x: &[f32],
    dy: &[f32],
    [gamma, beta]: [&[f32]; 2],
    [mean, variance]: [&[f32]; 2],
    geometry: Geometry,
    parameters: bool,
) -> Gradients {
    let Geometry {
        channels,
        pixels,
        epsilon,
        of_batch,
        relu,
    } = geometry;
    let count = (x.len() / channels) as f64;
    let inverse = |c: usize| 1.0 / (variance[c] + epsilon).sqrt();
    let passes = |c: usize| {
        let (factor, offset) = affine(gamma[c], beta[c], mean[c], variance[c], epsilon);
        Passes {
            relu,
            factor,
            offset,
        }
    };
    let of_channel = |c: usize| {
        let (mut of_beta, mut of_gamma) = (0.0, 0.0);
        if !(of_batch || parameters) {
            return (of_gamma, of_beta);
        }
        let planes = x.chunks_exact(pixels).zip(dy.chunks_exact(pixels));
        for (x, dy) in planes.skip(c).step_by(channels) {
            let mut sums = [0.0; 2];
            dispatch(Sums {
                x,
                dy,
                mean: mean[c],
                passes: passes(c),
                sums: &mut sums,
            });
            of_beta += f64::from(sums[0]);
            of_gamma += f64::from(sums[1]);
        }
        (of_gamma * f64::from(inverse(c)), of_beta)
    };
    let (of_gamma, of_beta): (Vec<f64>, Vec<f64>) =
        (0..channels).into_par_iter().map(of_channel).unzip();
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(pixels)
        .zip(x.par_chunks(pixels).zip(dy.par_chunks(pixels)))
        .enumerate()
        .for_each(|(plane, (dx, (x, dy)))| {
            let c = plane % channels;
            let inverse = inverse(c);
            let share = if of_batch { 1.0 / count } else { 0.0 };
            // dx = factor * dy + slope * x + level, the sums of z written out.
            let slope = -gamma[c] * inverse * inverse * (of_gamma[c] * share) as f32;
            let level = -gamma[c] * inverse * (of_beta[c] * share) as f32 - slope * mean[c];
            dispatch(Input {
                x,
                dy,
                dx,
                passes: passes(c),
                factor: gamma[c] * inverse,
                slope,
                level,
            });
        });
    let narrow = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
    Gradients {
        x: dx,
        gamma: narrow(of_gamma),
        beta: narrow(of_beta),
    }
}

/// Which upstream gradients ReLU lets through: those of outputs above zero.
#[derive(Clone, Copy)]
struct Passes {
    relu: bool,
    factor: f32,
    offset: f32,
}

impl Passes {
    #[inline(always)]
    fn apply(self, set: impl Instructions, x: f32, dy: f32) -> f32 {
        if self.relu && set.madd(x, self.factor, self.offset) <= 0.0 {
            0.0
        } else {
            dy
        }
    }
}

/// Sums of `dy` and of `dy (x - mean)`.
struct Sums<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    mean: f32,
    passes: Passes,
    sums: &'a mut [f32; 2],
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let (x, dy, mean, passes) = (self.x, self.dy, self.mean, self.passes);
        *self.sums = sums(x.len(), |i| {
            let dy = passes.apply(set, x[i], dy[i]);
            [dy, dy * (x[i] - mean)]
        });
    }
}

struct Input<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    passes: Passes,
    factor: f32,
    slope: f32,
    level: f32,
}

impl Kernel for Input<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let (passes, factor) = (self.passes, self.factor);
        let (slope, level) = (self.slope, self.level);
        for ((dx, x), dy) in self.dx.iter_mut().zip(self.x).zip(self.dy) {
            let dy = passes.apply(set, *x, *dy);
            *dx = set.madd(dy, factor, set.madd(*x, slope, level));
        }
    }
}
