//! The loop of dropout.

use rayon::prelude::*;

use crate::instructions::{Instructions, Kernel, dispatch};

/// Values that a thread computes in one go.
const RUN: usize = 1 << 12;

/// What is dropped, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) key: [u32; 2],
    /// 0 to below 1.
    pub(crate) probability: f32,
}

/// `x` or its gradient, with the elements at the dropped places zeroed and the others scaled.
pub(crate) fn masked(x: &[f32], options: Options) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    y.par_chunks_mut(RUN)
        .zip(x.par_chunks(RUN))
        .enumerate()
        .for_each(|(number, (y, x))| {
            // Every run has a key of its own, so that places count from 0 and fit 32 bits.
            let [low, high] = options.key;
            dispatch(Masked {
                x,
                y,
                key: [mixed(low ^ mixed(number as u32)), high],
                least: (f64::from(options.probability) * 4_294_967_296.0) as u32,
                scale: (1.0 - options.probability).recip(),
            });
        });
    y
}

struct Masked<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    key: [u32; 2],
    /// Hashes below it are dropped.
    least: u32,
    scale: f32,
}

impl Kernel for Masked<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, _: I) {
        let [first, second] = self.key;
        for (place, (y, x)) in self.y.iter_mut().zip(self.x).enumerate() {
            let hash = mixed(mixed((place as u32).wrapping_add(first)) ^ second);
            *y = if hash < self.least {
                0.0
            } else {
                x * self.scale
            };
        }
    }
}

/// A permutation of 32 bits that changes each of them with about half of its input's (the "lowbias32" of C. Wellons,
/// <https://nullprogram.com/blog/2018/07/31/>).
#[inline(always)]
fn mixed(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}
