//! From a picture to the mean and log-variance of its latents.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_kernels::Conv2d;

use crate::convolution::conv3x3;
use crate::norm::{GroupNorm, group_norm, norm_silu};
use crate::resampling::Downsample2D;
use crate::resnet::ResnetBlock2D;
use crate::vae::AutoencoderKlConfig;
use crate::vae::mid::{EPSILON, VaeMidBlock};

/// `Encoder` of diffusers.
#[derive(Module, Debug)]
pub struct Encoder {
    /// `[block_out_channels[0], in_channels, 3, 3]`.
    pub conv_in: Conv2d,
    /// From the highest resolution down.
    pub down_blocks: Vec<DownEncoderBlock2D>,
    /// At the lowest resolution.
    pub mid_block: VaeMidBlock,
    /// Before the last convolution.
    pub conv_norm_out: GroupNorm,
    /// To `2 * latent_channels`.
    pub conv_out: Conv2d,
}

/// One level: residual blocks, then a halving with padding right and below only.
#[derive(Module, Debug)]
pub struct DownEncoderBlock2D {
    /// `layers_per_block` of them.
    pub resnets: Vec<ResnetBlock2D>,
    /// One, or none on the deepest level.
    pub downsamplers: Vec<Downsample2D>,
}

impl Encoder {
    pub(super) fn new(config: &AutoencoderKlConfig, device: &Device) -> Self {
        let widths = &config.block_out_channels;
        let deepest = widths[widths.len() - 1];
        let level = |level: usize| {
            let channels = widths[level];
            let above = widths[level.saturating_sub(1)];
            DownEncoderBlock2D {
                resnets: (0..config.layers_per_block)
                    .map(|layer| {
                        let channels_in = if layer == 0 { above } else { channels };
                        config.resnet(channels_in, channels).init(device)
                    })
                    .collect(),
                downsamplers: (level + 1 < widths.len())
                    .then(|| Downsample2D::new(channels, 0, device))
                    .into_iter()
                    .collect(),
            }
        };
        Self {
            conv_in: conv3x3(config.in_channels, widths[0], device),
            down_blocks: (0..widths.len()).map(level).collect(),
            mid_block: VaeMidBlock::new(config, device),
            conv_norm_out: group_norm(config.norm_num_groups, deepest, EPSILON, device),
            conv_out: conv3x3(deepest, 2 * config.latent_channels, device),
        }
    }

    /// # Shapes
    /// - input: `[n, in_channels, f h, f w]`
    /// - output: `[n, 2 * latent_channels, h, w]`
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        let mut x = self.conv_in.forward(picture);
        for block in &self.down_blocks {
            for resnet in &block.resnets {
                x = resnet.forward(x, None);
            }
            for downsampler in &block.downsamplers {
                x = downsampler.forward(x);
            }
        }
        let x = self.mid_block.forward(x);
        self.conv_out.forward(norm_silu(&self.conv_norm_out, x))
    }
}
