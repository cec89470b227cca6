//! The residual block of UNet, ControlNet and VAE (`ResnetBlock2D` of diffusers).

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use reliad_kernels::activation::silu;
use reliad_kernels::{Conv2d, linear};

use crate::convolution::{conv1x1, conv3x3};
use crate::norm::{GroupNorm, group_norm, norm_silu};
use crate::recompute;

/// What a [`ResnetBlock2D`] is built from.
#[derive(Debug, Clone, Copy)]
pub struct ResnetBlock2DConfig {
    /// Channels of the input.
    pub channels_in: usize,
    /// Channels of the output.
    pub channels_out: usize,
    /// Width of the time embedding; `None` in a VAE.
    pub time_channels: Option<usize>,
    /// Groups of both group norms.
    pub groups: usize,
    /// Epsilon of both group norms.
    pub epsilon: f64,
}

/// `shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + time)))`.
#[derive(Module, Debug)]
pub struct ResnetBlock2D {
    /// Over `channels_in`.
    pub norm1: GroupNorm,
    /// `[channels_out, channels_in, 3, 3]`.
    pub conv1: Conv2d,
    /// `[time_channels, channels_out]`.
    pub time_emb_proj: Option<Linear>,
    /// Over `channels_out`.
    pub norm2: GroupNorm,
    /// `[channels_out, channels_out, 3, 3]`.
    pub conv2: Conv2d,
    /// `[channels_out, channels_in, 1, 1]` where the two differ.
    pub conv_shortcut: Option<Conv2d>,
}

impl ResnetBlock2DConfig {
    /// A block with fresh weights.
    pub fn init(&self, device: &Device) -> ResnetBlock2D {
        let Self {
            channels_in,
            channels_out,
            ..
        } = *self;
        ResnetBlock2D {
            norm1: group_norm(self.groups, channels_in, self.epsilon, device),
            conv1: conv3x3(channels_in, channels_out, device),
            time_emb_proj: self
                .time_channels
                .map(|width| LinearConfig::new(width, channels_out).init(device)),
            norm2: group_norm(self.groups, channels_out, self.epsilon, device),
            conv2: conv3x3(channels_out, channels_out, device),
            conv_shortcut: (channels_in != channels_out)
                .then(|| conv1x1(channels_in, channels_out, device)),
        }
    }
}

impl ResnetBlock2D {
    /// `time` is the time embedding *after* its SiLU, which all blocks share.
    ///
    /// # Shapes
    /// - x: `[n, channels_in, h, w]`
    /// - time: `[n, time_channels]`
    /// - output: `[n, channels_out, h, w]`
    pub fn forward(&self, x: Tensor<4>, time: Option<&Tensor<2>>) -> Tensor<4> {
        recompute::block(self, (x, time.cloned()), |block, (x, time)| {
            block.run(x, time)
        })
    }

    fn run(&self, x: Tensor<4>, time: Option<Tensor<2>>) -> Tensor<4> {
        let mut hidden = self.conv1.forward(norm_silu(&self.norm1, x.clone()));
        if let (Some(projection), Some(time)) = (&self.time_emb_proj, time) {
            let [n, channels, _, _] = hidden.dims();
            hidden = hidden + linear(projection, time).reshape([n, channels, 1, 1]);
        }
        let hidden = self.conv2.forward(norm_silu(&self.norm2, hidden));
        match &self.conv_shortcut {
            Some(shortcut) => shortcut.forward(x) + hidden,
            None => x + hidden,
        }
    }
}

/// `silu(time)`, computed once for all blocks of a network.
pub(crate) fn activate_time(time: Tensor<2>) -> Tensor<2> {
    recompute::cut(silu(time))
}
