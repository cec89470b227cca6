//! `reliad evaluate availability`: several ControlNets of one model on the same products, prompts and noise.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use clap::Args;
use reliad_dataset::Split;
use reliad_evaluation::Watch;
use reliad_evaluation::availability::{Candidate, Evaluation, People, Products};
use reliad_evaluation::painter::Model;
use reliad_generation::files;
use reliad_generation::tuned::Tuned;
use reliad_synth::Pool;

use crate::commands::synth::{self, ScenesArg, SizesArg};
use crate::counter::Counters;
use crate::message::{self, Code, hinted};
use crate::sampling::SamplingFlags;
use crate::{device, embedded, interrupt};

/// `NAME=original`: the ControlNet from which tuning began.
const ORIGINAL: &str = "original";
/// Items that diversity is measured on at least, where so many are painted.
const VARIED: usize = 16;

/// Compare ControlNets, or other things that were tuned, on the same products, prompts and noise.
///
/// Measured are availability at the first attempt by the judge, by a judge that was held out and by people who labelled
/// pictures; the share of products with an available picture after so many attempts, and what such a picture costs; failures by
/// class; diversity within and across products; agreement with the prompt; and what people prefer. Every figure has an
/// interval, and every painter's difference to the first one too; see docs/evaluation.md. Everything painted is kept: the same
/// command run again goes on where it was stopped.
#[derive(Debug, Args)]
pub struct AvailabilityArgs {
    /// What is compared, with commas: `original` (the ControlNet from which the model's own was tuned, else its own), a
    /// directory that `reliad finetune` wrote, or a ControlNet's directory; the others are held against the first
    #[arg(
        long,
        value_name = "NAME=DIR|original",
        value_delimiter = ',',
        required = true
    )]
    controlnets: Vec<NamedTuned>,

    /// Model that paints, with each of them in turn: `mini` or a directory in diffusers layout
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    model: String,

    /// Model that judges, and decides whether a product is drawn again: `mini` or a directory with rfnet/
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    judge: String,

    /// Model with another judge that no tuning has seen; it only reports
    #[arg(long, value_name = "DIR|mini-held-out")]
    held_out: Option<String>,

    /// Model whose scene/ tells what a picture shows [default: the judge's, where it has one]
    #[arg(long, value_name = "DIR|mini")]
    scene: Option<String>,

    /// Pool of products to render: world, unseen, tuning, choosing, reporting, held-out or labelling
    #[arg(
        long,
        value_parser = synth::pool,
        default_value = "reporting",
        value_name = "POOL",
        conflicts_with = "data"
    )]
    products: Pool,

    /// Scene families that rendered prompts ask for, with commas [default: all]
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "data"
    )]
    families: Vec<String>,

    #[command(flatten)]
    sizes: SizesArg,

    #[command(flatten)]
    scenes: ScenesArg,

    /// Paint products and prompts of this folder (metadata.jsonl), the first sample of each product, instead of rendered ones
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Parts of --data to use: train, validation or test, several with commas
    #[arg(
        long,
        value_parser = super::split,
        value_delimiter = ',',
        default_value = Split::Test.name()
    )]
    split: Vec<Split>,

    /// Number of products
    #[arg(long, value_name = "N", default_value_t = 1000)]
    count: usize,

    /// Attempts at a product's picture, until the judge calls one available
    #[arg(long, value_name = "N", default_value_t = 4)]
    attempts: u32,

    /// Products that are painted twice more, for diversity [default: a tenth, at least 16]
    #[arg(long, value_name = "N")]
    varied: Option<usize>,

    /// Seed of products, prompts, noise and sheets
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    sampling: SamplingFlags,

    /// File for the figures
    #[arg(long, value_name = "FILE")]
    json: PathBuf,

    /// Also write a page with figures, curves and pictures
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Also write a page on which a person labels the pictures, blindly
    #[arg(long, value_name = "FILE")]
    label_sheet: Option<PathBuf>,

    /// Labels that people saved from such a page, a file each, with commas
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    labels: Vec<PathBuf>,

    /// Also write the labelled pictures as a data set (metadata.jsonl) that a judge can learn from, each with the label that
    /// most people gave
    #[arg(long, value_name = "DIR", requires = "labels")]
    labelled: Option<PathBuf>,

    /// Two of the names, for --sheet and --answers
    #[arg(long, value_name = "NAME:NAME", value_parser = two)]
    compare: Option<[String; 2]>,

    /// Also write a page on which a person says which of two pictures is better, blindly
    #[arg(long, value_name = "FILE", requires = "compare")]
    sheet: Option<PathBuf>,

    /// Answers that people saved from such a page, a file each, with commas
    #[arg(long, value_name = "FILE", value_delimiter = ',', requires = "compare")]
    answers: Vec<PathBuf>,

    /// Folder for what is rendered and painted [default: beside the JSON file, its name ending in .work]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// `NAME=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedTuned {
    name: String,
    value: String,
}

impl FromStr for NamedTuned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .filter(|(_, value)| !value.is_empty())
            .ok_or("it isn't NAME=DIR or NAME=original")?;
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// Names stand in files and on pages, and with colons between two.
fn check_name(name: &str) -> Result<(), String> {
    let known = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    match !name.is_empty() && name.chars().all(known) {
        true => Ok(()),
        false => Err(format!(
            "`{name}` is no name; letters, digits and -_.+ make one"
        )),
    }
}

fn two(text: &str) -> Result<[String; 2], String> {
    let (first, second) = text.split_once(':').ok_or("it isn't NAME:NAME")?;
    check_name(first)?;
    check_name(second)?;
    Ok([first, second].map(str::to_owned))
}

/// Paints, measures, prints.
///
/// # Errors
/// Something to compare, a model or a file that can't be read, or an output that can't be written.
pub fn run(arguments: AvailabilityArgs) -> Result<Code> {
    ensure!(arguments.count > 0, "--count is 0; it must be at least 1");
    ensure!(
        arguments.attempts > 0,
        "--attempts is 0; it must be at least 1"
    );
    prepare(&arguments)?;
    let work = arguments
        .work
        .clone()
        .unwrap_or_else(|| arguments.json.with_extension("work"));
    if work == arguments.json {
        return Err(hinted(
            format!(
                "{} can't be both the figures' file and the folder of pictures",
                work.display()
            ),
            "give the file another name, or another folder by --work",
        ));
    }
    let stop = interrupt::flag()?;
    let model = embedded::open(&arguments.model)?;
    let judge = embedded::open(&arguments.judge)?;
    let held_out = arguments
        .held_out
        .as_deref()
        .map(embedded::open)
        .transpose()?;
    let scene_name = arguments.scene.as_ref().unwrap_or(&arguments.judge);
    let scene = embedded::open(scene_name)?;
    let has_scene = arguments.scene.is_some() || scene.contains("scene/config.json");
    if !has_scene {
        message::warning_line(&format!(
            "{scene_name} has no scene/, so diversity and agreement with prompts aren't measured"
        ));
        message::hint_line(
            "--scene mini measures diversity of any picture, and agreement on rendered prompts",
        );
    }
    let painters = arguments
        .controlnets
        .iter()
        .map(candidate)
        .collect::<Result<Vec<_>>>()?;
    let (device, device_name) = device::open(&arguments.device)?;
    let named = |name, dir| Model { name, dir };
    let evaluation = Evaluation {
        model: named(&arguments.model, &model),
        painters,
        judge: named(&arguments.judge, &judge),
        held_out: arguments
            .held_out
            .as_deref()
            .zip(held_out.as_ref())
            .map(|(name, dir)| named(name, dir)),
        scene: has_scene.then(|| named(scene_name, &scene)),
        products: products(&arguments),
        sampling: arguments.sampling.overlay().map_err(anyhow::Error::msg)?,
        seed: arguments.seed,
        count: arguments.count,
        attempts: arguments.attempts,
        varied: arguments
            .varied
            .unwrap_or((arguments.count / 10).max(VARIED).min(arguments.count)),
        people: People {
            labels: arguments.labels.clone(),
            answers: arguments.answers.clone(),
            compare: arguments.compare.clone(),
        },
        device,
        device_name,
        work,
    };
    let counters = Counters::staying();
    let watch = Watch {
        on_event: &|event| counters.observe(event),
        stop,
    };
    let Some(evaluated) = evaluation.run(&watch)? else {
        counters.clear();
        message::hint_line("stopped; the same command goes on from here");
        return Ok(Code::Interrupted);
    };
    // Shown first: a file that can't be written must not cost the measurement.
    print!("{}", evaluated.figures.table());
    reliad_weights::write_config(&arguments.json, &evaluated.figures)?;
    if let Some(html) = &arguments.html {
        files::write_atomic(html, evaluated.page()?.as_bytes())?;
    }
    if let Some(sheet) = &arguments.label_sheet {
        files::write_atomic(sheet, evaluated.label_sheet()?.as_bytes())?;
    }
    if let Some(dir) = &arguments.labelled {
        let told = evaluated.labelled(dir)?;
        eprintln!("{} holds {} labelled pictures", dir.display(), told.samples);
        if told.disputed > 0 {
            message::warning_line(&format!(
                "people didn't agree on {} more; they are left out",
                told.disputed
            ));
        }
    }
    if let (Some(file), Some(sheet)) = (&arguments.sheet, evaluated.pair_sheet()?) {
        files::write_atomic(file, sheet.as_bytes())?;
    }
    Ok(Code::Complete)
}

/// Checks that the files can be written: what can't be must not show after an hour of painting.
fn prepare(arguments: &AvailabilityArgs) -> Result<()> {
    let written = [
        Some(&arguments.json),
        arguments.html.as_ref(),
        arguments.label_sheet.as_ref(),
        arguments.sheet.as_ref(),
    ];
    if let Some(dir) = &arguments.labelled {
        files::prepare_directory(dir)?;
    }
    for file in written.into_iter().flatten() {
        ensure!(!file.is_dir(), "{}: it is a directory", file.display());
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        files::prepare_directory(folder.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

fn candidate(named: &NamedTuned) -> Result<Candidate> {
    let tuned = match named.value.as_str() {
        ORIGINAL => Tuned::Original,
        dir => {
            Tuned::open(Path::new(dir)).with_context(|| format!("--controlnets {}", named.name))?
        }
    };
    Ok(Candidate {
        name: named.name.clone(),
        value: named.value.clone(),
        tuned,
    })
}

fn products(arguments: &AvailabilityArgs) -> Products {
    match &arguments.data {
        Some(dir) => Products::Folder {
            dir: dir.clone(),
            splits: arguments.split.clone(),
        },
        None => Products::Rendered {
            pool: arguments.products,
            families: arguments.families.clone(),
            sizes: arguments.sizes.sizes,
            scenes: arguments.scenes.scenes,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_told_apart() {
        let parse = NamedTuned::from_str;
        let named = parse("rfft=runs/a=b");
        assert_eq!(
            named,
            Ok(NamedTuned {
                name: "rfft".into(),
                value: "runs/a=b".into()
            })
        );
        for bad in ["rfft", "=original", "rfft=", "a:b=original", "a b=original"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert_eq!(two("base:rfft"), Ok(["base".into(), "rfft".into()]));
        assert!(two("base").is_err() && two("base:").is_err());
    }
}
