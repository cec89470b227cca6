//! The methods: each says what to ask the networks about an item, and what their answers cost.

mod anchor;
mod ddpo;
mod direct;
mod dpo;
mod nft;
pub mod noised;
mod reward_step;

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::predictor::Predictor;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::bank::{Bank, BankConfig};
use crate::briefs::Briefs;
use crate::config::{Beta, Window};
use crate::networks::Networks;
use crate::query::Drawn;

pub use anchor::{Anchor, Form, consistent_condition, kl};
pub use ddpo::{Ddpo, Decision, clipped, log_density};
pub use direct::Direct;
pub use dpo::{Dpo, dpo_loss};
pub use nft::{Nft, nft_loss};
pub use reward_step::RewardStep;

/// A method with its own settings, under its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodConfig {
    /// Reward fine-tuning with Consistent Condition (Du et al. 2024).
    Rfft(RewardStep),
    /// The reward alone (ReFL, Xu et al. 2023), beside which its authors train a denoising loss.
    Refl(RewardStep),
    /// The reward with the guided prediction held to the reference (METHOD: the paper's comparison).
    Kl(RewardStep),
    /// The reward of one step from a noised available picture (ControlNet++, Li et al. 2024).
    Direct(Direct),
    /// Denoising as decisions (DDPO, Black et al. 2023).
    Ddpo(Ddpo),
    /// Preferences between pictures of one product (Diffusion-DPO, Wallace et al. 2023).
    Dpo(Dpo),
    /// Contrast with the moving average on pictures of its own (DiffusionNFT, Zheng et al. 2025).
    Nft(Nft),
}

impl MethodConfig {
    /// Its name.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Rfft(_) => "rfft",
            Self::Refl(_) => "refl",
            Self::Kl(_) => "kl",
            Self::Direct(_) => "direct",
            Self::Ddpo(_) => "ddpo",
            Self::Dpo(_) => "dpo",
            Self::Nft(_) => "nft",
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first setting that isn't one.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => step.check(self.slug()),
            Self::Direct(direct) => direct.check(),
            Self::Ddpo(ddpo) => ddpo.check(),
            Self::Dpo(dpo) => dpo.check(),
            Self::Nft(nft) => nft.check(),
        }
    }

    /// Checks what depends on the number of denoising steps.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_steps(&self, steps: usize) -> Result<()> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => step.window.check(steps),
            _ => Ok(()),
        }
    }

    /// Sets the steps from which one is drawn.
    ///
    /// # Errors
    /// [`Error::Setting`] where the method draws none.
    pub fn set_window(&mut self, window: Window) -> Result<()> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => {
                step.window = window;
                Ok(())
            }
            _ => Err(Error::Setting {
                name: "window",
                reason: format!("{} rolls out to no single step", self.slug()),
            }),
        }
    }

    /// Sets how much the method's regulariser counts; of `dpo` and `nft` their own beta.
    ///
    /// # Errors
    /// [`Error::Setting`] where it has none, or takes no ratio.
    pub fn set_beta(&mut self, beta: Beta) -> Result<()> {
        let slug = self.slug();
        let refuse = |reason: &str| {
            Err(Error::Setting {
                name: "beta",
                reason: format!("{slug} {reason}"),
            })
        };
        let anchor = match self {
            Self::Rfft(step) => &mut step.consistent_condition,
            Self::Kl(step) => &mut step.kl,
            Self::Refl(_) | Self::Ddpo(_) => &mut None,
            Self::Direct(direct) => {
                direct.denoising = beta;
                return Ok(());
            }
            Self::Dpo(Dpo { beta: own, .. }) | Self::Nft(Nft { beta: own, .. }) => {
                let Beta::Number(number) = beta else {
                    return refuse("takes a number");
                };
                *own = number;
                return Ok(());
            }
        };
        match anchor {
            Some(anchor) => {
                anchor.beta = beta;
                Ok(())
            }
            None => refuse("has no regulariser"),
        }
    }

    /// What an item costs, in whole pictures painted and judged, about (measured on a small model; for estimates alone).
    pub fn cost(&self, steps: usize) -> f64 {
        match self {
            // The roll-out, and some five steps' worth of prediction, decoder, judge and the way back.
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => {
                let reached = (step.window.begin + step.window.end) as f64 / 2.0;
                (reached + 5.0) / steps as f64 + 0.2
            }
            Self::Direct(_) => 5.0 / steps as f64 + 0.2,
            Self::Dpo(_) => 8.0 / steps as f64,
            Self::Ddpo(ddpo) => {
                f64::from(ddpo.pictures) * (1.0 + 4.0 * ddpo.steps as f64 / steps as f64)
            }
            Self::Nft(nft) => f64::from(nft.pictures) * (1.0 + 5.0 / steps as f64),
        }
    }

    /// The pictures that the painter has to make beforehand, for methods that need some.
    pub fn bank(&self) -> Option<BankConfig> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => {
                step.denoising.map(|_| step.bank)
            }
            Self::Direct(direct) => Some(direct.bank),
            Self::Dpo(dpo) => Some(dpo.bank),
            Self::Ddpo(_) | Self::Nft(_) => None,
        }
    }

    /// The method, ready to draw, with the pictures of [`bank`](Self::bank).
    ///
    /// # Errors
    /// [`Error::Setting`] when it can't learn from these pictures.
    pub fn method(&self, bank: Option<Bank>) -> Result<Box<dyn Method>> {
        let bank = bank.map(Arc::new);
        let given = bank.clone().unwrap_or_default();
        Ok(match self.clone() {
            Self::Rfft(settings) | Self::Refl(settings) | Self::Kl(settings) => {
                Box::new(reward_step::Ready { settings, bank })
            }
            Self::Direct(settings) => Box::new(direct::Ready::new(settings, given)?),
            Self::Dpo(settings) => Box::new(dpo::Ready::new(settings, given)?),
            Self::Ddpo(settings) => Box::new(settings),
            Self::Nft(settings) => Box::new(settings),
        })
    }
}

/// Checks two shares of the noise schedule.
fn share_check(name: &'static str, [begin, end]: [f64; 2]) -> Result<()> {
    match 0.0 <= begin && begin < end && end <= 1.0 {
        true => Ok(()),
        false => Err(Error::Setting {
            name,
            reason: format!("[{begin}, {end}] aren't two shares in order, 0 to 1"),
        }),
    }
}

/// Mean and spread of the rewards of one item's pictures; the spread is never nothing.
fn group(rewards: &[f64]) -> (f64, f64) {
    let count = rewards.len() as f64;
    let mean = rewards.iter().sum::<f64>() / count;
    let square = rewards.iter().map(|reward| (reward - mean).powi(2));
    (mean, (square.sum::<f64>() / count).sqrt() + 1e-6)
}

/// Networks and weights at a step.
pub struct Context<'a> {
    /// What is frozen.
    pub networks: &'a Networks,
    /// The weights that train, as they stand, without gradients.
    pub current: &'a Predictor,
    /// Their moving average.
    pub average: &'a Predictor,
}

/// Randomness of one item at one step.
pub struct Chance {
    /// For choices.
    pub rng: ChaCha8Rng,
    /// Of the item's noise.
    pub seed: ItemSeed,
}

/// A way to learn from a judge.
pub trait Method: Send + Sync {
    /// Draws something of `item`, or of another of `briefs`: everything that needs no gradients.
    ///
    /// # Errors
    /// A prompt or title that can't be read.
    fn draw<'a>(
        &self,
        context: &Context<'a>,
        briefs: &Briefs,
        item: usize,
        chance: Chance,
    ) -> Result<Drawn<'a>>;
}
