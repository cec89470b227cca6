//! The depth head of DPT: three convolutions, doubling the resolution after the first.

use burn::module::{Initializer, Module};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::interpolate::{Interpolate2d, Interpolate2dConfig, InterpolateMode};
use burn::nn::{PaddingConfig2d, Relu};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::DptConfig;
use crate::convolution::Convolve;

/// Channels before the last convolution, the same in every DPT.
const WIDTH: usize = 32;

/// The layers have the indices of the published sequence; those of 1 and 3 have no parameters.
#[derive(Module, Debug)]
pub(super) struct DepthHead {
    head: (Conv2d, Interpolate2d, Conv2d, Relu, Conv2d),
}

impl DepthHead {
    pub(super) fn new(config: &DptConfig, device: &Device) -> Self {
        let features = config.fusion_hidden_size;
        let conv3 = |channels| {
            Conv2dConfig::new(channels, [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        let mut last = Conv2dConfig::new([WIDTH, 1], [1, 1]).init(device);
        // A ReLU ends the network: from a bias of 0, half of all initialisations give it no gradient anywhere.
        last.bias = Some(Initializer::Constant { value: 0.5 }.init([1], device));
        Self {
            head: (
                conv3([features, features / 2]),
                Interpolate2dConfig::new()
                    .with_scale_factor(Some([2.0, 2.0]))
                    .with_mode(InterpolateMode::Linear)
                    .with_align_corners(true)
                    .init(),
                conv3([features / 2, WIDTH]),
                Relu::new(),
                last,
            ),
        }
    }

    /// # Shapes
    /// - input: `[n, fusion_hidden_size, h, w]`
    /// - output: `[n, 1, 2 h, 2 w]`, 0 or more
    pub(super) fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        let (narrow, double, widen, activation, last) = &self.head;
        let x = double.forward(narrow.convolve(map));
        relu(last.forward(activation.forward(widen.convolve(x))))
    }
}
