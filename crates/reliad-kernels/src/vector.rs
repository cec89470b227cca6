//! Instruction sets chosen at run time for loops that the compiler vectorises.

/// A loop nest to be compiled once per instruction set.
///
/// `run` and everything it calls must be `#[inline(always)]`, so that it is compiled with the features of its caller.
pub(crate) trait Kernel {
    /// Runs the loops. `FMA` says that a fused multiply-add is one instruction.
    fn run<const FMA: bool>(self);
}

/// Runs `kernel` with the widest instruction set of this processor.
#[inline]
#[expect(
    unsafe_code,
    reason = "features are checked on the line above each call"
)]
pub(crate) fn vectorised(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("fma")
        {
            // SAFETY: the processor has the features.
            return unsafe { avx512(kernel) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { avx2(kernel) };
        }
    }
    kernel.run::<{ cfg!(target_arch = "aarch64") }>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
fn avx512(kernel: impl Kernel) {
    kernel.run::<true>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(kernel: impl Kernel) {
    kernel.run::<true>();
}

/// `a * b + c`, fused where that is one instruction.
#[inline(always)]
pub(crate) fn madd<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `e^x` to about 2 units in the last place, for vectorised loops; saturates below -87 and above 88.
///
/// Reduction `x = n ln 2 + r` and a polynomial of degree 6 (Cephes `expf`).
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(x: f32) -> f32 {
    // 1.5 * 2^23: adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = madd::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = madd::<FMA>(n, -0.693_359_4, x);
    let r = madd::<FMA>(n, 2.121_944_4e-4, r);
    let mut p = madd::<FMA>(1.987_569_1e-4, r, 1.398_199_9e-3);
    p = madd::<FMA>(p, r, 8.333_452e-3);
    p = madd::<FMA>(p, r, 4.166_579_6e-2);
    p = madd::<FMA>(p, r, 1.666_666_5e-1);
    p = madd::<FMA>(p, r, 0.5);
    p = madd::<FMA>(p, r * r, r) + 1.0;
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid<const FMA: bool>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<FMA>(-x))
}

/// Normal distribution and density at `x`.
///
/// Abramowitz & Stegun 7.1.26: `erf(z) = 1 - p(t) e^(-z^2)`, `t = 1 / (1 + 0.3275911 z)`, within 1.5e-7.
#[inline(always)]
pub(crate) fn normal<const FMA: bool>(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / madd::<FMA>(0.327_591_1, z, 1.0);
    let mut p = madd::<FMA>(1.061_405_4, t, -1.453_152);
    p = madd::<FMA>(p, t, 1.421_413_7);
    p = madd::<FMA>(p, t, -0.284_496_72);
    p = madd::<FMA>(p, t, 0.254_829_6);
    let bell = exp::<FMA>(-z * z);
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

    #[test]
    fn exp_is_accurate_over_its_range() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp();
            for value in [exp::<true>(x), exp::<false>(x)] {
                assert!(
                    (f64::from(value) / exact - 1.0).abs() < 3e-7,
                    "exp({x}) = {value}, expected {exact}"
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
