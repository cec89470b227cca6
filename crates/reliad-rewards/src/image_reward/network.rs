//! The bare network: picture and prompt to reward.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use reliad_rfnet::roberta::CaptionTokens;
use reliad_weights::KeyMap;

use super::config::ImageRewardConfig;
use super::text::BlipText;
use super::vision::BlipVision;

/// BLIP and the head. Built by [`ImageRewardConfig::init`].
#[derive(Module, Debug)]
pub struct ImageRewardNetwork {
    blip: Blip,
    mlp: Head,
    mean: f64,
    std: f64,
}

#[derive(Module, Debug)]
struct Blip {
    visual_encoder: BlipVision,
    text_encoder: BlipText,
}

#[derive(Module, Debug)]
struct Head {
    layers: Vec<Linear>,
}

impl ImageRewardNetwork {
    pub(super) fn new(config: &ImageRewardConfig, device: &Device) -> Self {
        let input = config.text.hidden_size;
        // As the authors begin: normal with a deviation of 1 / (input + 1), no bias.
        let weights = Initializer::Normal {
            mean: 0.0,
            std: 1.0 / (input as f64 + 1.0),
        };
        let [a, b, c, d] = config.head;
        let layers = [(input, a), (a, b), (b, c), (c, d), (d, 1)].map(|(from, to)| {
            let mut layer = LinearConfig::new(from, to)
                .with_initializer(weights.clone())
                .init(device);
            layer.bias = Some(Initializer::Zeros.init([to], device));
            layer
        });
        Self {
            blip: Blip {
                visual_encoder: BlipVision::new(&config.vision, device),
                text_encoder: BlipText::new(&config.text, config.vision.hidden_size, device),
            },
            mlp: Head {
                layers: layers.into(),
            },
            mean: config.mean,
            std: config.std,
        }
    }

    /// Names of the released file to ours; see the table of [`image_reward`](super).
    pub fn key_map() -> KeyMap {
        KeyMap::new(&[
            // In this order, so that no name is moved twice.
            ("mlp.layers.2", "mlp.layers.1"),
            ("mlp.layers.4", "mlp.layers.2"),
            ("mlp.layers.6", "mlp.layers.3"),
            ("mlp.layers.7", "mlp.layers.4"),
            ("attention.self", "attention.self_attention"),
            ("crossattention.self", "crossattention.self_attention"),
            ("LayerNorm", "layer_norm"),
        ])
        .ignoring(&[
            "blip.vision_proj",
            "blip.text_proj",
            "embeddings.position_ids",
        ])
    }

    /// What the reward is made from: the text encoder's first token.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, image_size, image_size]`, normalised; tokens: of `n` prompts; output: `[n, text.hidden_size]`
    pub fn features(&self, pictures: Tensor<4>, tokens: CaptionTokens) -> Tensor<2> {
        let seen = self.blip.visual_encoder.forward(pictures);
        let read = self.blip.text_encoder.forward(tokens, seen);
        read.narrow(1, 0, 1).flatten(1, 2)
    }

    /// The normalised rewards.
    ///
    /// # Shapes
    /// - pictures and tokens as of [`features`](Self::features); output: `[n]`
    pub fn forward(&self, pictures: Tensor<4>, tokens: CaptionTokens) -> Tensor<1> {
        let features = self.features(pictures, tokens);
        let layers = self.mlp.layers.iter();
        let reward = layers.fold(features, |x, layer| layer.forward(x));
        (reward.flatten::<1>(0, 1) - self.mean) / self.std
    }
}
