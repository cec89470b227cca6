//! How a caller follows and stops a measurement.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Something that the user may want to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A part of the work begins.
    Began {
        /// What is counted, such as `painted`.
        what: &'static str,
        /// How many there will be.
        total: u64,
    },
    /// So much of that part is done.
    Reached {
        /// How many.
        done: u64,
        /// How many of those an earlier run had done.
        found: u64,
    },
    /// The part is done.
    Ended,
    /// What stops nothing but should be known.
    Warning(String),
    /// Something was left out, and why; the work goes on.
    Failed(String),
}

/// Who follows a measurement.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Called with each event, from whichever thread.
    pub on_event: &'a (dyn Fn(Event) + Sync),
    /// Set (by Ctrl-C, say) to end before the next piece of work.
    pub stop: &'a AtomicBool,
}

impl Watch<'_> {
    /// Whether the caller asked to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.on_event)(event);
    }

    /// Begins a part of `total` pieces.
    pub(crate) fn count(&self, what: &'static str, total: u64) -> Count<'_> {
        self.tell(Event::Began { what, total });
        Count {
            watch: self,
            done: Mutex::new((0, 0)),
        }
    }
}

/// Counts the pieces of a part; several threads may do so.
pub(crate) struct Count<'a> {
    watch: &'a Watch<'a>,
    /// Pieces done, and those found from before among them.
    done: Mutex<(u64, u64)>,
}

impl Count<'_> {
    /// One more piece is done, `before` if an earlier run did it.
    pub(crate) fn advance(&self, before: bool) {
        let mut count = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        count.0 += 1;
        count.1 += u64::from(before);
        // Told under the lock, so that counts arrive in order.
        let (done, found) = *count;
        self.watch.tell(Event::Reached { done, found });
    }

    /// `done` pieces are done, of which an earlier run did `found`.
    pub(crate) fn reach(&self, done: u64, found: u64) {
        self.watch.tell(Event::Reached { done, found });
    }

    /// All pieces are done.
    pub(crate) fn end(self) {
        self.watch.tell(Event::Ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_in_order_with_what_was_found() {
        let told = Mutex::new(Vec::new());
        let stop = AtomicBool::new(false);
        let on_event = |event| {
            told.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(event)
        };
        let watch = Watch {
            on_event: &on_event,
            stop: &stop,
        };
        let count = watch.count("painted", 2);
        count.advance(true);
        count.advance(false);
        count.end();
        let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
        let reached = |done, found| Event::Reached { done, found };
        let began = Event::Began {
            what: "painted",
            total: 2,
        };
        assert_eq!(told, [began, reached(1, 1), reached(2, 1), Event::Ended]);
        stop.store(true, Ordering::Relaxed);
        let watch = Watch {
            on_event: &|_| {},
            stop: &stop,
        };
        assert!(watch.stopped());
    }
}
