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
pub(crate) use x86::{Eight, Sixteen};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Register;
    use std::arch::x86_64::{
        __m256, __m512, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps,
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_storeu_ps,
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
}
