//! One level on the way down (`DownBlock2D`, `CrossAttnDownBlock2D` of diffusers), and the whole way.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::perturbed::SelfAttention;
use crate::resampling::Downsample2D;
use crate::resnet::{ResnetBlock2D, ResnetBlock2DConfig};
use crate::unet::config::{DownBlockType, EncoderConfig};
use crate::unet::transformer::{Transformer2DConfig, Transformer2DModel};

/// Residual blocks, each followed by a transformer where the level has them, then a halving.
#[derive(Module, Debug)]
pub struct DownBlock {
    /// `layers_per_block` of them.
    pub resnets: Vec<ResnetBlock2D>,
    /// One a residual block, or none.
    pub attentions: Vec<Transformer2DModel>,
    /// One, or none on the deepest level.
    pub downsamplers: Vec<Downsample2D>,
}

impl EncoderConfig {
    pub(crate) fn resnet(&self, channels_in: usize, channels_out: usize) -> ResnetBlock2DConfig {
        ResnetBlock2DConfig {
            channels_in,
            channels_out,
            time_channels: Some(self.time_channels()),
            groups: self.norm_num_groups,
            epsilon: self.norm_eps,
        }
    }

    pub(crate) fn transformer(&self, level: usize) -> Transformer2DConfig {
        Transformer2DConfig {
            channels: self.block_out_channels[level],
            heads: self.attention_head_dim.at(level),
            layers: self.transformer_layers_per_block.at(level),
            context_channels: self.cross_attention_dim,
            groups: self.norm_num_groups,
            linear_projection: self.use_linear_projection,
        }
    }

    pub(crate) fn init_down_blocks(&self, device: &Device) -> Vec<DownBlock> {
        (0..self.levels())
            .map(|level| {
                let channels = self.block_out_channels[level];
                let above = self.block_out_channels[level.saturating_sub(1)];
                let attends = self.down_block_types[level] == DownBlockType::CrossAttnDownBlock2D;
                let layers = self.layers_per_block;
                let last = level + 1 == self.levels();
                DownBlock {
                    resnets: (0..layers)
                        .map(|layer| {
                            let channels_in = if layer == 0 { above } else { channels };
                            self.resnet(channels_in, channels).init(device)
                        })
                        .collect(),
                    attentions: (0..if attends { layers } else { 0 })
                        .map(|_| self.transformer(level).init(device))
                        .collect(),
                    downsamplers: (!last)
                        .then(|| Downsample2D::new(channels, self.downsample_padding, device))
                        .into_iter()
                        .collect(),
                }
            })
            .collect()
    }
}

impl DownBlock {
    /// Runs the level and pushes every intermediate result onto `skips`.
    ///
    /// # Shapes
    /// - x: `[n, channels above, h, w]`
    /// - time: `[n, time_channels]`, activated
    /// - text: `[n, tokens, cross_attention_dim]`
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        time: &Tensor<2>,
        text: &Tensor<3>,
        self_attention: SelfAttention,
        skips: &mut Vec<Tensor<4>>,
    ) -> Tensor<4> {
        for (layer, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, Some(time));
            if let Some(transformer) = self.attentions.get(layer) {
                x = transformer.forward(x, text, self_attention);
            }
            skips.push(x.clone());
        }
        for downsampler in &self.downsamplers {
            x = downsampler.forward(x);
            skips.push(x.clone());
        }
        x
    }
}
