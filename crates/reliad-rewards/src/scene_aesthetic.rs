//! The stand-in for an aesthetic reward that `mini` has: how much a picture looks like a render of an available scene.
//!
//! Ours, and no judgement of beauty: nobody was asked. A small ResNet tells renders of the rendered world that are labelled
//! available from the same pictures spoilt (blurred, posterised, flat, noisy, before a plain ground or a pattern);
//! `reliad train aesthetic` makes it. The prompt plays no part. It keeps the place of ImageReward in tests and examples.
//!
//! | key in the file | ours |
//! |---|---|
//! | `encoder.*` | torchvision's names of a ResNet, see [`resnet`](reliad_rfnet::resnet); `fc` is the score |

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_rfnet::preprocess::{Preprocess, PreprocessConfig};
use reliad_rfnet::resnet::{ResNet, ResNetConfig};
use reliad_weights::{KeyMap, ModelDir};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// `aesthetic/config.json` of a stand-in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneAestheticConfig {
    /// Which network this is: `SceneAesthetic`.
    #[serde(rename = "_class_name", default = "class_name")]
    pub class_name: String,
    /// Size and statistics of the input.
    pub preprocess: PreprocessConfig,
    /// The encoder; its one class is the score.
    pub image_encoder: ResNetConfig,
}

fn class_name() -> String {
    SceneAestheticConfig::CLASS.to_owned()
}

impl SceneAestheticConfig {
    /// The value of `_class_name`.
    pub const CLASS: &'static str = "SceneAesthetic";

    /// Builds an untrained network.
    ///
    /// # Errors
    /// A field that isn't supported, by its name.
    pub fn init(&self, device: &Device) -> Result<SceneAestheticNetwork> {
        self.preprocess.validate()?;
        if self.image_encoder.num_classes != Some(1) {
            return Err(Error::Config {
                file: format!("config.json of a {}", Self::CLASS),
                reason: format!(
                    "`image_encoder.num_classes` is {:?}; supported: 1",
                    self.image_encoder.num_classes
                ),
            });
        }
        Ok(SceneAestheticNetwork {
            encoder: self.image_encoder.init(device)?,
        })
    }
}

/// The bare network. Built by [`SceneAestheticConfig::init`].
#[derive(Module, Debug)]
pub struct SceneAestheticNetwork {
    encoder: ResNet,
}

impl SceneAestheticNetwork {
    /// Names in the file to ours.
    pub fn key_map() -> KeyMap {
        KeyMap::identity().ignoring(&["num_batches_tracked"])
    }

    /// The logit of a picture being an unspoilt render.
    ///
    /// # Shapes
    /// - input: `[n, 3, h, w]`, prepared; output: `[n]`
    pub fn forward(&self, input: Tensor<4>) -> Tensor<1> {
        self.encoder.forward(input).flatten(0, 1)
    }
}

/// A loaded stand-in: preprocessing and frozen network.
#[derive(Debug)]
pub struct SceneAesthetic {
    network: SceneAestheticNetwork,
    preprocess: Preprocess,
}

impl SceneAesthetic {
    /// Loads a directory of `config.json` and weights.
    ///
    /// # Errors
    /// A missing file, an unsupported field, or weights that don't fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config: SceneAestheticConfig = reliad_weights::read_config(dir, "config.json")?;
        let network = config.init(device)?;
        let keys = SceneAestheticNetwork::key_map();
        Ok(Self {
            network: reliad_weights::load(network, dir, &keys)?.freeze(),
            preprocess: config.preprocess.init()?,
        })
    }

    /// The reward of each picture: the logit of its being an unspoilt render. Differentiable.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in [0, 1]; output: `[n]`
    pub fn rewards(&self, pictures: Tensor<4>) -> Tensor<1> {
        self.network.forward(self.preprocess.generated(pictures))
    }
}
