//! The loops of maximum pooling, over planes.

use std::ops::Range;

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};

/// A window of pooling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Rows and columns of the window.
    pub(super) size: usize,
    /// Rows and columns between windows.
    pub(super) stride: usize,
    /// Rows and columns around the input that never win.
    pub(super) padding: usize,
}

impl Window {
    /// Windows along an axis of `size` values.
    pub(super) fn count(self, size: usize) -> usize {
        (size + 2 * self.padding - self.size) / self.stride + 1
    }

    /// The values of an axis of `size` values that window `index` sees.
    fn span(self, index: usize, size: usize) -> Range<usize> {
        let start = index * self.stride;
        start.saturating_sub(self.padding)..(start + self.size - self.padding).min(size)
    }
}

/// Whether `value` takes the place of the largest so far; a NaN does, and stays.
#[inline(always)]
fn beats(value: f32, largest: f32) -> bool {
    value > largest || value.is_nan()
}

/// Pools planes of `[height, width]`.
pub(super) fn forward(x: &[f32], [height, width]: [usize; 2], window: Window) -> Vec<f32> {
    let [rows, columns] = [height, width].map(|size| window.count(size));
    let mut y = vec![0.0; x.len() / (height * width) * rows * columns];
    y.par_chunks_mut(rows * columns)
        .zip(x.par_chunks(height * width))
        .for_each_init(
            || vec![0.0; width],
            |highest, (y, x)| {
                for (row, y) in y.chunks_exact_mut(columns).enumerate() {
                    dispatch(Row {
                        lines: &x[window.span(row, height).start * width
                            ..window.span(row, height).end * width],
                        highest,
                        y,
                        window,
                    });
                }
            },
        );
    y
}

/// One row of the output: first the largest of each column, then of neighbouring columns.
struct Row<'a> {
    lines: &'a [f32],
    highest: &'a mut [f32],
    y: &'a mut [f32],
    window: Window,
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, _: I) {
        let width = self.highest.len();
        let mut lines = self.lines.chunks_exact(width);
        if let Some(first) = lines.next() {
            self.highest.copy_from_slice(first);
        }
        for line in lines {
            for (highest, value) in self.highest.iter_mut().zip(line) {
                *highest = if beats(*value, *highest) {
                    *value
                } else {
                    *highest
                };
            }
        }
        for (column, y) in self.y.iter_mut().enumerate() {
            let seen = &self.highest[self.window.span(column, width)];
            *y = seen.iter().fold(f32::NEG_INFINITY, |largest, value| {
                if beats(*value, largest) {
                    *value
                } else {
                    largest
                }
            });
        }
    }
}

/// Gradient of `x` from the upstream gradient `dy`: each goes to the first of the largest values of its window.
pub(super) fn backward(
    x: &[f32],
    dy: &[f32],
    [height, width]: [usize; 2],
    window: Window,
) -> Vec<f32> {
    let [rows, columns] = [height, width].map(|size| window.count(size));
    let mut dx = vec![0.0; x.len()];
    dx.par_chunks_mut(height * width)
        .zip(
            x.par_chunks(height * width)
                .zip(dy.par_chunks(rows * columns)),
        )
        .for_each(|(dx, (x, dy))| {
            for (index, dy) in dy.iter().enumerate() {
                let (lines, seen) = (
                    window.span(index / columns, height),
                    window.span(index % columns, width),
                );
                let mut first = lines.start * width + seen.start;
                for place in lines.flat_map(|line| seen.clone().map(move |at| line * width + at)) {
                    if beats(x[place], x[first]) {
                        first = place;
                    }
                }
                dx[first] += dy;
            }
        });
    dx
}
