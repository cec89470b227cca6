//! `ControlNetModel`: a copy of the UNet's way down that reads a control picture and corrects the UNet.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::PaddingConfig2d;
use burn::tensor::{Device, Tensor};
use reliad_kernels::Conv2d;
use reliad_kernels::activation::silu;
use reliad_weights::{KeyMap, ModelDir};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;
use crate::config::Fields;
use crate::control_residuals::ControlResiduals;
use crate::convolution::{conv3x3, conv3x3_half, zero_conv1x1, zero_conv3x3};
use crate::embeddings::{TimestepEmbedding, Timesteps};
use crate::perturbed::SelfAttention;
use crate::recompute;
use crate::resnet::activate_time;
use crate::unet::{DownBlock, EncoderConfig, MidBlock, UNet2DConditionModel};

/// `config.json` of a `ControlNetModel`. Field names and defaults are diffusers'.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ControlNetConfig {
    /// Fields that a UNet has too.
    #[serde(flatten)]
    pub encoder: EncoderConfig,
    /// Channels of the control picture.
    pub conditioning_channels: usize,
    /// Channels of the control picture's embedding, level by level; each but the last halves the resolution.
    pub conditioning_embedding_out_channels: Vec<usize>,
}

impl ControlNetConfig {
    /// The class name in the ecosystem's files.
    pub const CLASS: &'static str = "ControlNetModel";

    /// Reads the fields of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] names every field whose value is unknown, unsupported or contradictory.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let mut fields = Fields::new(Self::CLASS, json);
        fields.only("global_pool_conditions", &[json!(false)]);
        fields.only("controlnet_conditioning_channel_order", &[json!("rgb")]);
        let config = Self {
            encoder: EncoderConfig::take(&mut fields),
            conditioning_channels: fields.take("conditioning_channels", 3),
            conditioning_embedding_out_channels: fields
                .take("conditioning_embedding_out_channels", vec![16, 32, 96, 256]),
        };
        let widths = &config.conditioning_embedding_out_channels;
        fields.check(!widths.is_empty() && !widths.contains(&0), || {
            format!("`conditioning_embedding_out_channels` = {widths:?} must be numbers above zero")
        });
        fields.check(config.conditioning_channels > 0, || {
            "`conditioning_channels` must be above zero".to_owned()
        });
        fields.finish(config)
    }

    /// The fields as diffusers reads them.
    pub fn to_json(&self) -> Value {
        let mut json = json!(self);
        json["_class_name"] = json!(Self::CLASS);
        json
    }

    /// A network with fresh weights; the zero convolutions are zero, so it adds nothing yet.
    pub fn init(&self, device: &Device) -> ControlNetModel {
        let encoder = &self.encoder;
        let widths = &encoder.block_out_channels;
        let first = widths[0];
        let deepest = encoder.deepest_channels();
        let mut outputs = vec![first];
        for (level, &channels) in widths.iter().enumerate() {
            let halving = usize::from(level + 1 < widths.len());
            outputs.extend(vec![channels; encoder.layers_per_block + halving]);
        }
        ControlNetModel {
            conv_in: conv3x3(encoder.in_channels, first, device),
            time_embedding: TimestepEmbedding::new(first, encoder.time_channels(), device),
            controlnet_cond_embedding: ControlNetConditioningEmbedding::new(self, device),
            down_blocks: encoder.init_down_blocks(device),
            controlnet_down_blocks: outputs
                .into_iter()
                .map(|channels| zero_conv1x1(channels, channels, device))
                .collect(),
            controlnet_mid_block: zero_conv1x1(deepest, deepest, device),
            mid_block: encoder.init_mid_block(device),
            time_proj: encoder.timesteps(),
        }
    }
}

/// The ControlNet of Zhang et al. (arXiv 2302.05543), with the names of diffusers.
#[derive(Module, Debug)]
pub struct ControlNetModel {
    /// `[block_out_channels[0], in_channels, 3, 3]`.
    pub conv_in: Conv2d,
    /// Of the timestep's sinusoids.
    pub time_embedding: TimestepEmbedding,
    /// Of the control picture.
    pub controlnet_cond_embedding: ControlNetConditioningEmbedding,
    /// As in the UNet.
    pub down_blocks: Vec<DownBlock>,
    /// One zero convolution for each tensor that the UNet keeps.
    pub controlnet_down_blocks: Vec<Conv2d>,
    /// The zero convolution of the middle.
    pub controlnet_mid_block: Conv2d,
    /// As in the UNet.
    pub mid_block: MidBlock,
    #[module(skip)]
    time_proj: Timesteps,
}

impl ControlNetModel {
    /// The start of training: the encoder's weights are copies of the UNet's, the zero convolutions are zero.
    ///
    /// The copies are parameters of their own: training them leaves `unet` as it is.
    ///
    /// # Panics
    /// When `config` describes another encoder than the UNet's.
    pub fn from_unet(
        unet: &UNet2DConditionModel,
        config: &ControlNetConfig,
        device: &Device,
    ) -> Self {
        let mut copy = Copy {
            device: device.clone(),
        };
        let mut model = config.init(device);
        assert_eq!(
            model.down_blocks.len(),
            unet.down_blocks.len(),
            "the UNet has other levels than the ControlNet's configuration"
        );
        model.conv_in = unet.conv_in.clone().map(&mut copy);
        model.time_embedding = unet.time_embedding.clone().map(&mut copy);
        model.down_blocks = unet.down_blocks.clone().map(&mut copy);
        model.mid_block = unet.mid_block.clone().map(&mut copy);
        model
    }

    /// Names of the ecosystem's files; they are our own.
    pub fn key_map() -> KeyMap {
        KeyMap::identity()
    }

    /// Loads `config.json` and the weights of a component directory (`controlnet/`).
    ///
    /// # Errors
    /// [`Error::Config`], or [`Error::Weights`] when a file is missing or does not fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self, Error> {
        let config = ControlNetConfig::from_json(&dir.read_json("config.json")?)?;
        Ok(reliad_weights::load(
            config.init(device),
            dir,
            &Self::key_map(),
        )?)
    }

    /// What the network sees of control pictures: the same in every step of a run.
    ///
    /// # Shapes
    /// - picture: `[n, conditioning_channels, 8 h, 8 w]` with four embedding levels; values in 0..1
    /// - output: `[n, block_out_channels[0], h, w]`
    pub fn see(&self, picture: Tensor<4>) -> Tensor<4> {
        self.controlnet_cond_embedding.forward(picture)
    }

    /// `scale` multiplies all residuals; 1 is full strength.
    ///
    /// # Shapes
    /// - sample: `[n, in_channels, h, w]`
    /// - timesteps: `[n]`
    /// - text: `[n, tokens, cross_attention_dim]`
    /// - seen: of [`see`](Self::see), `[n, block_out_channels[0], h, w]`
    pub fn forward(
        &self,
        sample: Tensor<4>,
        timesteps: Tensor<1>,
        text: Tensor<3>,
        seen: Tensor<4>,
        scale: f64,
    ) -> ControlResiduals {
        let time = self.time_proj.forward(timesteps);
        let time = activate_time(self.time_embedding.forward(time));
        let mut x = recompute::cut(self.conv_in.forward(sample) + seen);
        let mut kept = vec![x.clone()];
        for block in &self.down_blocks {
            x = block.forward(x, &time, &text, SelfAttention::Learned, &mut kept);
        }
        x = self
            .mid_block
            .forward(x, &time, &text, SelfAttention::Learned);
        ControlResiduals {
            down: self
                .controlnet_down_blocks
                .iter()
                .zip(kept)
                .map(|(conv, kept)| recompute::cut(conv.forward(kept) * scale))
                .collect(),
            mid: recompute::cut(self.controlnet_mid_block.forward(x) * scale),
        }
    }
}

/// Brings the control picture to the size of the latents.
#[derive(Module, Debug)]
pub struct ControlNetConditioningEmbedding {
    /// From the picture's channels.
    pub conv_in: Conv2d,
    /// Pairs: one that keeps the size, one that halves it.
    pub blocks: Vec<Conv2d>,
    /// To the ControlNet's first width; starts at zero.
    pub conv_out: Conv2d,
}

impl ControlNetConditioningEmbedding {
    fn new(config: &ControlNetConfig, device: &Device) -> Self {
        let widths = &config.conditioning_embedding_out_channels;
        let around = PaddingConfig2d::Explicit(1, 1, 1, 1);
        Self {
            conv_in: conv3x3(config.conditioning_channels, widths[0], device),
            blocks: widths
                .windows(2)
                .flat_map(|pair| {
                    [
                        conv3x3(pair[0], pair[0], device),
                        conv3x3_half(pair[0], pair[1], around.clone(), device),
                    ]
                })
                .collect(),
            conv_out: zero_conv3x3(
                widths[widths.len() - 1],
                config.encoder.block_out_channels[0],
                device,
            ),
        }
    }

    /// # Shapes
    /// - input: `[n, conditioning_channels, f h, f w]`, `f = 2^(levels - 1)`
    /// - output: `[n, block_out_channels[0], h, w]`
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        recompute::block(self, picture, Self::run)
    }

    fn run(&self, picture: Tensor<4>) -> Tensor<4> {
        let x = silu(self.conv_in.forward(picture));
        let x = self
            .blocks
            .iter()
            .fold(x, |x, block| silu(block.forward(x)));
        self.conv_out.forward(x)
    }
}

/// Makes parameters of their own, on `device`, from those of another network.
struct Copy {
    device: Device,
}

impl ModuleMapper for Copy {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let data = param.val().into_data();
        Param::from_data(data, &self.device)
    }
}
