//! Convolution and its gradients over padded planes, in parallel over samples and blocks of channels.
//!
//! A plane is padded once and then read as a line: with rows `pitch` long, kernel element `(u, v)` reads at offset
//! `u * pitch + v` from the output's position, so one loop serves every width and no matrix of patches is written.
//! Positions past the end of a row are computed and thrown away.

use std::borrow::Cow;

use rayon::prelude::*;

use super::tiles::{Accumulate, Correlate, GRADIENT_ROWS, block_rows};
use crate::register::{MOST_LANES, dispatch};

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) samples: usize,
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    /// Height and width of the input.
    pub(crate) input: [usize; 2],
    /// Height and width of the kernel; square.
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    /// Rows above, columns to the left of the input.
    pub(crate) before: [usize; 2],
    /// Rows below, columns to the right of the input.
    pub(crate) after: [usize; 2],
}

impl Geometry {
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|i| self.before[i] + self.input[i] + self.after[i])
    }

    /// Height and width of the output.
    pub(crate) fn output(&self) -> [usize; 2] {
        self.padded()
            .map(|size| (size - self.kernel) / self.stride + 1)
    }
}

/// Planes of one size, padded with zeros.
struct Planes<'a> {
    values: Cow<'a, [f32]>,
    channels: usize,
    /// Distance between rows.
    pitch: usize,
    /// Distance between planes, a multiple of [`MOST_LANES`].
    plane: usize,
}

impl Planes<'_> {
    fn sample(&self, index: usize) -> &[f32] {
        &self.values[index * self.channels * self.plane..]
    }

    fn taps(&self, kernel: usize) -> Vec<usize> {
        (0..kernel * kernel)
            .map(|t| t / kernel * self.pitch + t % kernel)
            .collect()
    }
}

/// Lays `source`, planes of `size`, into zero planes of `[rows, pitch]`, from `before` on, `stride` apart. `exact` says that no read will
/// leave a plane, so that planes which fit already need no copy.
fn lay(
    source: &[f32],
    channels: usize,
    size: [usize; 2],
    before: [usize; 2],
    stride: usize,
    into: [usize; 2],
    exact: bool,
) -> Planes<'_> {
    let [height, width] = size;
    let [rows, pitch] = into;
    let plane = (rows * pitch).next_multiple_of(MOST_LANES);
    let values = if exact && size == into && (height * width).is_multiple_of(MOST_LANES) {
        Cow::Borrowed(source)
    } else {
        // Reads of whole registers run past the last plane.
        let mut values =
            vec![0.0; source.len() / (height * width) * plane + 2 * MOST_LANES + 2 * pitch];
        values
            .par_chunks_mut(plane)
            .zip(source.par_chunks(height * width))
            .for_each(|(to, from)| {
                for (row, from) in from.chunks_exact(width).enumerate() {
                    let start = (before[0] + row * stride) * pitch + before[1];
                    if stride == 1 {
                        to[start..start + width].copy_from_slice(from);
                    } else {
                        for (to, from) in to[start..].iter_mut().step_by(stride).zip(from) {
                            *to = *from;
                        }
                    }
                }
            });
        Cow::Owned(values)
    };
    Planes {
        values,
        channels,
        pitch,
        plane,
    }
}

/// Packs weights, read through `weight(out, in, tap)`, as `[block][in][tap][row of block]`.
fn pack(
    outs: usize,
    ins: usize,
    taps: usize,
    weight: impl Fn(usize, usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let rows = block_rows();
    let mut packed = vec![0.0; outs.div_ceil(rows) * ins * taps * rows];
    packed
        .par_chunks_mut(ins * taps * rows)
        .enumerate()
        .for_each(|(block, packed)| {
            for j in 0..rows.min(outs - block * rows) {
                for (slot, value) in packed[j..].iter_mut().step_by(rows).enumerate() {
                    *value = weight(block * rows + j, slot / taps, slot % taps);
                }
            }
        });
    packed
}

/// Positions of a band of rows that are computed before they are copied out.
const BAND: usize = 2048;

/// The shape of a [`correlate`].
struct Correlation {
    samples: usize,
    kernel: usize,
    /// Output channels.
    outs: usize,
    stride: usize,
    /// Height and width of the output.
    output: [usize; 2],
}

/// Correlates every sample with packed weights; keeps every `stride`-th row and column.
fn correlate(
    input: &Planes<'_>,
    packed: &[f32],
    bias: Option<&[f32]>,
    shape: Correlation,
) -> Vec<f32> {
    let Correlation {
        samples,
        kernel,
        outs,
        stride,
        output: [height, width],
    } = shape;
    let taps = input.taps(kernel);
    let rows = block_rows();
    let block = input.channels * taps.len() * rows;
    let full_width = (width - 1) * stride + 1;
    // Sixteen rows start at a multiple of the lanes, whatever the pitch.
    let band = (BAND / (input.pitch * stride))
        .next_multiple_of(MOST_LANES)
        .clamp(MOST_LANES, height.max(MOST_LANES));
    let mut out = vec![0.0; samples * outs * height * width];
    let blocks_of_a_sample = outs.div_ceil(rows);
    let mut jobs: Vec<(usize, usize, &mut [f32])> =
        Vec::with_capacity(samples * blocks_of_a_sample);
    for (sample, out) in out.chunks_mut(outs * height * width).enumerate() {
        jobs.extend(
            out.chunks_mut(rows * height * width)
                .enumerate()
                .map(|(b, out)| (sample, b, out)),
        );
    }
    jobs.into_par_iter()
        .for_each_init(Vec::new, |scratch, (sample, b, out)| {
            for first in (0..height).step_by(band) {
                let count = band.min(height - first);
                let start = first * stride * input.pitch;
                let positions =
                    ((count - 1) * stride * input.pitch + full_width).next_multiple_of(MOST_LANES);
                scratch.resize(rows * positions, 0.0);
                dispatch(Correlate {
                    input: &input.sample(sample)[start..],
                    plane: input.plane,
                    channels: input.channels,
                    taps: &taps,
                    weights: &packed[b * block..(b + 1) * block],
                    out: scratch,
                    positions,
                });
                for (j, out) in out.chunks_exact_mut(height * width).enumerate() {
                    let offset = bias.map_or(0.0, |bias| bias[b * rows + j]);
                    for row in 0..count {
                        let from =
                            &scratch[j * positions + row * stride * input.pitch..][..full_width];
                        let to = &mut out[(first + row) * width..][..width];
                        if stride == 1 {
                            for (to, from) in to.iter_mut().zip(from) {
                                *to = from + offset;
                            }
                        } else {
                            for (to, from) in to.iter_mut().zip(from.iter().step_by(stride)) {
                                *to = from + offset;
                            }
                        }
                    }
                }
            }
        });
    out
}

/// The convolution of `x` `[samples, channels_in, h, w]` with `weight` `[channels_out, channels_in, k, k]`.
pub(crate) fn forward(
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    geometry: Geometry,
) -> Vec<f32> {
    let Geometry {
        samples,
        channels_in,
        channels_out,
        kernel,
        stride,
        ..
    } = geometry;
    let input = lay(
        x,
        channels_in,
        geometry.input,
        geometry.before,
        1,
        geometry.padded(),
        kernel == 1,
    );
    let taps = kernel * kernel;
    let packed = pack(channels_out, channels_in, taps, |o, i, t| {
        weight[(o * channels_in + i) * taps + t]
    });
    correlate(
        &input,
        &packed,
        bias,
        Correlation {
            samples,
            kernel,
            outs: channels_out,
            stride,
            output: geometry.output(),
        },
    )
}

/// Gradient of the input: the upstream gradient correlated with the flipped, transposed kernel.
pub(crate) fn input_gradient(dy: &[f32], weight: &[f32], geometry: Geometry) -> Vec<f32> {
    let Geometry {
        samples,
        channels_in,
        channels_out,
        kernel,
        stride,
        input,
        before,
        ..
    } = geometry;
    let upstream = lay(
        dy,
        channels_out,
        geometry.output(),
        before.map(|before| kernel - 1 - before),
        stride,
        input.map(|size| size + kernel - 1),
        kernel == 1,
    );
    let taps = kernel * kernel;
    let packed = pack(channels_in, channels_out, taps, |i, o, t| {
        weight[(o * channels_in + i) * taps + taps - 1 - t]
    });
    correlate(
        &upstream,
        &packed,
        None,
        Correlation {
            samples,
            kernel,
            outs: channels_in,
            stride: 1,
            output: input,
        },
    )
}

/// Gradient of the weights, `[channels_out, channels_in, k, k]`.
pub(crate) fn weight_gradient(x: &[f32], dy: &[f32], geometry: Geometry) -> Vec<f32> {
    let Geometry {
        samples,
        channels_in,
        channels_out,
        kernel,
        stride,
        ..
    } = geometry;
    let input = lay(
        x,
        channels_in,
        geometry.input,
        geometry.before,
        1,
        geometry.padded(),
        kernel == 1,
    );
    let [_, pitch] = geometry.padded();
    let [height, _] = geometry.output();
    // Rows as long as the input's; positions between rows and strides are zero and add nothing.
    let rows = (height - 1) * stride + 1;
    let positions = rows * pitch;
    let upstream = lay(
        dy,
        channels_out,
        geometry.output(),
        [0, 0],
        stride,
        [rows, pitch],
        true,
    );
    let taps = input.taps(kernel);
    let size = channels_in * taps.len();
    // Small planes of several samples in one go, so that the sums stay in registers for longer.
    let together = (2 * BAND / positions).max(1);
    let mut gradient = vec![0.0; channels_out * size];
    gradient
        .par_chunks_mut(GRADIENT_ROWS * size)
        .enumerate()
        .for_each_init(Vec::new, |sums, (block, gradient)| {
            sums.clear();
            sums.resize(size * GRADIENT_ROWS * MOST_LANES, 0.0);
            // Past the last channel the last one is summed again, and not kept.
            let channels: [usize; GRADIENT_ROWS] =
                std::array::from_fn(|j| (block * GRADIENT_ROWS + j).min(channels_out - 1));
            for first in (0..samples).step_by(together) {
                for start in (0..positions).step_by(BAND) {
                    let count = (positions - start).min(BAND);
                    dispatch(Accumulate {
                        upstream: upstream.sample(first),
                        rows: channels.map(|channel| channel * upstream.plane),
                        input: input.sample(first),
                        plane: input.plane,
                        channels: channels_in,
                        taps: &taps,
                        samples: together.min(samples - first),
                        steps: [channels_out * upstream.plane, channels_in * input.plane],
                        run: (start, count.next_multiple_of(MOST_LANES)),
                        sums,
                    });
                }
            }
            for (j, gradient) in gradient.chunks_exact_mut(size).enumerate() {
                for (slot, gradient) in gradient.iter_mut().enumerate() {
                    *gradient = sums[(slot * GRADIENT_ROWS + j) * MOST_LANES..][..MOST_LANES]
                        .iter()
                        .sum();
                }
            }
        });
    gradient
}

/// Gradient of the bias, `[channels_out]`: the sum of the upstream gradient.
pub(crate) fn bias_gradient(dy: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let per_plane: Vec<f32> = dy
        .par_chunks(pixels)
        .map(|plane| crate::vector::sums(plane.len(), |i| [plane[i]])[0])
        .collect();
    let mut gradient = vec![0.0; channels];
    for sample in per_plane.chunks_exact(channels) {
        for (gradient, sum) in gradient.iter_mut().zip(sample) {
            *gradient += sum;
        }
    }
    gradient
}
