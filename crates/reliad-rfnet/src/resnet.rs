//! ResNet and ResNeXt image encoders with torchvision's names.
//!
//! | torchvision key | ours |
//! |---|---|
//! | `conv1`, `bn1` | the same |
//! | `layer1.0.conv1` .. `layer4.2.bn3` | the same |
//! | `layer1.0.downsample.0` / `.1` | the same (a pair: convolution, norm) |
//! | `fc` | the same, only when `num_classes` is set |
//! | `*.num_batches_tracked` | none: a counter that changes no result |
//!
//! Architecture: He et al., *Deep Residual Learning* (1512.03385), with the stride on the 3x3 convolution of a
//! bottleneck ("v1.5"), as torchvision does.
//!
//! **Batch statistics.** A norm uses those of the batch only when its input carries gradients *and* the module is being
//! trained. `Module::freeze` on the network switches to the running statistics, on a device with gradients too: a
//! frozen judge gives the same verdict, and sensible gradients, for a batch of one.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use reliad_kernels::batch_norm::batch_norm;
use reliad_kernels::max_pool::max_pool;
use reliad_kernels::residual::add_relu;
use reliad_weights::{KeyMap, ModelDir};
use serde::{Deserialize, Serialize};

use crate::convolution::Convolve;
use crate::error::{Error, Result};

const NETWORK: &str = "ResNet";

/// The residual block of a [`ResNet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// Two 3x3 convolutions (ResNet18, ResNet34).
    Basic,
    /// 1x1, 3x3, 1x1 with four times the channels at the end (ResNet50 and up).
    Bottleneck,
}

impl BlockKind {
    /// Channels at a block's end over its nominal ones.
    pub fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// Configuration of a [`ResNet`]. ResNet50 is `bottleneck`, `[3, 4, 6, 3]`, `base_width` 64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResNetConfig {
    /// The residual block.
    pub block: BlockKind,
    /// Blocks in each of the four stages.
    pub layers: [usize; 4],
    /// Channels of the stem and of the first stage; doubled at each further stage. 64 in every published ResNet.
    #[serde(default = "default_base_width")]
    pub base_width: usize,
    /// Groups of the 3x3 convolution (ResNeXt50: 32). More than one needs `bottleneck`.
    #[serde(default = "default_groups")]
    pub groups: usize,
    /// Channels per group when the nominal width is 64 (ResNeXt50: 4; ResNet: 64).
    #[serde(default = "default_width_per_group")]
    pub width_per_group: usize,
    /// Whether each stage after the first keeps the resolution of the one before it and spreads the 3x3 kernels of its
    /// further blocks instead: torchvision's setting, off in classifiers. Spread kernels need `bottleneck`.
    #[serde(default, skip_serializing_if = "is_published_stride")]
    pub replace_stride_with_dilation: [bool; 3],
    /// Classes of the optional classifier `fc` after global average pooling; absent: no classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_classes: Option<usize>,
}

fn default_base_width() -> usize {
    64
}
fn default_groups() -> usize {
    1
}
fn default_width_per_group() -> usize {
    64
}
fn is_published_stride(replaced: &[bool; 3]) -> bool {
    *replaced == [false; 3]
}

impl ResNetConfig {
    /// A network of the given blocks and layers, without classifier, all else as published.
    pub fn new(block: BlockKind, layers: [usize; 4]) -> Self {
        Self {
            block,
            layers,
            base_width: default_base_width(),
            groups: default_groups(),
            width_per_group: default_width_per_group(),
            replace_stride_with_dilation: [false; 3],
            num_classes: None,
        }
    }

    /// Channels of [`ResNet::features`].
    pub fn channels(&self) -> usize {
        self.base_width * 8 * self.block.expansion()
    }

    /// Pixels of the input per cell of [`ResNet::features`], on each axis: 32 as published.
    pub fn stride(&self) -> usize {
        let kept = self
            .replace_stride_with_dilation
            .iter()
            .filter(|&&kept| kept);
        32 >> kept.count()
    }

    /// Stride of a stage and the dilation of its first and of its further blocks.
    fn stage(&self, index: usize) -> (usize, [usize; 2]) {
        let replaced = |stage: &usize| self.replace_stride_with_dilation[stage - 1];
        let before = 1 << (1..index).filter(replaced).count();
        match index {
            0 => (1, [1, 1]),
            _ if replaced(&index) => (1, [before, 2 * before]),
            _ => (2, [before, before]),
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        let positive: [(&str, usize); 3] = [
            ("base_width", self.base_width),
            ("groups", self.groups),
            ("width_per_group", self.width_per_group),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(Error::unsupported(NETWORK, field, value, "1 or more"));
            }
        }
        if self.layers.contains(&0) {
            let got = format!("{:?}", self.layers);
            return Err(Error::unsupported(
                NETWORK,
                "layers",
                got,
                "1 or more blocks a stage",
            ));
        }
        if self.num_classes == Some(0) {
            return Err(Error::unsupported(
                NETWORK,
                "num_classes",
                0,
                "1 or more, or absent",
            ));
        }
        if self.block == BlockKind::Basic && (self.groups != 1 || self.width_per_group != 64) {
            return Err(Error::unsupported(
                NETWORK,
                "groups",
                format!(
                    "{} of {} with block `basic`",
                    self.groups, self.width_per_group
                ),
                "groups 1 and width_per_group 64, or block `bottleneck`",
            ));
        }
        let spread = |stage: usize| {
            let (_, [first, further]) = self.stage(stage);
            first > 1 || (self.layers[stage] > 1 && further > 1)
        };
        if self.block == BlockKind::Basic && (0..4).any(spread) {
            return Err(Error::unsupported(
                NETWORK,
                "replace_stride_with_dilation",
                format!("{:?} with block `basic`", self.replace_stride_with_dilation),
                "block `bottleneck`, or only the last stage, of one block",
            ));
        }
        if self.block == BlockKind::Bottleneck && self.grouped_width(self.base_width) == 0 {
            return Err(Error::unsupported(
                NETWORK,
                "width_per_group",
                self.width_per_group,
                "base_width * width_per_group of at least 64",
            ));
        }
        Ok(())
    }

    fn grouped_width(&self, planes: usize) -> usize {
        planes * self.width_per_group / 64 * self.groups
    }

    /// torchvision's names to ours. Without `num_classes` a file's classifier is ignored.
    pub fn key_map(&self) -> KeyMap {
        match self.num_classes {
            Some(_) => KeyMap::identity().ignoring(&["num_batches_tracked"]),
            None => KeyMap::identity().ignoring(&["num_batches_tracked", "fc"]),
        }
    }

    /// Builds the network with torchvision's initialisation (normal, fan-out).
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<ResNet> {
        self.validate()?;
        let mut channels = self.base_width;
        let mut stage = |index: usize| -> Vec<ResNetBlock> {
            let planes = self.base_width << index;
            let (stride, [first, further]) = self.stage(index);
            (0..self.layers[index])
                .map(|block| {
                    let (stride, dilation) = match block {
                        0 => (stride, first),
                        _ => (1, further),
                    };
                    let block = self.block_init(channels, planes, stride, dilation, device);
                    channels = planes * self.block.expansion();
                    block
                })
                .collect()
        };
        let (layer1, layer2, layer3, layer4) = (stage(0), stage(1), stage(2), stage(3));
        Ok(ResNet {
            conv1: conv([3, self.base_width], 7, 2, device),
            bn1: norm(self.base_width, device),
            layer1,
            layer2,
            layer3,
            layer4,
            fc: self
                .num_classes
                .map(|classes| LinearConfig::new(self.channels(), classes).init(device)),
        })
    }

    fn block_init(
        &self,
        channels: usize,
        planes: usize,
        stride: usize,
        dilation: usize,
        device: &Device,
    ) -> ResNetBlock {
        let width = match self.block {
            BlockKind::Basic => planes,
            BlockKind::Bottleneck => self.grouped_width(planes),
        };
        ResNetBlock::grouped(
            self.block,
            [channels, width, planes],
            stride,
            Middle {
                groups: self.groups,
                dilation,
            },
            device,
        )
    }
}

/// Groups and dilation of the 3x3 convolution in the middle of a bottleneck.
#[derive(Clone, Copy)]
struct Middle {
    groups: usize,
    dilation: usize,
}

const PLAIN: Middle = Middle {
    groups: 1,
    dilation: 1,
};

pub(crate) fn conv(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Conv2d {
    grouped_conv(channels, kernel, stride, PLAIN, device)
}

fn grouped_conv(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    Middle { groups, dilation }: Middle,
    device: &Device,
) -> Conv2d {
    let pad = kernel / 2 * dilation;
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_dilation([dilation, dilation])
        .with_groups(groups)
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: true,
        })
        .init(device)
}

pub(crate) fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).init(device)
}

/// One residual block; `conv3` and `bn3` are there in bottlenecks only.
#[derive(Module, Debug)]
pub struct ResNetBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl ResNetBlock {
    /// A block without groups: `channels` in, `planes * expansion` out.
    pub(crate) fn init(
        kind: BlockKind,
        channels: usize,
        planes: usize,
        stride: usize,
        device: &Device,
    ) -> Self {
        Self::grouped(kind, [channels, planes, planes], stride, PLAIN, device)
    }

    /// A block of `[channels in, width of its middle, nominal channels]`.
    fn grouped(
        kind: BlockKind,
        [channels, width, planes]: [usize; 3],
        stride: usize,
        middle: Middle,
        device: &Device,
    ) -> Self {
        let out = planes * kind.expansion();
        let downsample = (stride != 1 || channels != out)
            .then(|| (conv([channels, out], 1, stride, device), norm(out, device)));
        match kind {
            BlockKind::Basic => Self {
                conv1: conv([channels, planes], 3, stride, device),
                bn1: norm(planes, device),
                conv2: conv([planes, planes], 3, 1, device),
                bn2: norm(planes, device),
                conv3: None,
                bn3: None,
                downsample,
            },
            BlockKind::Bottleneck => Self {
                conv1: conv([channels, width], 1, 1, device),
                bn1: norm(width, device),
                conv2: grouped_conv([width, width], 3, stride, middle, device),
                bn2: norm(width, device),
                conv3: Some(conv([width, out], 1, 1, device)),
                bn3: Some(norm(out, device)),
                downsample,
            },
        }
    }

    /// Channels at its end.
    fn channels(&self) -> usize {
        self.bn3.as_ref().unwrap_or(&self.bn2).gamma.dims()[0]
    }

    /// # Shapes
    /// - input: `[n, channels, h, w]`
    /// - output: `[n, planes * expansion, h / stride, w / stride]`
    pub(crate) fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let x = batch_norm(&self.bn1, self.conv1.convolve(input.clone()), true);
        let x = self.conv2.convolve(x);
        let x = match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                batch_norm(bn3, conv3.convolve(batch_norm(&self.bn2, x, true)), false)
            }
            _ => batch_norm(&self.bn2, x, false),
        };
        let identity = match &self.downsample {
            Some((conv, norm)) => batch_norm(norm, conv.convolve(input), false),
            None => input,
        };
        add_relu(x, identity)
    }
}

/// A residual network over pictures. Built by [`ResNetConfig::init`].
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<ResNetBlock>,
    layer2: Vec<ResNetBlock>,
    layer3: Vec<ResNetBlock>,
    layer4: Vec<ResNetBlock>,
    fc: Option<Linear>,
}

impl ResNet {
    /// The same encoder with a fresh classifier of `classes`, whether it has one or not.
    pub(crate) fn with_classes(mut self, classes: usize, device: &Device) -> Self {
        let channels = self.layer4.last().map_or(0, ResNetBlock::channels);
        self.fc = Some(LinearConfig::new(channels, classes).init(device));
        self
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config: ResNetConfig = reliad_weights::read_config(dir, "config.json")?;
        let keys = config.key_map();
        Ok(reliad_weights::load(config.init(device)?, dir, &keys)?)
    }

    /// The map of the last stage.
    ///
    /// # Shapes
    /// - picture: `[n, 3, h, w]`, normalised as the weights expect
    /// - output: `[n, channels, ceil(h / s), ceil(w / s)]` with `s` of [`ResNetConfig::stride`]
    pub fn features(&self, picture: Tensor<4>) -> Tensor<4> {
        let [.., last] = self.stages(picture);
        last
    }

    /// The maps of the four stages, from the finest to the coarsest.
    ///
    /// # Shapes
    /// - picture: `[n, 3, h, w]`, normalised as the weights expect
    /// - output `i`: `[n, channels / 2^(3 - i), h / 2^(i + 2), w / 2^(i + 2)]` where no stride was replaced, sides rounded
    ///   up, no value below 0
    pub fn stages(&self, picture: Tensor<4>) -> [Tensor<4>; 4] {
        let x = batch_norm(&self.bn1, self.conv1.convolve(picture), true);
        let mut x = max_pool(x, 3, 2, 1);
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4].map(|stage| {
            x = stage.iter().fold(x.clone(), |x, block| block.forward(x));
            x.clone()
        })
    }

    /// Global average pooling of [`features`](Self::features), then `fc` where there is one.
    ///
    /// # Shapes
    /// - picture: `[n, 3, h, w]`
    /// - output: `[n, num_classes]`, or `[n, channels]` without `fc`
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<2> {
        let map = self.features(picture);
        let [n, channels, h, w] = map.dims();
        let pooled = map
            .reshape([n, channels, h * w])
            .mean_dim(2)
            .reshape([n, channels]);
        match &self.fc {
            Some(fc) => fc.forward(pooled),
            None => pooled,
        }
    }
}
