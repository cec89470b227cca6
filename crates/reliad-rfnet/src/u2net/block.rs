//! The residual U-block (RSU) of U2-Net, in its pooled heights 7, 6, 5, 4 and the dilated form 4F.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, PaddingConfig2d};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};
use reliad_kernels::batch_norm::batch_norm;

use super::Widths;
use crate::convolution::Convolve;
use crate::maps::bilinear_to;

/// The form of an [`Rsu`].
#[derive(Clone, Copy, Debug)]
pub(super) enum RsuKind {
    /// A U-Net of so many levels (4 to 7); the last two are of one size, the lowest dilated by 2.
    Pooled { height: usize },
    /// Four levels of one size, dilated by 1, 2, 4, 8 (RSU-4F).
    Dilated,
}

impl RsuKind {
    fn levels(self) -> usize {
        match self {
            Self::Pooled { height } => height,
            Self::Dilated => 4,
        }
    }

    /// Dilation of `rebnconv{level}`, counted from 1.
    fn down_dilation(self, level: usize) -> usize {
        match self {
            Self::Pooled { height } if level == height => 2,
            Self::Pooled { .. } => 1,
            Self::Dilated => 1 << (level - 1),
        }
    }

    /// Dilation of `rebnconv{level}d`, counted from 1.
    fn up_dilation(self, level: usize) -> usize {
        match self {
            Self::Pooled { .. } => 1,
            Self::Dilated => 1 << (level - 1),
        }
    }
}

/// A U-Net of 3x3 convolutions around which the input convolution is added back. Fields past a block's height are
/// absent.
#[derive(Module, Debug)]
pub(super) struct Rsu {
    rebnconvin: Rebnconv,
    rebnconv1: Rebnconv,
    rebnconv2: Rebnconv,
    rebnconv3: Rebnconv,
    rebnconv4: Rebnconv,
    rebnconv5: Option<Rebnconv>,
    rebnconv6: Option<Rebnconv>,
    rebnconv7: Option<Rebnconv>,
    rebnconv6d: Option<Rebnconv>,
    rebnconv5d: Option<Rebnconv>,
    rebnconv4d: Option<Rebnconv>,
    rebnconv3d: Rebnconv,
    rebnconv2d: Rebnconv,
    rebnconv1d: Rebnconv,
    pooled: bool,
}

impl Rsu {
    pub(super) fn new(kind: RsuKind, input: usize, widths: Widths, device: &Device) -> Self {
        let Widths { inner, outer } = widths;
        let down = |level: usize| {
            let input = if level == 1 { outer } else { inner };
            Rebnconv::new([input, inner], kind.down_dilation(level), device)
        };
        let up = |level: usize| {
            let output = if level == 1 { outer } else { inner };
            Rebnconv::new([2 * inner, output], kind.up_dilation(level), device)
        };
        let levels = kind.levels();
        let down_if = |level: usize| (level <= levels).then(|| down(level));
        let up_if = |level: usize| (level < levels).then(|| up(level));
        Self {
            rebnconvin: Rebnconv::new([input, outer], 1, device),
            rebnconv1: down(1),
            rebnconv2: down(2),
            rebnconv3: down(3),
            rebnconv4: down(4),
            rebnconv5: down_if(5),
            rebnconv6: down_if(6),
            rebnconv7: down_if(7),
            rebnconv6d: up_if(6),
            rebnconv5d: up_if(5),
            rebnconv4d: up_if(4),
            rebnconv3d: up(3),
            rebnconv2d: up(2),
            rebnconv1d: up(1),
            pooled: matches!(kind, RsuKind::Pooled { .. }),
        }
    }

    /// # Shapes
    /// - input: `[n, input, h, w]`
    /// - output: `[n, outer, h, w]`
    pub(super) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let down = [
            Some(&self.rebnconv1),
            Some(&self.rebnconv2),
            Some(&self.rebnconv3),
            Some(&self.rebnconv4),
            self.rebnconv5.as_ref(),
            self.rebnconv6.as_ref(),
            self.rebnconv7.as_ref(),
        ];
        let down: Vec<&Rebnconv> = down.into_iter().flatten().collect();
        let up = [
            self.rebnconv6d.as_ref(),
            self.rebnconv5d.as_ref(),
            self.rebnconv4d.as_ref(),
            Some(&self.rebnconv3d),
            Some(&self.rebnconv2d),
            Some(&self.rebnconv1d),
        ];

        let top = self.rebnconvin.forward(input);
        let mut x = top.clone();
        let mut skips = Vec::with_capacity(down.len());
        for (index, layer) in down.iter().enumerate() {
            // Levels 2 .. height - 1 start by halving; the lowest stays at the size of the one above it.
            if self.pooled && (1..down.len() - 1).contains(&index) {
                x = halve(x);
            }
            x = layer.forward(x);
            skips.push(x.clone());
        }
        skips.pop();
        for (layer, skip) in up.into_iter().flatten().zip(skips.into_iter().rev()) {
            x = layer.forward(Tensor::cat(vec![bilinear_to(x, &skip), skip], 1));
        }
        x + top
    }
}

/// 3x3 convolution, batch norm, ReLU.
#[derive(Module, Debug)]
struct Rebnconv {
    conv_s1: Conv2d,
    bn_s1: BatchNorm,
}

impl Rebnconv {
    fn new(channels: [usize; 2], dilation: usize, device: &Device) -> Self {
        Self {
            conv_s1: Conv2dConfig::new(channels, [3, 3])
                .with_dilation([dilation, dilation])
                .with_padding(PaddingConfig2d::Explicit(
                    dilation, dilation, dilation, dilation,
                ))
                .init(device),
            bn_s1: BatchNormConfig::new(channels[1]).init(device),
        }
    }

    fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        batch_norm(&self.bn_s1, self.conv_s1.convolve(input), true)
    }
}

/// 2x2 max pooling that keeps an odd last row and column (`ceil_mode`).
pub(super) fn halve(map: Tensor<4>) -> Tensor<4> {
    let options = MaxPoolOptions::new([2, 2])
        .with_stride([2, 2])
        .with_ceil_mode(true);
    max_pool2d(map, options)
}
