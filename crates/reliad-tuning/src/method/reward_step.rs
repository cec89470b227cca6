//! The reward through one step: roll out without gradients to a step of the window, and take that one with them (ReFL, Xu et
//! al. 2023; RFFT, Du et al. 2024, on the guided prediction).

use burn::tensor::Tensor;
use rand::RngExt as _;
use reliad_diffusion::guidance::Predicted;
use reliad_diffusion::step::clean;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::anchor::{Anchor, consistent_condition, kl};
use super::{Chance, Context, Method};
use crate::briefs::Brief;
use crate::config::{Beta, Window};
use crate::descent::asked_plainly;
use crate::query::{Drawn, Term, Valued};

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
}

impl Method for RewardStep {
    fn draw<'a>(
        &self,
        context: &Context<'a>,
        brief: &'a Brief,
        mut chance: Chance,
    ) -> Result<Drawn<'a>> {
        let networks = context.networks;
        let Window { begin, end } = self.window;
        let index = chance.rng.random_range(begin..end);
        let conditions = networks.conditions(brief, chance.seed)?;
        let moment = networks.roll_out(context.current, &conditions, index);
        let guidance = networks.guidance();
        let used = guidance.parts(index, networks.plan.total);
        let query = networks.query(&moment, &conditions, self.consistent_condition.is_some());
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
                let (reward, parts) = networks.reward(x0, &conditions, brief)?;
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
        Ok(Drawn {
            queries: vec![query],
            terms,
        })
    }
}
