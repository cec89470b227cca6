//! In what numbers the products of convolutions are formed.
//!
//! Values in memory and sums are f32 in either arithmetic. [`Arithmetic::Bf16`] rounds the two factors of every product to
//! bf16 and multiplies two pairs of them at once, as PyTorch does for f32 under `torch.autocast("cpu", torch.bfloat16)`.
#![expect(unsafe_code, reason = "reads where a caller promises values")]

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::instructions::{
    Instructions, Kernel, PairKernel, dispatch, dispatch_pairs, lanes, pairs_are_here,
};
use crate::register::{MOST_LANES, Pairs, Register};

/// In what numbers products are formed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arithmetic {
    /// In f32.
    #[default]
    F32,
    /// In bf16, where the processor has AVX512-BF16.
    Bf16,
}

static BF16: AtomicBool = AtomicBool::new(false);

impl Arithmetic {
    /// Whether this processor has it.
    pub fn is_here(self) -> bool {
        match self {
            Self::F32 => true,
            Self::Bf16 => pairs_are_here(),
        }
    }

    /// Makes it that of the process, from the next operation on. Gradients keep the arithmetic of their output.
    ///
    /// # Errors
    ///
    /// The arithmetic itself, where the processor doesn't have it; then nothing changes.
    pub fn choose(self) -> Result<(), Self> {
        if !self.is_here() {
            return Err(self);
        }
        BF16.store(self == Self::Bf16, Ordering::Relaxed);
        Ok(())
    }

    /// That of the process; [`Arithmetic::F32`] unless another was chosen.
    pub fn chosen() -> Self {
        if BF16.load(Ordering::Relaxed) {
            Self::Bf16
        } else {
            Self::F32
        }
    }
}

impl Arithmetic {
    /// Lanes of the registers that [`dispatch_in`] gives.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::F32 => lanes(),
            // The one instruction set that has pairs has the widest registers.
            Self::Bf16 => MOST_LANES,
        }
    }
}

/// How a lane of a register holds factors, and how they are multiplied.
pub(crate) trait Factors<R: Register> {
    /// Values of one lane.
    const VALUES: usize;
    /// A value that is read by itself.
    type Value: Copy;

    /// The factors of each lane, from the first value and, where there are two, from the second.
    fn join(first: R, second: impl FnOnce() -> R) -> R;

    /// Adds the products to the sums.
    fn madd(x: R, by: R, sum: R) -> R;

    /// The factors that begin at a value, in all lanes.
    ///
    /// # Safety
    ///
    /// `from` is valid for reading `VALUES` values.
    unsafe fn splat<I: Instructions<Register = R>>(set: I, from: *const Self::Value) -> R;
}

/// One f32 a lane.
struct Single;

impl<R: Register> Factors<R> for Single {
    const VALUES: usize = 1;
    type Value = f32;

    #[inline(always)]
    fn join(first: R, _: impl FnOnce() -> R) -> R {
        first
    }

    #[inline(always)]
    fn madd(x: R, by: R, sum: R) -> R {
        x.madd(by, sum)
    }

    #[inline(always)]
    unsafe fn splat<I: Instructions<Register = R>>(set: I, from: *const f32) -> R {
        // SAFETY: the caller's promise.
        set.splat(unsafe { *from })
    }
}

/// Two bf16 a lane, the first in the lower half.
struct Double;

impl<R: Pairs> Factors<R> for Double {
    const VALUES: usize = 2;
    type Value = u16;

    #[inline(always)]
    fn join(first: R, second: impl FnOnce() -> R) -> R {
        first.pair(second())
    }

    #[inline(always)]
    fn madd(x: R, by: R, sum: R) -> R {
        x.madd_pairs(by, sum)
    }

    #[inline(always)]
    unsafe fn splat<I: Instructions<Register = R>>(set: I, from: *const u16) -> R {
        // SAFETY: the caller's promise; the read needs no alignment.
        set.splat(f32::from_bits(unsafe {
            from.cast::<u32>().read_unaligned()
        }))
    }
}

/// A loop nest for factors of either kind; otherwise as a [`Kernel`].
pub(crate) trait FactorKernel {
    /// Runs the loops.
    fn run<I: Instructions, F: Factors<I::Register>>(self, set: I);
}

struct InSingles<K>(K);

impl<K: FactorKernel> Kernel for InSingles<K> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        self.0.run::<I, Single>(set);
    }
}

struct InPairs<K>(K);

impl<K: FactorKernel> PairKernel for InPairs<K> {
    #[inline(always)]
    fn run<I: Instructions<Register: Pairs>>(self, set: I) {
        self.0.run::<I, Double>(set);
    }
}

/// Runs `kernel` on the factors of an arithmetic.
pub(crate) fn dispatch_in(arithmetic: Arithmetic, kernel: impl FactorKernel) {
    match arithmetic {
        Arithmetic::F32 => dispatch(InSingles(kernel)),
        Arithmetic::Bf16 => dispatch_pairs(InPairs(kernel)),
    }
}

/// The bits of the nearest bf16, ties to even.
#[inline(always)]
pub(crate) fn bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    // What isn't a number stays so.
    if value.is_nan() {
        return 0x7fc0;
    }
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// Two values as the factors of a lane that holds pairs.
#[inline(always)]
pub(crate) fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(u32::from(bf16(first)) | u32::from(bf16(second)) << 16)
}

/// Values as pairs of bf16, in the order of the values; where the last has no second value, it is zero.
pub(crate) fn paired(values: &[f32]) -> Vec<f32> {
    let pairs = values.par_chunks(2);
    let pairs = pairs.map(|values| pair(values[0], values.get(1).copied().unwrap_or(0.0)));
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_the_nearest_and_ties_to_even() {
        let one = 0x3f80;
        let rounded = [
            (1.0, one),
            (1.0 + 1.0 / 256.0, one),
            (1.0 + 1.0 / 255.0, one + 1),
            (1.0 + 3.0 / 256.0, one + 2),
            (-2.0, 0xc000),
            (f32::INFINITY, 0x7f80),
            (f32::MAX, 0x7f80),
            (f32::NAN, 0x7fc0),
        ];
        for (value, wanted) in rounded {
            assert_eq!(bf16(value), wanted, "{value}");
        }
        assert_eq!(pair(1.0, -2.0).to_bits(), 0xc000_3f80);
    }
}
