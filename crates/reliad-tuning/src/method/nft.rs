//! DiffusionNFT (Zheng et al. 2025, arXiv 2509.16117): from clean pictures of the painter's own and their rewards alone, by a
//! contrast of what it says with what its moving average says.

use burn::tensor::Tensor;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use super::noised::{Noised, noise, timestep};
use super::{Chance, Context, Method, group, share_check};
use crate::briefs::Briefs;
use crate::config::Beta;
use crate::descent::asked_plainly;
use crate::query::{Drawn, Term, Valued};

/// Settings of DiffusionNFT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nft {
    /// Strength of the contrast, above 0 (the authors: 0.1 to 1).
    pub beta: f64,
    /// Pictures of an item, whose rewards are held against each other, at least 2.
    pub pictures: u32,
    /// From where to where pictures are noised, two shares of the noise schedule.
    #[serde(default = "whole")]
    pub timesteps: [f64; 2],
}

fn whole() -> [f64; 2] {
    [0.0, 1.0]
}

impl Nft {
    pub(super) fn check(&self) -> Result<()> {
        share_check("timesteps", self.timesteps)?;
        if self.pictures < 2 {
            return Err(Error::Setting {
                name: "pictures",
                reason: "must be at least 2, to be held against each other".to_owned(),
            });
        }
        match self.beta > 0.0 && self.beta.is_finite() {
            true => Ok(()),
            false => Err(Error::Setting {
                name: "beta",
                reason: "must be above 0".to_owned(),
            }),
        }
    }
}

/// The loss of DiffusionNFT (its equation 5) for a picture with `reward` in 0 to 1: `said` by the painter and `before` by its
/// average, of what should be the `target`. `[1]`.
pub fn nft_loss(
    said: Tensor<4>,
    before: Tensor<4>,
    target: Tensor<4>,
    reward: f64,
    beta: f64,
) -> Tensor<1> {
    let positive = before.clone().mul_scalar(1.0 - beta) + said.clone().mul_scalar(beta);
    let negative = before.mul_scalar(1.0 + beta) - said.mul_scalar(beta);
    let error = |guess: Tensor<4>| (guess - target.clone()).square().mean();
    error(positive).mul_scalar(reward) + error(negative).mul_scalar(1.0 - reward)
}

impl Method for Nft {
    fn draw<'a>(
        &self,
        context: &Context<'a>,
        briefs: &Briefs,
        item: usize,
        mut chance: Chance,
    ) -> Result<Drawn<'a>> {
        let networks = context.networks;
        let brief = briefs.get(item)?;
        let mut pictures = Vec::new();
        for picture in 0..self.pictures {
            let mut seed = chance.seed.clone();
            seed.attempt = picture;
            let drawn = networks.item(&brief, seed)?;
            let mut run = networks.denoise(context.average.clone(), drawn.conditions.clone());
            run.by_ref().for_each(drop);
            let latents = run.latents();
            let reward = networks.reward_plainly(latents.clone(), &drawn)?;
            pictures.push((drawn.conditions, latents, reward));
        }
        let rewards: Vec<f64> = pictures.iter().map(|(.., reward)| *reward).collect();
        let (mean, spread) = group(&rewards);
        let (mut queries, mut told) = (Vec::new(), Vec::new());
        for (place, (conditions, latents, reward)) in pictures.into_iter().enumerate() {
            let at = timestep(networks, self.timesteps, &mut chance.rng);
            let fresh = noise(&chance.seed, &format!("noised {place}"), &latents);
            let noised = Noised::new(networks, latents, fresh, at);
            let query = noised.query(networks, &conditions);
            let before = asked_plainly(&query, context.average).conditional;
            // The authors' normalisation: 0.5 for a picture like the others of its prompt, 0 and 1 for one deviation off.
            let optimal = 0.5 + 0.5 * ((reward - mean) / spread).clamp(-1.0, 1.0);
            queries.push(query);
            told.push((noised.target, before, optimal));
        }
        let beta = self.beta;
        let term = Term {
            name: "nft_loss",
            weight: Beta::Number(1.0),
            cost: Box::new(move |answers| {
                let losses = answers
                    .iter()
                    .zip(&told)
                    .map(|(answer, (target, before, reward))| {
                        let said = answer.conditional.clone();
                        nft_loss(said, before.clone(), target.clone(), *reward, beta)
                    });
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
