//! The inner loops of the convolution: sums kept in registers over padded, flattened planes.
#![expect(
    clippy::needless_range_loop,
    reason = "indices of fixed arrays unroll into registers"
)]
#![expect(
    unsafe_code,
    reason = "loads at offsets that are checked once per call instead of once per load"
)]

use std::mem::MaybeUninit;
use std::ops::Range;

use super::kernel::Weights;
use crate::register::{MOST_LANES, Register, RegisterKernel};

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

/// Fresh memory that several threads write, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    start: *mut f32,
    len: usize,
    memory: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: it only hands out a pointer; those who write through it promise to write different parts.
unsafe impl Send for Output<'_> {}
// SAFETY: as above.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    pub(super) fn new(memory: &'a mut [MaybeUninit<f32>]) -> Self {
        Self {
            start: memory.as_mut_ptr().cast(),
            len: memory.len(),
            memory: std::marker::PhantomData,
        }
    }

    /// The memory from an index on.
    pub(super) fn from(self, index: usize) -> Self {
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

impl RegisterKernel for Correlate<'_> {
    #[inline(always)]
    fn run<R: Register, const WIDE: bool>(mut self) {
        let Self {
            weights,
            channels,
            ref rows,
            ref pixels,
            ..
        } = self;
        assert!(channels > 0 && !rows.is_empty() && !pixels.is_empty());
        let last = |offsets: &[usize]| offsets.iter().max().copied().unwrap_or(0);
        assert_eq!(self.taps.len(), weights.taps.len());
        let far = (rows.end - 1) * weights.row + (channels - 1) * weights.channel;
        assert!(far + last(&weights.taps) < weights.values.len());
        assert!(self.bias.is_none_or(|bias| rows.end <= bias.len()));
        assert!(pixels.end <= self.stride);
        assert!((rows.end - 1) * self.stride + pixels.end <= self.out.len);
        let tiles = tiles(pixels.len(), R::LANES);
        self.gather::<R>(&tiles);
        let (mut row, end) = (self.rows.start, self.rows.end);
        while row < end {
            // SAFETY: the asserts above, and `gather` made the panels of the tiles; the rows stay within `rows`.
            unsafe {
                if WIDE && row + ROWS <= end {
                    self.block::<R, ROWS>(row, &tiles);
                    row += ROWS;
                } else if row + ROWS / 2 <= end {
                    self.block::<R, { ROWS / 2 }>(row, &tiles);
                    row += ROWS / 2;
                } else if row + 2 <= end {
                    self.block::<R, 2>(row, &tiles);
                    row += 2;
                } else {
                    self.block::<R, 1>(row, &tiles);
                    row += 1;
                }
            }
        }
    }
}

impl Correlate<'_> {
    /// Writes the patches of every tile as `[tile][channel][tap][pixel of the tile]`.
    #[inline(always)]
    fn gather<R: Register>(&mut self, tiles: &[Range<usize>]) {
        let depth = self.channels * self.taps.len();
        let across = tiles.last().map_or(0, |tile| tile.end);
        let reach = self.taps.iter().max().copied().unwrap_or(0) + (self.channels - 1) * self.plane;
        if self.panels.len() < depth * across + MOST_LANES {
            self.panels.resize(depth * across + MOST_LANES, 0.0);
        }
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
                for offset in (0..count).step_by(R::LANES) {
                    let from = row * self.pitch + column + offset;
                    assert!(from + reach + R::LANES <= self.input.len());
                    runs.push((from, pixel - tile.start + offset));
                }
                pixel += count;
            }
            let mut to = self.panels[tile.start * depth..].as_mut_ptr();
            for channel in 0..self.channels {
                for &tap in self.taps {
                    // SAFETY: the assert above bounds the loads; a store starts in the row of the panel that `to` is at,
                    // and a register past the last panel's end is there.
                    unsafe {
                        let from = self.input.as_ptr().add(channel * self.plane + tap);
                        for &(start, place) in &runs {
                            R::load(from.add(start)).store(to.add(place));
                        }
                        to = to.add(tile.len());
                    }
                }
            }
        }
    }

    /// # Safety
    ///
    /// The asserts of `run` hold, the panels of `tiles` are gathered, and `row + J` is within `rows`.
    #[inline(always)]
    unsafe fn block<R: Register, const J: usize>(&mut self, row: usize, tiles: &[Range<usize>]) {
        for tile in tiles {
            // SAFETY: the caller's promise.
            unsafe {
                match tile.len() / R::LANES {
                    1 => self.tile::<R, J, 1>(row, tile.start),
                    2 => self.tile::<R, J, 2>(row, tile.start),
                    _ => self.tile::<R, J, ACROSS>(row, tile.start),
                }
            }
        }
    }

    /// # Safety
    ///
    /// As for `block`; the tile at `start` has `N` registers.
    #[inline(always)]
    unsafe fn tile<R: Register, const J: usize, const N: usize>(
        &mut self,
        row: usize,
        start: usize,
    ) {
        let weights = self.weights;
        let mut sums = [[R::splat(0.0); N]; J];
        if let Some(bias) = self.bias {
            for j in 0..J {
                sums[j] = [R::splat(bias[row + j]); N];
            }
        }
        let depth = self.channels * self.taps.len();
        let mut panel = self.panels[start * depth..].as_ptr();
        for channel in 0..self.channels {
            for &tap in &weights.taps {
                // SAFETY: the panel has `depth` rows of `N` registers; the asserts of `run` bound the weights.
                unsafe {
                    let weight = weights
                        .values
                        .as_ptr()
                        .add(row * weights.row + channel * weights.channel + tap);
                    let mut x = [R::splat(0.0); N];
                    for n in 0..N {
                        x[n] = R::load(panel.add(n * R::LANES));
                    }
                    for j in 0..J {
                        let weight = R::splat(*weight.add(j * weights.row));
                        for n in 0..N {
                            sums[j][n] = x[n].madd(weight, sums[j][n]);
                        }
                    }
                    panel = panel.add(N * R::LANES);
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
                    if (n + 1) * R::LANES <= left {
                        sums[j][n].store(to.add(n * R::LANES));
                    } else {
                        let mut last = [0.0; MOST_LANES];
                        sums[j][n].store(last.as_mut_ptr());
                        let count = left - n * R::LANES;
                        std::ptr::copy_nonoverlapping(last.as_ptr(), to.add(n * R::LANES), count);
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
    /// `[pixels][channels of the tile]`, these a whole number of registers, at most [`ACROSS`].
    pub(super) upstream: &'a [f32],
    /// The sample's planes.
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

impl RegisterKernel for Accumulate<'_> {
    #[inline(always)]
    fn run<R: Register, const WIDE: bool>(mut self) {
        let across = self.sums.len() / self.rows.len();
        assert_eq!(self.sums.len(), across * self.rows.len());
        assert!(self.rows.len().is_multiple_of(ROWS) && across.is_multiple_of(R::LANES));
        assert!((1..=ACROSS).contains(&(across / R::LANES)));
        let lines = self.upstream.len() / (self.width * across);
        assert_eq!(self.upstream.len(), lines * self.width * across);
        let reach = (lines - 1) * self.pitch + self.width;
        assert!(self.rows.iter().all(|row| row + reach <= self.input.len()));
        let band = (BAND / (self.width * across)).max(1);
        for first in (0..lines).step_by(band) {
            let lines = first..(first + band).min(lines);
            // SAFETY: the asserts above.
            unsafe {
                match across / R::LANES {
                    1 => self.band::<R, WIDE, 1>(lines),
                    2 => self.band::<R, WIDE, 2>(lines),
                    _ => self.band::<R, WIDE, ACROSS>(lines),
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
    unsafe fn band<R: Register, const WIDE: bool, const N: usize>(&mut self, lines: Range<usize>) {
        // SAFETY: the caller's promise; the rows are a multiple of both.
        unsafe {
            if WIDE {
                for first in (0..self.rows.len()).step_by(ROWS) {
                    self.tile::<R, ROWS, N>(first, lines.clone());
                }
            } else {
                for first in (0..self.rows.len()).step_by(ROWS / 2) {
                    self.tile::<R, { ROWS / 2 }, N>(first, lines.clone());
                }
            }
        }
    }

    /// # Safety
    ///
    /// As for `band`; `first + J <= rows.len()`.
    #[inline(always)]
    unsafe fn tile<R: Register, const J: usize, const N: usize>(
        &mut self,
        first: usize,
        lines: Range<usize>,
    ) {
        let across = N * R::LANES;
        // SAFETY: `first + J` rows of `across` are there.
        unsafe {
            let sums_at = self.sums.as_mut_ptr().add(first * across);
            let mut sums = [[R::splat(0.0); N]; J];
            for j in 0..J {
                for n in 0..N {
                    sums[j][n] = R::load(sums_at.add(j * across + n * R::LANES));
                }
            }
            for line in lines {
                let mut upstream = self.upstream.as_ptr().add(line * self.width * across);
                let inputs: [*const f32; J] = std::array::from_fn(|j| {
                    self.input
                        .as_ptr()
                        .add(self.rows[first + j] + line * self.pitch)
                });
                for pixel in 0..self.width {
                    let mut dy = [R::splat(0.0); N];
                    for n in 0..N {
                        dy[n] = R::load(upstream.add(n * R::LANES));
                    }
                    for j in 0..J {
                        let x = R::splat(*inputs[j].add(pixel));
                        for n in 0..N {
                            sums[j][n] = dy[n].madd(x, sums[j][n]);
                        }
                    }
                    upstream = upstream.add(across);
                }
            }
            for j in 0..J {
                for n in 0..N {
                    sums[j][n].store(sums_at.add(j * across + n * R::LANES));
                }
            }
        }
    }
}
