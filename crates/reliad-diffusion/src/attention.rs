//! Scaled dot-product attention, the one of all networks of this crate.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor};

/// `softmax(q k^T / sqrt(head width)) v` for all heads together.
///
/// Without gradients this is the backend's fused kernel, which never holds the whole score matrix; with gradients the
/// scores are kept for the way back.
///
/// # Shapes
/// - q: `[n, queries, heads * width]`; k, v: `[n, keys, heads * width]`
/// - output: as q
///
/// With `causal` a query sees only keys at its own place and before.
pub(crate) fn scaled_dot_product(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    let [n, queries, channels] = q.dims();
    let keys = k.dims()[1];
    let width = channels / heads;
    let split = |x: Tensor<3>, length: usize| -> Tensor<4> {
        x.reshape([n, length, heads, width]).swap_dims(1, 2)
    };
    let (q, k, v) = (split(q, queries), split(k, keys), split(v, keys));
    let mixed = if q.device().is_autodiff() {
        let scores = (q / (width as f64).sqrt()).matmul(k.swap_dims(2, 3));
        let scores = if causal {
            let future = Tensor::<2, Bool>::tril_mask([queries, keys], 0, &scores.device());
            scores.mask_fill(future.reshape([1, 1, queries, keys]), f32::NEG_INFINITY)
        } else {
            scores
        };
        softmax(scores, 3).matmul(v)
    } else {
        let options = AttentionModuleOptions {
            is_causal: causal,
            ..Default::default()
        };
        attention(q, k, v, None, None, options)
    };
    mixed.swap_dims(1, 2).reshape([n, queries, channels])
}

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
            self.to_q.forward(x),
            self.to_k.forward(context.clone()),
            self.to_v.forward(context),
            self.heads,
            false,
        );
        self.to_out
            .iter()
            .fold(mixed, |mixed, layer| layer.forward(mixed))
    }
}
