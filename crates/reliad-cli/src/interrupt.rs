//! Ctrl-C as a flag: the work in hand ends cleanly, a second Ctrl-C ends it at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

static STOP: AtomicBool = AtomicBool::new(false);
static HANDLER: OnceLock<()> = OnceLock::new();

/// The flag that Ctrl-C, SIGTERM and SIGHUP set.
///
/// # Errors
/// When the system refuses the handler.
pub fn flag() -> Result<&'static AtomicBool> {
    if HANDLER.set(()).is_ok() {
        ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        })
        .context("can't listen for Ctrl-C")?;
    }
    Ok(&STOP)
}
