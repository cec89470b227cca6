//! `reliad evaluate paper`: the evidence that tuning helps, made anew.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use reliad_evaluation::painter::Model;
use reliad_generation::defaults::sampling_of;
use reliad_generation::files;
use reliad_generation::phrases::Phrases;
use reliad_generation::tuned::Tuned;
use reliad_training::{Error, Report};
use reliad_tuning::TuningConfig;
use reliad_tuning::paper::{Evidence, Follow, Plan, markdown};

use crate::counter::Counters;
use crate::message::{self, Code};
use crate::{configurations, device, embedded, interrupt};

/// Tune a painter by every method, and measure each on products that nothing was tuned or chosen on.
///
/// What is shown stands in a plan: tunings, and the parts of the report that hold them against each other. Hours are to be
/// expected; everything made is kept in --work, and the same command run again goes on where it was stopped. --parts makes some of
/// it. See docs/results.md.
#[derive(Debug, Args)]
pub struct PaperArgs {
    /// Model that is tuned: `mini` or a directory in diffusers layout
    #[arg(long, value_name = "DIR|mini", default_value = embedded::MINI)]
    model: String,

    /// Another painter of the same architecture, for the part that shows whether a tuning carries over
    #[arg(long, value_name = "DIR")]
    other: Option<String>,

    /// Model that judges and rewards [default: that of --model]
    #[arg(long, value_name = "DIR|mini")]
    judge: Option<String>,

    /// Model with another judge that no tuning has seen; it only watches and reports
    #[arg(long, value_name = "DIR|mini-held-out")]
    held_out: Option<String>,

    /// What is shown [default: configs/mini/paper.json]; the methods' configurations stand in tuning/ beside it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Make only these parts, with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    parts: Vec<String>,

    /// Folder of everything that is made
    #[arg(long, value_name = "DIR", default_value = "paper")]
    work: PathBuf,

    /// File for the report [default: results.md in --work]
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,
}

impl PaperArgs {
    /// The command that makes the same report.
    fn words(&self) -> String {
        let mut words = format!("reliad evaluate paper --model {}", self.model);
        for (flag, value) in [
            ("other", &self.other),
            ("judge", &self.judge),
            ("held-out", &self.held_out),
            (
                "parts",
                &Some(self.parts.join(",")).filter(|parts| !parts.is_empty()),
            ),
        ] {
            if let Some(value) = value {
                words += &format!(" --{flag} {value}");
            }
        }
        if let Some(config) = &self.config {
            words += &format!(" --config {}", config.display());
        }
        words
    }
}

/// Tunes, measures, writes the report.
///
/// # Errors
/// A model, plan or file that can't be used.
pub fn run(arguments: PaperArgs) -> Result<Code> {
    let path = arguments
        .config
        .clone()
        .unwrap_or_else(|| Path::new(configurations::FOLDER).join("mini/paper.json"));
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let plan: Plan = configurations::read(&path)?;
    let model = embedded::open(&arguments.model)?;
    let judge_name = arguments.judge.as_ref().unwrap_or(&arguments.model);
    let judge = embedded::open(judge_name)?;
    let held_out = arguments
        .held_out
        .as_deref()
        .map(embedded::open)
        .transpose()?;
    let other = arguments.other.as_deref().map(embedded::open).transpose()?;
    files::prepare_directory(&arguments.work)?;
    // An edited plan makes other tunings: they must not be mixed up with those that are there.
    let phrases: Phrases = configurations::read(&folder.join("phrases.json"))?;
    let phrases_dir = arguments.work.join("prompteng");
    reliad_weights::write_config(&phrases_dir.join("phrases.json"), &phrases)?;
    let config = |method: &str| -> reliad_training::Result<TuningConfig> {
        let path = folder.join("tuning").join(format!("{method}.json"));
        configurations::read(&path).map_err(|error| Error::Setting {
            name: "method",
            reason: format!("{method}: {error:#}"),
        })
    };
    let (device, device_name) = device::open(&arguments.device)?;
    let named = |name, dir| Model { name, dir };
    let evidence = Evidence {
        plan: &plan,
        config: &config,
        phrases: Tuned::open(&phrases_dir)?,
        model: named(&arguments.model, &model),
        other: arguments
            .other
            .as_deref()
            .zip(other.as_ref())
            .map(|(name, dir)| named(name, dir)),
        judge: named(judge_name, &judge),
        held_out: arguments
            .held_out
            .as_deref()
            .zip(held_out.as_ref())
            .map(|(name, dir)| named(name, dir)),
        scene: model
            .contains("scene/config.json")
            .then(|| named(&arguments.model, &model)),
        sampling: sampling_of(&model)?.normalised(),
        device,
        device_name,
        work: arguments.work.clone(),
    };
    let counters = Counters::staying();
    let mut follow = Follow {
        on_event: &|event| counters.observe(event),
        on_report: &mut |name: &str, report: &Report| eprintln!("{}", report.line(name)),
        tell: &mut |line: &str| eprintln!("{line}"),
        stop: interrupt::flag()?,
    };
    let Some(shown) = evidence.show(&arguments.parts, &mut follow)? else {
        counters.clear();
        message::hint_line("stopped; the same command goes on from here");
        return Ok(Code::Interrupted);
    };
    let command = arguments.words();
    let text = markdown(&plan, &shown, &command);
    let file = arguments
        .markdown
        .clone()
        .unwrap_or_else(|| arguments.work.join("results.md"));
    files::write_atomic(&file, text.as_bytes())?;
    println!("{}", file.display());
    Ok(Code::Complete)
}
