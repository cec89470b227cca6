//! What stays of a running training's reports: `metrics.jsonl`, its curves, and events for TensorBoard.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::fit::curves;
use crate::fit::progress::Report;
use crate::fit::tensorboard::{self, Event, EventFile};

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
            reliad_files::write(path, lines.as_bytes()).map_err(Error::io(path))?;
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
