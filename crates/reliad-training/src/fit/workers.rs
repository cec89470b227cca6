//! Threads that work on the batches of a step side by side.

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// Threads, each with its share of the cores for the products of its networks: one that waits for no other is faster than
/// two that share every small product.
pub(crate) struct Workers {
    pools: Vec<ThreadPool>,
}

/// Networks are large structs, and copies of them stand on the stack.
const STACK: usize = 32 << 20;

impl Workers {
    /// For `parts` at once, or as many as there are cores.
    pub(crate) fn new(parts: usize) -> Result<Self> {
        let cores = rayon::current_num_threads();
        let count = parts.min(cores).max(1);
        let pools = (0..count).map(|_| {
            ThreadPoolBuilder::new()
                .num_threads(cores / count)
                .stack_size(STACK)
                .build()
                .map_err(Error::component("threads"))
        });
        Ok(Self {
            pools: pools.collect::<Result<_>>()?,
        })
    }

    /// `work(0)` to `work(parts - 1)`, results in their order.
    ///
    /// # Errors
    /// The first, in their order, that failed.
    pub(crate) fn each<T: Send>(
        &self,
        parts: usize,
        work: impl Fn(usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut results: Vec<Option<Result<T>>> = (0..parts).map(|_| None).collect();
        let share = parts.div_ceil(self.pools.len());
        std::thread::scope(|scope| {
            let shares = results.chunks_mut(share.max(1)).enumerate();
            for (pool, (number, results)) in self.pools.iter().zip(shares) {
                let work = &work;
                scope.spawn(move || {
                    pool.install(|| {
                        for (place, result) in results.iter_mut().enumerate() {
                            *result = Some(work(number * share + place));
                        }
                    });
                });
            }
        });
        results.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn results_keep_their_order_whatever_the_threads() {
        for threads in [1, 2, 3, 8] {
            let workers = Workers::new(threads).unwrap();
            for parts in [0, 1, 2, 5, 8] {
                let squares = workers.each(parts, |part| Ok(part * part)).unwrap();
                let wanted: Vec<usize> = (0..parts).map(|part| part * part).collect();
                assert_eq!(squares, wanted);
            }
            let failed = workers.each(5, |part| match part {
                3 => Err(Error::Setting {
                    name: "part",
                    reason: "three".to_owned(),
                }),
                part => Ok(part),
            });
            assert!(failed.is_err());
        }
    }
}
