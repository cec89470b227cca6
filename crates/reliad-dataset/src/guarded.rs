//! Libraries that panic on damaged files, held so that it costs the file alone.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside [`guarded`].
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What `read` returns, or what its panic says. Nothing is printed of such a panic; those of other threads and places are
/// told as before. What `read` was given must not be used after an error.
pub fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !INSIDE.get() {
                told(panic);
            }
        }));
    });
    let before = INSIDE.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    INSIDE.set(before);
    result.map_err(|panic| reason(&*panic))
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it is damaged").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_reasons() {
        assert_eq!(guarded(|| 7), Ok(7));
        let number = 3;
        let said = guarded(|| -> u8 { panic!("page {number} is cut") });
        assert_eq!(said, Err("page 3 is cut".to_owned()));
        assert_eq!(guarded(|| -> u8 { panic!("cut") }), Err("cut".to_owned()));
        assert!(!INSIDE.get());
    }
}
