//! `reliad evaluate painter`: how well a model paints products that no training saw, with intervals.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use image::ImageFormat;
use reliad_evaluation::Watch;
use reliad_evaluation::painter::{Evaluation, Model};
use reliad_generation::files;

use crate::commands::synth::{ScenesArg, SizesArg};
use crate::counter::Counters;
use crate::message::{self, Code, hinted};
use crate::sampling::SamplingFlags;
use crate::{device, embedded, interrupt};

/// Paint samples of products that no training saw, once each, and measure the pictures.
///
/// Prompts and products are those of the rendered world, of products kept for this alone. Measured are
/// agreement with the prompt (by the network that `reliad train scene` makes), the judge's verdicts,
/// the distance to rendered pictures, diversity, how far the ControlNet is obeyed, and second copies of
/// products; see docs/evaluation.md. Everything painted is kept: the same command run again goes on
/// where it was stopped.
#[derive(Debug, Args)]
pub struct PainterArgs {
    /// Model that paints: `mini` or a directory in diffusers layout
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    model: String,

    /// Model that judges: `mini` or a directory with rfnet/, depth/ and saliency/
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    judge: String,

    /// Model whose scene/ tells what a picture shows; compare models only by the same one [default: the
    /// judge's]
    #[arg(long, value_name = "DIR|mini")]
    scene: Option<String>,

    /// Seed of the samples and of the noise
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Number of samples to paint; 60 % more pictures are painted for comparison
    #[arg(long, value_name = "N", default_value_t = 1000)]
    count: usize,

    /// File for the figures
    #[arg(long, value_name = "FILE")]
    json: PathBuf,

    /// Also write a page with the figures and pictures
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Also write the first 96 pictures side by side at full size (.png or .jpg), with a strip beneath each: green available,
    /// orange space, blue size, purple indistinct, red shape
    #[arg(long, value_name = "FILE")]
    contact_sheet: Option<PathBuf>,

    #[command(flatten)]
    sizes: SizesArg,

    #[command(flatten)]
    scenes: ScenesArg,

    /// Folder for what is rendered and painted [default: beside the JSON file, its name ending in .work]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,

    #[command(flatten)]
    sampling: SamplingFlags,
}

/// Paints, measures, prints.
///
/// # Errors
/// A model that can't be loaded or lacks a part, or a file that can't be written.
pub fn run(arguments: PainterArgs) -> Result<Code> {
    ensure!(arguments.count > 0, "--count is 0; it must be at least 1");
    let written = [
        Some(&arguments.json),
        arguments.html.as_ref(),
        arguments.contact_sheet.as_ref(),
    ];
    for file in written.into_iter().flatten() {
        // What can't be written must not show after an hour of painting.
        ensure!(!file.is_dir(), "{}: it is a directory", file.display());
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        files::prepare_directory(folder.unwrap_or(Path::new(".")))?;
    }
    if let Some(file) = &arguments.contact_sheet {
        let known = ImageFormat::from_path(file).is_ok_and(|format| format.writing_enabled());
        ensure!(known, "{}: name it .png, .jpg or .webp", file.display());
    }
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
    let scene_name = arguments.scene.as_ref().unwrap_or(&arguments.judge);
    let scene = embedded::open(scene_name)?;
    let (device, device_name) = device::open(&arguments.device)?;
    let evaluation = Evaluation {
        model: Model {
            name: &arguments.model,
            dir: &model,
        },
        judge: Model {
            name: &arguments.judge,
            dir: &judge,
        },
        scene: Model {
            name: scene_name,
            dir: &scene,
        },
        seed: arguments.seed,
        count: arguments.count,
        sampling: arguments.sampling.overlay().map_err(anyhow::Error::msg)?,
        sizes: arguments.sizes.sizes,
        scenes: arguments.scenes.scenes,
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
    if let Some(file) = &arguments.contact_sheet {
        let sheet = evaluated.contact_sheet()?;
        sheet
            .save(file)
            .with_context(|| file.display().to_string())?;
    }
    Ok(Code::Complete)
}
