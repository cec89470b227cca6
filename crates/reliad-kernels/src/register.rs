//! Vector registers as types, for loops that must keep their sums in registers.
#![expect(
    unsafe_code,
    reason = "intrinsics; a register's value exists only where its features were promised"
)]

/// A register of f32 lanes. A value of a type says that this processor has the type's features.
pub(crate) trait Register: Copy {
    /// Lanes of the register; divides [`MOST_LANES`].
    const LANES: usize;
    /// Writes `LANES` values.
    ///
    /// # Safety
    ///
    /// `to` is valid for writing that many values.
    unsafe fn store(self, to: *mut f32);
    /// `self * by + sum`, per lane.
    fn madd(self, by: Self, sum: Self) -> Self;
}

/// A register whose lanes may hold two bf16 values instead of an f32, the first in the lower half.
pub(crate) trait Pairs: Register {
    /// The values of both, lane by lane, rounded to bf16.
    fn pair(self, second: Self) -> Self;
    /// `sum`, plus the product of the first values, plus that of the second ones, per lane; `sum` is f32.
    fn madd_pairs(self, by: Self, sum: Self) -> Self;
}

/// Lanes of the widest register; buffers are padded to this.
pub(crate) const MOST_LANES: usize = 16;

/// Four lanes, as every processor has them.
#[derive(Clone, Copy)]
pub(crate) struct Four([f32; 4]);

impl Four {
    #[inline(always)]
    pub(crate) fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    /// # Safety
    ///
    /// `from` is valid for reading 4 values.
    #[inline(always)]
    pub(crate) unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; arrays of f32 are aligned like f32.
        Self(unsafe { from.cast::<[f32; 4]>().read() })
    }
}

impl Register for Four {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise; arrays of f32 are aligned like f32.
        unsafe { to.cast::<[f32; 4]>().write(self.0) }
    }

    #[inline(always)]
    fn madd(self, by: Self, sum: Self) -> Self {
        Self(std::array::from_fn(|i| {
            if cfg!(target_arch = "aarch64") {
                self.0[i].mul_add(by.0[i], sum.0[i])
            } else {
                self.0[i] * by.0[i] + sum.0[i]
            }
        }))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Eight, Sixteen, SixteenPairs};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Pairs, Register};
    use std::arch::x86_64::{
        __m256, __m512, __m512bh, __m512i, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps,
        _mm256_storeu_ps, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_permutexvar_epi16, _mm512_set1_ps, _mm512_storeu_ps,
    };

    macro_rules! register {
        (
            $name:ident($type:ty), $lanes:literal, $features:literal,
            $splat:ident, $load:ident, $store:ident, $madd:ident
        ) => {
            #[doc = concat!($lanes, " lanes of ", $features, ".")]
            #[derive(Clone, Copy)]
            pub(crate) struct $name($type);

            impl $name {
                /// # Safety
                ///
                #[doc = concat!("The processor has ", $features, ".")]
                #[inline(always)]
                pub(crate) unsafe fn splat(value: f32) -> Self {
                    // SAFETY: the caller's promise.
                    Self(unsafe { $splat(value) })
                }

                /// # Safety
                ///
                #[doc = concat!("The processor has ", $features, "; `from` is valid for reading ", $lanes, " values.")]
                #[inline(always)]
                pub(crate) unsafe fn load(from: *const f32) -> Self {
                    // SAFETY: the caller's promise; the load needs no alignment.
                    Self(unsafe { $load(from) })
                }
            }

            impl Register for $name {
                const LANES: usize = $lanes;

                #[inline(always)]
                unsafe fn store(self, to: *mut f32) {
                    // SAFETY: the features are here, as whoever made `self` promised; the caller promises the memory.
                    unsafe { $store(to, self.0) }
                }

                #[inline(always)]
                fn madd(self, by: Self, sum: Self) -> Self {
                    // SAFETY: the features are here, as whoever made `self` promised.
                    Self(unsafe { $madd(self.0, by.0, sum.0) })
                }
            }
        };
    }

    register!(
        Sixteen(__m512),
        16,
        "`avx512f`",
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps
    );
    register!(
        Eight(__m256),
        8,
        "`avx` and `fma`",
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_fmadd_ps
    );
    register!(
        SixteenPairs(__m512),
        16,
        "`avx512f`, `avx512bw` and `avx512bf16`",
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_fmadd_ps
    );

    /// Where the words of [`Pairs::pair`] come from: of two halves, one word of each in turn.
    const INTERLEAVED: [u16; 32] = {
        let mut places = [0; 32];
        let mut i = 0;
        while i < 32 {
            places[i] = (i / 2 + i % 2 * 16) as u16;
            i += 1;
        }
        places
    };

    impl Pairs for SixteenPairs {
        #[inline(always)]
        fn pair(self, second: Self) -> Self {
            // SAFETY: the features are here, as whoever made `self` promised; a register is as long as the array, and its
            // bits may be read as numbers of any kind.
            unsafe {
                let places = _mm512_loadu_si512(INTERLEAVED.as_ptr().cast());
                let halves = _mm512_cvtne2ps_pbh(second.0, self.0);
                let halves = std::mem::transmute::<__m512bh, __m512i>(halves);
                let pairs = _mm512_permutexvar_epi16(places, halves);
                Self(std::mem::transmute::<__m512i, __m512>(pairs))
            }
        }

        #[inline(always)]
        fn madd_pairs(self, by: Self, sum: Self) -> Self {
            // SAFETY: as above.
            unsafe {
                let [x, by] =
                    [self, by].map(|pairs| std::mem::transmute::<__m512, __m512bh>(pairs.0));
                Self(_mm512_dpbf16_ps(sum.0, x, by))
            }
        }
    }
}
