//! Functions of f32 for loops that the compiler vectorises, and sums in a fixed order.

use crate::instructions::Instructions;

/// `e^x` to about 2 units in the last place, for vectorised loops; saturates below -87 and above 88.
///
/// Reduction `x = n ln 2 + r` and a polynomial of degree 6 (Cephes `expf`).
#[inline(always)]
pub(crate) fn exp(set: impl Instructions, x: f32) -> f32 {
    // 1.5 * 2^23: adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = set.madd(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = set.madd(n, -0.693_359_4, x);
    let r = set.madd(n, 2.121_944_4e-4, r);
    let mut p = set.madd(1.987_569_1e-4, r, 1.398_199_9e-3);
    p = set.madd(p, r, 8.333_452e-3);
    p = set.madd(p, r, 4.166_579_6e-2);
    p = set.madd(p, r, 1.666_666_5e-1);
    p = set.madd(p, r, 0.5);
    p = set.madd(p, r * r, r) + 1.0;
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(set: impl Instructions, x: f32) -> f32 {
    1.0 / (1.0 + exp(set, -x))
}

/// Normal distribution and density at `x`.
///
/// Abramowitz & Stegun 7.1.26: `erf(z) = 1 - p(t) e^(-z^2)`, `t = 1 / (1 + 0.3275911 z)`, within 1.5e-7.
#[inline(always)]
pub(crate) fn normal(set: impl Instructions, x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / set.madd(0.327_591_1, z, 1.0);
    let mut p = set.madd(1.061_405_4, t, -1.453_152);
    p = set.madd(p, t, 1.421_413_7);
    p = set.madd(p, t, -0.284_496_72);
    p = set.madd(p, t, 0.254_829_6);
    let bell = exp(set, -z * z);
    let tail = 0.5 * p * t * bell;
    let below = if x > 0.0 { 1.0 - tail } else { tail };
    // 1 / sqrt(2 pi)
    (below, 0.398_942_3 * bell)
}

/// Lanes of the accumulators of [`sums`]: the order of summation, the same on every processor.
const LANES: usize = 64;

/// Sums of `N` terms computed from each index below `len`, in a fixed order.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "one index into arrays of several sums"
)]
pub(crate) fn sums<const N: usize>(len: usize, terms: impl Fn(usize) -> [f32; N]) -> [f32; N] {
    let mut lanes = [[0.0f32; LANES]; N];
    let whole = len / LANES * LANES;
    let mut start = 0;
    while start < whole {
        for lane in 0..LANES {
            let t = terms(start + lane);
            for k in 0..N {
                lanes[k][lane] += t[k];
            }
        }
        start += LANES;
    }
    for lane in 0..len - whole {
        let t = terms(whole + lane);
        for k in 0..N {
            lanes[k][lane] += t[k];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for sum in &mut lanes {
            for lane in 0..width {
                sum[lane] += sum[lane + width];
            }
        }
        width /= 2;
    }
    lanes.map(|sum| sum[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instructions::tests::on_every_set;
    use crate::instructions::{Kernel, dispatch};

    #[test]
    fn exp_is_accurate_over_its_range() {
        struct Exponentials<'a>(&'a mut [f32]);
        impl Kernel for Exponentials<'_> {
            #[inline(always)]
            fn run<I: Instructions>(self, set: I) {
                self.0.iter_mut().for_each(|x| *x = exp(set, *x));
            }
        }
        let range = -8700..8800;
        let x: Vec<f32> = range.map(|i| i as f32 / 100.0).collect();
        for (name, _, y) in on_every_set(|| {
            let mut y = x.clone();
            dispatch(Exponentials(&mut y));
            y
        }) {
            for (x, y) in x.iter().zip(y) {
                let exact = f64::from(*x).exp();
                assert!(
                    (f64::from(y) / exact - 1.0).abs() < 3e-7,
                    "{name}: exp({x}) = {y}, expected {exact}"
                );
            }
        }
    }

    #[test]
    fn sums_take_every_term_once() {
        for len in [0, 1, 63, 64, 65, 200] {
            let [ones, indices] = sums(len, |i| [1.0, i as f32]);
            assert_eq!(ones as usize, len);
            assert_eq!(indices as usize, len * len.saturating_sub(1) / 2);
        }
    }
}
