//! Randomness of a training step as a pure function of (seed, step), so that a resumed run draws
//! what the uninterrupted one would have drawn.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// Generator number `index` of the stream `name` of `seed`.
pub fn generator(seed: u64, name: &str, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&index.to_le_bytes());
    // Streams must not share numbers.
    key[16..24].copy_from_slice(&stream(name).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A number for the name of a stream. FNV-1a: with another hash, every training would draw other numbers than it did.
fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The numbers `0..count`, each once, in an order drawn from `rng` (Fisher and Yates).
pub fn shuffled(count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for i in (1..count).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
    order
}

/// Standard normal deviates, made on the CPU so that they do not depend on the device.
pub fn normal<const D: usize>(
    rng: &mut ChaCha8Rng,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    let count = shape.iter().product();
    let values: Vec<f32> = StandardNormal.sample_iter(rng).take(count).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The order in which samples are visited: every epoch is a fresh shuffle of `count` samples, and
/// batch `i` is the same whatever was asked before.
#[derive(Debug)]
pub struct Order {
    seed: u64,
    count: usize,
    /// The epoch that was asked for last.
    cached: Mutex<Option<(u64, Arc<Vec<usize>>)>>,
}

impl Order {
    /// Order over `count` samples (at least 1).
    pub fn new(seed: u64, count: usize) -> Self {
        Self {
            seed,
            count: count.max(1),
            cached: Mutex::new(None),
        }
    }

    /// Samples of one epoch.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Indices of batch number `batch` of `size` samples. A batch may span two epochs.
    pub fn batch(&self, batch: u64, size: usize) -> Vec<usize> {
        let first = batch * size as u64;
        (first..first + size as u64)
            .map(|position| {
                let epoch = position / self.count as u64;
                let within = (position % self.count as u64) as usize;
                self.epoch(epoch)[within]
            })
            .collect()
    }

    fn epoch(&self, epoch: u64) -> Arc<Vec<usize>> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        match &*cached {
            Some((at, order)) if *at == epoch => Arc::clone(order),
            _ => {
                let mut rng = generator(self.seed, "order", epoch);
                let order = Arc::new(shuffled(self.count, &mut rng));
                *cached = Some((epoch, Arc::clone(&order)));
                order
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_visits_each_sample_once() {
        let order = Order::new(3, 10);
        let mut first: Vec<usize> = (0..5).flat_map(|i| order.batch(i, 2)).collect();
        let mut second: Vec<usize> = (5..10).flat_map(|i| order.batch(i, 2)).collect();
        assert_ne!(first, second);
        first.sort_unstable();
        second.sort_unstable();
        assert_eq!(first, (0..10).collect::<Vec<_>>());
        assert_eq!(second, first);
    }

    #[test]
    fn a_batch_does_not_depend_on_what_was_asked_before() {
        let forwards = Order::new(3, 7);
        let all: Vec<_> = (0..9).map(|i| forwards.batch(i, 3)).collect();
        for i in (0..9).rev() {
            assert_eq!(Order::new(3, 7).batch(i, 3), all[i as usize]);
        }
    }

    /// What trainings of earlier versions drew, so that they can be made again.
    #[test]
    fn streams_stay_what_they_were() {
        assert_eq!(stream("painter"), 0x4759_ba0f_4283_3410);
    }

    #[test]
    fn streams_differ() {
        let draw = |seed, name, index| generator(seed, name, index).random::<u64>();
        assert_eq!(draw(1, "a", 2), draw(1, "a", 2));
        assert_ne!(draw(1, "a", 2), draw(1, "b", 2));
        assert_ne!(draw(1, "a", 2), draw(2, "a", 2));
        assert_ne!(draw(1, "a", 2), draw(1, "a", 3));
    }
}
