//! A network that tells pictures from decoded ones, patch by patch, so that a decoder learns edges instead of means.
//!
//! Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", 2017, <https://arxiv.org/abs/1611.07004>;
//! the losses are the hinge of Lim & Ye, "Geometric GAN", 2017, <https://arxiv.org/abs/1705.02894>.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::tensor::activation::{relu, silu};
use burn::tensor::{Device, Tensor};
use reliad_kernels::group_norm::{GroupNorm, GroupNormConfig};
use reliad_kernels::{Conv2d, Conv2dConfig};

/// Three halvings and a verdict for each of the places that are left, of some 31 pixels each.
#[derive(Module, Debug)]
pub struct PatchDiscriminator {
    entry: Conv2d,
    levels: Vec<Level>,
    exit: Conv2d,
}

#[derive(Module, Debug)]
struct Level {
    conv: Conv2d,
    norm: GroupNorm,
}

/// Groups of the norms.
const GROUPS: usize = 8;

impl PatchDiscriminator {
    /// Fresh, with `width` channels after the first halving: a multiple of 8.
    pub fn new(width: usize, device: &Device) -> Self {
        let conv = |from, to, stride| {
            Conv2dConfig::new([from, to], [3, 3])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        let level = |from| Level {
            conv: conv(from, 2 * from, 2),
            norm: GroupNormConfig::new(GROUPS, 2 * from).init(device),
        };
        Self {
            entry: conv(3, width, 2),
            levels: vec![level(width), level(2 * width)],
            exit: conv(4 * width, 1, 1),
        }
    }

    /// How true each patch looks: above 0 like a picture.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in -1..1
    /// - output: `[n, 1, h / 8, w / 8]`
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<4> {
        let first = silu(self.entry.forward(pictures));
        let deep = self.levels.iter().fold(first, |x, level| {
            level.norm.forward_silu(level.conv.forward(x))
        });
        self.exit.forward(deep)
    }

    /// What the discriminator minimises: verdicts above 1 for pictures and below -1 for decoded ones cost nothing.
    pub fn hinge(&self, pictures: Tensor<4>, decoded: Tensor<4>) -> Tensor<1> {
        let margin = |verdicts: Tensor<4>| relu(verdicts + 1.0).mean();
        margin(self.forward(pictures).neg()) + margin(self.forward(decoded))
    }
}
