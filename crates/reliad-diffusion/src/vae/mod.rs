//! The autoencoder between pictures and latents: `AutoencoderKL`, from its `config.json`.

mod config;
mod decoder;
mod encoder;
mod mid;
mod range;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_kernels::Conv2d;
use reliad_weights::{KeyMap, ModelDir};

use crate::Error;
use crate::convolution::conv1x1;
use crate::resnet::ResnetBlock2DConfig;

pub use config::AutoencoderKlConfig;
pub use decoder::{Decoder, UpDecoderBlock2D};
pub use encoder::{DownEncoderBlock2D, Encoder};
pub use mid::{VaeAttention, VaeMidBlock};
pub use range::{signed, unsigned};

/// The KL-regularised autoencoder of latent diffusion (Rombach et al., arXiv 2112.10752).
#[derive(Module, Debug)]
pub struct AutoencoderKl {
    /// Picture to latents.
    pub encoder: Encoder,
    /// Latents to picture.
    pub decoder: Decoder,
    /// `[2 * latent_channels, 2 * latent_channels, 1, 1]`.
    pub quant_conv: Option<Conv2d>,
    /// `[latent_channels, latent_channels, 1, 1]`.
    pub post_quant_conv: Option<Conv2d>,
    scaling_factor: f64,
    downscale: usize,
}

/// The normal distribution of a picture's latents, `[n, latent_channels, h, w]` each.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// The most likely latents.
    pub mean: Tensor<4>,
    /// Logarithm of the variance, within -30..20.
    pub logvar: Tensor<4>,
}

impl Posterior {
    /// `mean + exp(logvar / 2) * noise`.
    pub fn sample(&self, noise: Tensor<4>) -> Tensor<4> {
        self.mean.clone() + (self.logvar.clone() * 0.5).exp() * noise
    }

    /// Kullback-Leibler divergence from the standard normal distribution, summed over each picture: `[n]`.
    pub fn kl(&self) -> Tensor<1> {
        let [n, c, h, w] = self.mean.dims();
        let terms =
            self.mean.clone().square() + self.logvar.clone().exp() - 1.0 - self.logvar.clone();
        terms
            .reshape([n, c * h * w])
            .sum_dim(1)
            .mul_scalar(0.5)
            .reshape([n])
    }
}

impl AutoencoderKlConfig {
    pub(crate) fn resnet(&self, channels_in: usize, channels_out: usize) -> ResnetBlock2DConfig {
        ResnetBlock2DConfig {
            channels_in,
            channels_out,
            time_channels: None,
            groups: self.norm_num_groups,
            epsilon: mid::EPSILON,
        }
    }
}

impl AutoencoderKl {
    pub(crate) fn new(config: &AutoencoderKlConfig, device: &Device) -> Self {
        let latent = config.latent_channels;
        Self {
            encoder: Encoder::new(config, device),
            decoder: Decoder::new(config, device),
            quant_conv: config
                .use_quant_conv
                .then(|| conv1x1(2 * latent, 2 * latent, device)),
            post_quant_conv: config
                .use_post_quant_conv
                .then(|| conv1x1(latent, latent, device)),
            scaling_factor: config.scaling_factor,
            downscale: config.downscale(),
        }
    }

    /// A diffusion model sees the latents times this.
    pub fn scaling_factor(&self) -> f64 {
        self.scaling_factor
    }

    /// Pixels of the picture along one side of a latent.
    pub fn downscale(&self) -> usize {
        self.downscale
    }

    /// Names of the ecosystem's files: our own, and those of the attention layers in files before diffusers 0.14.
    pub fn key_map() -> KeyMap {
        KeyMap::identity().aliases(&[
            ("query", "to_q"),
            ("key", "to_k"),
            ("value", "to_v"),
            ("proj_attn", "to_out.0"),
        ])
    }

    /// Loads `config.json` and the weights of a component directory (`vae/`).
    ///
    /// # Errors
    /// [`Error::Config`], or [`Error::Weights`] when a file is missing or does not fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self, Error> {
        let config = AutoencoderKlConfig::from_json(&dir.read_json("config.json")?)?;
        Ok(reliad_weights::load(
            config.init(device),
            dir,
            &Self::key_map(),
        )?)
    }

    /// # Shapes
    /// - picture: `[n, in_channels, f h, f w]` in -1..1, `f` the configuration's downscale
    /// - output: `[n, latent_channels, h, w]`, not yet scaled
    pub fn encode(&self, picture: Tensor<4>) -> Posterior {
        let moments = self.encoder.forward(picture);
        let moments = match &self.quant_conv {
            Some(conv) => conv.forward(moments),
            None => moments,
        };
        let latent = moments.dims()[1] / 2;
        Posterior {
            mean: moments.clone().narrow(1, 0, latent),
            logvar: moments.narrow(1, latent, latent).clamp(-30.0, 20.0),
        }
    }

    /// # Shapes
    /// - latents: `[n, latent_channels, h, w]`, already divided by the scaling factor
    /// - output: `[n, out_channels, f h, f w]`, about -1..1 but not clamped
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let latents = match &self.post_quant_conv {
            Some(conv) => conv.forward(latents),
            None => latents,
        };
        self.decoder.forward(latents)
    }
}
