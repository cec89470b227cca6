//! The denoising network: `UNet2DConditionModel` as Stable Diffusion 1.5 uses it, from its `config.json`.

mod config;
mod down;
mod mid;
mod transformer;
mod up;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_kernels::Conv2d;
use reliad_weights::{KeyMap, ModelDir};

use crate::Error;
use crate::control_residuals::ControlResiduals;
use crate::convolution::conv3x3;
use crate::embeddings::{TimestepEmbedding, Timesteps};
use crate::norm::{GroupNorm, group_norm, norm_silu};
use crate::perturbed::{UnetParts, self_attention};
use crate::recompute;
use crate::resnet::activate_time;

pub use config::{DownBlockType, EncoderConfig, UNet2DConditionConfig, UpBlockType};
pub use down::DownBlock;
pub use mid::MidBlock;
pub use transformer::{
    BasicTransformerBlock, FeedForward, Geglu, Projection, Transformer2DConfig, Transformer2DModel,
};
pub use up::UpBlock;

/// Predicts the noise (or the velocity) in noisy latents, given the timestep and a text.
#[derive(Module, Debug)]
pub struct UNet2DConditionModel {
    /// `[block_out_channels[0], in_channels, 3, 3]`.
    pub conv_in: Conv2d,
    /// Of the timestep's sinusoids.
    pub time_embedding: TimestepEmbedding,
    /// From the highest resolution down.
    pub down_blocks: Vec<DownBlock>,
    /// At the lowest resolution.
    pub mid_block: MidBlock,
    /// From the lowest resolution up.
    pub up_blocks: Vec<UpBlock>,
    /// Before the last convolution.
    pub conv_norm_out: GroupNorm,
    /// `[out_channels, block_out_channels[0], 3, 3]`.
    pub conv_out: Conv2d,
    #[module(skip)]
    time_proj: Timesteps,
}

impl EncoderConfig {
    pub(crate) fn timesteps(&self) -> Timesteps {
        Timesteps {
            channels: self.block_out_channels[0],
            flip_sin_to_cos: self.flip_sin_to_cos,
            freq_shift: self.freq_shift,
        }
    }
}

impl UNet2DConditionModel {
    pub(crate) fn new(config: &UNet2DConditionConfig, device: &Device) -> Self {
        let encoder = &config.encoder;
        let first = encoder.block_out_channels[0];
        Self {
            conv_in: conv3x3(encoder.in_channels, first, device),
            time_embedding: TimestepEmbedding::new(first, encoder.time_channels(), device),
            down_blocks: encoder.init_down_blocks(device),
            mid_block: encoder.init_mid_block(device),
            up_blocks: config.init_up_blocks(device),
            conv_norm_out: group_norm(encoder.norm_num_groups, first, encoder.norm_eps, device),
            conv_out: conv3x3(first, config.out_channels, device),
            time_proj: encoder.timesteps(),
        }
    }

    /// Names of the ecosystem's files; they are our own.
    pub fn key_map() -> KeyMap {
        KeyMap::identity()
    }

    /// Loads `config.json` and the weights of a component directory (`unet/`).
    ///
    /// # Errors
    /// [`Error::Config`], or [`Error::Weights`] when a file is missing or does not fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self, Error> {
        let config = UNet2DConditionConfig::from_json(&dir.read_json("config.json")?)?;
        Ok(reliad_weights::load(
            config.init(device),
            dir,
            &Self::key_map(),
        )?)
    }

    /// Any height and width is good; odd ones are rounded up on the way down and restored on the way up.
    ///
    /// # Shapes
    /// - sample: `[n, in_channels, h, w]`
    /// - timesteps: `[n]`
    /// - text: `[n, tokens, cross_attention_dim]`
    /// - control: of a [`ControlNetModel`](crate::ControlNetModel) of the same levels
    /// - output: `[n, out_channels, h, w]`
    pub fn forward(
        &self,
        sample: Tensor<4>,
        timesteps: Tensor<1>,
        text: Tensor<3>,
        control: Option<ControlResiduals>,
    ) -> Tensor<4> {
        self.forward_perturbed(sample, timesteps, text, control, UnetParts::NONE)
    }

    /// The same with the self-attention of some parts replaced by the identity.
    ///
    /// # Shapes
    /// As [`forward`](Self::forward).
    pub fn forward_perturbed(
        &self,
        sample: Tensor<4>,
        timesteps: Tensor<1>,
        text: Tensor<3>,
        control: Option<ControlResiduals>,
        perturbed: UnetParts,
    ) -> Tensor<4> {
        let [down, mid, up] = [perturbed.down, perturbed.mid, perturbed.up].map(self_attention);
        let time = self.time_proj.forward(timesteps);
        let time = activate_time(self.time_embedding.forward(time));
        let mut x = recompute::cut(self.conv_in.forward(sample));
        let mut skips = vec![x.clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &time, &text, down, &mut skips);
        }
        x = self.mid_block.forward(x, &time, &text, mid);
        if let Some(control) = control {
            assert_eq!(
                skips.len(),
                control.down.len(),
                "the ControlNet has other levels than the UNet"
            );
            skips = skips
                .into_iter()
                .zip(control.down)
                .map(|(kept, residual)| kept + residual)
                .collect();
            x = x + control.mid;
        }
        for block in &self.up_blocks {
            x = block.forward(x, &time, &text, up, &mut skips);
        }
        self.conv_out.forward(norm_silu(&self.conv_norm_out, x))
    }
}
