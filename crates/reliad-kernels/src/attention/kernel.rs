//! The loops of attention, forward and backward, over contiguous `[batch, length, channels]` slices.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};
use crate::product::{Matrix, product};
use crate::vector::{exp, sums};

/// The sizes of an attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    pub(crate) batch: usize,
    pub(crate) queries: usize,
    pub(crate) keys: usize,
    pub(crate) channels: usize,
    pub(crate) heads: usize,
    pub(crate) causal: bool,
}

impl Geometry {
    fn width(&self) -> usize {
        self.channels / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width() as f32).sqrt()
    }

    /// Keys that a query sees.
    fn visible(&self, query: usize) -> usize {
        if self.causal {
            self.keys.min(query + 1)
        } else {
            self.keys
        }
    }

    /// `rows` rows of one head in `values`, whose first row they start at.
    fn head<'a>(&self, values: &'a [f32], head: usize, rows: usize) -> Matrix<'a> {
        Matrix {
            values: &values[head * self.width()..],
            rows,
            columns: self.width(),
            strides: [self.channels, 1],
        }
    }
}

/// Queries whose scores are held at once.
const ROWS: usize = 128;

/// A contiguous matrix.
fn dense(values: &[f32], rows: usize, columns: usize) -> Matrix<'_> {
    Matrix {
        values,
        rows,
        columns,
        strides: [columns, 1],
    }
}

/// The output, and the logarithm of the sum of exponentials of each `[batch, query, head]`.
pub(crate) fn forward(q: &[f32], k: &[f32], v: &[f32], geometry: Geometry) -> (Vec<f32>, Vec<f32>) {
    let Geometry {
        batch,
        queries,
        keys,
        channels,
        heads,
        ..
    } = geometry;
    let mut out = vec![0.0; batch * queries * channels];
    let mut logs = vec![0.0; batch * queries * heads];
    let mut jobs = Vec::new();
    for (sample, (out, logs)) in out
        .chunks_mut(queries * channels)
        .zip(logs.chunks_mut(queries * heads))
        .enumerate()
    {
        let blocks = out
            .chunks_mut(ROWS * channels)
            .zip(logs.chunks_mut(ROWS * heads))
            .enumerate();
        jobs.extend(blocks.map(|(block, (out, logs))| (sample, block * ROWS, out, logs)));
    }
    jobs.into_par_iter()
        .for_each_init(Vec::new, |scores, (sample, first, out, logs)| {
            let rows = out.len() / channels;
            let q = &q[(sample * queries + first) * channels..][..rows * channels];
            let k = &k[sample * keys * channels..][..keys * channels];
            let v = &v[sample * keys * channels..][..keys * channels];
            scores.resize(rows * keys, 0.0);
            for head in 0..heads {
                let keys_of_head = geometry.head(k, head, keys).transposed();
                product(
                    scores,
                    keys,
                    false,
                    geometry.scale(),
                    geometry.head(q, head, rows),
                    keys_of_head,
                );
                for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
                    let (seen, unseen) = scores.split_at_mut(geometry.visible(first + row));
                    unseen.fill(0.0);
                    dispatch(Softmax {
                        scores: seen,
                        log: &mut logs[row * heads + head],
                    });
                }
                let width = geometry.width();
                let values = geometry.head(v, head, keys);
                product(
                    &mut out[head * width..],
                    channels,
                    false,
                    1.0,
                    dense(scores, rows, keys),
                    values,
                );
            }
        });
    (out, logs)
}

struct Softmax<'a> {
    scores: &'a mut [f32],
    log: &'a mut f32,
}

impl Kernel for Softmax<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let mut most = [f32::NEG_INFINITY; 16];
        let (whole, rest) = self.scores.as_chunks::<16>();
        for chunk in whole {
            for (most, score) in most.iter_mut().zip(chunk) {
                *most = if *score > *most { *score } else { *most };
            }
        }
        let most = most
            .iter()
            .chain(rest)
            .fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        for score in self.scores.iter_mut() {
            *score = exp(set, *score - most);
        }
        let scores = &*self.scores;
        let [sum] = sums(scores.len(), |i| [scores[i]]);
        let share = 1.0 / sum;
        for score in self.scores.iter_mut() {
            *score *= share;
        }
        *self.log = most + sum.ln();
    }
}

/// Gradients of `q`, `k` and `v` from the upstream gradient `dy`, given what [`forward`] returned.
pub(crate) fn backward(
    [q, k, v]: [&[f32]; 3],
    out: &[f32],
    logs: &[f32],
    dy: &[f32],
    geometry: Geometry,
) -> [Vec<f32>; 3] {
    let Geometry {
        batch,
        queries,
        keys,
        channels,
        heads,
        ..
    } = geometry;
    let mut gradients = [
        vec![0.0; batch * queries * channels],
        vec![0.0; batch * keys * channels],
        vec![0.0; batch * keys * channels],
    ];
    let [dq, dk, dv] = &mut gradients;
    let per_query = queries * channels;
    let per_key = keys * channels;
    dq.par_chunks_mut(per_query)
        .zip(dk.par_chunks_mut(per_key).zip(dv.par_chunks_mut(per_key)))
        .enumerate()
        .for_each_init(
            || (Vec::new(), Vec::new()),
            |(shares, slopes), (sample, (dq, (dk, dv)))| {
                let [q, out, dy] =
                    [q, out, dy].map(|values| &values[sample * per_query..][..per_query]);
                let k = &k[sample * per_key..][..per_key];
                let v = &v[sample * per_key..][..per_key];
                let logs = &logs[sample * queries * heads..][..queries * heads];
                let width = geometry.width();
                let scale = geometry.scale();
                for head in 0..heads {
                    for first in (0..queries).step_by(ROWS) {
                        let rows = ROWS.min(queries - first);
                        let offset = first * channels;
                        let q = geometry.head(&q[offset..], head, rows);
                        let dy_of_head = geometry.head(&dy[offset..], head, rows);
                        shares.resize(rows * keys, 0.0);
                        slopes.resize(rows * keys, 0.0);
                        product(
                            shares,
                            keys,
                            false,
                            scale,
                            q,
                            geometry.head(k, head, keys).transposed(),
                        );
                        product(
                            slopes,
                            keys,
                            false,
                            1.0,
                            dy_of_head,
                            geometry.head(v, head, keys).transposed(),
                        );
                        for row in 0..rows {
                            let at = offset + row * channels + head * width;
                            let span = row * keys..(row + 1) * keys;
                            dispatch(Slopes {
                                shares: &mut shares[span.clone()],
                                slopes: &mut slopes[span],
                                visible: geometry.visible(first + row),
                                log: logs[(first + row) * heads + head],
                                out: &out[at..at + width],
                                dy: &dy[at..at + width],
                            });
                        }
                        let shares = dense(shares, rows, keys);
                        let slopes = dense(slopes, rows, keys);
                        let column = head * width;
                        product(
                            &mut dv[column..],
                            channels,
                            true,
                            1.0,
                            shares.transposed(),
                            dy_of_head,
                        );
                        product(
                            &mut dk[column..],
                            channels,
                            true,
                            scale,
                            slopes.transposed(),
                            q,
                        );
                        let k = geometry.head(k, head, keys);
                        product(
                            &mut dq[offset + column..],
                            channels,
                            false,
                            scale,
                            slopes,
                            k,
                        );
                    }
                }
            },
        );
    gradients
}

/// Scores to probabilities, and their upstream gradients to those of the scores: `dS = P (dP - sum(dy out))`.
struct Slopes<'a> {
    shares: &'a mut [f32],
    slopes: &'a mut [f32],
    visible: usize,
    log: f32,
    out: &'a [f32],
    dy: &'a [f32],
}

impl Kernel for Slopes<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let level: f32 = self.out.iter().zip(self.dy).map(|(a, b)| a * b).sum();
        for (share, slope) in self.shares.iter_mut().zip(self.slopes.iter_mut()) {
            *share = exp(set, *share - self.log);
            *slope = *share * (*slope - level);
        }
        self.shares[self.visible..].fill(0.0);
        self.slopes[self.visible..].fill(0.0);
    }
}
