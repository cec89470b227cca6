//! `config.json` of a UNet2DConditionModel, and the part of it that a ControlNet shares.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;
use crate::config::{Fields, PerLevel};
use crate::unet::UNet2DConditionModel;

/// The type of one level of a UNet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DownBlockType {
    /// Residual blocks, each followed by a transformer that reads the text.
    CrossAttnDownBlock2D,
    /// Residual blocks only.
    DownBlock2D,
}

/// The type of one level on the way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpBlockType {
    /// Residual blocks, each followed by a transformer that reads the text.
    CrossAttnUpBlock2D,
    /// Residual blocks only.
    UpBlock2D,
}

/// What the way down of a UNet and a whole ControlNet are built from. Field names and defaults are diffusers'.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EncoderConfig {
    /// Channels of the noisy latents.
    pub in_channels: usize,
    /// Cosines before sines in the time embedding.
    pub flip_sin_to_cos: bool,
    /// Shift of the time embedding's frequencies.
    pub freq_shift: f64,
    /// Types of the levels, from the highest resolution down.
    pub down_block_types: Vec<DownBlockType>,
    /// Channels of the levels.
    pub block_out_channels: Vec<usize>,
    /// Residual blocks a level on the way down; one more on the way up.
    pub layers_per_block: usize,
    /// Padding of the halving convolutions; 0 is one pixel right and below.
    pub downsample_padding: usize,
    /// Groups of the group norms.
    pub norm_num_groups: usize,
    /// Epsilon of the residual blocks' group norms.
    pub norm_eps: f64,
    /// Width of the text embedding.
    pub cross_attention_dim: usize,
    /// Transformer blocks in each transformer.
    pub transformer_layers_per_block: PerLevel,
    /// The NUMBER of attention heads, whatever its name says (a historic slip of the format that files rely on).
    pub attention_head_dim: PerLevel,
    /// Linear layers instead of 1x1 convolutions around the transformers.
    pub use_linear_projection: bool,
}

impl EncoderConfig {
    /// Number of levels.
    pub fn levels(&self) -> usize {
        self.block_out_channels.len()
    }

    /// Width of the time embedding.
    pub fn time_channels(&self) -> usize {
        4 * self.block_out_channels[0]
    }

    /// Channels of the deepest level.
    pub fn deepest_channels(&self) -> usize {
        self.block_out_channels[self.levels() - 1]
    }

    /// Takes the shared fields and refuses what neither network supports.
    pub(crate) fn take(fields: &mut Fields) -> Self {
        use DownBlockType::{CrossAttnDownBlock2D, DownBlock2D};
        fields.only("mid_block_type", &[json!("UNetMidBlock2DCrossAttn")]);
        fields.only("only_cross_attention", &[json!(false)]);
        fields.only("mid_block_scale_factor", &[json!(1)]);
        fields.only("act_fn", &[json!("silu"), json!("swish")]);
        fields.only("upcast_attention", &[json!(false), Value::Null]);
        fields.only("resnet_time_scale_shift", &[json!("default")]);
        fields.only("num_attention_heads", &[Value::Null]);
        for field in [
            "encoder_hid_dim",
            "encoder_hid_dim_type",
            "class_embed_type",
            "addition_embed_type",
            "num_class_embeds",
        ] {
            fields.only(field, &[Value::Null]);
        }
        // Read only together with fields that are refused above.
        fields.ignore(&[
            "addition_embed_type_num_heads",
            "addition_time_embed_dim",
            "projection_class_embeddings_input_dim",
        ]);
        let config = Self {
            in_channels: fields.take("in_channels", 4),
            flip_sin_to_cos: fields.take("flip_sin_to_cos", true),
            freq_shift: fields.take("freq_shift", 0.0),
            down_block_types: fields.take(
                "down_block_types",
                vec![
                    CrossAttnDownBlock2D,
                    CrossAttnDownBlock2D,
                    CrossAttnDownBlock2D,
                    DownBlock2D,
                ],
            ),
            block_out_channels: fields.take("block_out_channels", vec![320, 640, 1280, 1280]),
            layers_per_block: fields.take("layers_per_block", 2),
            downsample_padding: fields.take("downsample_padding", 1),
            norm_num_groups: fields.take("norm_num_groups", 32),
            norm_eps: fields.take("norm_eps", 1e-5),
            cross_attention_dim: fields.take("cross_attention_dim", 1280),
            transformer_layers_per_block: fields
                .take("transformer_layers_per_block", PerLevel::All(1)),
            attention_head_dim: fields.take("attention_head_dim", PerLevel::All(8)),
            use_linear_projection: fields.take("use_linear_projection", false),
        };
        config.check(fields);
        config
    }

    fn check(&self, fields: &mut Fields) {
        let levels = self.levels();
        let channels = &self.block_out_channels;
        let groups = self.norm_num_groups;
        fields.check(levels > 0, || "`block_out_channels` is empty".to_owned());
        fields.check(self.down_block_types.len() == levels, || {
            format!("`down_block_types` must have {levels} entries, like `block_out_channels`")
        });
        fields.check(
            groups > 0 && channels.iter().all(|&c| c > 0 && c % groups == 0),
            || format!("`block_out_channels` = {channels:?} must be multiples of `norm_num_groups` = {groups}"),
        );
        fields.check(channels.first().is_none_or(|c| c % 2 == 0), || {
            "the first of `block_out_channels` must be even".to_owned()
        });
        for (name, setting) in [
            (
                "transformer_layers_per_block",
                &self.transformer_layers_per_block,
            ),
            ("attention_head_dim", &self.attention_head_dim),
        ] {
            fields.check(setting.fits(levels), || {
                format!("`{name}` must be a number above zero, or {levels} of them")
            });
        }
        if self.attention_head_dim.fits(levels) {
            for (level, &channels) in channels.iter().enumerate() {
                let heads = self.attention_head_dim.at(level);
                fields.check(channels % heads == 0, || {
                    format!(
                        "`attention_head_dim` = {heads} heads do not divide {channels} channels"
                    )
                });
            }
        }
        for (name, value) in [
            ("in_channels", self.in_channels),
            ("layers_per_block", self.layers_per_block),
            ("cross_attention_dim", self.cross_attention_dim),
        ] {
            fields.check(value > 0, || format!("`{name}` must be above zero"));
        }
    }
}

/// `config.json` of a `UNet2DConditionModel` of the family of Stable Diffusion 1.5.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UNet2DConditionConfig {
    /// Fields that a ControlNet has too.
    #[serde(flatten)]
    pub encoder: EncoderConfig,
    /// Channels of the prediction.
    pub out_channels: usize,
    /// Types of the levels on the way up, from the lowest resolution.
    pub up_block_types: Vec<UpBlockType>,
}

impl UNet2DConditionConfig {
    /// The class name in the ecosystem's files.
    pub const CLASS: &'static str = "UNet2DConditionModel";

    /// Reads the fields of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] names every field whose value is unknown, unsupported or contradictory.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        use UpBlockType::{CrossAttnUpBlock2D, UpBlock2D};
        let mut fields = Fields::new(Self::CLASS, json);
        let encoder = EncoderConfig::take(&mut fields);
        fields.only("center_input_sample", &[json!(false)]);
        fields.only("dropout", &[json!(0)]);
        fields.only("dual_cross_attention", &[json!(false)]);
        fields.only("resnet_skip_time_act", &[json!(false)]);
        fields.only("resnet_out_scale_factor", &[json!(1)]);
        fields.only("time_embedding_type", &[json!("positional")]);
        fields.only("conv_in_kernel", &[json!(3)]);
        fields.only("conv_out_kernel", &[json!(3)]);
        fields.only("attention_type", &[json!("default")]);
        fields.only("class_embeddings_concat", &[json!(false)]);
        for field in [
            "reverse_transformer_layers_per_block",
            "time_embedding_dim",
            "time_embedding_act_fn",
            "timestep_post_act",
            "time_cond_proj_dim",
            "cross_attention_norm",
        ] {
            fields.only(field, &[Value::Null]);
        }
        fields.only(
            "mid_block_only_cross_attention",
            &[Value::Null, json!(false)],
        );
        let config = Self {
            encoder,
            out_channels: fields.take("out_channels", 4),
            up_block_types: fields.take(
                "up_block_types",
                vec![
                    UpBlock2D,
                    CrossAttnUpBlock2D,
                    CrossAttnUpBlock2D,
                    CrossAttnUpBlock2D,
                ],
            ),
        };
        let levels = config.encoder.levels();
        fields.check(config.up_block_types.len() == levels, || {
            format!("`up_block_types` must have {levels} entries, like `block_out_channels`")
        });
        fields.check(config.out_channels > 0, || {
            "`out_channels` must be above zero".to_owned()
        });
        fields.finish(config)
    }

    /// The fields as diffusers reads them.
    pub fn to_json(&self) -> Value {
        let mut json = json!(self);
        json["_class_name"] = json!(Self::CLASS);
        json
    }

    /// A network with fresh weights (PyTorch's defaults).
    pub fn init(&self, device: &Device) -> UNet2DConditionModel {
        UNet2DConditionModel::new(self, device)
    }
}
