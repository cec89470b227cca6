//! The one setting of the allocator that a program of networks wants.

/// `mi_option_purge_delay` of mimalloc 3, milliseconds.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Lets mimalloc keep what was freed instead of giving it back to the system 10 ms later: the next step of a network wants it
/// again, and has to have every page cleared. At most as much memory as before is held at the highest, and it is held longer.
/// What `MIMALLOC_PURGE_DELAY` says goes first.
///
/// To be called at the start of a program whose global allocator is mimalloc; without effect in others.
#[expect(unsafe_code, reason = "a setting of a C library")]
pub fn keep_freed_memory() {
    if std::env::var_os("MIMALLOC_PURGE_DELAY").is_some() {
        return;
    }
    // SAFETY: sets a number; no other thread is running that could set it, too.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) }
}
