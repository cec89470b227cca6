//! `reliad generate`: products in, publishable pictures out.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use reliad_diffusion::Sampling;
use reliad_generation::adapters::AdapterFile;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_generation::cut_out;
use reliad_generation::defaults::sampling_of;
use reliad_generation::files;
use reliad_generation::noise_file::NoiseFile;
use reliad_generation::painter::ModelPainter;
use reliad_generation::phrases::Phrases;
use reliad_generation::report;
use reliad_generation::run::{self, Event, NoiseSource, Outcome, RunSettings};
use reliad_generation::tuned::Tuned;
use reliad_weights::ModelDir;

use crate::catalogue::{self, Catalogue, Defaults};
use crate::message::{self, Code, hinted};
use crate::progress::RunProgress;
use crate::sampling::SamplingFlags;
use crate::shop::{Given, OWN, Shop, open_cut_out};
use crate::{configurations, device, embedded, hints, interrupt};

/// `--controlnet`: the ControlNet of before the model's own was tuned.
const ORIGINAL: &str = "original";

/// Attempts at each picture when neither `--attempts` nor `--noise` is given.
const ATTEMPTS: u32 = 8;

/// Paint scenes around products until the judge finds a picture that can be published.
///
/// The same command run again goes on where it was stopped. Paths of the pictures are printed as
/// they are found; everything about every attempt stands in `manifest.jsonl` and, to look at, in
/// `report.html`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Product cut-outs (PNG, WebP or JPEG with transparency or on white), or directories of them
    #[arg(
        required_unless_present = "catalogue",
        conflicts_with = "catalogue",
        value_name = "PRODUCT"
    )]
    products: Vec<PathBuf>,

    /// Table of products (CSV, JSONL or parquet) with the columns product, title, prompt, negative_prompt, seed, count,
    /// scale and those of sampling; what a row leaves open is as the flags say. See docs/catalogues.md
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,

    /// What the scene shall show; with a catalogue that of rows without a prompt
    #[arg(long, required_unless_present = "catalogue")]
    prompt: Option<String>,

    /// What the scene shall not show
    #[arg(long, default_value = "")]
    negative_prompt: String,

    /// What the product is and how big, for the judge [default: the file's name]
    #[arg(long)]
    title: Option<String>,

    /// Cut products out of photographs that have no transparency and no white ground. The network is the model's own
    /// saliency/, or a directory with one, or a file of U2-Net weights; see docs/catalogues.md
    #[arg(
        long,
        value_name = "DIR|FILE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = OWN
    )]
    cutout: Option<String>,

    /// Pictures wanted of each product
    #[arg(short = 'n', long, default_value_t = 1)]
    count: u32,

    /// Attempts at each picture [default: 8, or 1 with --noise]
    #[arg(long)]
    attempts: Option<u32>,

    /// Seed of the run; the same seed makes the same pictures
    #[arg(long, default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    sampling: SamplingFlags,

    /// Part of the canvas the product takes [default: drawn for each picture from 0.70 to 0.78]
    #[arg(long)]
    scale: Option<f32>,

    /// Model that paints: `mini`, which is built in, or a directory in diffusers layout
    #[arg(
        long,
        value_name = "DIR|mini",
        default_value = embedded::MINI
    )]
    model: String,

    /// ControlNet in the place of the model's own: a directory with config.json, or one that `reliad finetune` wrote, or
    /// `original`, the one from which the model's own was tuned
    #[arg(long, value_name = "DIR|original")]
    controlnet: Option<String>,

    /// Phrases against failures, which are added to prompt and negative prompt: a JSON file such as configs/mini/phrases.json
    #[arg(long, value_name = "FILE")]
    phrases: Option<PathBuf>,

    /// Adapters (LoRA, LoHa, LoKr, DoRA and more; a file of diffusers, kohya or LyCORIS, or a directory of PEFT) to lay on the
    /// model beside its own, with commas between several; STRENGTH is how many times they are added, 1 when left out
    #[arg(long, value_name = "PATH[:STRENGTH]", value_delimiter = ',')]
    lora: Vec<AdapterArgument>,

    /// Model that judges: `mini` or a directory with rfnet/ [default: that of --model]
    #[arg(long, value_name = "DIR|mini", conflicts_with = "no_judge")]
    judge: Option<String>,

    /// Keep the first drawing of each picture without judging it
    #[arg(long)]
    no_judge: bool,

    /// Device to paint on: cpu, gpu, cuda, vulkan or metal, with `:N` for the N-th
    #[arg(long, default_value = "cpu")]
    device: String,

    /// Directory for pictures, manifest and report
    #[arg(long, default_value = "out")]
    out: PathBuf,

    /// Pictures painted at once; changes nothing about them
    #[arg(long, default_value_t = 1)]
    batch: usize,

    /// Noise in place of the drawn one (safetensors: `latents` [n, 4, height/8, width/8] and, where
    /// the sampler draws more, `step_noise` [steps, n, 4, height/8, width/8]); attempt A at
    /// picture P takes row P * attempts + A
    #[arg(long, value_name = "FILE", conflicts_with = "catalogue")]
    noise: Option<PathBuf>,

    /// Keep rejected pictures in the directory `rejected` below --out
    #[arg(long)]
    keep_rejected: bool,

    /// Show errors and warnings only
    #[arg(short, long)]
    quiet: bool,
}

/// `PATH[:STRENGTH]`.
#[derive(Debug, Clone, PartialEq)]
struct AdapterArgument {
    path: PathBuf,
    strength: f64,
}

impl AdapterArgument {
    fn read(&self) -> reliad_generation::Result<AdapterFile> {
        AdapterFile::read(&self.path, self.strength)
    }
}

impl FromStr for AdapterArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // What follows a colon and is no number belongs to the path.
        let split = text.rsplit_once(':');
        let split = split.and_then(|(path, end)| Some((path, end.parse::<f64>().ok()?)));
        let (path, strength) = split.unwrap_or((text, 1.0));
        if path.is_empty() {
            return Err("names no file".to_owned());
        }
        if !strength.is_finite() {
            return Err(format!("a strength of {strength} makes no picture"));
        }
        Ok(Self {
            path: path.into(),
            strength,
        })
    }
}

/// Resolves the arguments, paints, and says what came of it.
///
/// # Errors
/// What keeps the whole run from starting or going on.
pub fn run(arguments: GenerateArgs) -> Result<Code> {
    let began = Instant::now();
    let model = embedded::open(&arguments.model)?;
    let model = match &arguments.controlnet {
        Some(controlnet) => with_controlnet(&model, controlnet)?,
        None => model,
    };
    let judge_model = judge_model(&arguments, &model)?;
    let noise = arguments
        .noise
        .as_deref()
        .map(NoiseFile::read)
        .transpose()?;
    let settings = settings(&arguments, noise.as_ref());
    settings.check()?;
    let catalogue = arguments.catalogue.as_deref().map(Catalogue::read);
    let catalogue = catalogue.transpose()?;
    let phrases = arguments.phrases.as_deref().map(configurations::read);
    let phrases: Option<Phrases> = phrases.transpose()?;
    let overlay = arguments.sampling.overlay().map_err(anyhow::Error::msg)?;
    let sampling = overlay.over(sampling_of(&model)?);
    noise
        .as_ref()
        .map_or(Ok(()), |noise| fits(noise, &sampling))?;
    let defaults = Defaults {
        prompt: arguments.prompt.as_deref(),
        negative_prompt: &arguments.negative_prompt,
        title: arguments.title.as_deref(),
        sampling: &sampling,
        scale: arguments.scale,
        seed: arguments.seed,
        count: arguments.count,
        phrases: phrases.as_ref(),
    };
    // Also where rows overrule it.
    let prompt = arguments.prompt.as_deref().unwrap_or_default();
    let request = defaults.request(prompt, &arguments.negative_prompt);
    request.check()?;
    let adapters = arguments.lora.iter().map(AdapterArgument::read);
    let adapters = adapters.collect::<reliad_generation::Result<Vec<_>>>()?;
    let (device, device_name) = device::open(&arguments.device)?;
    files::prepare_directory(&settings.out)?;
    let shop = Shop {
        cut_out: arguments
            .cutout
            .as_deref()
            .map(|from| open_cut_out(from, [Some(&model), judge_model.as_ref()], &device))
            .transpose()?,
        cutouts: settings.out.join(cut_out::DIRECTORY),
    };
    let mut given = match &catalogue {
        Some(catalogue) => shop.open_rows(catalogue, &defaults, arguments.quiet),
        None => shop.open_products(&arguments.products, arguments.title.as_deref(), &request),
    };
    given.warn();
    if let Some(catalogue) = &catalogue {
        given.tell(catalogue, &settings.out)?;
    }
    if given.orders.is_empty() {
        return Ok(Code::Unusable);
    }

    let mut progress = RunProgress::new(arguments.quiet, &settings);
    progress.loading();
    // Before the painter's weights are read, which takes longer.
    judge_model.as_ref().map_or(Ok(()), ModelJudge::check)?;
    let painter =
        ModelPainter::load(&model, &device, &device_name, noise)?.with_adapters(adapters)?;
    if let Some(catalogue) = &catalogue {
        given.check(catalogue, &painter, &settings.out)?;
    }
    let judge = judge_model
        .as_ref()
        .map(|model| ModelJudge::load(model, &device))
        .transpose()?;
    if judge.as_ref().is_some_and(ModelJudge::reads_titles) && !arguments.quiet {
        hints::of_titles(
            given.untitled,
            given.orders.len(),
            "--title, or a column `title`",
        );
    }
    let stop = interrupt::flag()?;
    let Given {
        orders,
        unusable,
        mut failures,
        ..
    } = given;
    let before = failures.len();
    let outcome = run::run(
        &settings,
        &orders,
        &unusable,
        &painter,
        judge.as_ref().map(|judge| judge as &dyn Assess),
        stop,
        &mut |event| {
            if let (Event::Failed { order, error }, Some(catalogue)) = (&event, &catalogue)
                && let Some(row) = &order.row
            {
                let product = order.product.path.display().to_string();
                failures.push(catalogue.failure(row.row, Some(product), error.to_string()));
            }
            progress.observe(event);
        },
    );
    progress.finish();
    let outcome = outcome?;
    if failures.len() > before {
        catalogue::write_failures(&settings.out, &failures)?;
    }
    if !arguments.quiet {
        summary(
            &outcome,
            &settings,
            began.elapsed().as_secs_f64(),
            judge.is_some(),
        );
    }
    Ok(match outcome {
        _ if outcome.interrupted => Code::Interrupted,
        _ if outcome.failed > 0 || !unusable.is_empty() => Code::Unusable,
        _ if outcome.found < outcome.items => Code::Missing,
        _ => Code::Complete,
    })
}

/// `model` with another ControlNet.
fn with_controlnet(model: &ModelDir, name: &str) -> Result<ModelDir> {
    let tuned = match name {
        ORIGINAL => Tuned::Original,
        dir => Tuned::open(dir.as_ref())?,
    };
    let refuse = |what: &str, hint: String| {
        let message = format!("{name}: it holds {what}, no ControlNet");
        Err(hinted(message, hint))
    };
    match &tuned {
        Tuned::Original | Tuned::ControlNet(_) => Ok(tuned.over(model)?),
        Tuned::Adapters(file) => refuse("adapters", format!("pass --lora {}", file.display())),
        Tuned::Phrases(file) => refuse("phrases", format!("pass --phrases {}", file.display())),
        Tuned::UNet(_) => refuse(
            "a UNet",
            "copy the model's directory, put the UNet in it and pass it by --model".into(),
        ),
    }
}

/// The model that judges, checked for a judge before anything is loaded.
fn judge_model(arguments: &GenerateArgs, model: &ModelDir) -> Result<Option<ModelDir>> {
    if arguments.no_judge {
        return Ok(None);
    }
    let judge = match &arguments.judge {
        Some(name) => embedded::open(name)?,
        None => model.clone(),
    };
    if judge.contains("rfnet") {
        return Ok(Some(judge));
    }
    Err(hinted(
        format!(
            "{} has no rfnet/, so it can't judge what is painted",
            judge.display("")
        ),
        "pass --judge DIR or --judge mini, or --no-judge to keep the first drawing of each picture",
    ))
}

fn settings(arguments: &GenerateArgs, noise: Option<&NoiseFile>) -> RunSettings {
    let default_attempts = if noise.is_some() { 1 } else { ATTEMPTS };
    RunSettings {
        attempts: arguments.attempts.unwrap_or(default_attempts),
        batch: arguments.batch,
        keep_rejected: arguments.keep_rejected,
        out: arguments.out.clone(),
        noise: noise.map(|noise| NoiseSource {
            path: noise.path.clone(),
            hash: noise.hash.clone(),
            rows: noise.rows(),
        }),
    }
}

/// Whether the noise is for pictures of the size that is painted.
fn fits(noise: &NoiseFile, sampling: &Sampling) -> Result<()> {
    let (width, height) = noise.picture_size();
    if (width, height) == (sampling.width as usize, sampling.height as usize) {
        return Ok(());
    }
    Err(hinted(
        format!(
            "noise file {}: it is for pictures of {width}x{height}, not {}x{}",
            noise.path.display(),
            sampling.width,
            sampling.height
        ),
        format!("pass --size {width}x{height}"),
    ))
}

fn summary(outcome: &Outcome, settings: &RunSettings, seconds: f64, judged: bool) {
    let Outcome {
        items,
        found,
        painted,
        resumed,
        interrupted,
        ..
    } = *outcome;
    let kind = if judged { "available" } else { "painted" };
    let again = if resumed > 0 {
        format!(", {resumed} from before")
    } else {
        String::new()
    };
    eprintln!(
        "{found} of {items} pictures {kind} after {painted} attempts{again} in {seconds:.1} s"
    );
    eprintln!("report: {}", settings.out.join(report::FILE_NAME).display());
    if interrupted {
        message::hint_line("stopped; the same command goes on from here");
    } else if found < items - outcome.failed {
        message::hint_line("more --attempts, another --seed or another --prompt may find the rest");
    }
}
