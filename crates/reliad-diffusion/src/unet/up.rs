//! One level on the way up (`UpBlock2D`, `CrossAttnUpBlock2D` of diffusers).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::perturbed::SelfAttention;
use crate::resampling::Upsample2D;
use crate::resnet::ResnetBlock2D;
use crate::unet::config::{UNet2DConditionConfig, UpBlockType};
use crate::unet::transformer::Transformer2DModel;

/// Residual blocks, each over what came from below beside what was kept on the way down, then a doubling.
#[derive(Module, Debug)]
pub struct UpBlock {
    /// `layers_per_block + 1` of them.
    pub resnets: Vec<ResnetBlock2D>,
    /// One a residual block, or none.
    pub attentions: Vec<Transformer2DModel>,
    /// One, or none on the highest level.
    pub upsamplers: Vec<Upsample2D>,
}

impl UNet2DConditionConfig {
    pub(crate) fn init_up_blocks(&self, device: &Device) -> Vec<UpBlock> {
        let encoder = &self.encoder;
        let widths = &encoder.block_out_channels;
        (0..encoder.levels())
            .rev()
            .zip(&self.up_block_types)
            .map(|(level, kind)| {
                let channels = widths[level];
                let below = widths[(level + 1).min(encoder.levels() - 1)];
                let above = widths[level.saturating_sub(1)];
                let layers = encoder.layers_per_block + 1;
                let attends = *kind == UpBlockType::CrossAttnUpBlock2D;
                UpBlock {
                    resnets: (0..layers)
                        .map(|layer| {
                            let incoming = if layer == 0 { below } else { channels };
                            let kept = if layer + 1 == layers { above } else { channels };
                            encoder.resnet(incoming + kept, channels).init(device)
                        })
                        .collect(),
                    attentions: (0..if attends { layers } else { 0 })
                        .map(|_| encoder.transformer(level).init(device))
                        .collect(),
                    upsamplers: (level > 0)
                        .then(|| Upsample2D::new(channels, device))
                        .into_iter()
                        .collect(),
                }
            })
            .collect()
    }
}

impl UpBlock {
    /// Runs the level, taking what it needs from the end of `skips`, and doubles to the size of the next one left there.
    ///
    /// # Shapes
    /// - x: `[n, channels below, h, w]`
    /// - time: `[n, time_channels]`, activated
    /// - text: `[n, tokens, cross_attention_dim]`
    /// - output: `[n, channels, h', w']`
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        time: &Tensor<2>,
        text: &Tensor<3>,
        self_attention: SelfAttention,
        skips: &mut Vec<Tensor<4>>,
    ) -> Tensor<4> {
        for (layer, resnet) in self.resnets.iter().enumerate() {
            if let Some(kept) = skips.pop() {
                x = Tensor::cat(vec![x, kept], 1);
            }
            x = resnet.forward(x, Some(time));
            if let Some(transformer) = self.attentions.get(layer) {
                x = transformer.forward(x, text, self_attention);
            }
        }
        for upsampler in &self.upsamplers {
            let [_, _, h, w] = skips.last().unwrap_or(&x).dims();
            x = upsampler.forward(x, [h, w]);
        }
        x
    }
}
