//! The methods: each says what to ask the networks about an item, and what their answers cost.

mod anchor;
mod reward_step;

use rand_chacha::ChaCha8Rng;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::predictor::Predictor;
use reliad_training::error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::briefs::Brief;
use crate::config::{Beta, Window};
use crate::networks::Networks;
use crate::query::Drawn;

pub use anchor::{Anchor, Form};
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
}

impl MethodConfig {
    /// Its name.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Rfft(_) => "rfft",
            Self::Refl(_) => "refl",
            Self::Kl(_) => "kl",
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`reliad_training::Error::Setting`] with the first setting that isn't one.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => step.check(self.slug()),
        }
    }

    /// Checks what depends on the number of denoising steps.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_steps(&self, steps: usize) -> Result<()> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => step.window.check(steps),
        }
    }

    /// Sets the steps from which one is drawn.
    ///
    /// # Errors
    /// [`Error::Setting`] where the method draws none.
    pub fn set_window(&mut self, window: Window) -> Result<()> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => step.window = window,
        }
        Ok(())
    }

    /// Sets how much the method's regulariser counts.
    ///
    /// # Errors
    /// [`Error::Setting`] where it has none.
    pub fn set_beta(&mut self, beta: Beta) -> Result<()> {
        let anchor = match self {
            Self::Rfft(step) => &mut step.consistent_condition,
            Self::Kl(step) => &mut step.kl,
            Self::Refl(_) => &mut None,
        };
        match anchor {
            Some(anchor) => {
                anchor.beta = beta;
                Ok(())
            }
            None => Err(Error::Setting {
                name: "beta",
                reason: format!("{} has no regulariser", self.slug()),
            }),
        }
    }

    /// The method, ready to draw.
    pub fn method(&self) -> Box<dyn Method> {
        match self {
            Self::Rfft(step) | Self::Refl(step) | Self::Kl(step) => Box::new(step.clone()),
        }
    }
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
    /// Draws an item: everything that needs no gradients.
    ///
    /// # Errors
    /// A prompt or title that can't be read.
    fn draw<'a>(
        &self,
        context: &Context<'a>,
        brief: &'a Brief,
        chance: Chance,
    ) -> Result<Drawn<'a>>;
}
