//! `config.json` of an ImageReward. Ours: the release has none but that of its text encoder. Defaults are the release's.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::network::ImageRewardNetwork;
use super::text::TextConfig;
use crate::error::{Error, Result};
use crate::preprocess::{CentreSquare, clip_mean, clip_std};

/// Configuration of an [`ImageRewardNetwork`]; what is left out is as in the released model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageRewardConfig {
    /// Which network this is: `ImageReward`.
    #[serde(rename = "_class_name")]
    pub class_name: String,
    /// BLIP's vision transformer.
    pub vision: VisionConfig,
    /// BLIP's text encoder.
    pub text: TextConfig,
    /// The longest prompt in word pieces, `[CLS]` and `[SEP]` among them.
    pub max_tokens: usize,
    /// Widths of the head's hidden layers. It is linear throughout, as released.
    pub head: [usize; 4],
    /// Subtracted from what the head says.
    pub mean: f64,
    /// By which the rest is divided.
    pub std: f64,
    /// Mean of each channel of the picture, subtracted.
    pub image_mean: [f32; 3],
    /// Deviation of each channel, divided by.
    pub image_std: [f32; 3],
}

impl Default for ImageRewardConfig {
    fn default() -> Self {
        Self {
            class_name: Self::CLASS.to_owned(),
            vision: VisionConfig::default(),
            text: TextConfig::default(),
            max_tokens: 35,
            head: [1024, 128, 64, 16],
            mean: 0.167_173_628_300_524_26,
            std: 1.033_339_496_605_407_2,
            image_mean: clip_mean(),
            image_std: clip_std(),
        }
    }
}

/// A vision transformer; the defaults are BLIP's "large", ViT-L/16 at 224 pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VisionConfig {
    /// Side of the square picture in pixels; a multiple of `patch_size`.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Width of a token.
    pub hidden_size: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads; must divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Epsilon of every layer norm.
    pub layer_norm_eps: f64,
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            image_size: 224,
            patch_size: 16,
            hidden_size: 1024,
            intermediate_size: 4096,
            num_hidden_layers: 24,
            num_attention_heads: 16,
            layer_norm_eps: 1e-6,
        }
    }
}

impl VisionConfig {
    /// Tokens of a picture, the class token among them.
    pub fn tokens(&self) -> usize {
        (self.image_size / self.patch_size).pow(2) + 1
    }
}

impl ImageRewardConfig {
    /// The value of `_class_name`.
    pub const CLASS: &'static str = "ImageReward";

    /// Everything that is wrong, a sentence each.
    pub fn problems(&self) -> Vec<String> {
        let vision = &self.vision;
        let mut problems = self.text.problems();
        let mut check = |holds: bool, field: &str, got: &dyn std::fmt::Debug, supported: String| {
            if !holds {
                problems.push(format!("`{field}` is {got:?}; supported: {supported}"));
            }
        };
        check(
            self.class_name == Self::CLASS,
            "_class_name",
            &self.class_name,
            format!("{:?}", Self::CLASS),
        );
        let (patch, side) = (vision.patch_size, vision.image_size);
        check(
            patch > 0 && side > 0 && side.is_multiple_of(patch),
            "vision.patch_size",
            &patch,
            format!("a divisor of vision.image_size {side}"),
        );
        let (heads, width) = (vision.num_attention_heads, vision.hidden_size);
        check(
            heads > 0 && width > 0 && width.is_multiple_of(heads),
            "vision.num_attention_heads",
            &heads,
            format!("a divisor of vision.hidden_size {width}"),
        );
        let wide = vision.intermediate_size;
        let positive = || "1 or more".to_owned();
        check(wide > 0, "vision.intermediate_size", &wide, positive());
        check(!self.head.contains(&0), "head", &self.head, positive());
        let places = self.text.max_position_embeddings;
        check(
            (2..=places).contains(&self.max_tokens),
            "max_tokens",
            &self.max_tokens,
            format!("2 to text.max_position_embeddings {places}"),
        );
        check(
            self.std.is_finite() && self.std != 0.0,
            "std",
            &self.std,
            "a number that isn't 0".to_owned(),
        );
        check(
            self.mean.is_finite(),
            "mean",
            &self.mean,
            "a number".to_owned(),
        );
        problems.extend(self.preprocess().problem());
        problems
    }

    /// A network with fresh weights. `file` is what an error calls this configuration.
    ///
    /// # Errors
    /// [`Error::Config`] with every field that is wrong.
    pub fn init(&self, file: &str, device: &Device) -> Result<ImageRewardNetwork> {
        let problems = self.problems();
        if problems.is_empty() {
            return Ok(ImageRewardNetwork::new(self, device));
        }
        Err(Error::Config {
            file: file.to_owned(),
            reason: problems.join("; "),
        })
    }

    pub(super) fn preprocess(&self) -> CentreSquare {
        CentreSquare {
            image_size: self.vision.image_size,
            image_mean: self.image_mean,
            image_std: self.image_std,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_class_alone_is_the_released_model() {
        let config: Result<ImageRewardConfig, _> =
            serde_json::from_value(json!({ "_class_name": "ImageReward" }));
        let config = config.unwrap_or_default();
        assert_eq!(config, ImageRewardConfig::default());
        assert_eq!(config.problems(), Vec::<String>::new());
        assert_eq!(config.vision.tokens(), 197);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let mut config = ImageRewardConfig {
            max_tokens: 600,
            std: 0.0,
            head: [1, 0, 1, 1],
            ..ImageRewardConfig::default()
        };
        config.vision.patch_size = 15;
        config.text.num_attention_heads = 7;
        let problems = config.problems().join("\n");
        for field in [
            "max_tokens",
            "std",
            "head",
            "vision.patch_size",
            "text.num_attention_heads",
        ] {
            assert!(problems.contains(&format!("`{field}`")), "{problems}");
        }
    }
}
