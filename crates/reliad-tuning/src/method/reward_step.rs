//! The reward through one step: roll out without gradients to a step of the window, and take that one with them (ReFL, Xu et
//! al. 2023; RFFT, Du et al. 2024, on the guided prediction).

use std::sync::Arc;

use burn::tensor::Tensor;
use rand::RngExt as _;
use reliad_diffusion::guidance::Predicted;
use reliad_diffusion::predictor::Predictor;
use reliad_diffusion::step::clean;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::anchor::{Anchor, consistent_condition, kl};
use super::noised::{Noised, noise, timestep};
use super::{Chance, Context, Method};
use crate::bank::{Bank, BankConfig};
use crate::briefs::Briefs;
use crate::config::{Beta, Window};
use crate::descent::asked_plainly;
use crate::networks::{Item, Networks};
use crate::query::{Drawn, Query, Term, Valued};

/// Settings of the reward through one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardStep {
    /// The steps from which one is drawn (the paper: the last 10 of 40).
    pub window: Window,
    /// Consistent Condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistent_condition: Option<Anchor>,
    /// KL to the reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kl: Option<Anchor>,
    /// How much a denoising loss on available pictures of the painter's own counts (ImageReward's authors train one on pictures
    /// of a data set beside ReFL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denoising: Option<Beta>,
    /// Those pictures.
    #[serde(default)]
    pub bank: BankConfig,
}

impl RewardStep {
    /// Checks every range, and that `method` has what it is called for.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self, method: &'static str) -> Result<()> {
        let anchors = [&self.consistent_condition, &self.kl];
        for anchor in anchors.into_iter().flatten() {
            anchor.check()?;
        }
        if let Some(denoising) = self.denoising {
            denoising.check("denoising")?;
        }
        let (wanted, name) = match method {
            "rfft" => (self.consistent_condition.is_some(), "consistent_condition"),
            "kl" => (self.kl.is_some(), "kl"),
            _ => return Ok(()),
        };
        match wanted {
            true => Ok(()),
            false => Err(Error::Setting {
                name: "method",
                reason: format!("{method} needs {name} with its beta"),
            }),
        }
    }

    /// Rolls `item` out by `current`, which has no gradients, to the step `index`, and says what that step costs.
    pub fn at<'a>(
        &self,
        networks: &'a Networks,
        current: &Predictor,
        item: Item,
        index: usize,
    ) -> Drawn<'a> {
        let moment = networks.roll_out(current, &item.conditions, index);
        let guidance = networks.guidance();
        let used = guidance.parts(index, networks.plan.total);
        let query = networks.query(
            &moment,
            &item.conditions,
            self.consistent_condition.is_some(),
        );
        let anchored = self.consistent_condition.is_some() || self.kl.is_some();
        let reference = anchored.then(|| asked_plainly(&query, &networks.painter.predictor));
        let guide = move |predicted: &Predicted| -> Tensor<4> {
            guidance.guide(predicted.clone(), &used).guided
        };

        let (step, clip) = (moment.step.clone(), networks.plan.clip);
        let latents = moment.latents.clone();
        let guided = guide.clone();
        let mut terms = vec![Term {
            name: "reward_loss",
            weight: Beta::Number(1.0),
            cost: Box::new(move |answers| {
                let x0 = clean(&step, clip, latents.clone(), guided(&answers[0]));
                let (reward, parts) = networks.reward(x0, &item)?;
                Ok(Valued {
                    value: reward.neg(),
                    parts,
                })
            }),
        }];
        if let (Some(anchor), Some(reference)) = (self.consistent_condition, &reference) {
            let (step, reference) = (moment.step.clone(), reference.clone());
            terms.push(Term {
                name: "consistent_condition",
                weight: anchor.beta,
                cost: Box::new(move |answers| {
                    Ok(consistent_condition(&answers[0], &reference, &step, anchor.form).into())
                }),
            });
        }
        if let (Some(anchor), Some(reference)) = (self.kl, reference) {
            let (step, reference) = (moment.step, guide(&reference));
            terms.push(Term {
                name: "kl",
                weight: anchor.beta,
                cost: Box::new(move |answers| {
                    Ok(kl(guide(&answers[0]), reference.clone(), &step).into())
                }),
            });
        }
        Drawn {
            queries: vec![query],
            terms,
        }
    }
}

/// The method, with pictures where the denoising loss is trained beside it.
pub(super) struct Ready {
    pub settings: RewardStep,
    pub bank: Option<Arc<Bank>>,
}

impl Method for Ready {
    fn draw<'a>(
        &self,
        context: &Context<'a>,
        briefs: &Briefs,
        item: usize,
        mut chance: Chance,
    ) -> Result<Drawn<'a>> {
        let networks = context.networks;
        let brief = briefs.get(item)?;
        let Window { begin, end } = self.settings.window;
        let index = chance.rng.random_range(begin..end);
        let denoised = self.denoised(networks, briefs, &mut chance)?;
        let item = networks.item(&brief, chance.seed)?;
        let mut drawn = self.settings.at(networks, context.current, item, index);
        if let Some((query, target)) = denoised {
            drawn.queries.push(query);
            drawn.terms.push(Term {
                name: "denoising",
                weight: self.settings.denoising.unwrap_or(Beta::Number(0.0)),
                cost: Box::new(move |answers| {
                    let apart = answers[1].conditional.clone() - target.clone();
                    Ok(apart.square().mean().into())
                }),
            });
        }
        Ok(drawn)
    }
}

impl Ready {
    /// A question about a noised available picture, and what the answer should be.
    fn denoised(
        &self,
        networks: &Networks,
        briefs: &Briefs,
        chance: &mut Chance,
    ) -> Result<Option<(Query, Tensor<4>)>> {
        let Some(bank) = &self.bank else {
            return Ok(None);
        };
        let passed = bank.passed();
        if passed.is_empty() {
            return Err(Error::Setting {
                name: "bank",
                reason: "the judge passes none of its pictures; paint more".to_owned(),
            });
        }
        let painting = passed[chance.rng.random_range(0..passed.len())];
        let brief = briefs.get(painting.item)?;
        let conditions = networks.item(&brief, chance.seed.clone())?.conditions;
        let at = timestep(networks, [0.0, 1.0], &mut chance.rng);
        let fresh = noise(&chance.seed, "noised", &painting.latents);
        let noised = Noised::new(networks, painting.latents.clone(), fresh, at);
        Ok(Some((noised.query(networks, &conditions), noised.target)))
    }
}
