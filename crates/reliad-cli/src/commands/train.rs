//! `reliad train`: the networks of a model directory, from rendered samples.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use reliad_training::fit::checkpoint::Checkpoints;
use reliad_training::judge::pretrained::must_be_there;
use reliad_training::judge::settings::RfNetTraining;
use reliad_training::judge::text::TextTraining;
use reliad_training::judge::{aesthetic, encoder, maps, rfnet, scene, text};
use reliad_training::painter::shards::Shards;
use reliad_training::painter::{controlnet, decoder, lora, tokenizer, unet, vae};
use reliad_training::{Budget, Control, Ended, Report, Stage};
use reliad_weights::ModelDir;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::configurations;
use crate::display::Display;
use crate::message::{Code, hinted};
use crate::{device, interrupt};

/// Train the networks of a model directory on rendered samples.
///
/// Stages build on one another: tokenizer, vae, painter, controlnet; scene, through which measurements look; decoder, the
/// vae's once more, on what the painter leaves; depth and saliency; aesthetic, the stand-in for a reward of looks; encoder and text, with which the judge begins, and rfnet last.
/// `mini` runs them all, each for its share of the time. A stage that was stopped or killed is
/// continued by the same command; a finished one is not repeated.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// What to train
    #[arg(value_enum)]
    stage: StageName,

    /// Folder of samples that `reliad synth render` wrote
    #[arg(long, value_name = "DIR")]
    data: PathBuf,

    /// Folder of `reliad synth latents` that tokenizer, painter, ControlNet and adapters learn from instead
    ///
    /// They need more samples than others, and no pictures. The latents have to be of the autoencoder in OUT, which `mini`
    /// keeps then instead of training one.
    #[arg(long, value_name = "DIR")]
    latents: Option<PathBuf>,

    /// Model directory to write into; earlier stages are read from it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The stage's configuration [default: configs/mini/STAGE.json]; for mini the folder of them
    ///
    /// A path below configs/ that isn't on disk stands for the configuration compiled into the program
    /// (`reliad models configs`).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Train for so many steps; two such runs are equal bit for bit
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    steps: Option<u64>,

    /// Train for so many passes over the samples; two such runs are equal bit for bit
    #[arg(
        long,
        value_name = "E",
        conflicts_with_all = ["minutes", "steps"]
    )]
    epochs: Option<f64>,

    /// Train for so many minutes, all runs of the stage together [default: the
    /// configuration's epochs, or the stage's share in configs/mini/plan.json]
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,

    /// Seed of weights, data order and noise
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Model directory whose components a new OUT starts with, such as an earlier stage's result
    #[arg(long, value_name = "DIR")]
    init: Option<PathBuf>,

    /// Train on from the weights that OUT (or --init) has for this stage instead of from fresh ones
    ///
    /// Painter and controlnet only. A checkpoint of this stage in OUT still comes first.
    #[arg(long)]
    warm_start: bool,

    /// Plain lines, also on a terminal that could show curves
    #[arg(long)]
    plain: bool,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    ///
    /// Several with commas share the `accumulate` batches of a step; vae, controlnet and decoder take one.
    #[arg(long, default_value = "cpu", value_delimiter = ',')]
    device: Vec<String>,
}

/// A stage, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StageName {
    /// The two byte-pair vocabularies
    Tokenizer,
    /// The autoencoder
    Vae,
    /// Text encoder and UNet
    Painter,
    /// The ControlNet on Canny edges
    Controlnet,
    /// The autoencoder's decoder alone, on latents as the painter leaves them, for edges that are edges
    Decoder,
    /// Low-rank adapters of the UNet, on top of weights that stay; `mini` has none
    Lora,
    /// The depth network
    Depth,
    /// The saliency network
    Saliency,
    /// The network that tells scenes apart, to measure a painter
    Scene,
    /// The stand-in for an aesthetic reward: tells renders from spoilt ones
    Aesthetic,
    /// An image encoder that knows the rendered world's things, for a judge to begin with
    Encoder,
    /// A text encoder for a judge, on product titles
    Text,
    /// The judge
    Rfnet,
    /// All stages in order
    Mini,
}

/// The stages of `mini`, in the order in which they run.
const ALL: [StageName; 12] = [
    StageName::Tokenizer,
    StageName::Vae,
    StageName::Painter,
    StageName::Controlnet,
    StageName::Scene,
    StageName::Decoder,
    StageName::Depth,
    StageName::Saliency,
    StageName::Aesthetic,
    StageName::Encoder,
    StageName::Text,
    StageName::Rfnet,
];

/// `plan.json`: minutes of each stage.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    vae: f64,
    painter: f64,
    controlnet: f64,
    scene: f64,
    decoder: f64,
    depth: f64,
    saliency: f64,
    aesthetic: f64,
    encoder: f64,
    text: f64,
    rfnet: f64,
}

impl StageName {
    fn slug(self) -> &'static str {
        match self {
            Self::Tokenizer => "tokenizer",
            Self::Vae => "vae",
            Self::Painter => "painter",
            Self::Controlnet => "controlnet",
            Self::Decoder => "decoder",
            Self::Lora => "lora",
            Self::Depth => "depth",
            Self::Saliency => "saliency",
            Self::Scene => "scene",
            Self::Aesthetic => "aesthetic",
            Self::Encoder => "encoder",
            Self::Text => "text",
            Self::Rfnet => "rfnet",
            Self::Mini => "mini",
        }
    }

    /// Whether the stage needs no pictures.
    fn learns_from_latents(self) -> bool {
        matches!(
            self,
            Self::Tokenizer | Self::Painter | Self::Controlnet | Self::Lora
        )
    }

    fn starts_warm(self) -> bool {
        matches!(self, Self::Painter | Self::Controlnet)
    }

    fn minutes(self, plan: &Plan) -> f64 {
        match self {
            Self::Vae => plan.vae,
            Self::Painter => plan.painter,
            Self::Controlnet => plan.controlnet,
            Self::Depth => plan.depth,
            Self::Saliency => plan.saliency,
            Self::Scene => plan.scene,
            Self::Aesthetic => plan.aesthetic,
            Self::Encoder => plan.encoder,
            Self::Text => plan.text,
            Self::Rfnet => plan.rfnet,
            Self::Decoder => plan.decoder,
            Self::Tokenizer | Self::Lora | Self::Mini => 0.0,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Data, a configuration or a component that cannot be used, or a disk that cannot be written.
pub fn run(arguments: TrainArgs) -> Result<Code> {
    if arguments.warm_start && !arguments.stage.starts_warm() {
        bail!(
            "{} always starts from fresh weights; --warm-start is for painter and controlnet",
            arguments.stage.slug()
        );
    }
    let mut devices = Vec::new();
    for name in &arguments.device {
        devices.push(device::open(name)?.0);
    }
    let (device, helpers) = devices.split_first().context("--device names none")?;
    if let Some(init) = &arguments.init {
        begin_with(init, &arguments.out)?;
    }
    let stop = interrupt::flag()?;
    let configs = match (arguments.stage, &arguments.config) {
        (StageName::Mini, Some(dir)) => dir.clone(),
        (_, Some(file)) => file.parent().unwrap_or(Path::new(".")).to_owned(),
        (_, None) => Path::new(configurations::FOLDER).join("mini"),
    };
    let mut stages: Vec<StageName> = match arguments.stage {
        StageName::Mini => ALL.to_vec(),
        one => vec![one],
    };
    if let Some(latents) = &arguments.latents {
        refuse_other_latents(latents, arguments.stage, &arguments.out)?;
        // Another autoencoder would make other latents.
        stages.retain(|stage| !matches!(stage, StageName::Vae));
    }
    // What is missing for the last stage must not show after hours of the first.
    let mut planned = Vec::new();
    for name in stages {
        let config = match (&arguments.config, arguments.stage) {
            (Some(file), stage) if stage != StageName::Mini => file.clone(),
            _ => configs.join(format!("{}.json", name.slug())),
        };
        let budget = budget(name, &arguments, &config, &configs)?;
        let (training, named) = training(name, &config)?;
        for (setting, path) in named {
            // What an earlier stage makes needn't be there yet.
            if arguments.stage != StageName::Mini || !path.starts_with(&arguments.out) {
                must_be_there(setting, &path).with_context(|| config.display().to_string())?;
            }
        }
        planned.push((name, training, config, budget));
    }
    for (name, training, config, budget) in planned {
        let mut display = Display::new(arguments.plain);
        let stage = Stage {
            data: match &arguments.latents {
                Some(latents) if name.learns_from_latents() => latents.clone(),
                _ => arguments.data.clone(),
            },
            out: arguments.out.clone(),
            budget,
            seed: arguments.seed,
            device: device.clone(),
            helpers: helpers.to_vec(),
            warm_start: arguments.warm_start,
        };
        if stage.warm_start {
            refuse_nothing(name, &stage.out)?;
            refuse_finished(&stage.checkpoints(name.slug()))?;
        }
        let mut report = |name: &str, report: &Report| display.show(name, report);
        let mut control = Control {
            on_report: &mut report,
            stop,
        };
        let ended = training(&stage, &mut control)
            .with_context(|| format!("training {} with {}", name.slug(), config.display()));
        display.finish();
        match ended? {
            Ended::Stopped => {
                eprintln!(
                    "stopped; the same command continues {} from its checkpoint",
                    name.slug()
                );
                return Ok(Code::Interrupted);
            }
            Ended::Finished(figures) => {
                let figures: Vec<String> = figures
                    .iter()
                    .map(|(name, value)| format!("{name} {value:.4}"))
                    .collect();
                println!("{}: {}", name.slug(), figures.join(", "));
            }
        }
    }
    Ok(Code::Complete)
}

/// A stage with its configuration, ready to run.
type Training = Box<dyn Fn(&Stage, &mut Control<'_>) -> reliad_training::Result<Ended>>;

/// Paths that a configuration names, by setting.
type Named = Vec<(&'static str, PathBuf)>;

/// Reads the configuration of a stage, and tells which paths it names.
fn training(name: StageName, config: &Path) -> Result<(Training, Named)> {
    let mut named = Named::new();
    /// `train` with a configuration of its own type.
    fn with<C: DeserializeOwned + 'static>(
        config: &Path,
        train: impl Fn(&C, &Stage, &mut Control<'_>) -> reliad_training::Result<Ended> + 'static,
    ) -> Result<Training> {
        let config: C = configurations::read(config)?;
        Ok(Box::new(move |stage, control| {
            train(&config, stage, control)
        }))
    }
    match name {
        StageName::Text => {
            let read: TextTraining = configurations::read(config)?;
            named.extend(read.pretrained.map(|path| ("pretrained", path)));
        }
        StageName::Rfnet => {
            let read: RfNetTraining = configurations::read(config)?;
            let paths = read.pretrained.named();
            named.extend(paths.map(|(name, path)| (name, path.to_owned())));
        }
        _ => {}
    }
    let training = match name {
        StageName::Tokenizer => with(config, |config, stage, _| tokenizer::train(config, stage)),
        StageName::Vae => with(config, vae::train),
        StageName::Painter => with(config, unet::train),
        StageName::Controlnet => with(config, controlnet::train),
        StageName::Decoder => with(config, decoder::train),
        StageName::Lora => with(config, lora::train),
        StageName::Depth => with(config, maps::train_depth),
        StageName::Saliency => with(config, maps::train_saliency),
        StageName::Scene => with(config, scene::train),
        StageName::Aesthetic => with(config, aesthetic::train),
        StageName::Encoder => with(config, encoder::train),
        StageName::Text => with(config, text::train),
        StageName::Rfnet => with(config, rfnet::train),
        StageName::Mini => unreachable!("mini is a list of stages"),
    }?;
    Ok((training, named))
}

/// Latents are for a stage that learns from them, and of the autoencoder that the stage finds.
fn refuse_other_latents(latents: &Path, stage: StageName, out: &Path) -> Result<()> {
    if stage != StageName::Mini && !stage.learns_from_latents() {
        bail!(
            "{} learns from pictures; --latents is for tokenizer, painter, controlnet, lora and mini",
            stage.slug()
        );
    }
    let shards = Shards::open(latents)?.ok_or_else(|| {
        hinted(
            format!("{} holds no latents", latents.display()),
            "make them by `reliad synth latents`",
        )
    })?;
    if stage == StageName::Tokenizer {
        return Ok(());
    }
    let vae = ModelDir::open(out.join("vae")).map_err(|_| {
        hinted(
            format!(
                "{} has no vae/, so its latents can't be those in {}",
                out.display(),
                latents.display()
            ),
            "first `reliad train vae`, then `reliad synth latents --model` with that directory, then this",
        )
    })?;
    Ok(shards.check(&vae)?)
}

/// A warm start needs weights.
fn refuse_nothing(name: StageName, out: &Path) -> Result<()> {
    let component = match name {
        StageName::Painter => "unet",
        name => name.slug(),
    };
    let dir = out.join(component);
    if dir.is_dir() {
        return Ok(());
    }
    Err(hinted(
        format!(
            "{} isn't there, so there are no weights to begin with",
            dir.display()
        ),
        "leave --warm-start out to train from scratch, or copy weights there by --init DIR",
    ))
}

/// A finished training is not repeated: what it ended with would be written again, and the warm start be forgotten.
fn refuse_finished(dir: &Path) -> Result<()> {
    match Checkpoints::new(dir).state()? {
        Some(state) if state.finished => Err(hinted(
            format!("{} holds a finished training", dir.display()),
            "to train on from the weights it wrote, remove that folder; to keep it, give another --out with this one as --init",
        )),
        _ => Ok(()),
    }
}

/// The budget that was given, the configuration's epochs, or the stage's share of the plan.
fn budget(name: StageName, arguments: &TrainArgs, config: &Path, configs: &Path) -> Result<Budget> {
    if let Some(steps) = arguments.steps {
        return Ok(Budget::Steps(steps));
    }
    if let Some(epochs) = arguments.epochs {
        ensure!(
            epochs > 0.0 && epochs.is_finite(),
            "--epochs {epochs}: must be positive"
        );
        return Ok(Budget::Epochs(epochs));
    }
    if let Some(minutes) = arguments.minutes
        && arguments.stage != StageName::Mini
    {
        return Ok(Budget::Minutes(minutes));
    }
    if arguments.minutes.is_none() {
        let settings: serde_json::Value = configurations::read(config)?;
        if let Some(epochs) = settings["fit"]["epochs"].as_f64() {
            return Ok(Budget::Epochs(epochs));
        }
    }
    const UNTOLD: &str = "without --steps, --epochs or --minutes the time comes from the configuration's fit.epochs or from plan.json beside it";
    ensure!(
        name != StageName::Lora,
        "{} has no fit.epochs; {UNTOLD}, and no plan has a share for lora",
        config.display()
    );
    let plan: Plan = configurations::read(&configs.join("plan.json")).context(UNTOLD)?;
    let scale = match arguments.minutes {
        // Minutes of mini are shared out like the plan's.
        Some(minutes) => minutes / ALL.iter().map(|stage| stage.minutes(&plan)).sum::<f64>(),
        None => 1.0,
    };
    Ok(Budget::Minutes(name.minutes(&plan) * scale))
}

/// Copies a model directory's components to where none are yet; checkpoints stay behind.
fn begin_with(init: &Path, out: &Path) -> Result<()> {
    if !init.is_dir() {
        bail!("{} is no model directory", init.display());
    }
    for entry in std::fs::read_dir(init).with_context(|| init.display().to_string())? {
        let from = entry?.path();
        let Some(name) = from.file_name() else {
            continue;
        };
        let to = out.join(name);
        if name == ".training" || to.exists() {
            continue;
        }
        if from.is_dir() {
            std::fs::create_dir_all(&to).with_context(|| to.display().to_string())?;
            for file in std::fs::read_dir(&from).with_context(|| from.display().to_string())? {
                let file = file?.path();
                if let Some(name) = file.file_name().filter(|_| file.is_file()) {
                    std::fs::copy(&file, to.join(name))
                        .with_context(|| file.display().to_string())?;
                }
            }
        } else {
            std::fs::create_dir_all(out).with_context(|| out.display().to_string())?;
            std::fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        }
    }
    Ok(())
}
