//! Items worked on side by side, where a network leaves cores idle between its products.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Device;

/// Small networks on the CPU compute on one core for a third of their time: two items at once hide that. An accelerator
/// takes one at a time.
pub fn at_once(device: &Device) -> usize {
    if *device == Device::flex() { 2 } else { 1 }
}

/// `work(0)` to `work(count - 1)` on `threads` threads; results in the items' order.
///
/// The threads are no workers of the pool that the networks use, so that none of them waits in the middle of another's
/// item.
///
/// # Errors
/// The first that occurs; no further item is begun then.
pub fn each<T: Send, E: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new((0..count).map(|_| None).collect());
    let failure = Mutex::new(None);
    let lock = |index, result| {
        let mut results = results.lock().unwrap_or_else(|poison| poison.into_inner());
        results[index] = Some(result);
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    match work(index) {
                        Ok(result) => lock(index, result),
                        Err(error) => {
                            next.store(count, Ordering::Relaxed);
                            let mut failure =
                                failure.lock().unwrap_or_else(|poison| poison.into_inner());
                            failure.get_or_insert(error);
                            return;
                        }
                    }
                }
            });
        }
    });
    match failure
        .into_inner()
        .unwrap_or_else(|poison| poison.into_inner())
    {
        Some(error) => Err(error),
        None => {
            let results = results
                .into_inner()
                .unwrap_or_else(|poison| poison.into_inner());
            Ok(results.into_iter().flatten().collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order_and_an_error_ends_the_work() {
        let square = |index: usize| Ok::<_, String>(index * index);
        assert_eq!(each(7, 3, square), Ok(vec![0, 1, 4, 9, 16, 25, 36]));
        assert_eq!(each(0, 2, square), Ok(Vec::new()));
        let begun = AtomicUsize::new(0);
        let failing = |index: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if index == 2 { Err("two") } else { Ok(index) }
        };
        assert_eq!(each(1000, 1, failing), Err("two"));
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }
}
