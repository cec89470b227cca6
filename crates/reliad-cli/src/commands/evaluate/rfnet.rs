//! `reliad evaluate rfnet`: a judge's verdicts on labelled samples that no training saw.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use reliad_imaging::Class;
use reliad_training::{Control, Report, metrics::JudgeMetrics, rfnet};

use crate::message::Code;
use crate::{device, embedded, interrupt};

/// Judge labelled samples and compare: confusion matrix, precision, recall, F1 and AP of "available".
///
/// Samples of products that the trainings learn from are left out.
#[derive(Debug, Args)]
pub struct RfnetArgs {
    /// Folder of samples that `reliad synth render` wrote
    #[arg(long, env = "RELIAD_DATA", hide_env_values = true, value_name = "DIR")]
    data: PathBuf,

    /// Model that judges: `mini` or a directory with rfnet/, depth/ and saliency/
    #[arg(
        long,
        env = "RELIAD_JUDGE",
        hide_env_values = true,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    judge: String,

    /// Also write the figures to this file
    #[arg(
        long,
        env = "RELIAD_JSON_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    json: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(
        long,
        env = "RELIAD_DEVICE",
        hide_env_values = true,
        default_value = "cpu"
    )]
    device: String,
}

/// Measures and prints.
///
/// # Errors
/// When the judge or the samples can't be read, or none is unseen.
pub fn run(arguments: RfnetArgs) -> Result<Code> {
    let model = embedded::open(&arguments.judge)?;
    let (device, _) = device::open(&arguments.device)?;
    let mut report = |name: &str, report: &Report| eprintln!("{}", report.line(name));
    let mut control = Control {
        on_report: &mut report,
        stop: interrupt::flag()?,
    };
    let Some(metrics) = rfnet::evaluate(&model, &arguments.data, &device, &mut control)? else {
        return Ok(Code::Interrupted);
    };
    ensure!(
        metrics.samples > 0,
        "{}: every sample shows a product that the trainings learn from; render others with \
         `reliad synth render --split validation,test`",
        arguments.data.display()
    );
    // Shown first: a file that can't be written must not cost the measurement.
    print!("{}", table(&metrics));
    if let Some(file) = &arguments.json {
        reliad_weights::write_config(file, &metrics)?;
    }
    Ok(Code::Complete)
}

/// The confusion matrix, a row a label, and the figures under it; Markdown.
fn table(metrics: &JudgeMetrics) -> String {
    let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
    let names = &names[..metrics.confusion.len()];
    let mut text = format!("| label \\ verdict | {} |\n|---|", names.join(" | "));
    text += &"---|".repeat(names.len());
    text.push('\n');
    for (name, row) in names.iter().zip(&metrics.confusion) {
        let cells: Vec<String> = row.iter().map(usize::to_string).collect();
        text += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    text + &format!(
        "\n{} unseen samples. Available: precision {:.3}, recall {:.3}, F1 {:.3}, AP {:.3}; accuracy over all classes \
         {:.3}\n",
        metrics.samples,
        metrics.precision,
        metrics.recall,
        metrics.f1,
        metrics.average_precision,
        metrics.accuracy
    )
}
