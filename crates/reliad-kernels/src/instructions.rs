//! Which instructions the loops of this crate run on: chosen here, once, and handed to them as a value.
//!
//! A loop nest is a [`Kernel`]. It is compiled once per instruction set, and gets a value of that set's type, which exists
//! only where the processor was found to have the set's features; registers come from such a value. What AVX-512 and AVX2
//! compute is equal to the bit; without fused multiply-adds results differ by rounding.
#![expect(
    unsafe_code,
    reason = "functions with other target features than the program's; a check stands before each call"
)]

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use crate::register::{Eight, Sixteen, SixteenPairs};
use crate::register::{Four, Pairs, Register};

/// A loop nest.
///
/// `run` and everything it calls must be `#[inline(always)]`, so that it is compiled with the features of its caller.
pub(crate) trait Kernel {
    /// Runs the loops.
    fn run<I: Instructions>(self, set: I);
}

/// A loop nest that multiplies pairs of bf16 values; otherwise as a [`Kernel`].
pub(crate) trait PairKernel {
    /// Runs the loops.
    fn run<I: Instructions<Register: Pairs>>(self, set: I);
}

/// An instruction set. A value of the type says that this processor has it.
pub(crate) trait Instructions: Copy {
    /// The widest registers.
    type Register: Register;

    /// Whether a fused multiply-add is one instruction.
    const FMA: bool;

    /// Whether there are 32 registers instead of 16.
    const WIDE: bool;

    /// A register with all lanes equal.
    fn splat(self, value: f32) -> Self::Register;

    /// Reads a register.
    ///
    /// # Safety
    ///
    /// `from` is valid for reading [`Register::LANES`] values.
    unsafe fn load(self, from: *const f32) -> Self::Register;

    /// `a * b + c`, fused where that is one instruction.
    #[inline(always)]
    fn madd(self, a: f32, b: f32, c: f32) -> f32 {
        if Self::FMA {
            a.mul_add(b, c)
        } else {
            a * b + c
        }
    }
}

/// The instructions that every processor of the target has.
#[derive(Clone, Copy)]
pub(crate) struct Baseline(());

impl Instructions for Baseline {
    type Register = Four;
    const FMA: bool = cfg!(target_arch = "aarch64");
    const WIDE: bool = cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn splat(self, value: f32) -> Four {
        Four::splat(value)
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Four {
        // SAFETY: the caller's promise.
        unsafe { Four::load(from) }
    }
}

/// An instruction set of x86-64: its type, the check for it and the function that runs kernels on it, from one list of
/// features.
#[cfg(target_arch = "x86_64")]
macro_rules! x86 {
    ($set:ident, $register:ident, $kernel:ident, wide: $wide:literal, $($feature:tt),+) => {
        #[doc = concat!("The features", $(" `", $feature, "`"),+, ".")]
        #[derive(Clone, Copy)]
        pub(crate) struct $set(());

        impl $set {
            fn is_here() -> bool {
                $(is_x86_feature_detected!($feature))&&+
            }

            #[target_feature($(enable = $feature),+)]
            fn run(kernel: impl $kernel) {
                kernel.run(Self(()));
            }
        }

        impl Instructions for $set {
            type Register = $register;
            const FMA: bool = true;
            const WIDE: bool = $wide;

            #[inline(always)]
            fn splat(self, value: f32) -> $register {
                // SAFETY: `run` makes the only values of this type, so the features of the register are here.
                unsafe { $register::splat(value) }
            }

            #[inline(always)]
            unsafe fn load(self, from: *const f32) -> $register {
                // SAFETY: features as above; the caller promises the memory.
                unsafe { $register::load(from) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
x86!(Avx512, Sixteen, Kernel, wide: true, "avx512f", "avx512vl", "avx512dq", "avx512bw", "avx2", "fma");
#[cfg(target_arch = "x86_64")]
x86!(Avx2, Eight, Kernel, wide: false, "avx2", "fma");

#[cfg(target_arch = "x86_64")]
x86!(
    Avx512Pairs, SixteenPairs, PairKernel, wide: true,
    "avx512bf16", "avx512f", "avx512vl", "avx512dq", "avx512bw", "avx2", "fma"
);

/// The instruction sets that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Baseline,
}

impl Set {
    /// All of them, the widest first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        Self::Baseline,
    ];

    /// Whether this processor has all of its features.
    fn is_here(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::is_here(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::is_here(),
            Self::Baseline => true,
        }
    }

    /// The one that this process uses: the widest that is here.
    fn chosen() -> Self {
        static WIDEST: OnceLock<Set> = OnceLock::new();
        #[cfg(test)]
        if let Some(set) = tests::wanted() {
            return set;
        }
        *WIDEST.get_or_init(|| {
            let here = Self::ALL.iter().find(|set| set.is_here());
            here.copied().unwrap_or(Self::Baseline)
        })
    }
}

/// Runs `kernel` on the instruction set that was chosen.
#[inline]
pub(crate) fn dispatch(kernel: impl Kernel) {
    match Set::chosen() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a set is chosen where `is_here` found every feature of the list that `run` enables.
        Set::Avx512 => unsafe { Avx512::run(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Set::Avx2 => unsafe { Avx2::run(kernel) },
        Set::Baseline => kernel.run(Baseline(())),
    }
}

/// Whether [`dispatch_pairs`] may be called on this processor.
pub(crate) fn pairs_are_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return Avx512Pairs::is_here();
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Runs `kernel` on the one instruction set that has pairs.
///
/// # Panics
///
/// Where [`pairs_are_here`] says no.
#[inline]
pub(crate) fn dispatch_pairs(kernel: impl PairKernel) {
    assert!(
        pairs_are_here(),
        "bf16 was chosen, which looks for it first"
    );
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every feature of the list that `run` enables was found on the line above.
    unsafe {
        Avx512Pairs::run(kernel);
    }
    #[cfg(not(target_arch = "x86_64"))]
    drop(kernel);
}

/// Lanes of the registers that kernels get.
pub(crate) fn lanes() -> usize {
    match Set::chosen() {
        #[cfg(target_arch = "x86_64")]
        Set::Avx512 => Sixteen::LANES,
        #[cfg(target_arch = "x86_64")]
        Set::Avx2 => Eight::LANES,
        Set::Baseline => Four::LANES,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// One more than the index in [`Set::ALL`] of the set that a test asks for; 0 leaves the choice.
    static WANTED: AtomicUsize = AtomicUsize::new(0);

    pub(super) fn wanted() -> Option<Set> {
        let index = WANTED.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Set::ALL[index])
    }

    /// What `run` returns on every set that this processor has, the widest first, with its name and whether it fuses
    /// multiply-adds.
    pub(crate) fn on_every_set<T>(run: impl Fn() -> T) -> Vec<(String, bool, T)> {
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut results = Vec::new();
        for (index, set) in Set::ALL.iter().enumerate() {
            if !set.is_here() {
                continue;
            }
            WANTED.store(index + 1, Ordering::Relaxed);
            let fused = *set != Set::Baseline || Baseline::FMA;
            results.push((format!("{set:?}"), fused, run()));
        }
        WANTED.store(0, Ordering::Relaxed);
        results
    }

    #[test]
    fn wider_sets_come_first() {
        let all = on_every_set(|| (Set::chosen(), lanes()));
        for (name, _, (set, _)) in &all {
            assert_eq!(*name, format!("{set:?}"));
        }
        assert!(all.is_sorted_by(|(_, _, (_, more)), (_, _, (_, fewer))| more > fewer));
        assert!(all.iter().any(|(_, _, (set, _))| *set == Set::Baseline));
    }

    #[test]
    fn kernels_run_on_the_registers_that_lanes_tells() {
        struct Lanes<'a>(&'a mut usize);
        impl Kernel for Lanes<'_> {
            #[inline(always)]
            fn run<I: Instructions>(self, _: I) {
                *self.0 = I::Register::LANES;
            }
        }
        for (name, _, (ran, told)) in on_every_set(|| {
            let mut ran = 0;
            dispatch(Lanes(&mut ran));
            (ran, lanes())
        }) {
            assert_eq!(ran, told, "{name}");
        }
    }
}
