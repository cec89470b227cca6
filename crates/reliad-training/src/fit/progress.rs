//! What a running training tells, and how a caller follows and stops it.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

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
