//! `reliad finetune`: a painter that learns from a judge.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use reliad_evaluation::Watch;
use reliad_generation::defaults::sampling_of;
use reliad_generation::files;
use reliad_generation::phrases::Phrases;
use reliad_imaging::Canvas;
use reliad_synth::Pool;
use reliad_training::{Budget, Control, Report};
use reliad_tuning::briefs::Briefs;
use reliad_tuning::config::{Beta, Rewards, TuningConfig, Window};
use reliad_tuning::synthetic::Synthetic;
use reliad_tuning::trainable::Trained;
use reliad_tuning::tune::{Ended, words};
use reliad_tuning::{Tuning, tune};
use reliad_weights::ModelDir;

use crate::commands::synth::ScenesArg;
use crate::counter::Counters;
use crate::display::Display;
use crate::message::{self, Code, hinted};
use crate::{configurations, device, embedded, interrupt};

/// `--data synth`: products of the rendered world.
const SYNTH: &str = "synth";

/// Tune a painter so that its pictures are available more often, by what a judge says of them.
///
/// The model stays as it is. What was tuned is written to OUT, by default a ControlNet that `generate --controlnet OUT` and
/// `evaluate availability` take, and that diffusers opens. Whole pictures of other products are painted meanwhile and held
/// against those of the start; when scenes no longer show what prompts ask for, become alike, or the judges part, the tuning
/// ends by itself and keeps the last good weights. Sheets of these pictures, curves and TensorBoard's events appear in OUT.
/// The same command run again goes on where it was stopped. See docs/tuning.md.
#[derive(Debug, Args)]
pub struct FinetuneArgs {
    /// How to learn
    #[arg(value_enum)]
    method: MethodName,

    /// Model that paints: `mini` or a directory in diffusers layout
    #[arg(long, value_name = "DIR|mini", default_value = embedded::MINI)]
    model: String,

    /// Model that judges and rewards: `mini` or a directory with rfnet/ [default: that of --model]
    #[arg(long, value_name = "DIR|mini")]
    judge: Option<String>,

    /// Another judge, which only watches [default: none]
    #[arg(long, value_name = "DIR|mini-held-out")]
    held_out: Option<String>,

    /// Model whose scene/ tells whether scenes show what prompts ask for [default: that of --model, where it has one]
    #[arg(long, value_name = "DIR|mini")]
    scene: Option<String>,

    /// A CLIP, as transformers writes one, which tells whether pictures show what prompts ask for [default: none]
    #[arg(long, value_name = "DIR")]
    clip: Option<PathBuf>,

    /// Products with prompts and titles: a folder with metadata.jsonl, a catalogue (.csv or .jsonl with the fields product,
    /// title and prompt), or `synth` for products of the rendered world
    #[arg(long, value_name = "DIR|FILE|synth")]
    data: Option<String>,

    /// Further such products to watch by [default: a tenth of the products of --data]
    #[arg(long, value_name = "DIR|FILE|synth")]
    watch: Option<String>,

    /// Products of the rendered world, for --data synth
    #[arg(long, value_name = "N", default_value_t = 256)]
    items: usize,

    #[command(flatten)]
    scenes: ScenesArg,

    /// Scene families that prompts ask for, with commas, for --data synth [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    families: Vec<String>,

    /// Where the tuned part goes
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Settings [default: configs/mini/tuning/METHOD.json for `mini`, else configs/paper/tuning/METHOD.json]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Tune for so many steps [default: the configuration's]; two such runs are equal bit for bit
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    steps: Option<u64>,

    /// Tune for so many minutes, all runs together
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,

    /// Seed of items, steps and noise
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// How much the regulariser counts: a number, or ratio:R for R times the reward's gradient
    #[arg(long, value_name = "B|ratio:R")]
    beta: Option<Beta>,

    /// Denoising steps from which the one with gradients is drawn, counted from 0
    #[arg(long, value_name = "BEGIN:END")]
    window: Option<Window>,

    /// What trains: controlnet, lora or unet
    #[arg(long, value_name = "PART")]
    train: Option<Trained>,

    /// What pictures are rewarded for, and how much each counts, such as judge=1
    #[arg(long, value_name = "NAME=WEIGHT,...")]
    reward: Option<Rewards>,

    /// Learning rate
    #[arg(long, value_name = "RATE")]
    learning_rate: Option<f64>,

    /// Plain lines, also on a terminal that could show curves
    #[arg(long)]
    plain: bool,

    /// Where to compute: cpu, gpu, cuda, vulkan or metal; `:1` picks the second one
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MethodName {
    /// Reward through one step, with Consistent Condition: the paper's
    Rfft,
    /// The reward alone
    Refl,
    /// The reward, with predictions held to the reference
    Kl,
    /// The reward of one step from noised available pictures, without a roll-out
    Direct,
    /// Every denoising step as a decision, by rewards held against each other
    Ddpo,
    /// Preferences between available and unavailable pictures of one product
    Dpo,
    /// Contrast with the moving average on pictures of its own
    Nft,
    /// No training: phrases for prompts that avoid each failure, in a file to edit
    Prompteng,
}

impl MethodName {
    fn slug(self) -> &'static str {
        match self {
            Self::Rfft => "rfft",
            Self::Refl => "refl",
            Self::Kl => "kl",
            Self::Direct => "direct",
            Self::Ddpo => "ddpo",
            Self::Dpo => "dpo",
            Self::Nft => "nft",
            Self::Prompteng => "prompteng",
        }
    }
}

/// Resolves the arguments, tunes, and says what came of it.
///
/// # Errors
/// A model, list or setting that can't be used, or a disk that can't be written.
pub fn run(arguments: FinetuneArgs) -> Result<Code> {
    if arguments.method == MethodName::Prompteng {
        return phrases(&arguments);
    }
    let config = config(&arguments)?;
    let budget = match (arguments.steps, arguments.minutes) {
        (Some(steps), _) => Budget::Steps(steps),
        (None, Some(minutes)) => {
            ensure!(
                minutes > 0.0 && minutes.is_finite(),
                "--minutes {minutes}: must be positive"
            );
            Budget::Minutes(minutes)
        }
        (None, None) => Budget::Steps(config.steps),
    };
    let model = embedded::open(&arguments.model)?;
    let judge_name = arguments.judge.as_ref().unwrap_or(&arguments.model);
    let judge = embedded::open(judge_name)?;
    if !judge.contains("rfnet") {
        return Err(hinted(
            format!("{judge_name} has no judge (rfnet/)"),
            "pass --judge DIR or --judge mini",
        ));
    }
    let scene = match &arguments.scene {
        Some(name) => Some(embedded::open(name)?),
        None => Some(model.clone()).filter(|model| model.contains("scene/config.json")),
    };
    let held_out = arguments
        .held_out
        .as_deref()
        .map(embedded::open)
        .transpose()?;
    let clip = arguments.clip.as_ref().map(ModelDir::open).transpose()?;
    let sampling = sampling_of(&model)?.normalised();
    let canvas = sampling.canvas()?;
    let (device, _) = device::open(&arguments.device)?;
    files::prepare_directory(&arguments.out)?;
    let stop = interrupt::flag()?;
    let Some((briefs, watched)) = lists(&arguments, &config, canvas)? else {
        message::hint_line("stopped; the same command goes on from here");
        return Ok(Code::Interrupted);
    };
    let tuning = Tuning {
        model: &model,
        judge: &judge,
        held_out: held_out.as_ref(),
        scene: scene.as_ref(),
        clip: clip.as_ref(),
        briefs,
        watched,
        sampling,
        config,
        budget,
        seed: arguments.seed,
        device,
        out: arguments.out.clone(),
    };
    let mut display = None;
    let plain = arguments.plain;
    let mut report = |name: &str, report: &Report| {
        let display = display.get_or_insert_with(|| Display::new(plain));
        display.show(name, report);
    };
    let mut control = Control {
        on_report: &mut report,
        stop,
    };
    let ended = tune(&tuning, &mut control, &mut |line| eprintln!("{line}"));
    if let Some(mut display) = display {
        display.finish();
    }
    match ended? {
        Ended::Stopped => {
            message::hint_line("stopped; the same command goes on from here");
            Ok(Code::Interrupted)
        }
        Ended::Finished {
            start,
            figures,
            alarm,
            step,
            ..
        } => {
            if let Some(alarm) = alarm {
                message::warning_line(&format!(
                    "the tuning was ended: {alarm}; what is kept is of step {step}, which was good"
                ));
            }
            println!("before: {}", words(&start.figures()));
            println!("step {step}: {}", words(&figures));
            println!(
                "{}",
                arguments.out.join(tuning.config.train.slug()).display()
            );
            Ok(Code::Complete)
        }
    }
}

/// The folder of configurations for the model.
fn folder(model: &str) -> PathBuf {
    let folder = match model == embedded::MINI {
        true => "mini",
        false => "paper",
    };
    Path::new(configurations::FOLDER).join(folder)
}

/// Writes phrases to add to prompts.
fn phrases(arguments: &FinetuneArgs) -> Result<Code> {
    let path = folder(&arguments.model).join("phrases.json");
    let path = arguments.config.clone().unwrap_or(path);
    let phrases: Phrases = configurations::read(&path)?;
    files::prepare_directory(&arguments.out)?;
    let out = arguments.out.join("phrases.json");
    reliad_weights::write_config(&out, &phrases)?;
    println!("{}", out.display());
    message::hint_line(
        "edit it, then pass it to generate by --phrases, or to evaluate availability",
    );
    Ok(Code::Complete)
}

/// The configuration with what the flags say in its place.
fn config(arguments: &FinetuneArgs) -> Result<TuningConfig> {
    let method = arguments.method.slug();
    let path = arguments.config.clone().unwrap_or_else(|| {
        let folder = folder(&arguments.model).join("tuning");
        folder.join(format!("{method}.json"))
    });
    let mut config: TuningConfig = configurations::read(&path)?;
    ensure!(
        config.method.slug() == method,
        "{} is of the method {}, not {method}",
        path.display(),
        config.method.slug()
    );
    config.train = arguments.train.unwrap_or(config.train);
    if let Some(rewards) = &arguments.reward {
        config.rewards = rewards.clone();
    }
    if let Some(rate) = arguments.learning_rate {
        config.fit.learning_rate.base = rate;
    }
    if let Some(window) = arguments.window {
        config.method.set_window(window)?;
    }
    if let Some(beta) = arguments.beta {
        config.method.set_beta(beta)?;
    }
    config.check()?;
    Ok(config)
}

/// What is tuned on and what is watched; `None` when the caller asked to stop.
fn lists(
    arguments: &FinetuneArgs,
    config: &TuningConfig,
    canvas: Canvas,
) -> Result<Option<(Briefs, Briefs)>> {
    let within = arguments.out.join(".training");
    let data = arguments.data.as_deref().ok_or_else(|| {
        hinted(
            "finetune needs products to tune on",
            "give a folder or a catalogue by --data, or --data synth",
        )
    })?;
    let open = |name: &str, pool: Pool, count: usize| -> Result<Option<Briefs>> {
        if name == SYNTH {
            let synthetic = Synthetic {
                pool,
                count,
                seed: arguments.seed,
                scenes: arguments.scenes.scenes,
                families: arguments.families.clone(),
            };
            let counters = Counters::passing();
            let watch = Watch {
                on_event: &|event| counters.observe(event),
                stop: interrupt::flag()?,
            };
            let dir = within.join(pool.slug());
            let briefs = synthetic.briefs(&dir, canvas, &watch);
            counters.clear();
            return Ok(briefs?);
        }
        let briefs = Briefs::open(Path::new(name), canvas)?;
        for unusable in &briefs.unusable {
            message::warning_line(unusable);
        }
        Ok(Some(briefs))
    };
    let Some(briefs) = open(data, Pool::Tuning, arguments.items)? else {
        return Ok(None);
    };
    let synth = data == SYNTH;
    let watched = match (&arguments.watch, synth) {
        (Some(name), _) => open(name, Pool::Choosing, config.guard.items)?,
        (None, true) => open(SYNTH, Pool::Choosing, config.guard.items)?,
        (None, false) => {
            let (briefs, watched) = briefs.divide();
            if watched.len() < 2 || briefs.is_empty() {
                return Err(hinted(
                    format!("{data} has too few products to keep some for watching"),
                    "give others by --watch, or --watch synth",
                ));
            }
            return Ok(Some((briefs, watched)));
        }
    };
    Ok(watched.map(|watched| (briefs, watched)))
}
