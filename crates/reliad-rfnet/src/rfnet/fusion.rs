//! A self-attention layer of the fusion.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Tensor};
use reliad_kernels::activation::gelu;
use reliad_kernels::dropout::dropout;

use super::{FusionNorm, RfNetConfig};
use crate::attention::Attention;

/// A transformer encoder layer: self-attention, then a GELU feed-forward part, both with a residual sum.
/// Norms stand before the branches or after the sums, as the config says.
#[derive(Module, Debug)]
pub struct FusionLayer {
    attention: Attention,
    norm1: LayerNorm,
    linear1: Linear,
    linear2: Linear,
    norm2: LayerNorm,
    dropout: Dropout,
    #[module(skip)]
    norm: FusionNorm,
}

impl FusionLayer {
    pub(super) fn init(config: &RfNetConfig, device: &Device) -> Self {
        let (width, hidden) = (config.width, config.fusion_feed_forward);
        Self {
            attention: Attention::init(width, config.heads, config.dropout, device),
            norm1: LayerNormConfig::new(width).init(device),
            linear1: LinearConfig::new(width, hidden).init(device),
            linear2: LinearConfig::new(hidden, width).init(device),
            norm2: LayerNormConfig::new(width).init(device),
            dropout: DropoutConfig::new(config.dropout).init(),
            norm: config.fusion_norm,
        }
    }

    fn feed_forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = dropout(&self.dropout, gelu(self.linear1.forward(x)));
        dropout(&self.dropout, self.linear2.forward(x))
    }

    fn attend(&self, x: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> Tensor<3> {
        self.dropout
            .forward(self.attention.forward(x.clone(), x, mask))
    }

    /// # Shapes
    /// - x and output: `[n, tokens, width]`
    /// - mask: `[n, tokens]`, true where a token may be attended to
    pub fn forward(&self, x: Tensor<3>, mask: Option<Tensor<2, Bool>>) -> Tensor<3> {
        match self.norm {
            FusionNorm::Pre => {
                let x = x.clone() + self.attend(self.norm1.forward(x), mask);
                x.clone() + self.feed_forward(self.norm2.forward(x))
            }
            FusionNorm::Post => {
                let x = self.norm1.forward(x.clone() + self.attend(x, mask));
                self.norm2.forward(x.clone() + self.feed_forward(x))
            }
        }
    }
}
