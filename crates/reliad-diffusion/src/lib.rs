//! CLIP text, VAE, UNet, ControlNet, schedulers, the one denoising loop, inpainting.
//!
//! Every network is built from its `config.json` and carries the parameter names of diffusers or transformers.

mod added_tokens;
mod attention;
mod clip_text;
mod clip_tokenizer;
pub mod components;
pub mod conditions;
mod config;
mod control_residuals;
mod controlnet;
mod convolution;
pub mod denoise;
mod embeddings;
mod error;
pub mod guidance;
pub mod inpaint;
pub mod noise;
mod norm;
pub mod painter;
pub mod perturbed;
pub mod predictor;
pub mod product;
pub mod recompute;
mod resampling;
mod resnet;
pub mod sampling;
pub mod scheduler;
pub mod step;
pub mod unet;
pub mod vae;

pub use attention::Attention;
pub use clip_text::{
    ClipActivation, ClipAttention, ClipEncoder, ClipEncoderLayer, ClipLayerConfig, ClipMlp,
    ClipTextConfig, ClipTextEmbeddings, ClipTextModel,
};
pub use clip_tokenizer::{ClipTokenizer, Cut, Tokens, normalizer, pre_tokenizer};
pub use config::PerLevel;
pub use control_residuals::ControlResiduals;
pub use controlnet::{ControlNetConditioningEmbedding, ControlNetConfig, ControlNetModel};
pub use embeddings::{TimestepEmbedding, Timesteps};
pub use error::Error;
pub use resampling::{Downsample2D, Upsample2D};
pub use resnet::{ResnetBlock2D, ResnetBlock2DConfig};
pub use sampling::{Sampling, SamplingOverlay};
pub use unet::{UNet2DConditionConfig, UNet2DConditionModel};
pub use vae::{AutoencoderKl, AutoencoderKlConfig, Posterior};
