//! How far counted work is: a bar on a terminal, a plain line now and then elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use reliad_evaluation::Event;

use crate::estimate::for_people;
use crate::{message, progress};

/// Counts one part of the work; several threads may tell it.
pub struct Counter {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: Option<u64>,
    state: Mutex<State>,
}

struct State {
    done: u64,
    /// How many of those an earlier run had done.
    found: u64,
    /// When this run did its first piece.
    began: Instant,
    spoke: Instant,
}

impl Counter {
    /// Counts `total` pieces of `what`.
    pub fn new(what: &'static str, total: u64) -> Self {
        Self::of(what, Some(total))
    }

    /// Counts pieces of `what` until there are no more.
    pub fn endless(what: &'static str) -> Self {
        Self::of(what, None)
    }

    fn of(what: &'static str, total: Option<u64>) -> Self {
        let now = Instant::now();
        Self {
            bar: progress::bar(total.unwrap_or(1)),
            what,
            total,
            state: Mutex::new(State {
                done: 0,
                found: 0,
                began: now,
                spoke: now,
            }),
        }
    }

    /// `done` pieces are done, of which an earlier run did `found`.
    pub fn reach(&self, done: u64, found: u64) {
        self.update(|state| {
            // Threads may tell their counts out of order.
            state.done = state.done.max(done);
            state.found = found;
        });
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if state.done == state.found {
            // The time of what was found must not count towards the estimate.
            state.began = Instant::now();
        }
        let line = self.line(&state);
        match &self.bar {
            Some(bar) => {
                bar.set_position(state.done);
                bar.set_message(line);
            }
            None if state.spoke.elapsed() >= progress::PLAIN_EVERY => {
                eprintln!("{line}");
                state.spoke = Instant::now();
            }
            None => {}
        }
    }

    fn line(&self, state: &State) -> String {
        let Some(total) = self.total else {
            return format!("{} {}", self.what, state.done);
        };
        let mut line = format!("{} {} of {total}", self.what, state.done);
        let own = state.done - state.found;
        if own > 0 {
            let each = state.began.elapsed().as_secs_f64() / own as f64;
            let left = each * total.saturating_sub(state.done) as f64;
            line += &format!(" · {} left", for_people(left));
        }
        line
    }

    /// Takes the bar away; how long this run's pieces took.
    pub fn clear(&self) -> Duration {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.began.elapsed()
    }

    /// Ends with a line that stays.
    pub fn finish(self) {
        let seconds = for_people(self.clear().as_secs_f64());
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let found = match state.found {
            0 => String::new(),
            found => format!(", {found} found from before"),
        };
        let total = self.total.unwrap_or(state.done);
        eprintln!("{} {} of {total}{found} · {seconds}", self.what, state.done);
    }
}

/// Shows a measurement's parts, one after another.
pub struct Counters {
    counter: Mutex<Option<Counter>>,
    /// Whether the line of a part stays when the part has ended.
    stays: bool,
}

impl Counters {
    /// Parts whose last lines stay.
    pub fn staying() -> Self {
        Self {
            counter: Mutex::new(None),
            stays: true,
        }
    }

    /// Parts of which nothing stays.
    pub fn passing() -> Self {
        Self {
            stays: false,
            ..Self::staying()
        }
    }

    /// Shows one event.
    pub fn observe(&self, event: Event) {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Began { what, total } => *counter = Some(Counter::new(what, total)),
            Event::Reached { done, found } => {
                if let Some(counter) = &*counter {
                    counter.reach(done, found);
                }
            }
            Event::Ended => match counter.take() {
                Some(counter) if self.stays => counter.finish(),
                Some(counter) => {
                    counter.clear();
                }
                None => {}
            },
            Event::Warning(text) => message::warning_line(&text),
            Event::Failed(text) => message::error_line(&text),
        }
    }

    /// Takes away what is shown.
    pub fn clear(&self) {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = counter.take() {
            counter.clear();
        }
    }
}
