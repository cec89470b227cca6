//! Halving and doubling of resolution between the levels of a UNet or VAE.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};
use reliad_kernels::Conv2d;

use crate::convolution::{conv3x3, conv3x3_half};
use crate::recompute;

/// A strided convolution (`Downsample2D` of diffusers with `use_conv`).
#[derive(Module, Debug)]
pub struct Downsample2D {
    /// `[channels, channels, 3, 3]`.
    pub conv: Conv2d,
}

impl Downsample2D {
    /// `padding` pixels of zeros on every side; 0 means the VAE's asymmetric habit, one pixel right and below.
    pub fn new(channels: usize, padding: usize, device: &Device) -> Self {
        let padding = match padding {
            0 => PaddingConfig2d::Explicit(0, 0, 1, 1),
            p => PaddingConfig2d::Explicit(p, p, p, p),
        };
        Self {
            conv: conv3x3_half(channels, channels, padding, device),
        }
    }

    /// # Shapes
    /// - input: `[n, channels, h, w]`
    /// - output: `[n, channels, ceil(h / 2), ceil(w / 2)]` (floor with the asymmetric padding)
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        recompute::block(&self.conv, x, |conv, x| conv.forward(x))
    }
}

/// Nearest-neighbour enlargement, then a convolution (`Upsample2D` of diffusers with `use_conv`).
#[derive(Module, Debug)]
pub struct Upsample2D {
    /// `[channels, channels, 3, 3]`.
    pub conv: Conv2d,
}

impl Upsample2D {
    /// Over `channels` channels.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            conv: conv3x3(channels, channels, device),
        }
    }

    /// # Shapes
    /// - input: `[n, channels, h, w]`
    /// - output: `[n, channels, size[0], size[1]]`
    pub fn forward(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        recompute::block(&self.conv, x, move |conv, x| {
            let nearest = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(size);
            conv.forward(interpolate(x, nearest))
        })
    }
}
