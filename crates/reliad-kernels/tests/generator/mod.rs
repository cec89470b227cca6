//! Random numbers that are the same in every run.

use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;

/// Seeds the device's generator and keeps other tests from it while the guard lives. It is one for the whole process: of two
/// tests that draw at the same time, neither would get the same numbers again.
pub fn seeded(device: &Device) -> MutexGuard<'static, ()> {
    static GENERATOR: Mutex<()> = Mutex::new(());
    let alone = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
    device.seed(1);
    alone
}
