//! What a running training tells: lines for people, `metrics.jsonl` for curves, events for TensorBoard.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fit::curves;
use crate::fit::tensorboard::{self, Event, EventFile};

/// One report of a running training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Optimizer steps done.
    pub step: u64,
    /// Share of the budget used, 0 to 1.
    pub progress: f64,
    /// Seconds of training so far, over all runs.
    pub elapsed_seconds: f64,
    /// Mean loss since the last report, absent in validation reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Samples a second since the last report.
    pub samples_per_second: f64,
    /// Further figures (parts of the loss, or held-out measures), in order.
    pub figures: Vec<(String, f64)>,
}

impl Report {
    /// Estimated seconds that remain, once some progress is made.
    pub fn remaining_seconds(&self) -> Option<f64> {
        (self.progress > 0.0).then(|| self.elapsed_seconds * (1.0 - self.progress) / self.progress)
    }

    /// One line for people.
    pub fn line(&self, name: &str) -> String {
        let mut line = format!("{name} step {} ({:.1} %)", self.step, 100.0 * self.progress);
        if let Some(loss) = self.loss {
            line += &format!("  loss {loss:.5}");
        }
        for (figure, value) in &self.figures {
            line += &format!("  {figure} {value:.4}");
        }
        if self.loss.is_some() {
            line += &format!(
                "  lr {:.2e}  {:.1} samples/s",
                self.learning_rate, self.samples_per_second
            );
        }
        if let Some(seconds) = self.remaining_seconds() {
            let seconds = seconds.round() as u64;
            line += &format!("  {}:{:02} left", seconds / 60, seconds % 60);
        }
        line
    }
}

/// How a caller follows and stops a training.
pub struct Control<'a> {
    /// Called with each report.
    pub on_report: &'a mut dyn FnMut(&str, &Report),
    /// Set (by Ctrl-C, say) to end at the next step with a checkpoint.
    pub stop: &'a AtomicBool,
}

impl Control<'_> {
    /// Whether the caller asked to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// `metrics.jsonl`: one report a line.
#[derive(Debug)]
pub(crate) struct Metrics {
    path: PathBuf,
    events: EventFile,
    /// When step 0 would have been, in seconds since 1970, had the training never stopped.
    began: f64,
}

impl Metrics {
    /// Opens the file and TensorBoard's beside it; lines after `step` (of a run that was killed past its last
    /// checkpoint) are dropped.
    pub(crate) fn resume(path: &Path, step: u64) -> Result<Self> {
        let mut kept: Vec<Report> = Vec::new();
        if path.exists() {
            let text = fs::read_to_string(path).map_err(Error::io(path))?;
            let reports = text
                .lines()
                .filter_map(|line| Some((line, serde_json::from_str::<Report>(line).ok()?)))
                .filter(|(_, report)| report.step <= step);
            let mut lines = String::new();
            for (line, report) in reports {
                lines.extend([line, "\n"]);
                kept.push(report);
            }
            reliad_weights::write_atomically(path, lines.as_bytes())
                .map_err(Error::component("metrics.jsonl"))?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let spent = kept.last().map_or(0.0, |report| report.elapsed_seconds);
        let began = now.map_or(0.0, |now| now.as_secs_f64()) - spent;
        let events: Vec<Event<'_>> = kept.iter().map(|report| event(report, began)).collect();
        Ok(Self {
            path: path.to_owned(),
            events: EventFile::begin(&path.with_file_name(tensorboard::FILE), &events)?,
            began,
        })
    }

    pub(crate) fn append(&self, report: &Report) -> Result<()> {
        let line = serde_json::to_string(report).map_err(|source| Error::Json {
            path: self.path.clone(),
            source,
        })?;
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)
            .map_err(Error::io(&self.path))?;
        writeln!(file, "{line}").map_err(Error::io(&self.path))?;
        self.events.append(&event(report, self.began))
    }

    /// Draws `curves.svg` beside the file.
    pub(crate) fn draw(&self) -> Result<()> {
        curves::draw(&self.path, &self.path.with_file_name("curves.svg"))
    }
}

/// A report as TensorBoard shows it.
fn event(report: &Report, began: f64) -> Event<'_> {
    let mut scalars: Vec<(&str, f64)> = Vec::new();
    if let Some(loss) = report.loss {
        scalars.push(("loss", loss));
        scalars.push(("learning_rate", report.learning_rate));
        scalars.push(("samples_per_second", report.samples_per_second));
    }
    let figures = report.figures.iter();
    scalars.extend(figures.map(|(name, value)| (name.as_str(), *value)));
    Event {
        wall_time: began + report.elapsed_seconds,
        step: report.step,
        scalars,
    }
}
