//! BLIP's vision transformer, with the names of its checkpoints, which are timm's.
//!
//! | key | ours |
//! |---|---|
//! | `cls_token`, `pos_embed`, `patch_embed.proj`, `norm` | the same |
//! | `blocks.N.norm1` / `attn.qkv` / `attn.proj` / `norm2` / `mlp.fc1` / `mlp.fc2` | the same |
//!
//! Architecture: Dosovitskiy et al. (2010.11929), pre-norm; query, key and value in one projection.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use reliad_kernels::activation::gelu;
use reliad_kernels::attention::attention;
use reliad_kernels::{LayerNorm, LayerNormConfig};

use super::config::VisionConfig;

/// The encoder of pictures.
#[derive(Module, Debug)]
pub(super) struct BlipVision {
    patch_embed: PatchEmbed,
    /// `[1, 1, hidden_size]`
    cls_token: Param<Tensor<3>>,
    /// `[1, tokens, hidden_size]`
    pos_embed: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct PatchEmbed {
    proj: Conv2d,
}

#[derive(Module, Debug)]
struct Block {
    norm1: LayerNorm,
    attn: SelfAttention,
    norm2: LayerNorm,
    mlp: Mlp,
}

#[derive(Module, Debug)]
struct SelfAttention {
    /// `[hidden_size, 3 * hidden_size]`: queries, keys, values.
    qkv: Linear,
    proj: Linear,
    heads: usize,
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

const INIT: Initializer = Initializer::Normal {
    mean: 0.0,
    std: 0.02,
};

impl BlipVision {
    pub(super) fn new(config: &VisionConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let norm = || {
            LayerNormConfig::new(width)
                .with_epsilon(config.layer_norm_eps)
                .init(device)
        };
        let linear = |from: usize, to: usize| {
            LinearConfig::new(from, to)
                .with_initializer(INIT)
                .init(device)
        };
        let block = |_| Block {
            norm1: norm(),
            attn: SelfAttention {
                qkv: linear(width, 3 * width),
                proj: linear(width, width),
                heads: config.num_attention_heads,
            },
            norm2: norm(),
            mlp: Mlp {
                fc1: linear(width, config.intermediate_size),
                fc2: linear(config.intermediate_size, width),
            },
        };
        let patch = [config.patch_size; 2];
        Self {
            patch_embed: PatchEmbed {
                proj: Conv2dConfig::new([3, width], patch)
                    .with_stride(patch)
                    .init(device),
            },
            cls_token: INIT.init([1, 1, width], device),
            pos_embed: INIT.init([1, config.tokens(), width], device),
            blocks: (0..config.num_hidden_layers).map(block).collect(),
            norm: norm(),
        }
    }

    /// # Shapes
    /// - pictures: `[n, 3, image_size, image_size]`, normalised
    /// - output: `[n, tokens, hidden_size]`, the class token first
    pub(super) fn forward(&self, pictures: Tensor<4>) -> Tensor<3> {
        let patches = self.patch_embed.proj.forward(pictures);
        let [n, width, ..] = patches.dims();
        let patches = patches.flatten::<3>(2, 3).swap_dims(1, 2);
        let class = self.cls_token.val().expand([n, 1, width]);
        let x = Tensor::cat(vec![class, patches], 1) + self.pos_embed.val();
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.norm.forward(x)
    }
}

impl Block {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let width = x.dims()[2];
        let together = self.attn.qkv.forward(self.norm1.forward(x.clone()));
        let part = |at: usize| together.clone().narrow(2, at * width, width);
        let mixed = attention(part(0), part(1), part(2), self.attn.heads, false);
        let x = x + self.attn.proj.forward(mixed);
        let wide = gelu(self.mlp.fc1.forward(self.norm2.forward(x.clone())));
        x + self.mlp.fc2.forward(wide)
    }
}
