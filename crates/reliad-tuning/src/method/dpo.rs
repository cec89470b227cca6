//! Direct preferences: of two pictures of one product the available one is to be more probable than it was, and the other
//! less (Diffusion-DPO, Wallace et al. 2023, arXiv 2311.12908, equation 14; the pairs are the judge's).

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;
use rand::RngExt as _;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::noised::{Noised, noise, timestep};
use super::{Chance, Context, Method, share_check};
use crate::bank::{Bank, BankConfig};
use crate::briefs::Briefs;
use crate::config::Beta;
use crate::descent::asked_plainly;
use crate::query::{Drawn, Term};

/// Settings of direct preferences.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dpo {
    /// How fast preferences saturate, times half the number of timesteps (in the authors' code: 2000 to 5000).
    pub beta: f64,
    /// From where to where pictures are noised, two shares of the noise schedule.
    #[serde(default = "whole")]
    pub timesteps: [f64; 2],
    /// The pictures.
    #[serde(default)]
    pub bank: BankConfig,
}

fn whole() -> [f64; 2] {
    [0.0, 1.0]
}

impl Dpo {
    pub(super) fn check(&self) -> Result<()> {
        share_check("timesteps", self.timesteps)?;
        Beta::Number(self.beta).check("beta")
    }
}

/// The loss of Diffusion-DPO from mean squared errors: of the tuned painter on the better and the worse picture, then of the
/// reference on them. `[1]` each.
pub fn dpo_loss(tuned: [Tensor<1>; 2], reference: [f64; 2], beta: f64) -> Tensor<1> {
    let [better, worse] = tuned;
    let gained = (better - reference[0]) - (worse - reference[1]);
    log_sigmoid(gained.mul_scalar(-0.5 * beta)).neg()
}

/// The method with its pairs.
pub(super) struct Ready {
    pub settings: Dpo,
    pub bank: Arc<Bank>,
}

impl Ready {
    pub fn new(settings: Dpo, bank: Arc<Bank>) -> Result<Self> {
        match bank.pairs().is_empty() {
            false => Ok(Self { settings, bank }),
            true => Err(Error::Setting {
                name: "bank",
                reason: "no product has both an available and an unavailable picture; paint more of each".to_owned(),
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
        let pairs = self.bank.pairs();
        let pair = pairs[chance.rng.random_range(0..pairs.len())];
        let brief = briefs.get(pair[0].item)?;
        let at = timestep(networks, self.settings.timesteps, &mut chance.rng);
        let fresh = noise(&chance.seed, "noised", &pair[0].latents);
        let conditions = networks.item(&brief, chance.seed)?.conditions;
        let noised =
            pair.map(|painting| Noised::new(networks, painting.latents.clone(), fresh.clone(), at));
        let queries = noised
            .iter()
            .map(|noised| noised.query(networks, &conditions));
        let queries: Vec<_> = queries.collect();
        let error = |said: Tensor<4>, noised: &Noised| -> Tensor<1> {
            (said - noised.target.clone()).square().mean()
        };
        let reference = [0, 1].map(|place| {
            let said = asked_plainly(&queries[place], &networks.painter.predictor).conditional;
            error(said, &noised[place]).into_scalar::<f64>()
        });
        let beta = self.settings.beta;
        let term = Term {
            name: "preference_loss",
            weight: Beta::Number(1.0),
            cost: Box::new(move |answers| {
                let tuned = [0, 1]
                    .map(|place: usize| error(answers[place].conditional.clone(), &noised[place]));
                Ok(dpo_loss(tuned, reference, beta).into())
            }),
        };
        Ok(Drawn {
            queries,
            terms: vec![term],
        })
    }
}
