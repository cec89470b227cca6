//! The reward of one step from a noised available picture, without a roll-out, beside the denoising loss (ControlNet++, Li et
//! al. 2024, arXiv 2404.07987, whose reward is of consistency with the condition; availability in its place is ours).

use std::sync::Arc;

use rand::RngExt as _;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::noised::{Noised, noise, timestep};
use super::{Chance, Context, Method, share_check};
use crate::bank::{Bank, BankConfig};
use crate::briefs::Briefs;
use crate::config::Beta;
use crate::query::{Drawn, Term, Valued};

/// Settings of the reward of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Direct {
    /// From where to where pictures are noised, two shares of the noise schedule (ControlNet++: the lowest 0.2 or so).
    pub timesteps: [f64; 2],
    /// How much the denoising loss counts.
    pub denoising: Beta,
    /// The pictures.
    #[serde(default)]
    pub bank: BankConfig,
}

impl Direct {
    pub(super) fn check(&self) -> Result<()> {
        share_check("timesteps", self.timesteps)?;
        self.denoising.check("denoising")
    }
}

/// The method with its pictures.
pub(super) struct Ready {
    pub settings: Direct,
    pub bank: Arc<Bank>,
}

impl Ready {
    pub fn new(settings: Direct, bank: Arc<Bank>) -> Result<Self> {
        match bank.passed().is_empty() {
            false => Ok(Self { settings, bank }),
            true => Err(Error::Setting {
                name: "bank",
                reason: "the judge passes none of its pictures; paint more".to_owned(),
            }),
        }
    }
}

impl Method for Ready {
    fn draw<'a>(
        &self,
        context: &Context<'a>,
        briefs: &Briefs,
        _item: usize,
        mut chance: Chance,
    ) -> Result<Drawn<'a>> {
        let networks = context.networks;
        let passed = self.bank.passed();
        let painting = passed[chance.rng.random_range(0..passed.len())];
        let brief = briefs.get(painting.item)?;
        let at = timestep(networks, self.settings.timesteps, &mut chance.rng);
        let fresh = noise(&chance.seed, "noised", &painting.latents);
        let noised = Noised::new(networks, painting.latents.clone(), fresh, at);
        let item = networks.item(&brief, chance.seed)?;
        let query = noised.query(networks, &item.conditions);
        let (sample, clean, target) = (noised.sample, noised.clean, noised.target);
        Ok(Drawn {
            queries: vec![query],
            terms: vec![
                Term {
                    name: "reward_loss",
                    weight: Beta::Number(1.0),
                    cost: Box::new(move |answers| {
                        let said = answers[0].conditional.clone();
                        let x0 = sample.clone().mul_scalar(clean.of_sample)
                            + said.mul_scalar(clean.of_output);
                        let (reward, parts) = networks.reward(x0, &item)?;
                        Ok(Valued {
                            value: reward.neg(),
                            parts,
                        })
                    }),
                },
                Term {
                    name: "denoising",
                    weight: self.settings.denoising,
                    cost: Box::new(move |answers| {
                        let apart = answers[0].conditional.clone() - target.clone();
                        Ok(apart.square().mean().into())
                    }),
                },
            ],
        })
    }
}
