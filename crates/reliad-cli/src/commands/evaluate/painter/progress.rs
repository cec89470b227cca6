//! How far an evaluation is: a bar on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::estimate::for_people;

/// Time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(15);

/// Counts one part of the work.
pub struct Counter {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: usize,
    done: usize,
    /// Work done by this run, and when it began.
    own: usize,
    began: Instant,
    spoke: Instant,
}

impl Counter {
    /// Counts `total` pieces of `what`.
    pub fn new(what: &'static str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64);
            let style = ProgressStyle::with_template("{spinner} {bar:24.cyan/dim} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        Self {
            bar,
            what,
            total,
            done: 0,
            own: 0,
            began: now,
            spoke: now,
        }
    }

    /// One piece is done, `found` if an earlier run did it.
    pub fn advance(&mut self, found: bool) {
        self.done += 1;
        self.own += usize::from(!found);
        if found {
            // Its time must not count towards the estimate.
            self.began = match self.own {
                0 => Instant::now(),
                _ => self.began,
            };
        }
        let line = self.line();
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.done as u64);
                bar.set_message(line);
            }
            None if self.spoke.elapsed() >= PLAIN_EVERY => {
                eprintln!("{line}");
                self.spoke = Instant::now();
            }
            None => {}
        }
    }

    fn line(&self) -> String {
        let mut line = format!("{} {} of {}", self.what, self.done, self.total);
        if self.own > 0 {
            let each = self.began.elapsed().as_secs_f64() / self.own as f64;
            let left = each * (self.total - self.done.min(self.total)) as f64;
            line += &format!(" · {} left", for_people(left));
        }
        line
    }

    /// Ends with a line that stays.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let found = self.done - self.own;
        let found = match found {
            0 => String::new(),
            found => format!(", {found} found from before"),
        };
        let seconds = for_people(self.began.elapsed().as_secs_f64());
        eprintln!(
            "{} {} of {}{found} · {seconds}",
            self.what, self.done, self.total
        );
    }
}
