//! Denoising as decisions: every step of a run is an action, of which pictures with more reward than the others of their prompt
//! become more probable (DDPO, Black et al. 2023, arXiv 2305.13301, with the clipped ratio of PPO).
//!
//! The policy that acts is the moving average of the weights (ours; the authors': the weights before the update), so nothing
//! has to be kept between steps and a resumed training goes on as it would have.

use burn::tensor::Tensor;
use rand::RngExt as _;
use reliad_diffusion::guidance::{Guidance, Predicted};
use reliad_diffusion::inpaint::Inpainting;
use reliad_diffusion::scheduler::Plan;
use reliad_diffusion::step::{History, step};
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{Chance, Context, Method, group};
use crate::briefs::Briefs;
use crate::config::Beta;
use crate::networks::Moment;
use crate::query::{Drawn, Term, Valued};

/// Settings of DDPO.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ddpo {
    /// Pictures of an item, whose rewards are held against each other, at least 2.
    pub pictures: u32,
    /// Steps of each picture that are learned from, at least 1.
    pub steps: usize,
    /// How far a ratio counts (the authors: 1e-4).
    pub clip: f64,
    /// Advantages beyond this many deviations are cut off (the authors: 5).
    #[serde(default = "five")]
    pub largest_advantage: f64,
}

fn five() -> f64 {
    5.0
}

impl Ddpo {
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |name, reason: &str| {
            Err(Error::Setting {
                name,
                reason: reason.to_owned(),
            })
        };
        if self.pictures < 2 {
            return wrong(
                "pictures",
                "must be at least 2, to be held against each other",
            );
        }
        if self.steps == 0 {
            return wrong("steps", "must be at least 1");
        }
        for (name, value) in [
            ("clip", self.clip),
            ("largest_advantage", self.largest_advantage),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return wrong(name, "must be above 0");
            }
        }
        Ok(())
    }
}

/// Logarithm of the normal density of `drawn` around `mean`, mean over the elements that are painted (the authors:
/// over all; what is known of the picture is no decision). `[1]`.
pub fn log_density(
    drawn: Tensor<4>,
    mean: Tensor<4>,
    sigma: f64,
    known: Option<&Inpainting>,
) -> Tensor<1> {
    let constant = sigma.ln() + 0.5 * std::f64::consts::TAU.ln();
    let square = (drawn - mean).square().div_scalar(-2.0 * sigma * sigma);
    let density = square.sub_scalar(constant);
    let Some(known) = known else {
        return density.mean();
    };
    let channels = density.dims()[1] as f64;
    let painted = known.paint.clone();
    (density * painted.clone()).sum() / (painted.sum() * channels).clamp_min(1.0)
}

/// PPO's clipped surrogate, to be minimised. `[1]`.
pub fn clipped(ratio: Tensor<1>, advantage: f64, clip: f64) -> Tensor<1> {
    let free = ratio.clone().mul_scalar(-advantage);
    let held = ratio.clamp(1.0 - clip, 1.0 + clip).mul_scalar(-advantage);
    free.max_pair(held)
}

/// One step that was taken, and what it led to.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Where it was taken.
    pub moment: Moment,
    /// The latents that were drawn.
    pub drawn: Tensor<4>,
    /// [`log_density`] of these under the policy that drew them.
    pub before: f64,
    /// What is known of the picture.
    pub known: Option<Inpainting>,
    /// How much more reward the picture has than the others of its prompt, in deviations.
    pub advantage: f64,
}

impl Decision {
    /// The clipped surrogate of the policy that answers `answer` there. `[1]`.
    pub fn loss(
        &self,
        answer: &Predicted,
        guidance: &Guidance,
        plan: &Plan,
        clip: f64,
    ) -> Tensor<1> {
        let at = &self.moment.step;
        let used = guidance.parts(at.index, plan.total);
        let guided = guidance.guide(answer.clone(), &used).guided;
        let latents = self.moment.latents.clone();
        let taken = step(at, plan.clip, &History::new(0), latents, guided, None);
        let now = log_density(
            self.drawn.clone(),
            taken.mean,
            at.sigma,
            self.known.as_ref(),
        );
        clipped((now - self.before).exp(), self.advantage, clip)
    }
}

impl Method for Ddpo {
    fn draw<'a>(
        &self,
        context: &Context<'a>,
        briefs: &Briefs,
        item: usize,
        mut chance: Chance,
    ) -> Result<Drawn<'a>> {
        let networks = context.networks;
        let plan = &networks.plan;
        let chances: Vec<usize> = plan
            .steps
            .iter()
            .filter(|step| step.sigma > 0.0)
            .map(|step| step.index)
            .collect();
        if plan.memory() > 0 || chances.is_empty() {
            return Err(Error::Setting {
                name: "method",
                reason:
                    "ddpo needs a sampler of single steps that draws noise, such as ddim with eta 1"
                        .to_owned(),
            });
        }
        let brief = briefs.get(item)?;
        let mut runs = Vec::new();
        for picture in 0..self.pictures {
            let mut seed = chance.seed.clone();
            seed.attempt = picture;
            let drawn = networks.item(&brief, seed)?;
            let mut run = networks.denoise(context.average.clone(), drawn.conditions.clone());
            let mut steps = Vec::new();
            loop {
                let latents = run.latents();
                let Some(taken) = run.next() else { break };
                steps.push((latents, taken));
            }
            let reward = networks.reward_plainly(run.latents(), &drawn)?;
            runs.push((drawn.conditions, steps, reward));
        }
        let rewards: Vec<f64> = runs.iter().map(|(.., reward)| *reward).collect();
        let (mean, spread) = group(&rewards);
        let (mut queries, mut decisions) = (Vec::new(), Vec::new());
        for (conditions, steps, reward) in runs {
            let most = self.largest_advantage;
            let advantage = ((reward - mean) / spread).clamp(-most, most);
            for _ in 0..self.steps {
                let index = chances[chance.rng.random_range(0..chances.len())];
                let (latents, taken) = &steps[index];
                let moment = Moment {
                    latents: latents.clone(),
                    step: plan.steps[index].clone(),
                };
                let known = conditions.inpainting.clone();
                let (drawn, mean) = (taken.drawn.clone(), taken.mean.clone());
                let before = log_density(drawn.clone(), mean, taken.sigma, known.as_ref());
                queries.push(networks.query(&moment, &conditions, false));
                decisions.push(Decision {
                    moment,
                    drawn,
                    before: before.into_scalar::<f64>(),
                    known,
                    advantage,
                });
            }
        }
        let (guidance, clip) = (networks.guidance(), self.clip);
        let term = Term {
            name: "ppo_loss",
            weight: Beta::Number(1.0),
            cost: Box::new(move |answers| {
                let losses = answers.iter().zip(&decisions);
                let losses =
                    losses.map(|(answer, taken)| taken.loss(answer, &guidance, plan, clip));
                Ok(Valued {
                    value: Tensor::cat(losses.collect(), 0).mean(),
                    parts: vec![("reward", mean)],
                })
            }),
        };
        Ok(Drawn {
            queries,
            terms: vec![term],
        })
    }
}
