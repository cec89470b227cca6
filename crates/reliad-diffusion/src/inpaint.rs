//! Inpainting with a plain text-to-image UNet: known latents are put back after every step.

use burn::tensor::Tensor;

use crate::scheduler::Level;

/// What is known of a picture, and where it may be painted.
#[derive(Debug, Clone)]
pub struct Inpainting {
    /// Latents of the known picture `[n, channels, h, w]`, scaled as the UNet sees them.
    pub known: Tensor<4>,
    /// `[n, 1, h, w]`: 1 where the scene is painted, 0 where the known picture stays.
    pub paint: Tensor<4>,
}

impl Inpainting {
    /// Replaces the kept part by the known latents, noised to `level` with the run's first noise (as diffusers' inpainting
    /// pipelines do for a 4-channel UNet).
    ///
    /// # Shapes
    /// - latents, noise, output: `[n, channels, h, w]`
    pub fn blend(&self, latents: Tensor<4>, noise: Tensor<4>, level: &Level) -> Tensor<4> {
        let known = match level.noise {
            0.0 => self.known.clone(),
            share => self.known.clone().mul_scalar(level.signal) + noise.mul_scalar(share),
        };
        let paint = self.paint.clone();
        latents * paint.clone() + known * (paint.neg() + 1.0)
    }
}

/// Brings a mask of the canvas `[n, 1, 8h, 8w]` to the latents' grid, taking every eighth pixel (nearest, as
/// diffusers).
pub fn mask_to_latents(mask: Tensor<4>, factor: usize) -> Tensor<4> {
    let [_, _, height, width] = mask.dims();
    mask.slice([
        burn::tensor::s![..],
        burn::tensor::s![..],
        burn::tensor::s![0..height; factor as isize],
        burn::tensor::s![0..width; factor as isize],
    ])
}
