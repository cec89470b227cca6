//! The convolutions that the networks are made of. Initialised as PyTorch does: uniform within `1 / sqrt(fan_in)`.

use burn::nn::{Initializer, PaddingConfig2d};
use burn::tensor::Device;
use reliad_kernels::{Conv2d, Conv2dConfig};

/// 3x3, stride 1, one pixel of zeros around.
pub(crate) fn conv3x3(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .init(device)
}

/// 3x3, stride 2. `padding` is (top, left, bottom, right).
pub(crate) fn conv3x3_half(
    channels_in: usize,
    channels_out: usize,
    padding: PaddingConfig2d,
    device: &Device,
) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [3, 3])
        .with_stride([2, 2])
        .with_padding(padding)
        .init(device)
}

/// 1x1.
pub(crate) fn conv1x1(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [1, 1]).init(device)
}

/// 1x1 of zeros: adds nothing until it is trained.
pub(crate) fn zero_conv1x1(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [1, 1])
        .with_initializer(Initializer::Zeros)
        .init(device)
}

/// 3x3 of zeros: adds nothing until it is trained.
pub(crate) fn zero_conv3x3(channels_in: usize, channels_out: usize, device: &Device) -> Conv2d {
    Conv2dConfig::new([channels_in, channels_out], [3, 3])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .with_initializer(Initializer::Zeros)
        .init(device)
}
