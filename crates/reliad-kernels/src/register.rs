//! Vector registers as one type per instruction set, for loops that must keep their sums in registers.
#![expect(
    unsafe_code,
    reason = "intrinsics; each type is handed out only where its features were checked"
)]

/// A register of f32 lanes.
pub(crate) trait Register: Copy {
    /// Lanes of the register; divides [`MOST_LANES`].
    const LANES: usize;
    /// All lanes equal.
    fn splat(value: f32) -> Self;
    /// Reads `LANES` values.
    ///
    /// # Safety
    ///
    /// `from` is valid for reading that many values.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes `LANES` values.
    ///
    /// # Safety
    ///
    /// `to` is valid for writing that many values.
    unsafe fn store(self, to: *mut f32);
    /// `self * by + sum`, per lane.
    fn madd(self, by: Self, sum: Self) -> Self;
}

/// Lanes of the widest register; buffers are padded to this.
pub(crate) const MOST_LANES: usize = 16;

/// Loops over registers, compiled once per instruction set. `WIDE` says that there are 32 registers instead of 16.
///
/// `run` and everything it calls must be `#[inline(always)]`, so that it is compiled with the features of its caller.
pub(crate) trait RegisterKernel {
    /// Runs the loops.
    fn run<R: Register, const WIDE: bool>(self);
}

/// The instruction sets that loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

impl Set {
    /// The widest one of this processor.
    fn widest() -> Self {
        #[cfg(test)]
        let most = tests::MOST_LANES_OF_A_SET.load(std::sync::atomic::Ordering::Relaxed);
        #[cfg(not(test))]
        let most = MOST_LANES;
        #[cfg(target_arch = "x86_64")]
        {
            if most >= 16 && is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if most >= 8 && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        let _ = most;
        Self::Plain
    }
}

/// Lanes of the registers that [`dispatch`] uses.
pub(crate) fn lanes() -> usize {
    match Set::widest() {
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => 16,
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => 8,
        Set::Plain => <[f32; 4]>::LANES,
    }
}

/// Runs `kernel` with the widest registers of this processor.
#[inline]
pub(crate) fn dispatch(kernel: impl RegisterKernel) {
    match Set::widest() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the feature.
        Set::Avx512 => unsafe { x86::avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the features.
        Set::Avx2 => unsafe { x86::avx2(kernel) },
        Set::Plain => kernel.run::<[f32; 4], { cfg!(target_arch = "aarch64") }>(),
    }
}

impl Register for [f32; 4] {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: f32) -> Self {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; arrays of f32 are aligned like f32.
        unsafe { from.cast::<Self>().read() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise; arrays of f32 are aligned like f32.
        unsafe { to.cast::<Self>().write(self) }
    }

    #[inline(always)]
    fn madd(self, by: Self, sum: Self) -> Self {
        std::array::from_fn(|i| {
            if cfg!(target_arch = "aarch64") {
                self[i].mul_add(by[i], sum[i])
            } else {
                self[i] * by[i] + sum[i]
            }
        })
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Register, RegisterKernel};
    use std::arch::x86_64::{
        __m256, __m512, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps,
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps,
    };

    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) fn avx512(kernel: impl RegisterKernel) {
        kernel.run::<__m512, true>();
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2(kernel: impl RegisterKernel) {
        kernel.run::<__m256, false>();
    }

    macro_rules! register {
        ($type:ty, $lanes:literal, $splat:ident, $load:ident, $store:ident, $madd:ident) => {
            impl Register for $type {
                const LANES: usize = $lanes;

                #[inline(always)]
                fn splat(value: f32) -> Self {
                    // SAFETY: only run below `avx512` or `avx2`, which have the features.
                    unsafe { $splat(value) }
                }

                #[inline(always)]
                unsafe fn load(from: *const f32) -> Self {
                    // SAFETY: features as above; the caller promises the memory.
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    // SAFETY: features as above; the caller promises the memory.
                    unsafe { $store(to, self) }
                }

                #[inline(always)]
                fn madd(self, by: Self, sum: Self) -> Self {
                    // SAFETY: features as above.
                    unsafe { $madd(self, by, sum) }
                }
            }
        };
    }

    register!(
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps
    );
    register!(
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps
    );
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::AtomicUsize;

    /// Sets of wider registers are passed over, so that tests reach every set that the processor has.
    pub(crate) static MOST_LANES_OF_A_SET: AtomicUsize = AtomicUsize::new(super::MOST_LANES);
}
