//! The gradient of a convolution's weights, and the layout of channels innermost that it reads.

use rayon::prelude::*;

use super::kernel::{Geometry, padded_input};
use super::tiles::{Accumulate, ROWS, tiles};
use crate::Arithmetic;
use crate::arithmetic::{dispatch_in, pair};
use crate::register::MOST_LANES;

/// Rows of the weights' gradient, input channels times kernel elements, of one job of [`weight_gradient`].
const GRADIENT_ROWS: usize = 64;

/// Gradient of the weights, `[channels_out, channels_in, k, k]`.
///
/// The upstream gradient is laid with its channels innermost, in tiles of registers; a job sums one tile for some rows of
/// the input, over all samples and positions in their order.
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
    let [height, width] = geometry.output();
    let pixels = height * width;
    let halves = geometry.arithmetic == Arithmetic::Bf16;
    let places = height * if halves { width.div_ceil(2) } else { width };
    let tiles = tiles(channels_out, geometry.arithmetic.lanes());
    let across = tiles.iter().map(|tile| tile.len()).sum::<usize>();
    // [sample][tile][pixel, or pair of them][channel of the tile]
    let mut upstream = vec![0.0; samples * places * across];
    upstream
        .par_chunks_mut(places * across)
        .zip(dy.par_chunks(pixels * channels_out))
        .for_each(|(to, from)| {
            let mut rest = to;
            for tile in &tiles {
                let (to, after) = rest.split_at_mut(places * tile.len());
                rest = after;
                let channels = tile.start..tile.end.min(channels_out);
                let from = &from[channels.start * pixels..channels.end * pixels];
                if halves {
                    transpose_pairs(from, [height, width], to, tile.len());
                } else {
                    transpose(from, pixels, to, tile.len());
                }
            }
        });
    let of_pairs;
    let input = if halves {
        of_pairs = input.paired();
        &of_pairs
    } else {
        &input
    };
    let size = channels_in * taps.len();
    // Where each row of the gradient reads; the last one stands in for those that its tile lacks.
    let rows: Vec<usize> = (0..size.next_multiple_of(ROWS))
        .map(|row| row.min(size - 1))
        .map(|row| row / taps.len() * input.plane() + taps[row % taps.len()])
        .collect();
    // [tile][row][channel of the tile]
    let mut sums = vec![0.0; rows.len() * across];
    let mut jobs = Vec::new();
    let mut rest = sums.as_mut_slice();
    for tile in &tiles {
        let (of_tile, after) = rest.split_at_mut(rows.len() * tile.len());
        rest = after;
        let rows = rows.chunks(GRADIENT_ROWS);
        jobs.extend(
            of_tile
                .chunks_mut(GRADIENT_ROWS * tile.len())
                .zip(rows)
                .map(|(sums, rows)| (tile, rows, sums)),
        );
    }
    jobs.into_par_iter().for_each(|(tile, rows, sums)| {
        for sample in 0..samples {
            let upstream = &upstream[(sample * across + tile.start) * places..];
            let job = Accumulate {
                upstream: &upstream[..places * tile.len()],
                input: input.sample(sample),
                pitch: input.pitch,
                rows,
                width,
                sums,
            };
            dispatch_in(geometry.arithmetic, job);
        }
    });
    let mut gradient = vec![0.0; channels_out * size];
    gradient
        .par_chunks_mut(size)
        .enumerate()
        .for_each(|(channel, gradient)| {
            let Some(tile) = tiles.iter().find(|tile| tile.contains(&channel)) else {
                return;
            };
            let sums = &sums[rows.len() * tile.start + channel - tile.start..];
            for (to, from) in gradient.iter_mut().zip(sums.iter().step_by(tile.len())) {
                *to = *from;
            }
        });
    gradient
}

/// `to[pixel][channel] = from[channel][pixel]`; channels of `to`, `across` of them, that `from` lacks stay as they are.
pub(super) fn transpose(from: &[f32], pixels: usize, to: &mut [f32], across: usize) {
    // Blocks whose lines stay in the first-level cache.
    for start in (0..pixels).step_by(MOST_LANES) {
        let end = (start + MOST_LANES).min(pixels);
        for (channel, from) in from.chunks_exact(pixels).enumerate() {
            for pixel in start..end {
                to[pixel * across + channel] = from[pixel];
            }
        }
    }
}

/// As [`transpose`], two neighbouring pixels of a row of the picture in one; where the last has no neighbour, that is zero.
fn transpose_pairs(from: &[f32], [height, width]: [usize; 2], to: &mut [f32], across: usize) {
    let pairs = width.div_ceil(2);
    for row in 0..height {
        let to = &mut to[row * pairs * across..][..pairs * across];
        for (channel, from) in from.chunks_exact(height * width).enumerate() {
            let from = &from[row * width..][..width];
            let to = to[channel..].iter_mut().step_by(across);
            for (to, pixels) in to.zip(from.chunks(2)) {
                *to = pair(pixels[0], pixels.get(1).copied().unwrap_or(0.0));
            }
        }
    }
}
