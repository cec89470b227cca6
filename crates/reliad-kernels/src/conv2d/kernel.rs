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

/// Planes padded with zeros. With a stride each is split into its phases, the sub-planes that hold every `stride`-th
/// row and column, so that each kernel element still reads along a line.
struct Planes<'a> {
    values: Cow<'a, [f32]>,
    channels: usize,
    stride: usize,
    /// Distance between rows.
    pitch: usize,
    /// Distance between phases, a multiple of [`MOST_LANES`].
    phase: usize,
}

impl Planes<'_> {
    /// Distance between channels.
    fn plane(&self) -> usize {
        self.stride * self.stride * self.phase
    }

    fn sample(&self, index: usize) -> &[f32] {
        &self.values[index * self.channels * self.plane()..]
    }

    /// Where each kernel element reads, from the output's position.
    fn taps(&self, kernel: usize) -> Vec<usize> {
        let tap = |u: usize, v: usize| {
            let phase = u % self.stride * self.stride + v % self.stride;
            phase * self.phase + u / self.stride * self.pitch + v / self.stride
        };
        (0..kernel * kernel)
            .map(|t| tap(t / kernel, t % kernel))
            .collect()
    }
}

/// Where [`lay`] puts planes.
struct Layout {
    channels: usize,
    /// Height and width of the source.
    size: [usize; 2],
    /// Rows above and columns to the left of it.
    before: [usize; 2],
    /// Height and width with the zeros.
    into: [usize; 2],
    stride: usize,
    /// No read will leave a plane, so planes that fit already need no copy.
    exact: bool,
}

fn lay(source: &[f32], layout: Layout) -> Planes<'_> {
    let Layout {
        channels,
        size: [height, width],
        before,
        into,
        stride,
        exact,
    } = layout;
    let [rows, pitch] = into.map(|size| size.div_ceil(stride));
    let phase = (rows * pitch).next_multiple_of(MOST_LANES);
    let plane = stride * stride * phase;
    let fits = into == [height, width] && plane == height * width && stride == 1;
    let values = if exact && fits {
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
                    let row = row + before[0];
                    for first in 0..stride.min(width) {
                        let column = first + before[1];
                        let start = (row % stride * stride + column % stride) * phase
                            + row / stride * pitch
                            + column / stride;
                        if stride == 1 {
                            to[start..start + width].copy_from_slice(from);
                        } else {
                            for (to, from) in to[start..]
                                .iter_mut()
                                .zip(from[first..].iter().step_by(stride))
                            {
                                *to = *from;
                            }
                        }
                    }
                }
            });
        Cow::Owned(values)
    };
    Planes {
        values,
        channels,
        stride,
        pitch,
        phase,
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
struct Correlation<'a> {
    samples: usize,
    /// Output channels.
    outs: usize,
    /// Height and width of the output.
    output: [usize; 2],
    /// Where each kernel element reads, from the output's position.
    taps: &'a [usize],
}

/// Correlates every sample with packed weights.
fn correlate(
    input: &Planes<'_>,
    packed: &[f32],
    bias: Option<&[f32]>,
    shape: Correlation<'_>,
) -> Vec<f32> {
    let Correlation {
        samples,
        outs,
        output: [height, width],
        taps,
    } = shape;
    let rows = block_rows();
    let block = input.channels * taps.len() * rows;
    let pixels = height * width;
    // Sixteen rows start at a multiple of the lanes, whatever the pitch.
    let band = (BAND / input.pitch)
        .next_multiple_of(MOST_LANES)
        .clamp(MOST_LANES, height.max(MOST_LANES));
    let mut out = vec![0.0; samples * outs * pixels];
    let mut jobs: Vec<(usize, usize, &mut [f32])> =
        Vec::with_capacity(samples * outs.div_ceil(rows));
    for (sample, out) in out.chunks_mut(outs * pixels).enumerate() {
        jobs.extend(
            out.chunks_mut(rows * pixels)
                .enumerate()
                .map(|(b, out)| (sample, b, out)),
        );
    }
    jobs.into_par_iter()
        .for_each_init(Vec::new, |scratch, (sample, b, out)| {
            for first in (0..height).step_by(band) {
                let count = band.min(height - first);
                let positions = ((count - 1) * input.pitch + width).next_multiple_of(MOST_LANES);
                scratch.resize(rows * positions, 0.0);
                dispatch(Correlate {
                    input: &input.sample(sample)[first * input.pitch..],
                    plane: input.plane(),
                    channels: input.channels,
                    taps,
                    weights: &packed[b * block..(b + 1) * block],
                    out: scratch,
                    positions,
                });
                for (j, out) in out.chunks_exact_mut(pixels).enumerate() {
                    let offset = bias.map_or(0.0, |bias| bias[b * rows + j]);
                    for (row, to) in out[first * width..]
                        .chunks_exact_mut(width)
                        .take(count)
                        .enumerate()
                    {
                        let from = &scratch[j * positions + row * input.pitch..][..width];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to = from + offset;
                        }
                    }
                }
            }
        });
    out
}

/// The input's planes.
fn padded_input(x: &[f32], geometry: Geometry) -> Planes<'_> {
    let layout = Layout {
        channels: geometry.channels_in,
        size: geometry.input,
        before: geometry.before,
        into: geometry.padded(),
        stride: geometry.stride,
        exact: geometry.kernel == 1,
    };
    lay(x, layout)
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
        ..
    } = geometry;
    let input = padded_input(x, geometry);
    let taps = input.taps(kernel);
    let packed = pack(channels_out, channels_in, taps.len(), |o, i, t| {
        weight[(o * channels_in + i) * taps.len() + t]
    });
    let shape = Correlation {
        samples,
        outs: channels_out,
        output: geometry.output(),
        taps: &taps,
    };
    correlate(&input, &packed, bias, shape)
}

/// The rows (or columns) of the padded input at `phase`, modulo the stride, that lie in the input: index of the first
/// and their number.
fn span(phase: usize, stride: usize, before: usize, size: usize) -> (usize, usize) {
    let first = before.saturating_sub(phase).div_ceil(stride);
    let end = (before + size).saturating_sub(phase).div_ceil(stride);
    (first, end - first)
}

/// Gradient of the input: for each phase of it, the upstream gradient correlated with the kernel elements that reach
/// that phase, flipped and with the channels exchanged.
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
    let [height, width] = input;
    let reach = kernel.div_ceil(stride) - 1;
    let span = |phase: usize, axis: usize| span(phase, stride, before[axis], input[axis]);
    let first = [0, 1].map(|axis| span(stride - 1, axis).0);
    let layout = Layout {
        channels: channels_out,
        size: geometry.output(),
        before: first.map(|first| reach - first),
        into: [0, 1].map(|axis| span(0, axis).0 + span(0, axis).1 - first[axis] + reach),
        stride: 1,
        exact: kernel == 1,
    };
    let upstream = lay(dy, layout);
    let mut dx = if stride == 1 {
        Vec::new()
    } else {
        vec![0.0; samples * channels_in * height * width]
    };
    for (a, b) in (0..stride * stride).map(|phase| (phase / stride, phase % stride)) {
        let [(top, rows), (left, columns)] = [span(a, 0), span(b, 1)];
        let elements: Vec<(usize, usize)> = (a..kernel)
            .step_by(stride)
            .flat_map(|u| (b..kernel).step_by(stride).map(move |v| (u, v)))
            .collect();
        if elements.is_empty() || rows * columns == 0 {
            continue;
        }
        let tap = |&(u, v): &(usize, usize)| {
            (top - first[0] + reach - u / stride) * upstream.pitch + left - first[1] + reach
                - v / stride
        };
        let taps: Vec<usize> = elements.iter().map(tap).collect();
        let packed = pack(channels_in, channels_out, taps.len(), |i, o, t| {
            let (u, v) = elements[t];
            weight[((o * channels_in + i) * kernel + u) * kernel + v]
        });
        let shape = Correlation {
            samples,
            outs: channels_in,
            output: [rows, columns],
            taps: &taps,
        };
        let part = correlate(&upstream, &packed, None, shape);
        if stride == 1 {
            return part;
        }
        let (y, x) = (top * stride + a - before[0], left * stride + b - before[1]);
        dx.par_chunks_mut(height * width)
            .zip(part.par_chunks(rows * columns))
            .for_each(|(dx, part)| {
                for (row, part) in part.chunks_exact(columns).enumerate() {
                    let start = (y + row * stride) * width + x;
                    for (to, from) in dx[start..].iter_mut().step_by(stride).zip(part) {
                        *to = *from;
                    }
                }
            });
    }
    dx
}

/// Gradient of the weights, `[channels_out, channels_in, k, k]`.
pub(crate) fn weight_gradient(x: &[f32], dy: &[f32], geometry: Geometry) -> Vec<f32> {
    let Geometry {
        samples,
        channels_in,
        channels_out,
        kernel,
        ..
    } = geometry;
    let input = padded_input(x, geometry);
    let taps = input.taps(kernel);
    let [height, _] = geometry.output();
    // Rows as long as the input's; the positions between them are zero and add nothing.
    let positions = height * input.pitch;
    let layout = Layout {
        channels: channels_out,
        size: geometry.output(),
        before: [0, 0],
        into: [height, input.pitch],
        stride: 1,
        exact: true,
    };
    let upstream = lay(dy, layout);
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
                        rows: channels.map(|channel| channel * upstream.plane()),
                        input: input.sample(first),
                        plane: input.plane(),
                        channels: channels_in,
                        taps: &taps,
                        samples: together.min(samples - first),
                        steps: [channels_out * upstream.plane(), channels_in * input.plane()],
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
