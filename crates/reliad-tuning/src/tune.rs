//! The harness: items to a method, gradients to the shared loop, whole pictures to the guard, weights and card to the disk.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsAccumulator;
use burn::tensor::{Device, Tensor};
use reliad_diffusion::Sampling;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::predictor::Predictor;
use reliad_training::error::{Error, Result};
use reliad_training::fit::parameters::scaled;
use reliad_training::fit::{Loss, Step, Task, Training, fit};
use reliad_training::random::Order;
use reliad_training::{Budget, Control, Outcome, Report, random, threads};
use reliad_weights::ModelDir;
use serde::{Deserialize, Serialize};

use crate::bank::Bank;
use crate::briefs::Briefs;
use crate::card::Card;
use crate::config::TuningConfig;
use crate::descent::{Descent, descend};
use crate::guard::{Guard, GuardConfig, Seen, Watch, sheet_name};
use crate::method::{Chance, Context, Method};
use crate::networks::Networks;
use crate::trainable::Trainable;

/// What is tuned, on what, and how long.
#[derive(Debug, Clone)]
pub struct Tuning<'a> {
    /// The painter, which stays as it is.
    pub model: &'a ModelDir,
    /// The judge that rewards.
    pub judge: &'a ModelDir,
    /// The judge that only looks.
    pub held_out: Option<&'a ModelDir>,
    /// The model whose scene network looks.
    pub scene: Option<&'a ModelDir>,
    /// A CLIP that looks, too.
    pub clip: Option<&'a ModelDir>,
    /// What is painted.
    pub briefs: Briefs,
    /// What is painted to watch; nothing is learned from it.
    pub watched: Briefs,
    /// How the model is sampled.
    pub sampling: Sampling,
    /// Settings.
    pub config: TuningConfig,
    /// How long it lasts.
    pub budget: Budget,
    /// Seed of items, steps and noise.
    pub seed: u64,
    /// Plain device.
    pub device: Device,
    /// Where the tuned part is written; checkpoints and curves stand in `.training` below it.
    pub out: PathBuf,
}

/// How a tuning ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The tuned part was written.
    Finished {
        /// What the guard saw at the start.
        start: Seen,
        /// What it saw of the weights that were written, by name; empty when they are those of the start.
        figures: Vec<(String, f64)>,
        /// Why the guard ended the training, if it did.
        alarm: Option<String>,
        /// Step of the weights that were written.
        step: u64,
        /// All that it saw, the start first.
        looks: Vec<Looked>,
    },
    /// It was stopped; the same command continues it.
    Stopped,
}

/// What the guard saw after some steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// Steps done then.
    pub step: u64,
    /// Its figures by name.
    pub figures: Vec<(String, f64)>,
}

/// Tunes.
///
/// # Errors
/// A network, product or setting that can't be used, checkpoints of another tuning, or a disk that can't be written.
pub fn tune(
    tuning: &Tuning<'_>,
    control: &mut Control<'_>,
    tell: &mut dyn FnMut(&str),
) -> Result<Ended> {
    let Tuning { config, device, .. } = tuning;
    config.check()?;
    let name = config.method.slug();
    let networks = Networks::load(
        tuning.model,
        tuning.judge,
        tuning.sampling.clone(),
        config,
        device,
    )?;
    config.method.check_steps(networks.plan.total)?;
    let dir = tuning.out.join(TRAINING);
    let sheets = tuning.out.join("samples");
    for folder in [&dir, &sheets] {
        reliad_files::prepare_directory(folder).map_err(Error::io(folder))?;
    }
    let card = Card::new(tuning)?;
    card.begin(&dir)?;
    let watch = Watch {
        briefs: &tuning.watched,
        judge: tuning.judge,
        held_out: tuning.held_out,
        scene: tuning.scene,
        clip: tuning.clip,
        seed: tuning.seed,
        sheets: &sheets,
    };
    let guard = Guard::load(&watch, &config.guard, device)?;
    for blind in guard.blind() {
        tell(&format!("the guard is blind on one eye: {blind}"));
    }
    networks.device.seed(tuning.seed);
    let trainable = Trainable::load(
        tuning.model,
        &networks.base,
        config.train,
        config.rank,
        &networks.device,
    )?;
    tell(&card.intention(tuning, &trainable, guard.items()));
    let of = Of {
        model: card.model.clone(),
        reference: card.reference.clone(),
        judge: card.judge.clone(),
        held_out: card.held_out.clone(),
        scene: card.scene.clone(),
        clip: card.clip.clone(),
        seed: tuning.seed,
        sampling: networks.sampling.clone(),
        items: guard.ids(),
    };
    let (start, seconds) = start(&dir, of, &guard, &networks, tell)?;
    tell(&format!("the start: {}", words(&start.figures())));
    let looks = f64::from(config.fit.validations.max(1)) * guard.items() as f64;
    let bank = config.method.bank().map_or(0.0, |bank| {
        (bank.items.min(tuning.briefs.len()) * bank.pictures as usize) as f64
    });
    if let Budget::Steps(steps) = tuning.budget {
        let items = steps as f64 * (config.fit.batch_size * config.fit.accumulate) as f64;
        let pictures = items * config.method.cost(networks.plan.total) + looks + bank;
        let minutes = pictures * seconds / 60.0;
        tell(&format!(
            "{steps} steps: about {} here, with {} looks at the pictures it is watched by",
            match minutes {
                ..1.5 => format!("{:.0} seconds", 60.0 * minutes),
                ..90.0 => format!("{minutes:.0} minutes"),
                _ => format!("{:.1} hours", minutes / 60.0),
            },
            config.fit.validations.max(1),
        ));
    }
    let bank = match config.method.bank() {
        None => None,
        Some(wanted) => {
            tell(&format!(
                "painting {} pictures to learn from",
                wanted.items.min(tuning.briefs.len()) * wanted.pictures as usize
            ));
            let (briefs, seed) = (&tuning.briefs, tuning.seed);
            let bank = Bank::paint(&networks, briefs, &wanted, seed, &dir.join("bank"), control)?;
            let Some(bank) = bank else {
                return Ok(Ended::Stopped);
            };
            Some(bank)
        }
    };
    let average = networks.painter.predictor.clone();
    let mut task = TuningTask {
        method: config.method.method(bank)?,
        order: Order::new(tuning.seed, tuning.briefs.len()),
        networks: &networks,
        tuning,
        guard: &guard,
        floors: &config.guard,
        start,
        average,
        alarm: None,
        step: 0,
    };
    let training = Training {
        name,
        config: &config.fit,
        budget: tuning.budget,
        seed: tuning.seed,
        dir: &dir,
        devices: vec![device.clone()],
    };
    match fit(&mut task, trainable, &training, control)? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished {
            model,
            figures,
            state,
        } => {
            let unet = &networks.painter.predictor.unet;
            model.save(tuning.model, unet, &tuning.out)?;
            let step = state.best.as_ref().map_or(state.step, |best| best.step);
            card.finish(&tuning.out, &start, &figures, &state)?;
            let looks = seen_so_far(&dir, &start)?;
            Ok(Ended::Finished {
                start,
                figures,
                alarm: state.alarm,
                step,
                looks,
            })
        }
    }
}

/// Folder of checkpoints, metrics and curves in that of a tuning.
pub(crate) const TRAINING: &str = ".training";
/// Name of the file that remembers the start.
const START: &str = "start.json";

/// Takes what the guard saw at the start over from the tuning in `from` to the one in `to`. It counts there only if model, judges,
/// watched items, sampling and seed are the same: the untouched painter paints the same then.
///
/// # Errors
/// A file that can't be copied.
pub fn same_start(from: &Path, to: &Path) -> Result<()> {
    for file in [
        Path::new(TRAINING).join(START),
        Path::new("samples").join(sheet_name(0)),
    ] {
        let (there, here) = (from.join(&file), to.join(&file));
        if there.exists() && !here.exists() {
            let text = std::fs::read(&there).map_err(Error::io(&there))?;
            reliad_files::write(&here, &text).map_err(Error::io(&here))?;
        }
    }
    Ok(())
}

/// What decides what the guard sees of the untouched painter.
#[derive(PartialEq, Serialize, Deserialize)]
struct Of {
    model: String,
    reference: String,
    judge: String,
    held_out: Option<String>,
    scene: Option<String>,
    clip: Option<String>,
    seed: u64,
    sampling: Sampling,
    items: Vec<String>,
}

/// What the guard saw of the untouched painter.
#[derive(Serialize, Deserialize)]
struct Start {
    of: Of,
    seen: Seen,
    /// What one of its pictures took.
    seconds: f64,
}

/// What the guard sees of the untouched painter, and how many seconds a picture takes; remembered in `dir`, as a resumed
/// training holds itself against the same.
fn start(
    dir: &Path,
    of: Of,
    guard: &Guard,
    networks: &Networks,
    tell: &mut dyn FnMut(&str),
) -> Result<(Seen, f64)> {
    let path = dir.join(START);
    if path.exists() {
        let text = std::fs::read(&path).map_err(Error::io(&path))?;
        // What an earlier version wrote, or saw of something else, is seen anew.
        let found = serde_json::from_slice::<Start>(&text).ok();
        if let Some(start) = found.filter(|start| start.of == of) {
            return Ok((start.seen, start.seconds));
        }
    }
    tell(&format!(
        "painting the {} pictures that it is watched by, as they are before",
        guard.items()
    ));
    let began = Instant::now();
    let seen = guard.look(networks, &networks.painter.predictor, 0)?;
    let seconds = began.elapsed().as_secs_f64() / guard.items().max(1) as f64;
    let start = Start { of, seen, seconds };
    reliad_weights::write_config(&path, &start).map_err(Error::component(START))?;
    Ok((seen, seconds))
}

/// All looks of a finished tuning, from its metrics.
fn seen_so_far(dir: &Path, start: &Seen) -> Result<Vec<Looked>> {
    let path = dir.join("metrics.jsonl");
    let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
    let mut looks = vec![Looked {
        step: 0,
        figures: start.figures(),
    }];
    for line in text.lines() {
        let report: Report = serde_json::from_str(line).map_err(|source| Error::Json {
            path: path.clone(),
            source,
        })?;
        if report.loss.is_none() {
            let Report { step, figures, .. } = report;
            looks.push(Looked { step, figures });
        }
    }
    Ok(looks)
}

/// Figures for people.
pub fn words(figures: &[(String, f64)]) -> String {
    let figures = figures
        .iter()
        .map(|(name, value)| format!("{name} {value:.3}"));
    figures.collect::<Vec<_>>().join(", ")
}

struct TuningTask<'a> {
    method: Box<dyn Method>,
    order: Order,
    networks: &'a Networks,
    tuning: &'a Tuning<'a>,
    guard: &'a Guard,
    floors: &'a GuardConfig,
    start: Seen,
    average: Predictor,
    alarm: Option<String>,
    /// Optimizer steps, with the one under way.
    step: u64,
}

impl Task for TuningTask<'_> {
    type Model = Trainable;

    const GUARDED: bool = true;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn look(&mut self, average: &Trainable, step: u64) {
        self.step = step;
        self.average = average.predictor(&self.networks.painter.predictor);
    }

    fn loss(&self, model: &Trainable, step: &mut Step) -> Result<Loss> {
        let batch = self.tuning.config.fit.batch_size;
        let places = self.order.batch(step.index, batch);
        let networks = self.networks;
        let weights = model.valid();
        let plain = weights.predictor(&networks.painter.predictor);
        let context = Context {
            networks,
            current: &plain,
            average: &self.average,
        };
        let descents = threads::each(
            places.len(),
            threads::at_once(&self.tuning.device),
            |place| {
                let briefs = &self.tuning.briefs;
                let item = step.index * batch as u64 + place as u64;
                let chance = Chance {
                    rng: random::generator(self.tuning.seed, "tuning", item),
                    seed: ItemSeed {
                        run: self.tuning.seed,
                        item: format!("tuning {item}"),
                        attempt: 0,
                    },
                };
                let drawn = self.method.draw(&context, briefs, places[place], chance)?;
                // Leaves of its own: graphs that share some, walked by two threads, can wait for each other for ever in Burn 0.22.
                let own = weights.clone().train();
                let tracked = own.predictor(&networks.base);
                let recompute = self.tuning.config.recompute;
                descend(&drawn, &own, &tracked, &plain, recompute, &networks.device)
            },
        )?;
        let mut gradients = GradientsAccumulator::new();
        let mut total = 0.0;
        let mut parts: Vec<(&'static str, f64)> = Vec::new();
        for descent in descents {
            let Descent {
                gradients: own,
                total: value,
                parts: figures,
            } = descent;
            gradients.accumulate(model, own);
            total += value;
            for (name, value) in figures {
                match parts.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, sum)) => *sum += value,
                    None => parts.push((name, value)),
                }
            }
        }
        let share = 1.0 / places.len() as f64;
        let tensor =
            |value: f64| Tensor::<1>::from_floats([(value * share) as f32], &networks.device);
        Ok(Loss {
            total: tensor(total),
            gradients: Some(scaled(model, gradients.grads(), share as f32)),
            parts: parts
                .into_iter()
                .map(|(name, value)| (name, tensor(value)))
                .collect(),
        })
    }

    fn validate(&mut self, average: &Trainable) -> Result<Vec<(String, f64)>> {
        let predictor = average.predictor(&self.networks.painter.predictor);
        let seen = self.guard.look(self.networks, &predictor, self.step)?;
        self.alarm = seen.alarm(&self.start, self.floors);
        let mut figures = seen.figures();
        figures.push((
            "alarm".to_owned(),
            f64::from(u8::from(self.alarm.is_some())),
        ));
        Ok(figures)
    }

    fn alarm(&mut self) -> Option<String> {
        self.alarm.take().filter(|_| self.floors.ends)
    }
}
