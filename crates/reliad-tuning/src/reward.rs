//! What a picture is rewarded for: a number for each decoded picture, through which gradients reach it.

use burn::tensor::{Device, Tensor};
use reliad_rewards::AestheticReward;
use reliad_rfnet::judge::Judge;
use reliad_training::error::{Error, Result};
use reliad_weights::ModelDir;

use crate::config::TuningConfig;

/// Name of the reward that RFNet gives.
pub const JUDGE: &str = "judge";
/// Name of the reward that an aesthetic network gives (`aesthetic/`).
pub const AESTHETIC: &str = "aesthetic";
/// All rewards.
pub const NAMES: [&str; 2] = [JUDGE, AESTHETIC];

/// A finished picture of one item.
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    /// The scene with the product's own pixels, `[1, 3, H, W]` in 0 to 1.
    pub picture: Tensor<4>,
    /// The product on its canvas, `[1, 4, H, W]` straight alpha.
    pub product: Tensor<4>,
    /// What the product is.
    pub title: &'a str,
    /// What the scene shall show.
    pub prompt: &'a str,
}

/// Somebody who rewards pictures.
pub trait Reward: Send + Sync {
    /// Its name in settings.
    fn name(&self) -> &'static str;

    /// The reward of a picture, one element; more is better. Carries the picture's graph.
    ///
    /// # Errors
    /// A text that can't be read.
    fn reward(&self, picture: &Picture<'_>) -> Result<Tensor<1>>;
}

/// `log p(Available)` of the judge (METHOD: F_AC is its negative mean), calibrated.
#[derive(Debug)]
pub struct Availability {
    judge: Judge,
    detach_maps: bool,
}

impl Availability {
    /// With `detach_maps` depth and saliency carry no gradients.
    pub fn new(judge: Judge, detach_maps: bool) -> Self {
        Self { judge, detach_maps }
    }
}

impl Reward for Availability {
    fn name(&self) -> &'static str {
        JUDGE
    }

    fn reward(&self, picture: &Picture<'_>) -> Result<Tensor<1>> {
        let captions = self.judge.captions(&[picture.title]);
        let captions = captions.map_err(Error::component("title"))?;
        let logs = self.judge.log_probabilities(
            picture.picture.clone(),
            picture.product.clone(),
            captions,
            self.detach_maps,
        );
        Ok(logs.narrow(1, 0, 1).reshape([1]))
    }
}

/// What an aesthetic network says: ImageReward, or the stand-in of a small model.
#[derive(Debug)]
pub struct Looks(AestheticReward);

impl Reward for Looks {
    fn name(&self) -> &'static str {
        AESTHETIC
    }

    fn reward(&self, picture: &Picture<'_>) -> Result<Tensor<1>> {
        let rewards = self.0.rewards(picture.picture.clone(), &[picture.prompt]);
        rewards.map_err(Error::component(AESTHETIC))
    }
}

/// A weighted sum of rewards.
pub struct Rewards(Vec<(Box<dyn Reward>, f64)>);

impl Rewards {
    /// The rewards that `config` names, on `device`: the judge of `judge`, and the aesthetic network of `model`, or of `judge`
    /// where `model` has none.
    ///
    /// # Errors
    /// A network that isn't there or can't be loaded.
    pub fn load(
        model: &ModelDir,
        judge: &ModelDir,
        config: &TuningConfig,
        device: &Device,
    ) -> Result<Self> {
        let mut rewards: Vec<(Box<dyn Reward>, f64)> = Vec::new();
        for (name, weight) in &config.rewards.0 {
            if *weight == 0.0 {
                continue;
            }
            match name.as_str() {
                JUDGE => {
                    let judge = Judge::load(judge, device).map_err(Error::component("judge"))?;
                    let mirrored = config.mirrored.unwrap_or(judge.calibration().mirrored);
                    let judge = judge.looking(mirrored);
                    let reward = Availability::new(judge, !config.differentiable_maps);
                    rewards.push((Box::new(reward), *weight));
                }
                AESTHETIC => {
                    let own = model.contains("aesthetic/config.json");
                    let dir = if own { model } else { judge };
                    let network = AestheticReward::load(dir, device);
                    let network = network.map_err(Error::component(AESTHETIC))?;
                    rewards.push((Box::new(Looks(network)), *weight));
                }
                other => {
                    return Err(Error::Setting {
                        name: "rewards",
                        reason: format!("there is no reward {other}"),
                    });
                }
            }
        }
        Ok(Self(rewards))
    }

    /// The weighted sum, one element, and each reward by itself.
    ///
    /// # Errors
    /// As [`Reward::reward`].
    pub fn of(&self, picture: &Picture<'_>) -> Result<(Tensor<1>, Vec<(&'static str, f64)>)> {
        let mut sum: Option<Tensor<1>> = None;
        let mut parts = Vec::new();
        for (reward, weight) in &self.0 {
            let own = reward.reward(picture)?;
            if self.0.len() > 1 {
                parts.push((reward.name(), f64::from(own.clone().into_scalar::<f32>())));
            }
            let own = own.mul_scalar(*weight);
            sum = Some(match sum {
                None => own,
                Some(sum) => sum + own,
            });
        }
        let sum = sum.unwrap_or_else(|| Tensor::zeros([1], &picture.picture.device()));
        Ok((sum, parts))
    }
}
