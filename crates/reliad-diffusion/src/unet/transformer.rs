//! The transformer between the residual blocks of a UNet: pixels attend to each other and to the text.

use burn::module::Module;
use burn::nn::{Identity, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use reliad_kernels::geglu::geglu;
use reliad_kernels::{Conv2d, LayerNorm, LayerNormConfig, linear};

use crate::attention::Attention;
use crate::convolution::conv1x1;
use crate::norm::{GroupNorm, group_norm};
use crate::perturbed::SelfAttention;
use crate::recompute;

/// Epsilon of the transformer's own group norm, fixed in the reference.
const NORM_EPSILON: f64 = 1e-6;

/// What a [`Transformer2DModel`] is built from.
#[derive(Debug, Clone, Copy)]
pub struct Transformer2DConfig {
    /// Channels of its pixels.
    pub channels: usize,
    /// Attention heads.
    pub heads: usize,
    /// Number of [`BasicTransformerBlock`]s.
    pub layers: usize,
    /// Width of the text embedding.
    pub context_channels: usize,
    /// Groups of the group norm.
    pub groups: usize,
    /// Linear layers instead of 1x1 convolutions in and out.
    pub linear_projection: bool,
}

/// The same projection of every pixel, stored as a 1x1 convolution or as a linear layer.
#[derive(Module, Debug)]
pub enum Projection {
    /// `[out, in, 1, 1]`.
    Convolution(Conv2d),
    /// `[in, out]`.
    Linear(Linear),
}

/// `x + proj_out(blocks(proj_in(norm(x)), text))` over the pixels of a picture.
#[derive(Module, Debug)]
pub struct Transformer2DModel {
    /// Over all channels.
    pub norm: GroupNorm,
    /// Into the blocks.
    pub proj_in: Projection,
    /// Run in order.
    pub transformer_blocks: Vec<BasicTransformerBlock>,
    /// Out of the blocks.
    pub proj_out: Projection,
}

impl Transformer2DConfig {
    /// A transformer with fresh weights.
    pub fn init(&self, device: &Device) -> Transformer2DModel {
        let projection = || {
            if self.linear_projection {
                Projection::Linear(LinearConfig::new(self.channels, self.channels).init(device))
            } else {
                Projection::Convolution(conv1x1(self.channels, self.channels, device))
            }
        };
        Transformer2DModel {
            norm: group_norm(self.groups, self.channels, NORM_EPSILON, device),
            proj_in: projection(),
            transformer_blocks: (0..self.layers)
                .map(|_| BasicTransformerBlock::new(self, device))
                .collect(),
            proj_out: projection(),
        }
    }
}

impl Transformer2DModel {
    /// # Shapes
    /// - x: `[n, channels, h, w]`
    /// - text: `[n, tokens, context_channels]`
    /// - output: `[n, channels, h, w]`
    pub fn forward(
        &self,
        x: Tensor<4>,
        text: &Tensor<3>,
        self_attention: SelfAttention,
    ) -> Tensor<4> {
        recompute::block(self, (x, text.clone()), move |block, (x, text)| {
            block.run(x, &text, self_attention)
        })
    }

    fn run(&self, x: Tensor<4>, text: &Tensor<3>, self_attention: SelfAttention) -> Tensor<4> {
        let [n, channels, h, w] = x.dims();
        let tokens =
            |x: Tensor<4>| -> Tensor<3> { x.reshape([n, channels, h * w]).swap_dims(1, 2) };
        let pixels = |x: Tensor<3>| -> Tensor<4> { x.swap_dims(1, 2).reshape([n, channels, h, w]) };
        let normed = self.norm.forward(x.clone());
        let hidden = match &self.proj_in {
            Projection::Convolution(conv) => tokens(conv.forward(normed)),
            Projection::Linear(layer) => linear(layer, tokens(normed)),
        };
        let hidden = self
            .transformer_blocks
            .iter()
            .fold(hidden, |hidden, block| {
                block.forward(hidden, text, self_attention)
            });
        x + match &self.proj_out {
            Projection::Convolution(conv) => conv.forward(pixels(hidden)),
            Projection::Linear(layer) => pixels(linear(layer, hidden)),
        }
    }
}

/// Self-attention, cross-attention to the text and a gated feed-forward layer, each after a layer norm.
#[derive(Module, Debug)]
pub struct BasicTransformerBlock {
    /// Before self-attention.
    pub norm1: LayerNorm,
    /// Self-attention.
    pub attn1: Attention,
    /// Before cross-attention.
    pub norm2: LayerNorm,
    /// Attention to the text.
    pub attn2: Attention,
    /// Before the feed-forward layer.
    pub norm3: LayerNorm,
    /// Feed-forward layer.
    pub ff: FeedForward,
}

impl BasicTransformerBlock {
    fn new(config: &Transformer2DConfig, device: &Device) -> Self {
        let Transformer2DConfig {
            channels,
            heads,
            context_channels,
            ..
        } = *config;
        let norm = || LayerNormConfig::new(channels).init(device);
        Self {
            norm1: norm(),
            attn1: Attention::new(channels, channels, heads, device),
            norm2: norm(),
            attn2: Attention::new(channels, context_channels, heads, device),
            norm3: norm(),
            ff: FeedForward::new(channels, device),
        }
    }

    /// # Shapes
    /// - x, output: `[n, pixels, channels]`
    /// - text: `[n, tokens, context_channels]`
    pub fn forward(
        &self,
        x: Tensor<3>,
        text: &Tensor<3>,
        self_attention: SelfAttention,
    ) -> Tensor<3> {
        let normed = self.norm1.forward(x.clone());
        let looked = match self_attention {
            SelfAttention::Learned => self.attn1.forward(normed.clone(), normed),
            SelfAttention::Identity => self.attn1.forward_alone(normed),
        };
        let x = looked + x;
        let x = self
            .attn2
            .forward(self.norm2.forward(x.clone()), text.clone())
            + x;
        self.ff.forward(self.norm3.forward(x.clone())) + x
    }
}

/// The gated feed-forward layer: widen four times, gate, narrow again.
#[derive(Module, Debug)]
pub struct FeedForward {
    /// Gate, dropout of zero (it keeps the numbering of the file's names), narrowing layer.
    pub net: (Geglu, Identity, Linear),
}

/// `a * gelu(b)` where `(a, b)` are the halves of one projection (Shazeer 2020, arXiv 2002.05202).
#[derive(Module, Debug)]
pub struct Geglu {
    /// `[channels, 2 * inner]`.
    pub proj: Linear,
}

impl FeedForward {
    fn new(channels: usize, device: &Device) -> Self {
        let inner = 4 * channels;
        let proj = LinearConfig::new(channels, 2 * inner).init(device);
        let narrow = LinearConfig::new(inner, channels).init(device);
        Self {
            net: (Geglu { proj }, Identity::new(), narrow),
        }
    }

    /// # Shapes
    /// - input, output: `[n, pixels, channels]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let (gate, _, narrow) = &self.net;
        linear(narrow, gate.forward(x))
    }
}

impl Geglu {
    /// # Shapes
    /// - input: `[n, pixels, channels]`
    /// - output: `[n, pixels, inner]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        geglu(linear(&self.proj, x))
    }
}
