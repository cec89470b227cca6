//! Convolution and the gradients of its input and offset over padded planes, in parallel over samples, runs of pixels and
//! blocks of channels.
//!
//! With rows `pitch` long, kernel element `(u, v)` reads a padded plane at offset `u * pitch + v` from the output's position.
//! Output and input gradient gather these patches for a run of pixels and multiply them by the weights; the [weights'
//! gradient](super::weight_gradient) reads the planes as they are.
#![expect(
    unsafe_code,
    reason = "fresh memory is handed out as values once all of it is written"
)]

use std::borrow::Cow;
use std::cell::RefCell;

use rayon::prelude::*;

use super::planes::{Layout, Planes, lay};
use super::tiles::{Correlate, Output, ROWS, Weights};
use crate::Arithmetic;
use crate::arithmetic::dispatch_in;
use crate::register::MOST_LANES;
use crate::vector::sums;

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
    pub(crate) arithmetic: Arithmetic,
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

/// The shape of a [`correlate`].
pub(super) struct Correlation<'a> {
    pub(super) samples: usize,
    /// Output channels.
    pub(super) outs: usize,
    /// Height and width of the output.
    pub(super) output: [usize; 2],
    /// Where each kernel element reads, from the output's position.
    pub(super) taps: &'a [usize],
    pub(super) arithmetic: Arithmetic,
}

/// Values of the patches that are gathered before they are multiplied: 1 MiB, which second-level caches hold.
const GATHERED: usize = 1 << 18;

/// Pixels that are the fewest of a job, and the multiple of which jobs have: three of the widest registers.
const PIXELS: usize = 3 * MOST_LANES;

/// Output channels that are the fewest of a job, and the multiple of which jobs have.
const CHANNELS: usize = 4 * ROWS;

thread_local! {
    /// Room for a job's patches: kept, since fresh room would be cleared for every job.
    static PANELS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Correlates every sample with weights.
///
/// Patches of a run of pixels are gathered once and multiplied by all rows of weights while the cache holds them. Each
/// output is one sum in the order of input channels and kernel elements, however the work is split.
pub(super) fn correlate(
    input: &Planes<'_>,
    weights: &Weights<'_>,
    bias: Option<&[f32]>,
    shape: Correlation<'_>,
) -> Vec<f32> {
    let Correlation {
        samples,
        outs,
        output: [height, width],
        taps,
        arithmetic,
    } = shape;
    let paired = (arithmetic == Arithmetic::Bf16).then(|| weights.paired(outs));
    let weights = paired.as_ref().unwrap_or(weights);
    let pixels = height * width;
    // Few samples are split by pixels, then by output channels, so that every thread has something to do.
    let wanted = (2 * rayon::current_num_threads()).div_ceil(samples);
    let run = (GATHERED / weights.depth())
        .min(pixels.div_ceil(wanted))
        .next_multiple_of(PIXELS);
    let runs = pixels.div_ceil(run);
    let rows = if runs < wanted {
        outs.div_ceil(wanted.div_ceil(runs))
            .next_multiple_of(CHANNELS)
    } else {
        outs
    };
    let blocks = outs.div_ceil(rows);
    // Planes without zeros between their rows are one row.
    let width = if input.pitch == width { pixels } else { width };
    let mut out = Vec::with_capacity(samples * outs * pixels);
    let to = Output::new(&mut out.spare_capacity_mut()[..samples * outs * pixels]);
    (0..samples * runs * blocks)
        .into_par_iter()
        .for_each(|job| {
            let (sample, rest) = (job / (runs * blocks), job % (runs * blocks));
            let (first, row) = (rest / blocks * run, rest % blocks * rows);
            // SAFETY: no two jobs share sample, run of pixels and rows.
            let out = unsafe { to.part(sample * outs * pixels) };
            PANELS.with_borrow_mut(|panels| {
                let job = Correlate {
                    input: input.sample(sample),
                    plane: input.plane(),
                    pitch: input.pitch,
                    channels: input.channels,
                    taps,
                    weights,
                    bias,
                    rows: row..(row + rows).min(outs),
                    width,
                    pixels: first..(first + run).min(pixels),
                    panels,
                    out,
                    stride: pixels,
                };
                dispatch_in(arithmetic, job);
            });
        });
    // SAFETY: the jobs wrote every row and pixel of every sample.
    unsafe { out.set_len(samples * outs * pixels) };
    out
}

/// The input's planes.
pub(super) fn padded_input(x: &[f32], geometry: Geometry) -> Planes<'_> {
    let layout = Layout {
        channels: geometry.channels_in,
        size: geometry.input,
        before: geometry.before,
        into: geometry.padded(),
        stride: geometry.stride,
        phases: geometry.stride.min(geometry.kernel),
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
    let weights = Weights {
        values: Cow::Borrowed(weight),
        row: channels_in * taps.len(),
        channels: channels_in,
        channel: taps.len(),
        taps: (0..taps.len()).collect(),
    };
    let shape = Correlation {
        samples,
        outs: channels_out,
        output: geometry.output(),
        taps: &taps,
        arithmetic: geometry.arithmetic,
    };
    correlate(&input, &weights, bias, shape)
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
        phases: 1,
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
        let weights = Weights {
            values: Cow::Borrowed(weight),
            row: kernel * kernel,
            channels: channels_out,
            channel: channels_in * kernel * kernel,
            taps: elements.iter().map(|(u, v)| u * kernel + v).collect(),
        };
        let shape = Correlation {
            samples,
            outs: channels_in,
            output: [rows, columns],
            taps: &taps,
            arithmetic: geometry.arithmetic,
        };
        let part = correlate(&upstream, &weights, None, shape);
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

/// Gradient of the bias, `[channels_out]`: the sum of the upstream gradient.
pub(crate) fn bias_gradient(dy: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let per_plane: Vec<f32> = dy
        .par_chunks(pixels)
        .map(|plane| sums(plane.len(), |i| [plane[i]])[0])
        .collect();
    let mut gradient = vec![0.0; channels];
    for sample in per_plane.chunks_exact(channels) {
        for (gradient, sum) in gradient.iter_mut().zip(sample) {
            *gradient += sum;
        }
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::bf16;
    use crate::conv2d::weight_gradient::weight_gradient;
    use crate::instructions::tests::on_every_set;

    /// Output, gradient of the input and gradient of the weights, term by term.
    fn plainly(x: &[f32], weight: &[f32], dy: &[f32], geometry: Geometry) -> [Vec<f32>; 3] {
        let Geometry {
            samples,
            channels_in,
            channels_out,
            input: [height, width],
            kernel,
            stride,
            before,
            ..
        } = geometry;
        let [rows, columns] = geometry.output();
        let mut sums = [dy.len(), x.len(), weight.len()].map(|len| vec![0.0f64; len]);
        for index in 0..samples * channels_out * rows * columns * channels_in * kernel * kernel {
            let mut rest = index;
            let mut digit = |base: usize| {
                let digit = rest % base;
                rest /= base;
                digit
            };
            let [v, u, i] = [kernel, kernel, channels_in].map(&mut digit);
            let [column, row, o, sample] = [columns, rows, channels_out, samples].map(&mut digit);
            let place =
                [(row, u, 0, height), (column, v, 1, width)].map(|(at, tap, axis, size)| {
                    (at * stride + tap)
                        .checked_sub(before[axis])
                        .filter(|place| *place < size)
                });
            let [Some(y), Some(z)] = place else { continue };
            let from = ((sample * channels_in + i) * height + y) * width + z;
            let by = ((o * channels_in + i) * kernel + u) * kernel + v;
            let to = ((sample * channels_out + o) * rows + row) * columns + column;
            let [x, weight, dy] = [x[from], weight[by], dy[to]].map(f64::from);
            sums[0][to] += x * weight;
            sums[1][from] += dy * weight;
            sums[2][by] += dy * x;
        }
        sums.map(|sums| sums.into_iter().map(|sum| sum as f32).collect())
    }

    /// To bf16 and back.
    fn rounded(values: &[f32]) -> Vec<f32> {
        let back = |value: &f32| f32::from_bits(u32::from(bf16(*value)) << 16);
        values.iter().map(back).collect()
    }

    #[test]
    fn every_instruction_set_sums_every_term_once() {
        let random = |len: usize, seed: u32| -> Vec<f32> {
            let mix = |i: usize| {
                (i as u32 ^ seed)
                    .wrapping_mul(2_654_435_761)
                    .rotate_left(15)
            };
            let mix = |i| mix(mix(i) as usize);
            (0..len)
                .map(|i| (mix(i) >> 16) as f32 / 32768.0 - 1.0)
                .collect()
        };
        // samples, in, out, height, width, kernel, stride, zeros before and after
        let cases = [
            (1, 5, 43, 9, 7, 3, 1, 1, 1),
            (2, 3, 8, 8, 8, 3, 2, 0, 1),
            (3, 17, 21, 4, 4, 1, 1, 0, 0),
            (1, 2, 70, 20, 19, 5, 1, 2, 2),
            (2, 70, 3, 5, 6, 1, 2, 0, 0),
        ];
        for (samples, channels_in, channels_out, height, width, kernel, stride, before, after) in
            cases
        {
            let geometry = Geometry {
                samples,
                channels_in,
                channels_out,
                input: [height, width],
                kernel,
                stride,
                before: [before; 2],
                after: [after; 2],
                arithmetic: Arithmetic::F32,
            };
            let [rows, columns] = geometry.output();
            let x = random(samples * channels_in * height * width, 1);
            let weight = random(channels_out * channels_in * kernel * kernel, 2);
            let dy = random(samples * channels_out * rows * columns, 3);
            let computed = |geometry| {
                [
                    forward(&x, &weight, None, geometry),
                    input_gradient(&dy, &weight, geometry),
                    weight_gradient(&x, &dy, geometry),
                ]
            };
            let wanted = plainly(&x, &weight, &dy, geometry);
            let mut results: Vec<_> = on_every_set(|| computed(geometry))
                .into_iter()
                .map(|(set, _, got)| (set, got, wanted.clone()))
                .collect();
            if Arithmetic::Bf16.is_here() {
                let [x, weight, dy] = [&x, &weight, &dy].map(|values| rounded(values));
                let geometry = Geometry {
                    arithmetic: Arithmetic::Bf16,
                    ..geometry
                };
                let wanted = plainly(&x, &weight, &dy, geometry);
                results.push(("bf16".to_owned(), computed(geometry), wanted));
            }
            for (set, got, wanted) in results {
                for (name, (got, wanted)) in
                    ["y", "dx", "dweight"].iter().zip(got.iter().zip(&wanted))
                {
                    assert_eq!(got.len(), wanted.len());
                    for (got, wanted) in got.iter().zip(wanted) {
                        // Up to 800 products of numbers within 1, each rounded once or twice.
                        assert!(
                            (got - wanted).abs() < 1e-4,
                            "{name} {got}, not {wanted}: {geometry:?}, {set}"
                        );
                    }
                }
            }
        }
    }
}
