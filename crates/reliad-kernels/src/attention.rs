//! Scaled dot-product attention over heads that lie side by side in the channels, fused on the CPU.
//!
//! Vaswani et al., "Attention Is All You Need", 2017; the backward pass recomputes the probabilities from the saved
//! logarithm of each row's sum (Dao et al., "FlashAttention", 2022), so the score matrix is never kept.

mod kernel;
mod node;

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Tensor, activation, module};

use self::node::Attention;
use crate::{flex, operation};

/// `softmax(q k^T / sqrt(width)) v` for all heads.
///
/// With `causal` a query sees only the keys at its own place and before.
///
/// # Shapes
///
/// - `q`: `[batch, queries, heads * width]`; `k`, `v`: `[batch, keys, heads * width]`
/// - output: as `q`
///
/// # Panics
///
/// If the shapes don't agree, or `heads` doesn't divide the channels.
pub fn attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    let [batch, queries, channels] = q.dims();
    let keys = k.dims()[1];
    assert!(
        heads > 0 && channels.is_multiple_of(heads),
        "attention: {heads} heads do not divide {channels} channels"
    );
    assert!(
        k.dims() == [batch, keys, channels] && v.dims() == k.dims(),
        "attention: queries {:?}, keys {:?}, values {:?}",
        q.dims(),
        k.dims(),
        v.dims()
    );
    if flex::fused(&q) && batch * queries * keys * channels > 0 {
        return operation::of_three(Attention { heads, causal }, q, k, v);
    }
    let width = channels / heads;
    let split = |x: Tensor<3>, length: usize| -> Tensor<4> {
        x.reshape([batch, length, heads, width]).swap_dims(1, 2)
    };
    let (q, k, v) = (split(q, queries), split(k, keys), split(v, keys));
    let mixed = if q.device().is_autodiff() {
        let mut scores = (q / (width as f64).sqrt()).matmul(k.swap_dims(2, 3));
        if causal {
            let future = Tensor::<2, Bool>::tril_mask([queries, keys], 0, &scores.device());
            scores = scores.mask_fill(future.reshape([1, 1, queries, keys]), f32::NEG_INFINITY);
        }
        activation::softmax(scores, 3).matmul(v)
    } else {
        module::attention(
            q,
            k,
            v,
            None,
            None,
            AttentionModuleOptions {
                is_causal: causal,
                ..Default::default()
            },
        )
    };
    mixed.swap_dims(1, 2).reshape([batch, queries, channels])
}
