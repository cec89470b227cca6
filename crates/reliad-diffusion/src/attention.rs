//! Scaled dot-product attention, the one of all networks of this crate.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
pub(crate) use reliad_kernels::attention::attention as scaled_dot_product;
use reliad_kernels::linear;

/// Multi-head attention with the projections and names of diffusers' `Attention`.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[channels, channels]`.
    pub to_q: Linear,
    /// `[context channels, channels]`.
    pub to_k: Linear,
    /// `[context channels, channels]`.
    pub to_v: Linear,
    /// One layer, `[channels, channels]`.
    pub to_out: Vec<Linear>,
    /// Number of heads; they split the channels evenly.
    pub heads: usize,
}

impl Attention {
    /// Queries of `channels`, keys and values of `context_channels`, without bias on q, k and v, as in a UNet.
    pub fn new(channels: usize, context_channels: usize, heads: usize, device: &Device) -> Self {
        let projection = |width: usize| {
            LinearConfig::new(width, channels)
                .with_bias(false)
                .init(device)
        };
        Self {
            to_q: projection(channels),
            to_k: projection(context_channels),
            to_v: projection(context_channels),
            to_out: vec![LinearConfig::new(channels, channels).init(device)],
            heads,
        }
    }

    /// Attends from `x` to `context`; to itself for self-attention.
    ///
    /// # Shapes
    /// - x: `[n, tokens, channels]`
    /// - context: `[n, context tokens, context channels]`
    /// - output: `[n, tokens, channels]`
    pub fn forward(&self, x: Tensor<3>, context: Tensor<3>) -> Tensor<3> {
        let mixed = scaled_dot_product(
            linear(&self.to_q, x),
            linear(&self.to_k, context.clone()),
            linear(&self.to_v, context),
            self.heads,
            false,
        );
        self.out(mixed)
    }

    /// Every token attends to itself alone, as if the map of a self-attention were the identity.
    ///
    /// # Shapes
    /// - x: `[n, tokens, channels]`, output: the same
    pub fn forward_alone(&self, x: Tensor<3>) -> Tensor<3> {
        self.out(linear(&self.to_v, x))
    }

    fn out(&self, mixed: Tensor<3>) -> Tensor<3> {
        self.to_out
            .iter()
            .fold(mixed, |mixed, layer| linear(layer, mixed))
    }
}
