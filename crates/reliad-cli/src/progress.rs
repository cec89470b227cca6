//! What a run shows while it works: a bar on a terminal, a plain line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reliad_generation::manifest::Record;
use reliad_generation::paint::Drawing;
use reliad_generation::run::{Event, RunSettings};
use reliad_imaging::Class;

use crate::estimate::{Estimate, for_people};
use crate::message;

/// Time between two plain lines about the same work.
pub const PLAIN_EVERY: Duration = Duration::from_secs(15);

/// A bar over `total` pieces with room for a message; none where no terminal shows it.
pub fn bar(total: u64) -> Option<ProgressBar> {
    std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template("{spinner} {bar:24.cyan/dim} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    })
}

/// Shows the events of a run.
pub struct RunProgress {
    quiet: bool,
    bar: Option<ProgressBar>,
    out: std::path::PathBuf,
    estimate: Estimate,
    spoke: Instant,
}

impl RunProgress {
    /// Progress of a run with these settings; with `quiet` only warnings and errors are shown.
    pub fn new(quiet: bool, settings: &RunSettings) -> Self {
        let bar = if quiet { None } else { bar(1) };
        Self {
            quiet,
            bar,
            out: settings.out.clone(),
            estimate: Estimate {
                attempts_allowed: settings.attempts as usize,
                ..Estimate::default()
            },
            spoke: Instant::now(),
        }
    }

    /// The model is being loaded.
    pub fn loading(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message("loading the model");
        }
    }

    /// Nothing more will happen.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Shows one event.
    pub fn observe(&mut self, event: Event<'_>) {
        match event {
            Event::Began { items } => self.estimate.items = items,
            Event::Warning(text) => self.aside(|| message::warning_line(&text)),
            Event::Failed { error, .. } => {
                self.aside(|| message::error_line(&error.to_string()));
                self.estimate.ended += 1;
            }
            Event::Step {
                done,
                steps,
                drawings,
            } => self.step(done, steps, drawings),
            Event::Attempt { record, resumed } => self.attempt(record, resumed),
            Event::Item { .. } => self.estimate.ended += 1,
        }
    }

    fn step(&mut self, done: usize, steps: usize, drawings: &[Drawing]) {
        let part = done as f64 / steps.max(1) as f64;
        let left = self
            .estimate
            .seconds_left(part * drawings.len() as f64)
            .map_or(String::new(), |left| {
                format!(" · about {} left", for_people(left))
            });
        let attempt = drawings.first().map_or(0, |drawing| drawing.recipe.attempt) + 1;
        let text = format!(
            "{}/{} pictures · attempt {attempt} · step {done}/{steps}{left}",
            self.estimate.ended, self.estimate.items
        );
        if let Some(bar) = &self.bar {
            let total = (self.estimate.items * steps).max(1) as u64;
            bar.set_length(total);
            bar.set_position(((self.estimate.ended * steps + done) as u64).min(total));
            bar.set_message(text);
        } else if !self.quiet && self.spoke.elapsed() > PLAIN_EVERY {
            eprintln!("{text}");
            self.spoke = Instant::now();
        }
    }

    fn attempt(&mut self, record: &Record, resumed: bool) {
        self.estimate.attempts += 1;
        if !resumed {
            self.estimate.painted += 1;
            self.estimate.seconds += record.seconds.paint + record.seconds.judge;
        }
        let kept_path = record
            .file
            .as_ref()
            .filter(|_| record.kept)
            .map(|file| self.out.join(file));
        let line = attempt_line(record, resumed);
        let quiet = self.quiet;
        self.aside(|| {
            if !quiet {
                eprintln!("{line}");
            }
            if let Some(path) = kept_path {
                // A closed pipe is the reader's wish; the pictures are on disk all the same.
                let _ = writeln!(std::io::stdout(), "{}", path.display());
            }
        });
        self.spoke = Instant::now();
    }

    /// Prints without tearing the bar.
    fn aside(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

fn attempt_line(record: &Record, resumed: bool) -> String {
    let name = record
        .product_path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let verdict = match &record.verdict {
        None => "not judged".to_owned(),
        Some(verdict) => {
            let label = verdict.class.map_or("Not available", Class::name);
            let slug = verdict.slug();
            let share = verdict
                .probabilities
                .iter()
                .find(|entry| entry.class == slug);
            share.map_or(label.to_owned(), |entry| {
                format!("{label} {:.0} %", 100.0 * entry.probability)
            })
        }
    };
    let picture = match record.recipe.picture {
        0 => String::new(),
        picture => format!(" · picture {}", picture + 1),
    };
    let time = if resumed {
        "from before".to_owned()
    } else {
        format!("{:.1} s", record.seconds.paint + record.seconds.judge)
    };
    format!(
        "{} {name}{picture} · attempt {} · {verdict} · {time}",
        if record.kept { "✓" } else { "✗" },
        record.recipe.attempt + 1
    )
}
