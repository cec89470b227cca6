//! What a running training tells: lines for people, `metrics.jsonl` for curves.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::curves;
use crate::error::{Error, Result};

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
}

impl Metrics {
    /// Opens the file; lines after `step` (of a run that was killed past its last checkpoint) are
    /// dropped.
    pub(crate) fn resume(path: &Path, step: u64) -> Result<Self> {
        if path.exists() {
            let text = fs::read_to_string(path).map_err(Error::io(path))?;
            let kept: String = text
                .lines()
                .filter(|line| {
                    serde_json::from_str::<Report>(line).is_ok_and(|report| report.step <= step)
                })
                .flat_map(|line| [line, "\n"])
                .collect();
            reliad_weights::write_atomically(path, kept.as_bytes())
                .map_err(Error::component("metrics.jsonl"))?;
        }
        Ok(Self {
            path: path.to_owned(),
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
        writeln!(file, "{line}").map_err(Error::io(&self.path))
    }

    /// Draws `curves.svg` beside the file.
    pub(crate) fn draw(&self) -> Result<()> {
        curves::draw(&self.path, &self.path.with_file_name("curves.svg"))
    }
}
