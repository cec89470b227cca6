//! Training of what paints: vocabularies, autoencoder, text encoder and UNet, ControlNet, adapters.

pub(crate) mod controlled;
pub mod controlnet;
pub mod decoder;
mod first_weights;
pub mod latents;
pub mod lora;
pub(crate) mod noised;
pub(crate) mod pca;
pub mod rendered;
pub mod repaint;
pub mod shards;
pub mod tokenizer;
pub mod unet;
pub mod vae;
