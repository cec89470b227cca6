//! The ViT backbone of DPT: patches to tokens, transformer layers, the outputs of some of them.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use reliad_kernels::activation::gelu;

use super::DptConfig;
use crate::attention::multi_head_attention;
use crate::maps::bilinear;

/// Embeddings, encoder, and the final norm that checkpoints hold but depth estimation does not read.
#[derive(Module, Debug)]
pub(super) struct Vit {
    embeddings: Embeddings,
    encoder: Encoder,
    layernorm: LayerNorm,
    out_indices: Vec<usize>,
}

impl Vit {
    pub(super) fn new(config: &DptConfig, device: &Device) -> Self {
        Self {
            embeddings: Embeddings::new(config, device),
            encoder: Encoder {
                layer: (0..config.num_hidden_layers)
                    .map(|_| Layer::new(config, device))
                    .collect(),
            },
            layernorm: norm(config, device),
            out_indices: config.backbone_out_indices.clone(),
        }
    }

    /// # Shapes
    /// - picture: `[n, channels, h, w]`; grid: patches down and across
    /// - output: one `[n, 1 + patches, hidden_size]` for each of `backbone_out_indices`, the class token first
    pub(super) fn forward(&self, picture: Tensor<4>, grid: [usize; 2]) -> Vec<Tensor<3>> {
        let mut tokens = self.embeddings.forward(picture, grid);
        let mut states = Vec::with_capacity(self.out_indices.len());
        for (index, layer) in self.encoder.layer.iter().enumerate() {
            tokens = layer.forward(tokens);
            if self.out_indices.contains(&index) {
                states.push(tokens.clone());
            }
        }
        states
    }
}

/// Class token, patch projection, learned positions.
#[derive(Module, Debug)]
struct Embeddings {
    /// `[1, 1, hidden_size]`
    cls_token: Param<Tensor<3>>,
    /// `[1, 1 + grid * grid, hidden_size]`
    position_embeddings: Param<Tensor<3>>,
    patch_embeddings: PatchEmbeddings,
    grid: usize,
}

#[derive(Module, Debug)]
struct PatchEmbeddings {
    projection: Conv2d,
}

impl Embeddings {
    fn new(config: &DptConfig, device: &Device) -> Self {
        let (hidden, patch, grid) = (config.hidden_size, config.patch_size, config.grid());
        let small = Initializer::Normal {
            mean: 0.0,
            std: 0.02,
        };
        Self {
            cls_token: small.init([1, 1, hidden], device),
            position_embeddings: small.init([1, 1 + grid * grid, hidden], device),
            patch_embeddings: PatchEmbeddings {
                projection: Conv2dConfig::new([config.num_channels, hidden], [patch, patch])
                    .with_stride([patch, patch])
                    .init(device),
            },
            grid,
        }
    }

    fn forward(&self, picture: Tensor<4>, grid: [usize; 2]) -> Tensor<3> {
        let n = picture.dims()[0];
        let patches = self.patch_embeddings.projection.forward(picture);
        let patches = patches.flatten::<3>(2, 3).swap_dims(1, 2);
        let class = self.cls_token.val();
        let hidden = class.dims()[2];
        Tensor::cat(vec![class.expand([n, 1, hidden]), patches], 1) + self.positions(grid)
    }

    fn positions(&self, grid: [usize; 2]) -> Tensor<3> {
        let positions = self.position_embeddings.val();
        if grid == [self.grid; 2] {
            return positions;
        }
        let cells = self.grid * self.grid;
        let hidden = positions.dims()[2];
        let map = positions.clone().narrow(1, 1, cells);
        let map = map.reshape([1, self.grid, self.grid, hidden]);
        let map = bilinear(map.permute([0, 3, 1, 2]), grid, false);
        let map = map.permute([0, 2, 3, 1]);
        let map = map.reshape([1, grid[0] * grid[1], hidden]);
        Tensor::cat(vec![positions.narrow(1, 0, 1), map], 1)
    }
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
}

/// A pre-norm transformer layer.
#[derive(Module, Debug)]
struct Layer {
    attention: Attention,
    intermediate: Dense,
    output: Dense,
    layernorm_before: LayerNorm,
    layernorm_after: LayerNorm,
}

#[derive(Module, Debug)]
struct Attention {
    attention: SelfAttention,
    output: Dense,
}

#[derive(Module, Debug)]
struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    dropout: Dropout,
    heads: usize,
}

#[derive(Module, Debug)]
struct Dense {
    dense: Linear,
}

impl Dense {
    fn new(input: usize, output: usize, device: &Device) -> Self {
        Self {
            dense: LinearConfig::new(input, output).init(device),
        }
    }
}

impl Layer {
    fn new(config: &DptConfig, device: &Device) -> Self {
        let hidden = config.hidden_size;
        let projection = || {
            LinearConfig::new(hidden, hidden)
                .with_bias(config.qkv_bias)
                .init(device)
        };
        Self {
            attention: Attention {
                attention: SelfAttention {
                    query: projection(),
                    key: projection(),
                    value: projection(),
                    dropout: DropoutConfig::new(0.0).init(),
                    heads: config.num_attention_heads,
                },
                output: Dense::new(hidden, hidden, device),
            },
            intermediate: Dense::new(hidden, config.intermediate_size, device),
            output: Dense::new(config.intermediate_size, hidden, device),
            layernorm_before: norm(config, device),
            layernorm_after: norm(config, device),
        }
    }

    /// `[n, tokens, hidden_size]` to the same.
    fn forward(&self, tokens: Tensor<3>) -> Tensor<3> {
        let normed = self.layernorm_before.forward(tokens.clone());
        let attention = &self.attention.attention;
        let attended = multi_head_attention(
            attention.query.forward(normed.clone()),
            attention.key.forward(normed.clone()),
            attention.value.forward(normed),
            None,
            attention.heads,
            &attention.dropout,
        );
        let tokens = self.attention.output.dense.forward(attended) + tokens;
        let inner = self.layernorm_after.forward(tokens.clone());
        let inner = gelu(self.intermediate.dense.forward(inner));
        self.output.dense.forward(inner) + tokens
    }
}

fn norm(config: &DptConfig, device: &Device) -> LayerNorm {
    LayerNormConfig::new(config.hidden_size)
        .with_epsilon(config.layer_norm_eps)
        .init(device)
}
