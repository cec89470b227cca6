//! The deepest part of a UNet (`UNetMidBlock2DCrossAttn` of diffusers).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::perturbed::SelfAttention;
use crate::resnet::ResnetBlock2D;
use crate::unet::config::EncoderConfig;
use crate::unet::transformer::Transformer2DModel;

/// A residual block, a transformer, a residual block.
#[derive(Module, Debug)]
pub struct MidBlock {
    /// One.
    pub attentions: Vec<Transformer2DModel>,
    /// Two.
    pub resnets: Vec<ResnetBlock2D>,
}

impl EncoderConfig {
    pub(crate) fn init_mid_block(&self, device: &Device) -> MidBlock {
        let channels = self.deepest_channels();
        let resnet = || self.resnet(channels, channels).init(device);
        MidBlock {
            attentions: vec![self.transformer(self.levels() - 1).init(device)],
            resnets: vec![resnet(), resnet()],
        }
    }
}

impl MidBlock {
    /// # Shapes
    /// - x, output: `[n, channels, h, w]`
    /// - time: `[n, time_channels]`, activated
    /// - text: `[n, tokens, cross_attention_dim]`
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        time: &Tensor<2>,
        text: &Tensor<3>,
        self_attention: SelfAttention,
    ) -> Tensor<4> {
        for (layer, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, Some(time));
            if let Some(transformer) = self.attentions.get(layer) {
                x = transformer.forward(x, text, self_attention);
            }
        }
        x
    }
}
