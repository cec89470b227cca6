//! The middle of encoder and decoder (`UNetMidBlock2D` of diffusers): residual blocks around self-attention.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use reliad_kernels::linear;

use crate::attention::scaled_dot_product;
use crate::norm::{GroupNorm, group_norm};
use crate::recompute;
use crate::resnet::ResnetBlock2D;
use crate::vae::AutoencoderKlConfig;

/// Epsilon of all group norms of a VAE, fixed in the reference.
pub(super) const EPSILON: f64 = 1e-6;

/// A residual block, self-attention over all pixels where the configuration has it, a residual block.
#[derive(Module, Debug)]
pub struct VaeMidBlock {
    /// One or none.
    pub attentions: Vec<VaeAttention>,
    /// Two.
    pub resnets: Vec<ResnetBlock2D>,
}

impl VaeMidBlock {
    pub(super) fn new(config: &AutoencoderKlConfig, device: &Device) -> Self {
        let channels = config.block_out_channels[config.block_out_channels.len() - 1];
        let resnet = || config.resnet(channels, channels).init(device);
        Self {
            attentions: config
                .mid_block_add_attention
                .then(|| VaeAttention::new(channels, config.norm_num_groups, device))
                .into_iter()
                .collect(),
            resnets: vec![resnet(), resnet()],
        }
    }

    /// # Shapes
    /// - input, output: `[n, channels, h, w]`
    pub fn forward(&self, mut x: Tensor<4>) -> Tensor<4> {
        for (layer, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, None);
            if let Some(attention) = self.attentions.get(layer) {
                x = attention.forward(x);
            }
        }
        x
    }
}

/// Self-attention of one head over the pixels, added to its input.
#[derive(Module, Debug)]
pub struct VaeAttention {
    /// Over all channels.
    pub group_norm: GroupNorm,
    /// `[channels, channels]`.
    pub to_q: Linear,
    /// `[channels, channels]`.
    pub to_k: Linear,
    /// `[channels, channels]`.
    pub to_v: Linear,
    /// One layer, `[channels, channels]`.
    pub to_out: Vec<Linear>,
}

impl VaeAttention {
    fn new(channels: usize, groups: usize, device: &Device) -> Self {
        let layer = || LinearConfig::new(channels, channels).init(device);
        Self {
            group_norm: group_norm(groups, channels, EPSILON, device),
            to_q: layer(),
            to_k: layer(),
            to_v: layer(),
            to_out: vec![layer()],
        }
    }

    /// # Shapes
    /// - input, output: `[n, channels, h, w]`
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        recompute::block(self, x, Self::run)
    }

    fn run(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, channels, h, w] = x.dims();
        let pixels: Tensor<3> = self
            .group_norm
            .forward(x.clone())
            .reshape([n, channels, h * w])
            .swap_dims(1, 2);
        let mixed = scaled_dot_product(
            linear(&self.to_q, pixels.clone()),
            linear(&self.to_k, pixels.clone()),
            linear(&self.to_v, pixels),
            1,
            false,
        );
        let mixed = self
            .to_out
            .iter()
            .fold(mixed, |mixed, layer| linear(layer, mixed));
        x + mixed.swap_dims(1, 2).reshape([n, channels, h, w])
    }
}
