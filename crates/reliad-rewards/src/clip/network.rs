//! The bare networks of CLIP: both encoders and their projections.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use reliad_diffusion::{ClipEncoder, ClipTextModel};
use reliad_kernels::{LayerNorm, LayerNormConfig};
use reliad_weights::KeyMap;

use super::config::{ClipConfig, ClipVisionConfig};

/// Both encoders. Built by [`ClipConfig::init`].
#[derive(Module, Debug)]
pub struct ClipNetwork {
    text_model: ClipTextModel,
    vision_model: ClipVision,
    visual_projection: Linear,
    text_projection: Linear,
}

/// CLIP's vision transformer, pre-norm with a norm before its first layer too.
#[derive(Module, Debug)]
pub struct ClipVision {
    embeddings: ClipVisionEmbeddings,
    pre_layrnorm: LayerNorm,
    encoder: ClipEncoder,
    post_layernorm: LayerNorm,
}

#[derive(Module, Debug)]
struct ClipVisionEmbeddings {
    /// `[hidden_size]`
    class_embedding: Param<Tensor<1>>,
    patch_embedding: Conv2d,
    /// `[tokens, hidden_size]`
    position_embedding: Embedding,
}

impl ClipNetwork {
    pub(super) fn new(config: &ClipConfig, device: &Device) -> Self {
        let projection = |from: usize| {
            LinearConfig::new(from, config.projection_dim)
                .with_bias(false)
                .init(device)
        };
        Self {
            visual_projection: projection(config.vision.hidden_size),
            text_projection: projection(config.text.hidden_size),
            text_model: config.text.init(device),
            vision_model: ClipVision::new(&config.vision, device),
        }
    }

    /// transformers' names to ours; see the table of [`clip`](super).
    pub fn key_map() -> KeyMap {
        KeyMap::identity().ignoring(&["position_ids", "logit_scale"])
    }

    /// Unit vectors of pictures.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, image_size, image_size]`, normalised; output: `[n, projection_dim]`
    pub fn pictures(&self, pictures: Tensor<4>) -> Tensor<2> {
        unit(
            self.visual_projection
                .forward(self.vision_model.forward(pictures)),
        )
    }

    /// Unit vectors of texts.
    ///
    /// # Shapes
    /// - ids: `[n, tokens]`; ends: `[n]`, the place of the token that stands for each; output: `[n, projection_dim]`
    pub fn texts(&self, ids: Tensor<2, Int>, ends: Tensor<1, Int>) -> Tensor<2> {
        let hidden = self.text_model.forward(ids);
        let [n, tokens, width] = hidden.dims();
        let rows = Tensor::<1, Int>::arange(0..n as i64, &ends.device()) * tokens as i64 + ends;
        let pooled = hidden.reshape([n * tokens, width]).select(0, rows);
        unit(self.text_projection.forward(pooled))
    }
}

impl ClipVision {
    fn new(config: &ClipVisionConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let norm = || {
            LayerNormConfig::new(width)
                .with_epsilon(config.layer_norm_eps)
                .init(device)
        };
        let small = Initializer::Normal {
            mean: 0.0,
            std: 0.02,
        };
        let patch = [config.patch_size; 2];
        let layer = config.layer();
        Self {
            embeddings: ClipVisionEmbeddings {
                class_embedding: small.init([width], device),
                patch_embedding: Conv2dConfig::new([3, width], patch)
                    .with_stride(patch)
                    .with_bias(false)
                    .init(device),
                position_embedding: EmbeddingConfig::new(config.tokens(), width)
                    .with_initializer(small)
                    .init(device),
            },
            pre_layrnorm: norm(),
            encoder: ClipEncoder {
                layers: (0..config.num_hidden_layers)
                    .map(|_| layer.init(device))
                    .collect(),
            },
            post_layernorm: norm(),
        }
    }

    /// The class token after the last layer, normalised.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, image_size, image_size]`, normalised; output: `[n, hidden_size]`
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        let embeddings = &self.embeddings;
        let patches = embeddings.patch_embedding.forward(pictures);
        let [n, width, ..] = patches.dims();
        let patches = patches.flatten::<3>(2, 3).swap_dims(1, 2);
        let class = embeddings.class_embedding.val().reshape([1, 1, width]);
        let places = embeddings.position_embedding.weight.val().unsqueeze::<3>();
        let x = Tensor::cat(vec![class.expand([n, 1, width]), patches], 1) + places;
        let x = self.pre_layrnorm.forward(x);
        let layers = self.encoder.layers.iter();
        let x = layers.fold(x, |x, layer| layer.forward(x, false));
        self.post_layernorm
            .forward(x.narrow(1, 0, 1).flatten::<2>(1, 2))
    }
}

/// Rows divided by their 2-norms.
fn unit(x: Tensor<2>) -> Tensor<2> {
    let norm = x.clone().powi_scalar(2).sum_dim(1).sqrt();
    x / norm
}
