//! The inner loops of the convolution: sums kept in registers over padded, flattened planes.
#![expect(
    clippy::needless_range_loop,
    reason = "indices of fixed arrays unroll into registers"
)]
#![expect(
    unsafe_code,
    reason = "loads at offsets that are checked once per call instead of once per load"
)]

use crate::register::{MOST_LANES, Register, RegisterKernel};

/// Output channels of one block of packed weights: the tile's sums, its inputs and a weight are to fit the registers,
/// 8 x 3 + 3 + 1 of 32, or 6 x 2 + 2 + 1 of 16.
pub(crate) fn block_rows() -> usize {
    if crate::register::wide() { 8 } else { 6 }
}

/// `out[j][p] = sum over c, t of weights[c][t][j] * input[c * plane + p + taps[t]]` for one block of output channels.
pub(crate) struct Correlate<'a> {
    /// Planes of the input, from the first position wanted.
    pub(crate) input: &'a [f32],
    /// Distance between channels of the input.
    pub(crate) plane: usize,
    /// Input channels.
    pub(crate) channels: usize,
    /// Offset of each kernel element in a plane.
    pub(crate) taps: &'a [usize],
    /// `[channels][taps][block_rows()]`.
    pub(crate) weights: &'a [f32],
    /// `[block_rows()][positions]`.
    pub(crate) out: &'a mut [f32],
    /// Positions computed, a multiple of [`MOST_LANES`].
    pub(crate) positions: usize,
}

impl RegisterKernel for Correlate<'_> {
    #[inline(always)]
    fn run<R: Register, const WIDE: bool>(mut self) {
        if WIDE {
            self.blocks::<R, 8, 3>()
        } else {
            self.blocks::<R, 6, 2>()
        }
    }
}

impl Correlate<'_> {
    #[inline(always)]
    fn blocks<R: Register, const J: usize, const N: usize>(&mut self) {
        let reach = self.taps.iter().max().copied().unwrap_or(0) + self.positions;
        assert!(self.channels > 0 && (self.channels - 1) * self.plane + reach <= self.input.len());
        assert!(self.positions.is_multiple_of(MOST_LANES));
        assert_eq!(self.weights.len(), self.channels * self.taps.len() * J);
        assert!(self.out.len() >= J * self.positions);
        let mut start = 0;
        while start < self.positions {
            let registers = ((self.positions - start) / R::LANES).min(N);
            // SAFETY: `start` plus the registers' lanes stays within `positions`, and the asserts above bound the rest.
            unsafe {
                match registers {
                    0 => return,
                    1 => self.tile::<R, J, 1>(start),
                    2 => self.tile::<R, J, 2>(start),
                    _ => self.tile::<R, J, N>(start),
                }
            }
            start += registers * R::LANES;
        }
    }

    /// # Safety
    ///
    /// The asserts of `blocks` hold and `start + N * LANES <= positions`.
    #[inline(always)]
    unsafe fn tile<R: Register, const J: usize, const N: usize>(&mut self, start: usize) {
        let mut sums = [[R::splat(0.0); N]; J];
        let mut weights = self.weights.as_ptr();
        for channel in 0..self.channels {
            // SAFETY: within the first assert of `blocks`.
            let plane = unsafe { self.input.as_ptr().add(channel * self.plane + start) };
            for &tap in self.taps {
                // SAFETY: `channel * plane + start + tap + N * LANES` is at most the length asserted; the weights
                // advance by `J` per (channel, tap), which is their asserted length.
                unsafe {
                    let mut x = [R::splat(0.0); N];
                    for n in 0..N {
                        x[n] = R::load(plane.add(tap + n * R::LANES));
                    }
                    for j in 0..J {
                        let weight = R::splat(*weights.add(j));
                        for n in 0..N {
                            sums[j][n] = x[n].madd(weight, sums[j][n]);
                        }
                    }
                    weights = weights.add(J);
                }
            }
        }
        for j in 0..J {
            for n in 0..N {
                // SAFETY: `out` holds `J` rows of `positions`.
                unsafe {
                    sums[j][n].store(
                        self.out
                            .as_mut_ptr()
                            .add(j * self.positions + start + n * R::LANES),
                    )
                }
            }
        }
    }
}

/// Output channels whose weight gradients [`Accumulate`] sums together.
pub(crate) const GRADIENT_ROWS: usize = 3;

/// Adds to `sums[j][c][t]` the products of `upstream[rows[j] + p]` and `input[c * plane + p + taps[t]]` over a run of
/// positions, for all input channels.
pub(crate) struct Accumulate<'a> {
    /// Upstream gradient from the first sample on.
    pub(crate) upstream: &'a [f32],
    /// Start of each output channel in `upstream`.
    pub(crate) rows: [usize; GRADIENT_ROWS],
    /// Planes of the input from the first sample on.
    pub(crate) input: &'a [f32],
    /// Distance between channels of the input.
    pub(crate) plane: usize,
    /// Input channels.
    pub(crate) channels: usize,
    /// Offset of each kernel element in a plane.
    pub(crate) taps: &'a [usize],
    /// Samples to sum.
    pub(crate) samples: usize,
    /// Distance between samples in `upstream` and in `input`.
    pub(crate) steps: [usize; 2],
    /// First position and number of positions, a multiple of [`MOST_LANES`].
    pub(crate) run: (usize, usize),
    /// `[channels][taps][GRADIENT_ROWS][MOST_LANES]`.
    pub(crate) sums: &'a mut [f32],
}

impl RegisterKernel for Accumulate<'_> {
    #[inline(always)]
    fn run<R: Register, const WIDE: bool>(mut self) {
        let (start, count) = self.run;
        let reach = self.taps.iter().max().copied().unwrap_or(0) + start + count;
        assert!(self.channels > 0 && self.samples > 0);
        let [last_upstream, last_input] = self.steps.map(|step| step * (self.samples - 1));
        assert!(last_input + (self.channels - 1) * self.plane + reach <= self.input.len());
        assert!(count.is_multiple_of(MOST_LANES));
        assert!(
            self.rows
                .iter()
                .all(|row| last_upstream + row + start + count <= self.upstream.len())
        );
        assert_eq!(
            self.sums.len(),
            self.channels * self.taps.len() * GRADIENT_ROWS * MOST_LANES
        );
        // SAFETY: the asserts above bound every load and store of the tiles.
        unsafe {
            if let Ok(taps) = <[usize; 9]>::try_from(self.taps) {
                for channel in 0..self.channels {
                    if WIDE {
                        self.tile::<R, 3, 1, 9>(0, channel, taps);
                    } else {
                        // A row of the kernel at a time: 3 x 3 sums, three upstream values and an input of 16.
                        let [a, b, c, d, e, f, g, h, i] = taps;
                        for row in [[a, b, c], [d, e, f], [g, h, i]] {
                            self.tile::<R, 3, 1, 3>(0, channel, row);
                        }
                    }
                }
            } else {
                for &tap in self.taps {
                    let mut channel = 0;
                    while channel < self.channels {
                        if self.taps.len() == 1 && WIDE && channel + 8 <= self.channels {
                            self.tile::<R, 3, 8, 1>(0, channel, [tap]);
                            channel += 8;
                        } else if self.taps.len() == 1 && channel + 3 <= self.channels {
                            self.tile::<R, 3, 3, 1>(0, channel, [tap]);
                            channel += 3;
                        } else {
                            self.tile::<R, 3, 1, 1>(0, channel, [tap]);
                            channel += 1;
                        }
                    }
                }
            }
        }
    }
}

impl Accumulate<'_> {
    /// # Safety
    ///
    /// The asserts of `run` hold; `row + J <= GRADIENT_ROWS` and `channel + C <= channels`.
    #[inline(always)]
    unsafe fn tile<R: Register, const J: usize, const C: usize, const T: usize>(
        &mut self,
        row: usize,
        channel: usize,
        taps: [usize; T],
    ) {
        let (start, count) = self.run;
        let mut sums = [[[R::splat(0.0); T]; C]; J];
        for sample in 0..self.samples {
            // SAFETY: within the asserts of `run`, as every load below.
            let (upstream, input) = unsafe {
                (
                    self.upstream.as_ptr().add(sample * self.steps[0]),
                    self.input
                        .as_ptr()
                        .add(sample * self.steps[1] + channel * self.plane),
                )
            };
            let mut position = start;
            while position < start + count {
                // SAFETY: see above.
                unsafe {
                    let mut dy = [R::splat(0.0); J];
                    for j in 0..J {
                        dy[j] = R::load(upstream.add(self.rows[row + j] + position));
                    }
                    for c in 0..C {
                        let plane = input.add(c * self.plane + position);
                        for t in 0..T {
                            let x = R::load(plane.add(taps[t]));
                            for j in 0..J {
                                sums[j][c][t] = x.madd(dy[j], sums[j][c][t]);
                            }
                        }
                    }
                }
                position += R::LANES;
            }
        }
        let first_tap = self
            .taps
            .iter()
            .position(|tap| *tap == taps[0])
            .unwrap_or(0);
        for j in 0..J {
            for c in 0..C {
                for t in 0..T {
                    let slot =
                        ((channel + c) * self.taps.len() + first_tap + t) * GRADIENT_ROWS + row + j;
                    // SAFETY: the length of `sums` is asserted.
                    unsafe {
                        let to = self.sums.as_mut_ptr().add(slot * MOST_LANES);
                        sums[j][c][t].madd(R::splat(1.0), R::load(to)).store(to);
                    }
                }
            }
        }
    }
}
