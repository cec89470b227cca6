//! The time embedding of UNet and ControlNet.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData};
use reliad_kernels::activation::silu;
use reliad_kernels::linear;

/// Sinusoids of the timestep: `sin(t f_i)`, `cos(t f_i)` with `f_i = 10000^(-i / (half - shift))`.
///
/// Formula of diffusers' `get_timestep_embedding`.
#[derive(Debug, Clone, Copy)]
pub struct Timesteps {
    /// Width of the embedding, even.
    pub channels: usize,
    /// Cosines first.
    pub flip_sin_to_cos: bool,
    /// `shift` of the formula.
    pub freq_shift: f64,
}

impl Timesteps {
    /// # Shapes
    /// - timesteps: `[n]`, any real number of steps
    /// - output: `[n, channels]`
    pub fn forward(&self, timesteps: Tensor<1>) -> Tensor<2> {
        let half = self.channels / 2;
        // In f32 step by step like the reference: at t = 999 another rounding shows in the fifth digit.
        let log_period = -(10_000f64.ln()) as f32;
        let frequencies: Vec<f32> = (0..half)
            .map(|i| (log_period * i as f32 / (half as f32 - self.freq_shift as f32)).exp())
            .collect();
        let frequencies =
            Tensor::<2>::from_data(TensorData::new(frequencies, [1, half]), &timesteps.device());
        let [n] = timesteps.dims();
        let angles = timesteps.reshape([n, 1]) * frequencies;
        let (sin, cos) = (angles.clone().sin(), angles.cos());
        if self.flip_sin_to_cos {
            Tensor::cat(vec![cos, sin], 1)
        } else {
            Tensor::cat(vec![sin, cos], 1)
        }
    }
}

/// Two linear layers with a SiLU between (`TimestepEmbedding` of diffusers).
#[derive(Module, Debug)]
pub struct TimestepEmbedding {
    /// `[channels, width]`.
    pub linear_1: Linear,
    /// `[width, width]`.
    pub linear_2: Linear,
}

impl TimestepEmbedding {
    /// From `channels` sinusoids to `width`.
    pub fn new(channels: usize, width: usize, device: &Device) -> Self {
        Self {
            linear_1: LinearConfig::new(channels, width).init(device),
            linear_2: LinearConfig::new(width, width).init(device),
        }
    }

    /// # Shapes
    /// - input: `[n, channels]`
    /// - output: `[n, width]`
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        linear(&self.linear_2, silu(linear(&self.linear_1, x)))
    }
}
