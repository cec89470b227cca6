//! `reliad evaluate rfnet`: a judge's verdicts on labelled samples that no training saw.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use reliad_dataset::Split;
use reliad_evaluation::judge::{Figures, Reader, judge_folder, page};
use reliad_training::{Control, Report};

use crate::message::{self, Code};
use crate::{device, embedded, interrupt};

/// Judge labelled samples and compare: precision, recall, F1 and AP with intervals, confusions, calibration, mistakes.
///
/// Only samples of the test part are judged, of whose products neither training nor calibration has seen any.
#[derive(Debug, Args)]
pub struct RfnetArgs {
    /// Folder with metadata.jsonl, as `reliad synth render` and `reliad data import` write it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Model that judges: `mini` or a directory with rfnet/, and depth/ and saliency/ where the samples have no maps
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    judge: String,

    /// Parts of the data to judge: train, validation or test, several with commas
    #[arg(
        long,
        value_parser = super::split,
        value_delimiter = ',',
        default_value = Split::Test.name()
    )]
    split: Vec<Split>,

    /// Seed of the intervals' resamples
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Also write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Page to write, with curves and the worst mistakes
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// Measures and prints.
///
/// # Errors
/// When the judge or the samples can't be read, or none is in the part.
pub fn run(arguments: RfnetArgs) -> Result<Code> {
    let model = embedded::open(&arguments.judge)?;
    let (device, _) = device::open(&arguments.device)?;
    let mut report = |name: &str, report: &Report| eprintln!("{}", report.line(name));
    let mut control = Control {
        on_report: &mut report,
        stop: interrupt::flag()?,
    };
    let reader = Reader::load(&model, &device, None)?;
    let judged = judge_folder(&reader, &arguments.data, &arguments.split, &mut control)?;
    let Some(judgement) = judged else {
        return Ok(Code::Interrupted);
    };
    for line in judgement.told() {
        message::warning_line(&line);
    }
    let parts: Vec<&str> = arguments.split.iter().map(|split| split.name()).collect();
    ensure!(
        !judgement.judged.is_empty(),
        "{}: no readable sample of {} that the judge could express; render some with `reliad synth render --split {}`, or \
         divide with `reliad data split`",
        arguments.data.display(),
        parts.join(" or "),
        parts.join(",")
    );
    let figures = Figures::of(
        &judgement,
        &arguments.judge,
        &parts.join(", "),
        arguments.seed,
    );
    // Shown first: a file that can't be written must not cost the measurement.
    print!("{}", figures.text());
    if let Some(file) = &arguments.json {
        reliad_weights::write_config(file, &figures)?;
    }
    if let Some(file) = &arguments.html {
        let html = page(&figures, &judgement)?;
        reliad_files::write(file, html.as_bytes()).with_context(|| file.display().to_string())?;
    }
    Ok(Code::Complete)
}
