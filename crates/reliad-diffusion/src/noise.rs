//! Random numbers keyed by what an item is, never by its place in a batch.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The seed of one attempt at one picture.
///
/// Every use (`purpose`) draws from a stream of its own: ChaCha8, a counter-based generator, keyed by the BLAKE3 hash
/// of all fields. The numbers are made on the CPU in f32, so they depend on nothing else.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ItemSeed {
    /// The seed of the run.
    pub run: u64,
    /// What identifies the item within the run.
    pub item: String,
    /// Which drawing of the item this is, from 0.
    pub attempt: u32,
}

impl ItemSeed {
    /// `len` standard normal deviates for `purpose`.
    pub fn normal(&self, purpose: &str, len: usize) -> Vec<f32> {
        let mut stream = self.stream(purpose);
        (0..len)
            .map(|_| StandardNormal.sample(&mut stream))
            .collect()
    }

    /// One number in `[0, 1)` for `purpose`.
    pub fn uniform(&self, purpose: &str) -> f64 {
        self.stream(purpose).random()
    }

    fn stream(&self, purpose: &str) -> ChaCha8Rng {
        let mut key = blake3::Hasher::new_derive_key("reliad 2026 item noise v1");
        for field in [self.item.as_bytes(), purpose.as_bytes()] {
            key.update(&(field.len() as u64).to_le_bytes());
            key.update(field);
        }
        key.update(&self.run.to_le_bytes());
        key.update(&self.attempt.to_le_bytes());
        ChaCha8Rng::from_seed(*key.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(run: u64, item: &str, attempt: u32) -> ItemSeed {
        ItemSeed {
            run,
            item: item.to_owned(),
            attempt,
        }
    }

    #[test]
    fn streams_differ_by_every_field_and_repeat() {
        let base = seed(1, "a", 0).normal("latents", 8);
        assert_eq!(base, seed(1, "a", 0).normal("latents", 8));
        for other in [
            seed(2, "a", 0).normal("latents", 8),
            seed(1, "b", 0).normal("latents", 8),
            seed(1, "a", 1).normal("latents", 8),
            seed(1, "a", 0).normal("step 0", 8),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn deviates_are_standard_normal() {
        let draws = seed(7, "x", 3).normal("latents", 100_000);
        let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e5;
        let variance = draws.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 1e5 - mean * mean;
        // Five standard errors: 5 / sqrt(1e5) and 5 * sqrt(2 / 1e5).
        assert!(mean.abs() < 0.016, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.023, "variance {variance}");
    }
}
