//! The inner loops of the convolution: sums kept in registers over padded, flattened planes.
#![expect(
    clippy::needless_range_loop,
    reason = "indices of fixed arrays unroll into registers"
)]
#![expect(
    unsafe_code,
    reason = "loads at offsets that are checked once per call instead of once per load"
)]

use std::borrow::Cow;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use crate::arithmetic::{FactorKernel, Factors, pair};
use crate::instructions::Instructions;
use crate::register::{MOST_LANES, Register};

/// Registers across a tile. With 8 rows of sums, or 4 of 16 registers, they fit the registers together with an input of each
/// and a weight.
const ACROSS: usize = 3;

/// Rows of a tile where there are 32 registers.
pub(super) const ROWS: usize = 8;

/// Splits `count` lanes into tiles of at most [`ACROSS`] registers, as even as can be; the last one reaches past `count`
/// by less than a register.
pub(super) fn tiles(count: usize, lanes: usize) -> Vec<Range<usize>> {
    let registers = count.div_ceil(lanes);
    let tiles = registers.div_ceil(ACROSS);
    let bound = |tile: usize| tile * registers / tiles * lanes;
    (0..tiles)
        .map(|tile| bound(tile)..bound(tile + 1))
        .collect()
}

/// Where a [`Correlate`] finds the factors of an output channel, an input channel and a kernel element. Factors that are
/// pairs have no kernel elements of their own.
pub(super) struct Weights<'a> {
    pub(super) values: Cow<'a, [f32]>,
    /// Distance between output channels.
    pub(super) row: usize,
    /// Input channels.
    pub(super) channels: usize,
    /// Distance between input channels.
    pub(super) channel: usize,
    /// Offset of each kernel element.
    pub(super) taps: Vec<usize>,
}

impl Weights<'_> {
    /// Factors of an output channel.
    pub(super) fn depth(&self) -> usize {
        self.channels * self.taps.len()
    }

    /// Those of `rows` output channels as pairs of bf16 values, in the order of input channels and kernel elements; where
    /// the last has no second value, it is zero.
    pub(super) fn paired(&self, rows: usize) -> Weights<'static> {
        let offsets = offsets(self.channels, self.channel, &self.taps);
        let depth = offsets.len().div_ceil(2);
        let mut values = vec![0.0; rows * depth];
        // Output channels that lie side by side stay so.
        let (row, channel) = if self.row == 1 {
            values
                .par_chunks_mut(rows)
                .zip(offsets.par_chunks(2))
                .for_each(|(to, offsets)| {
                    let first = &self.values[offsets[0]..][..rows];
                    match offsets.get(1) {
                        Some(second) => {
                            let second = &self.values[*second..][..rows];
                            for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
                                *to = pair(*first, *second);
                            }
                        }
                        None => {
                            for (to, first) in to.iter_mut().zip(first) {
                                *to = pair(*first, 0.0);
                            }
                        }
                    }
                });
            (1, rows)
        } else {
            values
                .par_chunks_mut(depth)
                .enumerate()
                .for_each(|(row, to)| {
                    let from = &self.values[row * self.row..];
                    for (to, offsets) in to.iter_mut().zip(offsets.chunks(2)) {
                        let second = offsets.get(1).map_or(0.0, |offset| from[*offset]);
                        *to = pair(from[offsets[0]], second);
                    }
                });
            (depth, 1)
        };
        Weights {
            values: Cow::Owned(values),
            row,
            channels: depth,
            channel,
            taps: vec![0],
        }
    }
}

/// Where the kernel elements of every channel lie, channels being `apart` from each other.
fn offsets(channels: usize, apart: usize, taps: &[usize]) -> Vec<usize> {
    let starts = (0..channels).map(|channel| channel * apart);
    starts
        .flat_map(|start| taps.iter().map(move |tap| start + tap))
        .collect()
}

/// Fresh memory that several threads write, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    start: *mut f32,
    len: usize,
    memory: PhantomData<&'a mut [f32]>,
}

// SAFETY: what is written through it is what `part` promised, so no two threads write one place.
unsafe impl Send for Output<'_> {}
// SAFETY: as above.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    pub(super) fn new(memory: &'a mut [MaybeUninit<f32>]) -> Self {
        Self {
            start: memory.as_mut_ptr().cast(),
            len: memory.len(),
            memory: PhantomData,
        }
    }

    /// The memory from an index on.
    ///
    /// # Safety
    ///
    /// While others write to the same memory, the part is used to write only places that they don't.
    pub(super) unsafe fn part(self, index: usize) -> Self {
        assert!(index <= self.len);
        Self {
            // SAFETY: within the memory, by the assert.
            start: unsafe { self.start.add(index) },
            len: self.len - index,
            ..self
        }
    }
}

/// `out[j][p] = bias[j] + sum over c, t of weight[j][c][t] * input[c * plane + position(p) + taps[t]]` for some rows `j`
/// and pixels `p` of one sample, where `position(p) = p / width * pitch + p % width`.
///
/// No other job writes these rows and pixels of `out`.
pub(super) struct Correlate<'a> {
    /// The sample's planes; a register can be read past the last value that counts.
    pub(super) input: &'a [f32],
    /// Distance between channels of the input.
    pub(super) plane: usize,
    /// Distance between rows of the input.
    pub(super) pitch: usize,
    /// Input channels.
    pub(super) channels: usize,
    /// Offset of each kernel element in a plane.
    pub(super) taps: &'a [usize],
    pub(super) weights: &'a Weights<'a>,
    pub(super) bias: Option<&'a [f32]>,
    /// Output channels wanted.
    pub(super) rows: Range<usize>,
    /// Width of the output.
    pub(super) width: usize,
    /// Pixels wanted.
    pub(super) pixels: Range<usize>,
    /// Room for the patches, kept between calls.
    pub(super) panels: &'a mut Vec<f32>,
    /// The sample's output.
    pub(super) out: Output<'a>,
    /// Distance between rows of `out`.
    pub(super) stride: usize,
}

impl FactorKernel for Correlate<'_> {
    #[inline(always)]
    fn run<I: Instructions, F: Factors<I::Register>>(mut self, set: I) {
        let Self {
            weights,
            channels,
            ref rows,
            ref pixels,
            ..
        } = self;
        assert!(channels > 0 && !rows.is_empty() && !pixels.is_empty());
        let last = |offsets: &[usize]| offsets.iter().max().copied().unwrap_or(0);
        assert_eq!(
            (channels * self.taps.len()).div_ceil(F::VALUES),
            weights.depth()
        );
        let far = (rows.end - 1) * weights.row + (weights.channels - 1) * weights.channel;
        assert!(far + last(&weights.taps) < weights.values.len());
        assert!(self.bias.is_none_or(|bias| rows.end <= bias.len()));
        assert!(pixels.end <= self.stride);
        assert!((rows.end - 1) * self.stride + pixels.end <= self.out.len);
        let tiles = tiles(pixels.len(), I::Register::LANES);
        self.gather::<I, F>(set, &tiles);
        let (mut row, end) = (self.rows.start, self.rows.end);
        while row < end {
            // SAFETY: the asserts above, and `gather` made the panels of the tiles; the rows stay within `rows`.
            unsafe {
                if I::WIDE && row + ROWS <= end {
                    self.block::<I, F, ROWS>(set, row, &tiles);
                    row += ROWS;
                } else if row + ROWS / 2 <= end {
                    self.block::<I, F, { ROWS / 2 }>(set, row, &tiles);
                    row += ROWS / 2;
                } else if row + 2 <= end {
                    self.block::<I, F, 2>(set, row, &tiles);
                    row += 2;
                } else {
                    self.block::<I, F, 1>(set, row, &tiles);
                    row += 1;
                }
            }
        }
    }
}

impl Correlate<'_> {
    /// Writes the patches of every tile as `[tile][channel][tap][pixel of the tile]`, a lane's factors in one.
    #[inline(always)]
    fn gather<I: Instructions, F: Factors<I::Register>>(&mut self, set: I, tiles: &[Range<usize>]) {
        let depth = self.weights.depth();
        let across = tiles.last().map_or(0, |tile| tile.end);
        let reach = self.taps.iter().max().copied().unwrap_or(0) + (self.channels - 1) * self.plane;
        if self.panels.len() < depth * across + MOST_LANES {
            self.panels.resize(depth * across + MOST_LANES, 0.0);
        }
        let offsets = offsets(self.channels, self.plane, self.taps);
        let mut runs = Vec::new();
        for tile in tiles {
            // Whole registers, so each run of pixels overwrites what the one before left past its end.
            runs.clear();
            let mut pixel = tile.start;
            while pixel < tile.end.min(self.pixels.len()) {
                let (row, column) = (
                    (self.pixels.start + pixel) / self.width,
                    (self.pixels.start + pixel) % self.width,
                );
                let count = (self.width - column).min(tile.end.min(self.pixels.len()) - pixel);
                for offset in (0..count).step_by(I::Register::LANES) {
                    let from = row * self.pitch + column + offset;
                    assert!(from + reach + I::Register::LANES <= self.input.len());
                    runs.push((from, pixel - tile.start + offset));
                }
                pixel += count;
            }
            let mut to = self.panels[tile.start * depth..].as_mut_ptr();
            for offsets in offsets.chunks(F::VALUES) {
                // SAFETY: the assert above bounds the loads; a store starts in the row of the panel that `to` is at,
                // and a register past the last panel's end is there.
                unsafe {
                    let from = self.input.as_ptr();
                    for &(start, place) in &runs {
                        let first = set.load(from.add(offsets[0] + start));
                        let second = || match offsets.get(1) {
                            Some(offset) => set.load(from.add(offset + start)),
                            None => set.splat(0.0),
                        };
                        F::join(first, second).store(to.add(place));
                    }
                    to = to.add(tile.len());
                }
            }
        }
    }

    /// # Safety
    ///
    /// The asserts of `run` hold, the panels of `tiles` are gathered, and `row + J` is within `rows`.
    #[inline(always)]
    unsafe fn block<I: Instructions, F: Factors<I::Register>, const J: usize>(
        &mut self,
        set: I,
        row: usize,
        tiles: &[Range<usize>],
    ) {
        for tile in tiles {
            // SAFETY: the caller's promise.
            unsafe {
                match tile.len() / I::Register::LANES {
                    1 => self.tile::<I, F, J, 1>(set, row, tile.start),
                    2 => self.tile::<I, F, J, 2>(set, row, tile.start),
                    _ => self.tile::<I, F, J, ACROSS>(set, row, tile.start),
                }
            }
        }
    }

    /// # Safety
    ///
    /// As for `block`; the tile at `start` has `N` registers.
    #[inline(always)]
    unsafe fn tile<I: Instructions, F: Factors<I::Register>, const J: usize, const N: usize>(
        &mut self,
        set: I,
        row: usize,
        start: usize,
    ) {
        let weights = self.weights;
        let mut sums = [[set.splat(0.0); N]; J];
        if let Some(bias) = self.bias {
            for j in 0..J {
                sums[j] = [set.splat(bias[row + j]); N];
            }
        }
        let mut panel = self.panels[start * weights.depth()..].as_ptr();
        for channel in 0..weights.channels {
            for &tap in &weights.taps {
                // SAFETY: the panel has `depth` rows of `N` registers; the asserts of `run` bound the weights.
                unsafe {
                    let weight = weights
                        .values
                        .as_ptr()
                        .add(row * weights.row + channel * weights.channel + tap);
                    let mut x = [set.splat(0.0); N];
                    for n in 0..N {
                        x[n] = set.load(panel.add(n * I::Register::LANES));
                    }
                    for j in 0..J {
                        let weight = set.splat(*weight.add(j * weights.row));
                        for n in 0..N {
                            sums[j][n] = F::madd(x[n], weight, sums[j][n]);
                        }
                    }
                    panel = panel.add(N * I::Register::LANES);
                }
            }
        }
        let left = self.pixels.len() - start;
        for j in 0..J {
            // SAFETY: rows and pixels within `out`, by the asserts of `run`; no other job writes them.
            unsafe {
                let to = self
                    .out
                    .start
                    .add((row + j) * self.stride + self.pixels.start + start);
                for n in 0..N {
                    if (n + 1) * I::Register::LANES <= left {
                        sums[j][n].store(to.add(n * I::Register::LANES));
                    } else {
                        let mut last = [0.0; MOST_LANES];
                        sums[j][n].store(last.as_mut_ptr());
                        let count = left - n * I::Register::LANES;
                        std::ptr::copy_nonoverlapping(
                            last.as_ptr(),
                            to.add(n * I::Register::LANES),
                            count,
                        );
                    }
                }
            }
        }
    }
}

/// Values of a band of the upstream gradient that stays in the first-level cache while rows are summed over it: 24 KiB.
const BAND: usize = 6 * 1024;

/// Adds to `sums[r][o]` the products of `input[rows[r] + position(p)]` and `upstream[p][o]` over the pixels `p` of one
/// sample, where `position(p) = p / width * pitch + p % width` and `o` are the channels of one tile.
pub(super) struct Accumulate<'a> {
    /// `[lines][factors of a line][channels of the tile]`, these a whole number of registers, at most [`ACROSS`]. Of pairs
    /// the last of a line may have no second value; then it is zero.
    pub(super) upstream: &'a [f32],
    /// The sample's planes, one value after the other, of whatever size.
    pub(super) input: &'a [f32],
    /// Distance between rows of the input.
    pub(super) pitch: usize,
    /// Where each row of the gradient reads; their number is a multiple of [`ROWS`].
    pub(super) rows: &'a [usize],
    /// Width of the output.
    pub(super) width: usize,
    /// `[rows][channels of the tile]`.
    pub(super) sums: &'a mut [f32],
}

impl FactorKernel for Accumulate<'_> {
    #[inline(always)]
    fn run<I: Instructions, F: Factors<I::Register>>(mut self, set: I) {
        let across = self.sums.len() / self.rows.len();
        assert_eq!(self.sums.len(), across * self.rows.len());
        assert!(self.rows.len().is_multiple_of(ROWS) && across.is_multiple_of(I::Register::LANES));
        assert!((1..=ACROSS).contains(&(across / I::Register::LANES)));
        let width = self.width.div_ceil(F::VALUES);
        let lines = self.upstream.len() / (width * across);
        assert_eq!(self.upstream.len(), lines * width * across);
        let reach = (lines - 1) * self.pitch + width * F::VALUES;
        let values = self.input.len() * F::VALUES;
        assert!(self.rows.iter().all(|row| row + reach <= values));
        let band = (BAND / (width * across)).max(1);
        for first in (0..lines).step_by(band) {
            let lines = first..(first + band).min(lines);
            // SAFETY: the asserts above.
            unsafe {
                match across / I::Register::LANES {
                    1 => self.band::<I, F, 1>(set, lines),
                    2 => self.band::<I, F, 2>(set, lines),
                    _ => self.band::<I, F, ACROSS>(set, lines),
                }
            }
        }
    }
}

impl Accumulate<'_> {
    /// # Safety
    ///
    /// The asserts of `run` hold and a tile has `N` registers.
    #[inline(always)]
    unsafe fn band<I: Instructions, F: Factors<I::Register>, const N: usize>(
        &mut self,
        set: I,
        lines: Range<usize>,
    ) {
        // SAFETY: the caller's promise; the rows are a multiple of both.
        unsafe {
            if I::WIDE {
                for first in (0..self.rows.len()).step_by(ROWS) {
                    self.tile::<I, F, ROWS, N>(set, first, lines.clone());
                }
            } else {
                for first in (0..self.rows.len()).step_by(ROWS / 2) {
                    self.tile::<I, F, { ROWS / 2 }, N>(set, first, lines.clone());
                }
            }
        }
    }

    /// # Safety
    ///
    /// As for `band`; `first + J <= rows.len()`.
    #[inline(always)]
    unsafe fn tile<I: Instructions, F: Factors<I::Register>, const J: usize, const N: usize>(
        &mut self,
        set: I,
        first: usize,
        lines: Range<usize>,
    ) {
        let width = self.width.div_ceil(F::VALUES);
        let across = N * I::Register::LANES;
        // SAFETY: `first + J` rows of `across` are there.
        unsafe {
            let sums_at = self.sums.as_mut_ptr().add(first * across);
            let mut sums = [[set.splat(0.0); N]; J];
            for j in 0..J {
                for n in 0..N {
                    sums[j][n] = set.load(sums_at.add(j * across + n * I::Register::LANES));
                }
            }
            for line in lines {
                let mut upstream = self.upstream.as_ptr().add(line * width * across);
                let inputs: [*const F::Value; J] = std::array::from_fn(|j| {
                    self.input
                        .as_ptr()
                        .cast::<F::Value>()
                        .add(self.rows[first + j] + line * self.pitch)
                });
                for place in 0..width {
                    let mut dy = [set.splat(0.0); N];
                    for n in 0..N {
                        dy[n] = set.load(upstream.add(n * I::Register::LANES));
                    }
                    for j in 0..J {
                        let x = F::splat(set, inputs[j].add(place * F::VALUES));
                        for n in 0..N {
                            sums[j][n] = F::madd(dy[n], x, sums[j][n]);
                        }
                    }
                    upstream = upstream.add(across);
                }
            }
            for j in 0..J {
                for n in 0..N {
                    sums[j][n].store(sums_at.add(j * across + n * I::Register::LANES));
                }
            }
        }
    }
}
