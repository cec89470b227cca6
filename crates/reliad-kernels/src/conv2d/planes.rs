//! Planes of a convolution's input, padded, each a line that every kernel element reads along.
#![expect(
    unsafe_code,
    reason = "fresh memory is handed out as values once all of it is written"
)]

use std::borrow::Cow;
use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::arithmetic::paired;
use crate::register::MOST_LANES;

/// Planes padded with zeros. With a stride each is split into its phases, the sub-planes that hold every `stride`-th
/// row and column, so that each kernel element still reads along a line. Phases that no element reads are left out.
pub(super) struct Planes<'a> {
    pub(super) values: Cow<'a, [f32]>,
    /// How many values the room of an f32 holds: two where they are bf16.
    pub(super) in_one: usize,
    pub(super) channels: usize,
    pub(super) stride: usize,
    /// Phases kept along each axis.
    pub(super) phases: usize,
    /// Distance between rows.
    pub(super) pitch: usize,
    /// Distance between phases, a multiple of [`MOST_LANES`].
    pub(super) phase: usize,
}

impl Planes<'_> {
    /// Distance between channels.
    pub(super) fn plane(&self) -> usize {
        self.phases * self.phases * self.phase
    }

    pub(super) fn sample(&self, index: usize) -> &[f32] {
        &self.values[index * self.channels * self.plane() / self.in_one..]
    }

    /// The same as bf16 values, one after the other in the same room; places stay what they are.
    pub(super) fn paired(&self) -> Planes<'static> {
        let mut values = paired(&self.values);
        // The last pair of a row may reach past the last plane.
        values.push(0.0);
        Planes {
            values: Cow::Owned(values),
            in_one: 2,
            ..*self
        }
    }

    /// Where each kernel element reads, from the output's position.
    pub(super) fn taps(&self, kernel: usize) -> Vec<usize> {
        let tap = |u: usize, v: usize| {
            let phase = u % self.stride * self.phases + v % self.stride;
            phase * self.phase + u / self.stride * self.pitch + v / self.stride
        };
        (0..kernel * kernel)
            .map(|t| tap(t / kernel, t % kernel))
            .collect()
    }
}

/// Where [`lay`] puts planes.
pub(super) struct Layout {
    pub(super) channels: usize,
    /// Height and width of the source.
    pub(super) size: [usize; 2],
    /// Rows above and columns to the left of it.
    pub(super) before: [usize; 2],
    /// Height and width with the zeros.
    pub(super) into: [usize; 2],
    pub(super) stride: usize,
    /// Phases along each axis that are read.
    pub(super) phases: usize,
    /// No read will leave a plane, so planes that fit already need no copy.
    pub(super) exact: bool,
}

/// Sets fresh memory to zero.
fn zeroed(memory: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    memory.fill(MaybeUninit::new(0.0));
    // SAFETY: set on the line above.
    unsafe { memory.assume_init_mut() }
}

/// Lays planes out as the layout says; without a copy where they lie so already.
pub(super) fn lay(source: &[f32], layout: Layout) -> Planes<'_> {
    let Layout {
        channels,
        size: [height, width],
        before,
        into,
        stride,
        phases,
        exact,
    } = layout;
    let [rows, pitch] = into.map(|size| size.div_ceil(stride));
    let phase = (rows * pitch).next_multiple_of(MOST_LANES);
    let plane = phases * phases * phase;
    let fits = into == [height, width] && plane == height * width && stride == 1;
    let values = if exact && fits {
        Cow::Borrowed(source)
    } else {
        let planes = source.len() / (height * width) * plane;
        let mut values = Vec::with_capacity(planes + MOST_LANES);
        values.spare_capacity_mut()[..planes]
            .par_chunks_mut(plane)
            .zip(source.par_chunks(height * width))
            .for_each(|(to, from)| {
                if stride > 1 {
                    return split(zeroed(to), from, &layout, [pitch, phase]);
                }
                let mut laid = 0;
                for (row, from) in from.chunks_exact(width).enumerate() {
                    let start = (row + before[0]) * pitch + before[1];
                    to[laid..start].fill(MaybeUninit::new(0.0));
                    laid = start + width;
                    to[start..laid].write_copy_of_slice(from);
                }
                to[laid..].fill(MaybeUninit::new(0.0));
            });
        // SAFETY: every plane was written from its start to its end.
        unsafe { values.set_len(planes) };
        // Reads of whole registers run past the last plane.
        values.resize(planes + MOST_LANES, 0.0);
        Cow::Owned(values)
    };
    Planes {
        values,
        in_one: 1,
        channels,
        stride,
        phases,
        pitch,
        phase,
    }
}

/// Writes the phases of a plane; `to` is zero.
fn split(to: &mut [f32], from: &[f32], layout: &Layout, [pitch, phase]: [usize; 2]) {
    let Layout {
        size: [_, width],
        before,
        stride,
        phases,
        ..
    } = *layout;
    for (row, from) in from.chunks_exact(width).enumerate() {
        let row = row + before[0];
        if row % stride >= phases {
            continue;
        }
        for first in 0..stride.min(width) {
            let column = first + before[1];
            if column % stride >= phases {
                continue;
            }
            let start = (row % stride * phases + column % stride) * phase
                + row / stride * pitch
                + column / stride;
            let every = from[first..].iter().step_by(stride);
            for (to, from) in to[start..].iter_mut().zip(every) {
                *to = *from;
            }
        }
    }
}
