//! `reliad evaluate painter`: how well a model paints products that no training saw, with intervals.

mod figures;
mod looks;
mod page;
mod series;
mod traced;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use clap::Args;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_generation::defaults::SamplingDefaults;
use reliad_generation::files;
use reliad_generation::gallery::Gallery;
use reliad_generation::identity::ModelIdentity;
use reliad_generation::paint::Paint;
use reliad_generation::painter::ModelPainter;
use reliad_imaging::Class;
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_rfnet::scene_network::{COMPONENT, SceneClassifier};
use reliad_synth::{RenderConfig, UNSEEN, World, render_folder};
use reliad_training::threads;

use crate::commands::synth::SizesArg;
use crate::counter::Counter;
use crate::message::{self, Code, hinted};
use crate::{device, embedded, interrupt};

use figures::{Figures, Named, Settings};
use looks::Viewers;
use series::{Job, Series, jobs};

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
        env = "RELIAD_MODEL",
        hide_env_values = true,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    model: String,

    /// Model that judges: `mini` or a directory with rfnet/, depth/ and saliency/
    #[arg(
        long,
        env = "RELIAD_JUDGE",
        hide_env_values = true,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    judge: String,

    /// Model whose scene/ tells what a picture shows; compare models only by the same one [default: the
    /// judge's]
    #[arg(
        long,
        env = "RELIAD_SCENE",
        hide_env_values = true,
        value_name = "DIR|mini"
    )]
    scene: Option<String>,

    /// Seed of the samples and of the noise
    #[arg(long, env = "RELIAD_SEED", hide_env_values = true, default_value_t = 0)]
    seed: u64,

    /// Number of samples to paint; 60 % more pictures are painted for comparison
    #[arg(
        long,
        env = "RELIAD_COUNT",
        hide_env_values = true,
        value_name = "N",
        default_value_t = 1000
    )]
    count: usize,

    /// File for the figures
    #[arg(
        long,
        env = "RELIAD_JSON_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    json: PathBuf,

    /// Also write a page with the figures and pictures
    #[arg(
        long,
        env = "RELIAD_HTML_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    html: Option<PathBuf>,

    /// Side of the square pictures in pixels, a multiple of 8
    #[arg(
        long,
        env = "RELIAD_SIZE",
        hide_env_values = true,
        default_value_t = 256
    )]
    size: u32,

    #[command(flatten)]
    sizes: SizesArg,

    /// Folder for what is rendered and painted [default: beside the JSON file, its name ending in .work]
    #[arg(long, env = "RELIAD_WORK", hide_env_values = true, value_name = "DIR")]
    work: Option<PathBuf>,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(
        long,
        env = "RELIAD_DEVICE",
        hide_env_values = true,
        default_value = "cpu"
    )]
    device: String,
}

/// Paints, measures, prints.
///
/// # Errors
/// A model that can't be loaded or lacks a part, or a file that can't be written.
pub fn run(arguments: PainterArgs) -> Result<Code> {
    ensure!(arguments.count > 0, "--count is 0; it must be at least 1");
    for file in [Some(&arguments.json), arguments.html.as_ref()]
        .into_iter()
        .flatten()
    {
        // What can't be written must not show after an hour of painting.
        ensure!(!file.is_dir(), "{}: it is a directory", file.display());
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        files::prepare_directory(folder.unwrap_or(Path::new(".")))?;
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
    let judged_by = embedded::open(&arguments.judge)?;
    let scene_name = arguments.scene.as_ref().unwrap_or(&arguments.judge);
    let scene_model = embedded::open(scene_name)?;
    let (device, device_name) = device::open(&arguments.device)?;
    let scene = SceneClassifier::load(&scene_model, &device)?;
    let scene_identity = ModelIdentity::of(&scene_model, &[COMPONENT])?;
    if !judged_by.contains("saliency/config.json") {
        return Err(hinted(
            format!("{} has no saliency/", arguments.judge),
            "second copies of products are found by it; train it with `reliad train saliency`",
        ));
    }
    let saliency = SaliencyNetwork::load(&judged_by.sub("saliency"), &device)?;
    let judge = ModelJudge::load(&judged_by, &device)?;
    let painter = ModelPainter::load(&model, &device, &device_name, None)?;
    let mut sampling = SamplingDefaults::of(&model)?;
    (sampling.width, sampling.height) = (Some(arguments.size), Some(arguments.size));
    sampling.sampling("", "").check()?;

    if !render(&arguments, &work.join("rendered"), stop)? {
        return Ok(stopped());
    }
    let series = Series::open(
        &work.join("rendered"),
        arguments.count,
        sampling.clone(),
        &painter.identity().digest,
        arguments.seed,
    )?;
    if series.records().iter().all(|record| {
        let told = record.parameters.as_ref();
        told.is_none_or(|parameters| parameters.main_color.is_none())
    }) {
        message::warning_line(&format!(
            "no sample in {} tells its main colour, so only scene families are compared; remove the folder if an older \
             reliad rendered it",
            work.join("rendered").display()
        ));
    }
    // A network of another world must not show after an hour of painting.
    for record in series.records() {
        looks::asked(record, scene.config())?;
    }
    let gallery = Gallery::open(&work.join("painted"))?;
    let jobs = jobs(arguments.count);
    if !paint(&series, &gallery, &painter, &jobs, &device, stop)? {
        return Ok(stopped());
    }
    let viewers = Viewers {
        series: &series,
        gallery: &gallery,
        scene: &scene,
        saliency: &saliency,
        judge: &judge,
        device: &device,
    };
    let Some(looks) = viewers.look(&jobs, stop)? else {
        return Ok(stopped());
    };
    let named = |name: &str, digest: &str| Named {
        name: name.to_owned(),
        digest: digest.to_owned(),
    };
    let settings = Settings {
        reliad: reliad_generation::VERSION.to_owned(),
        seed: arguments.seed,
        count: arguments.count,
        size: arguments.size,
        sizes: arguments.sizes.sizes,
        device: device_name,
        model: named(&arguments.model, &painter.identity().digest),
        judge: named(&arguments.judge, &judge.identity().digest),
        scene: named(scene_name, &scene_identity.digest),
        sampling,
    };
    let products: Vec<u64> = series
        .records()
        .iter()
        .map(|record| record.product_id)
        .collect();
    let classes = scene.config();
    let figures = Figures::new(
        &looks,
        &products,
        &classes.families,
        &classes.colors,
        settings,
    );
    // Shown first: a file that can't be written must not cost the measurement.
    print!("{}", figures.table());
    reliad_weights::write_config(&arguments.json, &figures)?;
    if let Some(html) = &arguments.html {
        let page = page::page(&figures, &looks, &viewers, &jobs)?;
        files::write_atomic(html, page.as_bytes())?;
    }
    Ok(Code::Complete)
}

fn stopped() -> Code {
    message::hint_line("stopped; the same command goes on from here");
    Code::Interrupted
}

/// Renders the samples that are missing. Returns whether all are there.
fn render(arguments: &PainterArgs, out: &Path, stop: &AtomicBool) -> Result<bool> {
    let config = RenderConfig {
        count: arguments.count as u64,
        seed: arguments.seed,
        size: arguments.size,
        world: World {
            // What merchants ask for: no prompt asks for a wall in the product's own colour.
            class: Some(Class::Available),
            products: Some(UNSEEN.collect()),
            sizes: arguments.sizes.sizes,
            ..World::default()
        },
        out: out.to_owned(),
    };
    let counter = Counter::new("rendered", config.count);
    let rendered = render_folder(
        &config,
        &|progress| counter.reach(progress.done, progress.found),
        stop,
    );
    match rendered {
        Ok(()) => {
            counter.finish();
            Ok(true)
        }
        Err(reliad_synth::Error::Cancelled { .. }) => Ok(false),
        Err(error @ reliad_synth::Error::OtherRun { .. }) => Err(hinted(
            error.to_string(),
            "another --work starts afresh; a folder belongs to one seed, size and --sizes",
        )),
        Err(error) => Err(error).context("rendering the samples"),
    }
}

/// Paints the pictures that are missing. Returns whether all are there.
fn paint(
    series: &Series,
    gallery: &Gallery,
    painter: &ModelPainter,
    jobs: &[Job],
    device: &Device,
    stop: &AtomicBool,
) -> Result<bool> {
    let counter = Counter::new("painted", jobs.len() as u64);
    let painted = threads::each(jobs.len(), threads::at_once(device), |place| {
        let stopped = || stop.load(Ordering::Relaxed);
        let mut on_step = |_, _| match stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        if stopped() {
            return Ok(false);
        }
        let drawing = series.drawing(jobs[place])?;
        let found = gallery.path(&drawing.recipe).exists();
        let there = found || gallery.paint(painter, &drawing, &mut on_step)?.is_some();
        if there {
            counter.advance(found);
        }
        Ok::<_, anyhow::Error>(there)
    })?;
    if painted.contains(&false) {
        return Ok(false);
    }
    counter.finish();
    Ok(true)
}
