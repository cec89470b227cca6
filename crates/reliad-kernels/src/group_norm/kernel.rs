//! The loops of group normalisation, forward and backward, over contiguous `[n, c, *]` slices.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};
use crate::vector::{exp, sigmoid, sums};

/// What the loops need to know of the input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    /// Channels of a sample.
    pub(crate) channels: usize,
    /// Groups of a sample; divides `channels`.
    pub(crate) groups: usize,
    /// Pixels of a channel.
    pub(crate) pixels: usize,
    /// Added to the variance.
    pub(crate) epsilon: f32,
    /// Whether `SiLU` follows the affine map.
    pub(crate) silu: bool,
}

impl Geometry {
    fn width(&self) -> usize {
        self.channels / self.groups
    }

    fn group(&self) -> usize {
        self.width() * self.pixels
    }

    fn first_channel(&self, index: usize) -> usize {
        index % self.groups * self.width()
    }
}

/// Mean and reciprocal standard deviation of each (sample, group).
pub(crate) type Moments = Vec<[f32; 2]>;

/// The normalised input and the moments that [`backward`] needs.
pub(crate) fn forward(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    geometry: Geometry,
) -> (Vec<f32>, Moments) {
    let mut y = vec![0.0; x.len()];
    let group = geometry.group();
    let mut moments = vec![[0.0; 2]; x.len() / group];
    y.par_chunks_mut(group)
        .zip(x.par_chunks(group))
        .zip(moments.par_iter_mut())
        .enumerate()
        .for_each(|(index, ((y, x), moments))| {
            let first = geometry.first_channel(index);
            let last = first + geometry.width();
            dispatch(Forward {
                x,
                y,
                moments,
                gamma: &gamma[first..last],
                beta: &beta[first..last],
                geometry,
            });
        });
    (y, moments)
}

struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    moments: &'a mut [f32; 2],
    gamma: &'a [f32],
    beta: &'a [f32],
    geometry: Geometry,
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let x = self.x;
        let count = x.len() as f32;
        let [sum] = sums(x.len(), |i| [x[i]]);
        let mean = sum / count;
        let [squares] = sums(x.len(), |i| {
            let d = x[i] - mean;
            [d * d]
        });
        let scale = 1.0 / (squares / count + self.geometry.epsilon).sqrt();
        *self.moments = [mean, scale];
        let pixels = self.geometry.pixels;
        let channels = self.y.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels));
        for ((y, x), (gamma, beta)) in channels.zip(self.gamma.iter().zip(self.beta)) {
            let slope = scale * gamma;
            let offset = beta - mean * slope;
            if self.geometry.silu {
                for (y, x) in y.iter_mut().zip(x) {
                    let z = set.madd(*x, slope, offset);
                    *y = z / (1.0 + exp(set, -z));
                }
            } else {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = set.madd(*x, slope, offset);
                }
            }
        }
    }
}

/// Gradients of the loss.
pub(crate) struct Gradients {
    /// With respect to the input, of its shape.
    pub(crate) x: Vec<f32>,
    /// With respect to the scale of each channel.
    pub(crate) gamma: Vec<f32>,
    /// With respect to the offset of each channel.
    pub(crate) beta: Vec<f32>,
}

/// Gradients from the upstream gradient `dy`.
///
/// With `h = (x - mean) * scale` and `z = gamma h + beta`: `dbeta = sum dz`, `dgamma = sum dz h`, and
/// `dx = scale (gamma dz - mean(gamma dz) - h mean(gamma dz h))`, means over the group (Wu & He 2018, differentiated).
pub(crate) fn backward(
    x: &[f32],
    dy: &[f32],
    gamma: &[f32],
    beta: &[f32],
    moments: &[[f32; 2]],
    geometry: Geometry,
) -> Gradients {
    let group = geometry.group();
    let width = geometry.width();
    let mut dx = vec![0.0; x.len()];
    // Per (sample, channel): sum of dz, sum of dz * h.
    let mut partial = vec![[0.0f32; 2]; x.len() / geometry.pixels];
    dx.par_chunks_mut(group)
        .zip(x.par_chunks(group).zip(dy.par_chunks(group)))
        .zip(partial.par_chunks_mut(width).zip(moments.par_iter()))
        .enumerate()
        .for_each(|(index, ((dx, (x, dy)), (partial, moments)))| {
            let first = geometry.first_channel(index);
            let last = first + width;
            let (gamma, beta) = (&gamma[first..last], &beta[first..last]);
            dispatch(Backward {
                x,
                dy,
                dx,
                partial,
                moments: *moments,
                gamma,
                beta,
                geometry,
            });
        });
    let mut dgamma = vec![0.0; geometry.channels];
    let mut dbeta = vec![0.0; geometry.channels];
    for sample in partial.chunks_exact(geometry.channels) {
        for ((dgamma, dbeta), [sum, product]) in dgamma.iter_mut().zip(&mut dbeta).zip(sample) {
            *dbeta += sum;
            *dgamma += product;
        }
    }
    Gradients {
        x: dx,
        gamma: dgamma,
        beta: dbeta,
    }
}

struct Backward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    partial: &'a mut [[f32; 2]],
    moments: [f32; 2],
    gamma: &'a [f32],
    beta: &'a [f32],
    geometry: Geometry,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let [mean, scale] = self.moments;
        let pixels = self.geometry.pixels;
        let (mut group_sum, mut group_product) = (0.0, 0.0);
        for channel in 0..self.gamma.len() {
            let range = channel * pixels..(channel + 1) * pixels;
            let (x, dy, dz) = (
                &self.x[range.clone()],
                &self.dy[range.clone()],
                &mut self.dx[range],
            );
            let (gamma, beta) = (self.gamma[channel], self.beta[channel]);
            let slope = scale * gamma;
            let offset = beta - mean * slope;
            if self.geometry.silu {
                for ((dz, dy), x) in dz.iter_mut().zip(dy).zip(x) {
                    let z = set.madd(*x, slope, offset);
                    let s = sigmoid(set, z);
                    *dz = dy * s * set.madd(z, 1.0 - s, 1.0);
                }
            } else {
                dz.copy_from_slice(dy);
            }
            let dz = &*dz;
            let (x, dz) = (&x[..pixels], &dz[..pixels]);
            let [sum, product] = sums(pixels, |i| [dz[i], dz[i] * (x[i] - mean)]);
            let product = product * scale;
            self.partial[channel] = [sum, product];
            group_sum += gamma * sum;
            group_product += gamma * product;
        }
        let count = self.x.len() as f32;
        // dx = dz * slope + x * tilt + level
        let tilt = -scale * scale * group_product / count;
        let level = -scale * group_sum / count - mean * tilt;
        for (channel, gamma) in self.gamma.iter().enumerate() {
            let range = channel * pixels..(channel + 1) * pixels;
            let slope = scale * gamma;
            for (dx, x) in self.dx[range.clone()].iter_mut().zip(&self.x[range]) {
                *dx = set.madd(*dx, slope, set.madd(*x, tilt, level));
            }
        }
    }
}
