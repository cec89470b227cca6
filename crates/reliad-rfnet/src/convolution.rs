//! Convolutions of this crate's networks, fused on the CPU where the kernel serves them.

use burn::module::Param;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

/// A convolution that takes the fused kernel if it can.
pub(crate) trait Convolve {
    /// The same as `forward`, to rounding. Shapes as there.
    fn convolve(&self, x: Tensor<4>) -> Tensor<4>;
}

impl Convolve for Conv2d {
    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        match self.padding {
            PaddingConfig2d::Explicit(top, left, bottom, right)
                if self.groups == 1 && self.dilation == [1, 1] =>
            {
                reliad_kernels::conv2d::conv2d(
                    x,
                    self.weight.val(),
                    self.bias.as_ref().map(Param::val),
                    self.stride,
                    [(top, bottom), (left, right)],
                )
            }
            _ => self.forward(x),
        }
    }
}
