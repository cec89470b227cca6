//! Multi-head scaled dot-product attention, as RoBERTa, the feature filter and the fusion share it.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Tensor};
use reliad_kernels::dropout::dropout as dropped;

/// `softmax(Q K^T / sqrt(d_head)) V`, head by head (Vaswani et al., 1706.03762, equation 1).
///
/// `mask` is true where a key may be attended to. `dropout` works on the attention weights.
///
/// # Shapes
/// - query: `[n, queries, width]`; key, value: `[n, keys, width]`; mask: `[n, keys]`
/// - output: `[n, queries, width]`
///
/// # Panics
/// If `width` isn't a multiple of `heads`.
pub(crate) fn multi_head_attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    mask: Option<Tensor<2, Bool>>,
    heads: usize,
    dropout: &Dropout,
) -> Tensor<3> {
    let [n, queries, width] = query.dims();
    let keys = key.dims()[1];
    let split =
        |x: Tensor<3>, length: usize| x.reshape([n, length, heads, width / heads]).swap_dims(1, 2);
    let scale = ((width / heads) as f64).sqrt().recip();
    let query = split(query * scale, queries);
    let key = split(key, keys).swap_dims(2, 3);
    let mut scores = query.matmul(key);
    if let Some(mask) = mask {
        let hidden = mask.bool_not().reshape([n, 1, 1, keys]);
        let hidden = hidden.expand([n, heads, queries, keys]);
        scores = scores.mask_fill(hidden, f32::MIN);
    }
    let weights = dropped(dropout, softmax(scores, 3));
    weights
        .matmul(split(value, keys))
        .swap_dims(1, 2)
        .reshape([n, queries, width])
}

/// Attention with its four projections.
#[derive(Module, Debug)]
pub struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    dropout: Dropout,
    heads: usize,
}

impl Attention {
    /// Projections of `width` to `width`, Xavier-initialised.
    pub(crate) fn init(width: usize, heads: usize, dropout: f64, device: &Device) -> Self {
        let linear = || {
            LinearConfig::new(width, width)
                .with_initializer(Initializer::XavierUniform { gain: 1.0 })
                .init(device)
        };
        Self {
            query: linear(),
            key: linear(),
            value: linear(),
            output: linear(),
            dropout: DropoutConfig::new(dropout).init(),
            heads,
        }
    }

    /// # Shapes
    /// - queries: `[n, queries, width]`; context: `[n, keys, width]`; mask: `[n, keys]`, true = may be attended to
    /// - output: `[n, queries, width]`
    pub(crate) fn forward(
        &self,
        queries: Tensor<3>,
        context: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
    ) -> Tensor<3> {
        let attended = multi_head_attention(
            self.query.forward(queries),
            self.key.forward(context.clone()),
            self.value.forward(context),
            mask,
            self.heads,
            &self.dropout,
        );
        self.output.forward(attended)
    }
}
