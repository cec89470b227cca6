//! `reliad evaluate detectors`: the paper's two tables of detectors, trained and measured on one's own data.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use reliad_evaluation::detectors::{Comparison, Row, Tested, compare, page, table, tables};
use reliad_training::{Budget, Control, Report, Stage};
use serde::Serialize;
use serde_json::Value;

use crate::configurations;
use crate::message::Code;
use crate::{device, interrupt};

/// Train and measure RFNet, its rivals on the picture alone, and RFNet without each input, with several seeds.
///
/// All are trained with the same samples, steps and recipe as CONFIGS/rfnet.json says for RFNet, and measured on the test part. The
/// rivals' networks are those of CONFIGS/rivals. Image encoders begin with weights that the files name (configs/paper: ImageNet's),
/// or are pretrained as CONFIGS/encoder.json says, each architecture once. What is measured stays in MODEL/.training/detectors: the same command run again goes on where it was stopped.
#[derive(Debug, Args)]
pub struct DetectorsArgs {
    /// Folder of samples with a train, a validation and a test part
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Folder of samples whose test part is measured instead of that of DATA
    #[arg(long, value_name = "DIR")]
    test: Option<PathBuf>,

    /// Model directory with depth/, saliency/, the vocabulary in rfnet/, and a painter when views are repainted
    #[arg(long, value_name = "DIR")]
    model: PathBuf,

    /// Folder with rfnet.json, encoder.json and rivals/*.json
    #[arg(long, value_name = "DIR", default_value = "configs/mini-detectors")]
    configs: PathBuf,

    /// Only these rows, several with commas: rfnet, a rival's name, without-INPUT, two-classes
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,

    /// Trainings of each detector, with the seeds 1, 2, ...
    #[arg(
        long,
        value_name = "N",
        default_value_t = 3,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    seeds: u64,

    /// Steps of each training [default: the epochs of CONFIGS/rfnet.json, or 2000 steps where it has none]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "epochs",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    steps: Option<u64>,

    /// Passes of each training over the samples
    #[arg(long, value_name = "E")]
    epochs: Option<f64>,

    /// Only compute what the networks look at and pretrain the encoders, for workers to begin with
    #[arg(long)]
    encoders: bool,

    /// This worker's part of the trainings, such as 2/8: the second of eight. Workers share MODEL; a run with --encoders comes
    /// first, and one without either shows all scores in the end
    #[arg(
        long,
        value_parser = crate::workers::part,
        default_value = "1/1",
        conflicts_with = "encoders"
    )]
    part: (usize, usize),

    /// Also write the scores to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Page to write
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,
}

impl DetectorsArgs {
    fn tested(&self) -> &Path {
        self.test.as_ref().unwrap_or(&self.data)
    }

    /// How long each is trained, and the same for people.
    fn budget(&self, configured: Option<f64>) -> Result<(Budget, String)> {
        let steps = |steps: u64| (Budget::Steps(steps), format!("{steps} steps"));
        let epochs = match (self.steps, self.epochs.or(configured)) {
            (Some(given), _) => return Ok(steps(given)),
            (None, None) => return Ok(steps(STEPS)),
            (None, Some(epochs)) => epochs,
        };
        ensure!(
            epochs > 0.0 && epochs.is_finite(),
            "{epochs} epochs: must be positive"
        );
        Ok((Budget::Epochs(epochs), format!("{epochs} epochs")))
    }
}

/// Steps where nothing says how long.
const STEPS: u64 = 2000;

#[derive(Debug, Serialize)]
struct Figures<'a> {
    reliad: &'a str,
    data: String,
    /// Folder whose test part was measured.
    test: String,
    /// How long each was trained.
    budget: &'a str,
    rows: &'a [Row],
}

/// Trains, measures and prints.
///
/// # Errors
/// Data, a configuration or a component that cannot be used, or a disk that cannot be written.
pub fn run(arguments: DetectorsArgs) -> Result<Code> {
    let (device, _) = device::open(&arguments.device)?;
    let rfnet: Value = configurations::read(&arguments.configs.join("rfnet.json"))?;
    let mut detectors = tables(&rfnet, rivals(&arguments.configs.join("rivals"))?)?;
    let base = detectors[0].config.clone();
    let encoder = arguments.configs.join("encoder.json");
    let encoder = base
        .pretrained
        .encoder_stage
        .then(|| configurations::read(&encoder))
        .transpose()?;
    if !arguments.only.is_empty() {
        let names: Vec<String> = detectors.iter().map(|d| d.name.clone()).collect();
        if let Some(unknown) = arguments.only.iter().find(|name| !names.contains(name)) {
            bail!(
                "there is no row `{unknown}`; there are {}",
                names.join(", ")
            );
        }
        detectors.retain(|detector| arguments.only.contains(&detector.name));
    }
    let (budget, told) = arguments.budget(base.fit.epochs)?;
    let stage = Stage {
        data: arguments.data.clone(),
        out: arguments.model.clone(),
        budget,
        seed: 1,
        device,
        helpers: Vec::new(),
        warm_start: false,
    };
    let seeds: Vec<u64> = match arguments.encoders {
        true => Vec::new(),
        false => (1..=arguments.seeds).collect(),
    };
    let mut report = |name: &str, report: &Report| eprintln!("{}", report.line(name));
    let mut control = Control {
        on_report: &mut report,
        stop: interrupt::flag()?,
    };
    let comparison = Comparison {
        rfnet: &base,
        encoder: encoder.as_ref(),
        detectors: &detectors,
        seeds: &seeds,
        test: arguments.test.as_deref(),
        part: arguments.part,
    };
    let Some(rows) = compare(comparison, &stage, &mut control)? else {
        eprintln!("stopped; the same command goes on from here");
        return Ok(Code::Interrupted);
    };
    if arguments.encoders {
        eprintln!("the encoders are there; workers may begin (--part 1/8 and so on)");
        return Ok(Code::Complete);
    }
    let measured: usize = rows.iter().map(|row| row.scores.len()).sum();
    let wanted = rows.len() * seeds.len();
    if measured < wanted {
        eprintln!(
            "{measured} of {wanted} trainings are measured; the others are left to other workers"
        );
    }
    let rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| !row.scores.is_empty())
        .collect();
    print!("{}", table(&rows));
    if let Some(file) = &arguments.json {
        let figures = Figures {
            reliad: env!("CARGO_PKG_VERSION"),
            data: arguments.data.display().to_string(),
            test: arguments.tested().display().to_string(),
            budget: &told,
            rows: &rows,
        };
        reliad_weights::write_config(file, &figures)?;
    }
    if let Some(file) = &arguments.html {
        let html = page(
            &rows,
            &Tested {
                folder: arguments.tested(),
                budget: &told,
                seeds: arguments.seeds,
            },
        );
        reliad_files::write(file, html.as_bytes()).with_context(|| file.display().to_string())?;
    }
    Ok(Code::Complete)
}

/// Name and network of every file in `dir`, by name; none without the folder.
fn rivals(dir: &Path) -> Result<Vec<(String, Value)>> {
    let mut rivals = Vec::new();
    for path in configurations::files(dir)? {
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            rivals.push((name.to_owned(), configurations::read(&path)?));
        }
    }
    Ok(rivals)
}
