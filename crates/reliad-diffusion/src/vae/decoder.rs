//! From latents to a picture.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_kernels::Conv2d;

use crate::convolution::conv3x3;
use crate::norm::{GroupNorm, group_norm, norm_silu};
use crate::resampling::Upsample2D;
use crate::resnet::ResnetBlock2D;
use crate::vae::AutoencoderKlConfig;
use crate::vae::mid::{EPSILON, VaeMidBlock};

/// `Decoder` of diffusers.
#[derive(Module, Debug)]
pub struct Decoder {
    /// From `latent_channels`.
    pub conv_in: Conv2d,
    /// From the lowest resolution up.
    pub up_blocks: Vec<UpDecoderBlock2D>,
    /// At the lowest resolution.
    pub mid_block: VaeMidBlock,
    /// Before the last convolution.
    pub conv_norm_out: GroupNorm,
    /// `[out_channels, block_out_channels[0], 3, 3]`.
    pub conv_out: Conv2d,
}

/// One level: residual blocks, then a doubling.
#[derive(Module, Debug)]
pub struct UpDecoderBlock2D {
    /// `layers_per_block + 1` of them.
    pub resnets: Vec<ResnetBlock2D>,
    /// One, or none on the highest level.
    pub upsamplers: Vec<Upsample2D>,
}

impl Decoder {
    pub(super) fn new(config: &AutoencoderKlConfig, device: &Device) -> Self {
        let widths = &config.block_out_channels;
        let deepest = widths[widths.len() - 1];
        let level = |level: usize| {
            let channels = widths[level];
            let below = widths[(level + 1).min(widths.len() - 1)];
            UpDecoderBlock2D {
                resnets: (0..=config.layers_per_block)
                    .map(|layer| {
                        let channels_in = if layer == 0 { below } else { channels };
                        config.resnet(channels_in, channels).init(device)
                    })
                    .collect(),
                upsamplers: (level > 0)
                    .then(|| Upsample2D::new(channels, device))
                    .into_iter()
                    .collect(),
            }
        };
        Self {
            conv_in: conv3x3(config.latent_channels, deepest, device),
            up_blocks: (0..widths.len()).rev().map(level).collect(),
            mid_block: VaeMidBlock::new(config, device),
            conv_norm_out: group_norm(config.norm_num_groups, widths[0], EPSILON, device),
            conv_out: conv3x3(widths[0], config.out_channels, device),
        }
    }

    /// # Shapes
    /// - input: `[n, latent_channels, h, w]`
    /// - output: `[n, out_channels, f h, f w]`
    pub fn forward(&self, latents: Tensor<4>) -> Tensor<4> {
        let mut x = self.mid_block.forward(self.conv_in.forward(latents));
        for block in &self.up_blocks {
            for resnet in &block.resnets {
                x = resnet.forward(x, None);
            }
            for upsampler in &block.upsamplers {
                let [_, _, h, w] = x.dims();
                x = upsampler.forward(x, [2 * h, 2 * w]);
            }
        }
        self.conv_out.forward(norm_silu(&self.conv_norm_out, x))
    }
}
