//! The aesthetic reward of a model directory, whichever network it is.

use burn::tensor::{Device, Tensor};
use reliad_weights::ModelDir;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::image_reward::{ImageReward, ImageRewardConfig};
use crate::scene_aesthetic::{SceneAesthetic, SceneAestheticConfig};

/// Directory of the component in a model directory.
pub const COMPONENT: &str = "aesthetic";

/// A network that says how good a picture looks.
#[derive(Debug)]
pub enum AestheticReward {
    /// What people like, as ImageReward learned it.
    ImageReward(Box<ImageReward>),
    /// The stand-in: how much a picture looks like a render of an available scene.
    SceneAesthetic(Box<SceneAesthetic>),
}

/// The one field of `config.json` by which the network is chosen.
#[derive(Deserialize)]
struct Class {
    #[serde(rename = "_class_name")]
    name: Option<String>,
}

impl AestheticReward {
    /// Loads `aesthetic/` of `model`: the network that `_class_name` in its `config.json` names.
    ///
    /// # Errors
    /// [`Error::Absent`] where there is none, [`Error::Config`] for another name, or what loading that network says.
    pub fn load(model: &ModelDir, device: &Device) -> Result<Self> {
        let dir = model.sub(COMPONENT);
        if !dir.contains("config.json") {
            return Err(Error::Absent {
                model: model.display(""),
            });
        }
        let class: Class = reliad_weights::read_config(&dir, "config.json")?;
        match class.name.as_deref() {
            Some(ImageRewardConfig::CLASS) => {
                let network = ImageReward::load(&dir, device)?;
                Ok(Self::ImageReward(Box::new(network)))
            }
            Some(SceneAestheticConfig::CLASS) => {
                let network = SceneAesthetic::load(&dir, device)?;
                Ok(Self::SceneAesthetic(Box::new(network)))
            }
            other => Err(Error::Config {
                file: dir.display("config.json"),
                reason: format!(
                    "`_class_name` is {}; supported: {}, {}",
                    other.unwrap_or("left out"),
                    ImageRewardConfig::CLASS,
                    SceneAestheticConfig::CLASS
                ),
            }),
        }
    }

    /// The name of the network, as `_class_name` has it.
    pub fn class(&self) -> &'static str {
        match self {
            Self::ImageReward(_) => ImageRewardConfig::CLASS,
            Self::SceneAesthetic(_) => SceneAestheticConfig::CLASS,
        }
    }

    /// The reward of each picture for its prompt; more is better. Differentiable in the pictures. The stand-in reads no
    /// prompt. Rewards of two networks don't compare.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in [0, 1]; output: `[n]`
    ///
    /// # Errors
    /// [`Error::Count`], or a prompt that the vocabulary can't spell.
    pub fn rewards<S: AsRef<str>>(&self, pictures: Tensor<4>, prompts: &[S]) -> Result<Tensor<1>> {
        match self {
            Self::ImageReward(network) => network.rewards(pictures, prompts),
            Self::SceneAesthetic(network) => {
                Error::unless_paired(pictures.dims()[0], prompts.len())?;
                Ok(network.rewards(pictures))
            }
        }
    }
}
