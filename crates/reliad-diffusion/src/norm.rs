//! Group normalisation, in the one place from which all networks of this crate take it.

use burn::tensor::{Device, Tensor};
pub(crate) use reliad_kernels::GroupNorm;
use reliad_kernels::GroupNormConfig;

/// A group norm over `channels` in `groups`.
pub(crate) fn group_norm(
    groups: usize,
    channels: usize,
    epsilon: f64,
    device: &Device,
) -> GroupNorm {
    GroupNormConfig::new(groups, channels)
        .with_epsilon(epsilon)
        .init(device)
}

/// `silu(norm(x))`, the pair that stands before every convolution of a residual block.
pub(crate) fn norm_silu(norm: &GroupNorm, x: Tensor<4>) -> Tensor<4> {
    norm.forward_silu(x)
}
