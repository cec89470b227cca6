//! The evidence, made anew by one command: tunings by every method, and what each does to a painter on products that nothing
//! was tuned or chosen on.

mod plan;
mod report;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use reliad_diffusion::{Sampling, SamplingOverlay};
use reliad_evaluation::availability::{Candidate, Evaluation, Figures, People, Products};
use reliad_evaluation::painter::Model;
use reliad_evaluation::{Event, Watch};
use reliad_generation::tuned::Tuned;
use reliad_synth::{Pool, Sizes};
use reliad_training::error::{Error, Result};
use reliad_training::{Budget, Control, Report};
use serde::{Deserialize, Serialize};

use crate::briefs::Briefs;
use crate::card::Card;
use crate::config::TuningConfig;
use crate::synthetic::Synthetic;
use crate::tune::{Ended, Looked, TRAINING, Tuning, same_start, tune};

pub use plan::{ORIGINAL, PROMPTENG, Part, Plan, Run};
pub use report::markdown;

/// What the evidence is made with.
pub struct Evidence<'a> {
    /// What is shown.
    pub plan: &'a Plan,
    /// The configuration of a method.
    pub config: &'a dyn Fn(&str) -> Result<TuningConfig>,
    /// Phrases that are added to prompts under [`PROMPTENG`].
    pub phrases: Tuned,
    /// The painter.
    pub model: Model<'a>,
    /// Another painter of the same architecture, for parts that ask for one.
    pub other: Option<Model<'a>>,
    /// The judge that rewards.
    pub judge: Model<'a>,
    /// The judge that only looks.
    pub held_out: Option<Model<'a>>,
    /// The model whose scene network looks.
    pub scene: Option<Model<'a>>,
    /// How the painter is sampled.
    pub sampling: Sampling,
    /// Where networks stand.
    pub device: Device,
    /// What figures call the device.
    pub device_name: String,
    /// Folder of everything that is made; what is there is used.
    pub work: PathBuf,
}

/// Who follows.
pub struct Follow<'a> {
    /// Counts of painting and measuring.
    pub on_event: &'a (dyn Fn(Event) + Sync),
    /// Reports of tunings.
    pub on_report: &'a mut dyn FnMut(&str, &Report),
    /// Lines for people.
    pub tell: &'a mut dyn FnMut(&str),
    /// Set to stop.
    pub stop: &'a AtomicBool,
}

/// The file of an [`Outcome`].
const OUTCOME: &str = "outcome.json";

/// What became of a tuning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name in the plan.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Why the guard ended it, if it did.
    pub alarm: Option<String>,
    /// Step of the weights that were kept.
    pub step: u64,
    /// All that the guard saw.
    pub looks: Vec<Looked>,
}

/// A part that was made.
pub struct Shown<'a> {
    /// What it asks.
    pub part: &'a Part,
    /// What was measured; `None` where only alarms are told.
    pub figures: Option<Figures>,
    /// Its tunings.
    pub tunings: Vec<Outcome>,
}

impl Evidence<'_> {
    /// Makes the parts that are named, all where none is. `None` when the caller asked to stop; the same call goes on from there.
    ///
    /// # Errors
    /// A network, setting or file that can't be used.
    pub fn show<'p>(
        &'p self,
        parts: &[String],
        follow: &mut Follow<'_>,
    ) -> Result<Option<Vec<Shown<'p>>>> {
        self.plan.check()?;
        let mut shown = Vec::new();
        for part in self.plan.chosen(parts)? {
            if part.other && self.other.is_none() {
                (follow.tell)(&format!(
                    "part {}: left out; it needs another painter (--other DIR)",
                    part.name
                ));
                continue;
            }
            (follow.tell)(&format!("part {}: {}", part.name, part.title));
            let mut tunings = Vec::new();
            let mut candidates = Vec::new();
            for run in &part.runs {
                for seed in 1..=part.seeds {
                    let tuned = match run.as_str() {
                        ORIGINAL if seed == 1 => Tuned::Original,
                        PROMPTENG if seed == 1 => self.phrases.clone(),
                        ORIGINAL | PROMPTENG => continue,
                        run => {
                            let Some((told, out)) = self.tuned(run, seed, part, follow)? else {
                                return Ok(None);
                            };
                            tunings.push(told);
                            let opened = Tuned::open(&out);
                            opened.map_err(Error::component("tuned part"))?
                        }
                    };
                    let name = match (part.seeds, run.as_str()) {
                        (1, _) | (_, ORIGINAL | PROMPTENG) => run.clone(),
                        _ => format!("{run}-{seed}"),
                    };
                    candidates.push(Candidate {
                        value: name.clone(),
                        name,
                        tuned,
                    });
                }
            }
            let figures = match part.alarms {
                true => None,
                false => match self.measured(part, candidates, follow)? {
                    Some(figures) => Some(figures),
                    None => return Ok(None),
                },
            };
            shown.push(Shown {
                part,
                figures,
                tunings,
            });
        }
        Ok(Some(shown))
    }

    /// The tuning `run` with `seed`: made now, or found.
    fn tuned(
        &self,
        run: &str,
        seed: u64,
        part: &Part,
        follow: &mut Follow<'_>,
    ) -> Result<Option<(Outcome, PathBuf)>> {
        let out = self.work.join("tuned").join(format!("{run}-{seed}"));
        let settings = &self.plan.runs[run];
        let config = settings.over((self.config)(&settings.method)?)?;
        let (Some(briefs), Some(watched)) = (
            self.items(Pool::Tuning, self.plan.items, follow)?,
            self.items(Pool::Choosing, config.guard.items, follow)?,
        ) else {
            return Ok(None);
        };
        let tuning = Tuning {
            model: self.model.dir,
            judge: self.judge.dir,
            // What ends a tuning has chosen its weights: a judge that does so is no longer held out, and can't report on it.
            held_out: self
                .held_out
                .filter(|_| part.alarms)
                .map(|held_out| held_out.dir),
            scene: self.scene.map(|scene| scene.dir),
            clip: None,
            briefs,
            watched,
            sampling: self.sampling.clone(),
            budget: Budget::Steps(config.steps),
            config,
            seed,
            device: self.device.clone(),
            out: out.clone(),
        };
        let kept = out.join(OUTCOME);
        if kept.exists() {
            // An edited plan makes another tuning, which must not be taken for the one that is there.
            Card::new(&tuning)?.begin(&out.join(TRAINING))?;
            let text = std::fs::read(&kept).map_err(Error::io(&kept))?;
            let told = serde_json::from_slice(&text).map_err(|source| Error::Json {
                path: kept.clone(),
                source,
            })?;
            return Ok(Some((told, out)));
        }
        (follow.tell)(&format!("tuning {run}, seed {seed}"));
        for other in self.plan.runs.keys().filter(|other| *other != run) {
            let other = self.work.join("tuned").join(format!("{other}-{seed}"));
            if other.join(OUTCOME).exists() {
                same_start(&other, &out)?;
            }
        }
        let name = format!("{run}-{seed}");
        let on_report = &mut *follow.on_report;
        let mut report = |_: &str, told: &Report| on_report(&name, told);
        let mut control = Control {
            on_report: &mut report,
            stop: follow.stop,
        };
        match tune(&tuning, &mut control, follow.tell)? {
            Ended::Stopped => Ok(None),
            Ended::Finished {
                alarm, step, looks, ..
            } => {
                let told = Outcome {
                    run: run.to_owned(),
                    seed,
                    alarm,
                    step,
                    looks,
                };
                reliad_weights::write_config(&kept, &told).map_err(Error::component("outcome"))?;
                Ok(Some((told, out)))
            }
        }
    }

    fn items(&self, pool: Pool, count: usize, follow: &Follow<'_>) -> Result<Option<Briefs>> {
        let synthetic = Synthetic {
            pool,
            count,
            seed: 1,
            scenes: self.plan.scenes,
            families: self.plan.families.clone(),
        };
        let dir = self.work.join(pool.slug());
        let canvas = self
            .sampling
            .canvas()
            .map_err(Error::component("sampling"))?;
        let watch = Watch {
            on_event: follow.on_event,
            stop: follow.stop,
        };
        synthetic.briefs(&dir, canvas, &watch)
    }

    fn measured(
        &self,
        part: &Part,
        painters: Vec<Candidate>,
        follow: &Follow<'_>,
    ) -> Result<Option<Figures>> {
        let families = match part.all_families {
            true => Vec::new(),
            false => self.plan.families.clone(),
        };
        let set = if families.is_empty() { "all" } else { "chosen" };
        let count = part.count.unwrap_or(self.plan.count);
        let evaluation = Evaluation {
            model: self.other.filter(|_| part.other).unwrap_or(self.model),
            painters,
            judge: self.judge,
            held_out: self.held_out,
            scene: self.scene,
            products: Products::Rendered {
                pool: Pool::Reporting,
                families,
                sizes: Sizes::Any,
                scenes: self.plan.scenes,
            },
            sampling: SamplingOverlay::default(),
            seed: 5,
            count,
            attempts: part.attempts,
            varied: self.plan.varied.min(count),
            people: People::default(),
            device: self.device.clone(),
            device_name: self.device_name.clone(),
            // Parts that paint the same products share their pictures.
            work: self.work.join(format!("measured-{set}-{count}")),
        };
        let watch = Watch {
            on_event: follow.on_event,
            stop: follow.stop,
        };
        let failed = Error::component::<reliad_evaluation::Error>;
        let Some(evaluated) = evaluation.run(&watch).map_err(failed("measuring"))? else {
            return Ok(None);
        };
        let file = self.work.join(format!("{}.json", part.name));
        reliad_weights::write_config(&file, &evaluated.figures)
            .map_err(Error::component("figures"))?;
        let page = evaluated.page().map_err(failed("page"))?;
        let file = file.with_extension("html");
        reliad_files::write(&file, page.as_bytes()).map_err(Error::io(&file))?;
        Ok(Some(evaluated.figures))
    }
}

/// The folder of sheets of a tuning.
pub fn sheets(work: &Path, run: &str, seed: u64) -> PathBuf {
    work.join("tuned")
        .join(format!("{run}-{seed}"))
        .join("samples")
}
