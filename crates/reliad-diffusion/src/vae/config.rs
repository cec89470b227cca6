//! `config.json` of an AutoencoderKL.

use burn::tensor::Device;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;
use crate::config::Fields;
use crate::vae::AutoencoderKl;

/// `config.json` of an `AutoencoderKL`. Field names and defaults are diffusers'.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AutoencoderKlConfig {
    /// Channels of the picture that is encoded.
    pub in_channels: usize,
    /// Channels of the picture that is decoded.
    pub out_channels: usize,
    /// Channels of the levels, from the highest resolution; each but the last halves it.
    pub block_out_channels: Vec<usize>,
    /// `DownEncoderBlock2D` for each level.
    pub down_block_types: Vec<String>,
    /// `UpDecoderBlock2D` for each level.
    pub up_block_types: Vec<String>,
    /// Residual blocks a level in the encoder; one more in the decoder.
    pub layers_per_block: usize,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// Groups of the group norms.
    pub norm_num_groups: usize,
    /// The diffusion model sees latents times this.
    pub scaling_factor: f64,
    /// A 1x1 convolution after the encoder.
    pub use_quant_conv: bool,
    /// A 1x1 convolution before the decoder.
    pub use_post_quant_conv: bool,
    /// Self-attention in the middle of encoder and decoder.
    pub mid_block_add_attention: bool,
}

impl AutoencoderKlConfig {
    /// The class name in the ecosystem's files.
    pub const CLASS: &'static str = "AutoencoderKL";

    /// Reads the fields of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] names every field whose value is unknown, unsupported or contradictory.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let mut fields = Fields::new(Self::CLASS, json);
        fields.only("act_fn", &[json!("silu"), json!("swish")]);
        fields.only("shift_factor", &[Value::Null, json!(0)]);
        fields.only("latents_mean", &[Value::Null]);
        fields.only("latents_std", &[Value::Null]);
        fields.ignore(&["force_upcast"]);
        let block_out_channels = fields.take("block_out_channels", vec![64]);
        let config = Self {
            in_channels: fields.take("in_channels", 3),
            out_channels: fields.take("out_channels", 3),
            down_block_types: fields.take("down_block_types", vec![DOWN.to_owned()]),
            up_block_types: fields.take("up_block_types", vec![UP.to_owned()]),
            block_out_channels,
            layers_per_block: fields.take("layers_per_block", 1),
            latent_channels: fields.take("latent_channels", 4),
            norm_num_groups: fields.take("norm_num_groups", 32),
            scaling_factor: fields.take("scaling_factor", 0.18215),
            use_quant_conv: fields.take("use_quant_conv", true),
            use_post_quant_conv: fields.take("use_post_quant_conv", true),
            mid_block_add_attention: fields.take("mid_block_add_attention", true),
        };
        config.check(&mut fields);
        fields.finish(config)
    }

    fn check(&self, fields: &mut Fields) {
        let channels = &self.block_out_channels;
        let levels = channels.len();
        let groups = self.norm_num_groups;
        fields.check(levels > 0, || "`block_out_channels` is empty".to_owned());
        for (name, types, only) in [
            ("down_block_types", &self.down_block_types, DOWN),
            ("up_block_types", &self.up_block_types, UP),
        ] {
            fields.check(
                types.len() == levels && types.iter().all(|kind| kind == only),
                || format!("`{name}` = {types:?} (supported: {levels} times \"{only}\")"),
            );
        }
        fields.check(
            groups > 0 && channels.iter().all(|&c| c > 0 && c % groups == 0),
            || format!("`block_out_channels` = {channels:?} must be multiples of `norm_num_groups` = {groups}"),
        );
        for (name, value) in [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("latent_channels", self.latent_channels),
        ] {
            fields.check(value > 0, || format!("`{name}` must be above zero"));
        }
        fields.check(self.scaling_factor > 0.0, || {
            format!(
                "`scaling_factor` = {} must be above zero",
                self.scaling_factor
            )
        });
    }

    /// The fields as diffusers reads them.
    pub fn to_json(&self) -> Value {
        let mut json = json!(self);
        json["_class_name"] = json!(Self::CLASS);
        json
    }

    /// Pixels of the picture along one side of a latent: `2^(levels - 1)`.
    pub fn downscale(&self) -> usize {
        1 << (self.block_out_channels.len() - 1)
    }

    /// A network with fresh weights (PyTorch's defaults).
    pub fn init(&self, device: &Device) -> AutoencoderKl {
        AutoencoderKl::new(self, device)
    }
}

const DOWN: &str = "DownEncoderBlock2D";
const UP: &str = "UpDecoderBlock2D";
