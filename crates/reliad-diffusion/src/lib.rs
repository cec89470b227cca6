//! CLIP text, VAE, UNet, ControlNet, schedulers, the one denoising loop, inpainting.
