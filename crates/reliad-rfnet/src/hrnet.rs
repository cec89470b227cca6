//! HRNet with timm's names, a rival of RFNet in the paper's table of detectors.
//!
//! | timm key | ours |
//! |---|---|
//! | `conv1`, `bn1`, `conv2`, `bn2`, `layer1`, `stageK.M.branches`, `incre_modules`, `downsamp_modules`, `final_layer`, `classifier` | the same |
//! | `transition1.0.*` | `transition1.0.alike.*` |
//! | `transitionK.K.S.*` | `transitionK.K.down.S.*` |
//! | `stageK.M.fuse_layers.I.J.*`, J > I | `stageK.M.fuse_layers.I.J.up.*` |
//! | `stageK.M.fuse_layers.I.J.S.*`, J < I | `stageK.M.fuse_layers.I.J.down.S.*` |
//! | `*.num_batches_tracked` | none: a counter that changes no result |
//!
//! Architecture: Wang et al., *Deep High-Resolution Representation Learning* (1908.07919), with the classification head of
//! its section on ImageNet: branches at 1/4, 1/8, 1/16 and 1/32 of the picture's size, each fed from all others after every
//! module.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Tensor};
use reliad_kernels::batch_norm::batch_norm;
use reliad_weights::{KeyMap, ModelDir};
use serde::{Deserialize, Serialize};

use crate::convolution::Convolve;
use crate::error::{Error, Result};
use crate::resnet::{BlockKind, ResNetBlock, conv, norm};

const NETWORK: &str = "HRNet";

/// Channels behind the stem.
const STEM: usize = 64;

/// Configuration of an [`HrNet`]. HRNet-W18 is stem 64, stage1 4 x 64, modules 1, 4, 3, blocks 4, channels 18, 36, 72, 144.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HrNetConfig {
    /// Channels of the first convolution.
    pub stem_width: usize,
    /// The bottlenecks before the branches.
    pub stage1: FirstStage,
    /// Modules of stages 2, 3 and 4.
    pub modules: [usize; 3],
    /// Basic blocks of each branch in stages 2, 3 and 4.
    pub blocks: [usize; 3],
    /// Channels of the four branches, from the finest.
    pub channels: [usize; 4],
    /// A quarter of each branch's channels in the head.
    #[serde(default = "default_head_channels")]
    pub head_channels: [usize; 4],
    /// Channels before the classifier.
    #[serde(default = "default_head_width")]
    pub head_width: usize,
    /// Classes of the classifier.
    pub num_classes: usize,
}

/// The bottlenecks before the branches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstStage {
    /// How many.
    pub blocks: usize,
    /// A quarter of their output's channels.
    pub channels: usize,
}

fn default_head_channels() -> [usize; 4] {
    [32, 64, 128, 256]
}
fn default_head_width() -> usize {
    2048
}

/// A convolution and its norm.
type Unit = (Conv2d, BatchNorm);

/// A high-resolution network. Built by [`HrNetConfig::init`].
#[derive(Module, Debug)]
pub struct HrNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    layer1: Vec<ResNetBlock>,
    transition1: Vec<Transition>,
    stage2: Vec<HrModule>,
    transition2: Vec<Transition>,
    stage3: Vec<HrModule>,
    transition3: Vec<Transition>,
    stage4: Vec<HrModule>,
    incre_modules: Vec<Vec<ResNetBlock>>,
    downsamp_modules: Vec<Unit>,
    final_layer: Unit,
    classifier: Linear,
}

/// How a branch of the next stage begins: as a branch is, at the same size with other channels, or smaller.
#[derive(Module, Debug)]
struct Transition {
    alike: Option<Unit>,
    down: Option<Vec<Unit>>,
}

/// Parallel branches, then every branch from all of them.
#[derive(Module, Debug)]
struct HrModule {
    branches: Vec<Vec<ResNetBlock>>,
    fuse_layers: Vec<Vec<Fuse>>,
}

/// How one branch goes into another: as it is, upwards from a coarser one, or downwards from a finer one.
#[derive(Module, Debug)]
struct Fuse {
    up: Option<Unit>,
    down: Option<Vec<Unit>>,
}

impl HrNetConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        let positive = [
            ("stem_width", self.stem_width),
            ("stage1.blocks", self.stage1.blocks),
            ("stage1.channels", self.stage1.channels),
            ("head_width", self.head_width),
            ("num_classes", self.num_classes),
        ]
        .into_iter()
        .chain(self.modules.map(|value| ("modules", value)))
        .chain(self.blocks.map(|value| ("blocks", value)))
        .chain(self.channels.map(|value| ("channels", value)))
        .chain(self.head_channels.map(|value| ("head_channels", value)));
        for (field, value) in positive {
            if value == 0 {
                return Err(Error::unsupported(NETWORK, field, value, "1 or more"));
            }
        }
        Ok(())
    }

    /// Builds the network with timm's initialisation (normal, fan-out).
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<HrNet> {
        self.validate()?;
        let bottleneck = |channels: usize, planes: usize| {
            ResNetBlock::init(BlockKind::Bottleneck, channels, planes, 1, device)
        };
        let first = 4 * self.stage1.channels;
        let layer1 = (0..self.stage1.blocks)
            .map(|block| bottleneck(if block == 0 { STEM } else { first }, self.stage1.channels))
            .collect();
        let head = |branch: usize| 4 * self.head_channels[branch];
        Ok(HrNet {
            conv1: conv([3, self.stem_width], 3, 2, device),
            bn1: norm(self.stem_width, device),
            conv2: conv([self.stem_width, STEM], 3, 2, device),
            bn2: norm(STEM, device),
            layer1,
            transition1: self.transition(&[first], device),
            stage2: self.stage(0, device),
            transition2: self.transition(&self.channels[..2], device),
            stage3: self.stage(1, device),
            transition3: self.transition(&self.channels[..3], device),
            stage4: self.stage(2, device),
            incre_modules: (0..4)
                .map(|branch| {
                    vec![bottleneck(
                        self.channels[branch],
                        self.head_channels[branch],
                    )]
                })
                .collect(),
            downsamp_modules: (0..3)
                .map(|branch| head_unit([head(branch), head(branch + 1)], 3, 2, device))
                .collect(),
            final_layer: head_unit([head(3), self.head_width], 1, 1, device),
            classifier: LinearConfig::new(self.head_width, self.num_classes).init(device),
        })
    }

    /// From branches of `before` channels to one branch more.
    fn transition(&self, before: &[usize], device: &Device) -> Vec<Transition> {
        let last = before.len() - 1;
        (0..=before.len())
            .map(|branch| {
                let to = self.channels[branch];
                Transition {
                    alike: (branch <= last && before[branch] != to)
                        .then(|| unit([before[branch], to], 3, 1, device)),
                    down: (branch > last).then(|| vec![unit([before[last], to], 3, 2, device)]),
                }
            })
            .collect()
    }

    /// Modules of stage `index + 2`, which has `index + 2` branches.
    fn stage(&self, index: usize, device: &Device) -> Vec<HrModule> {
        let channels = &self.channels[..index + 2];
        let branch = |&width: &usize| {
            (0..self.blocks[index])
                .map(|_| ResNetBlock::init(BlockKind::Basic, width, width, 1, device))
                .collect()
        };
        let fuse = |to: usize, from: usize| Fuse {
            up: (from > to).then(|| unit([channels[from], channels[to]], 1, 1, device)),
            down: (from < to).then(|| {
                (from..to)
                    .map(|step| {
                        let out = if step + 1 == to { to } else { from };
                        unit([channels[from], channels[out]], 3, 2, device)
                    })
                    .collect()
            }),
        };
        (0..self.modules[index])
            .map(|_| HrModule {
                branches: channels.iter().map(branch).collect(),
                fuse_layers: (0..channels.len())
                    .map(|to| (0..channels.len()).map(|from| fuse(to, from)).collect())
                    .collect(),
            })
            .collect()
    }
}

fn unit(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Unit {
    let convolution = conv(channels, kernel, stride, device);
    (convolution, norm(channels[1], device))
}

/// The head's convolutions have offsets.
fn head_unit(channels: [usize; 2], kernel: usize, stride: usize, device: &Device) -> Unit {
    let pad = kernel / 2;
    let convolution = Conv2dConfig::new(channels, [kernel; 2])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .init(device);
    (convolution, norm(channels[1], device))
}

fn apply(unit: &Unit, x: Tensor<4>) -> Tensor<4> {
    batch_norm(&unit.1, unit.0.convolve(x), false)
}

fn apply_relu(unit: &Unit, x: Tensor<4>) -> Tensor<4> {
    batch_norm(&unit.1, unit.0.convolve(x), true)
}

fn through(blocks: &[ResNetBlock], x: Tensor<4>) -> Tensor<4> {
    blocks.iter().fold(x, |x, block| block.forward(x))
}

impl Fuse {
    /// `size`: height and width of the branch that this goes into.
    fn forward(&self, x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
        if let Some(up) = &self.up {
            let nearest = InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(size);
            return interpolate(apply(up, x), nearest);
        }
        let Some((last, before)) = self.down.as_deref().and_then(<[Unit]>::split_last) else {
            return x;
        };
        let x = before.iter().fold(x, |x, unit| apply_relu(unit, x));
        apply(last, x)
    }
}

impl HrModule {
    fn forward(&self, inputs: Vec<Tensor<4>>) -> Vec<Tensor<4>> {
        let branches: Vec<Tensor<4>> = inputs
            .into_iter()
            .zip(&self.branches)
            .map(|(x, blocks)| through(blocks, x))
            .collect();
        self.fuse_layers
            .iter()
            .zip(&branches)
            .map(|(from, own)| {
                let [.., height, width] = own.dims();
                let sum = from
                    .iter()
                    .zip(&branches)
                    .map(|(fuse, x)| fuse.forward(x.clone(), [height, width]))
                    .reduce(|sum, x| sum + x);
                relu(sum.unwrap_or_else(|| own.clone()))
            })
            .collect()
    }
}

/// Branches of the next stage: a new one begins from the coarsest of those before.
fn follow(transitions: &[Transition], before: &[Tensor<4>]) -> Vec<Tensor<4>> {
    transitions
        .iter()
        .enumerate()
        .map(|(branch, transition)| {
            let x = before[branch.min(before.len() - 1)].clone();
            if let Some(alike) = &transition.alike {
                return apply_relu(alike, x);
            }
            let down = transition.down.iter().flatten();
            down.fold(x, |x, unit| apply_relu(unit, x))
        })
        .collect()
}

impl HrNet {
    /// The same encoder with a fresh classifier of `classes`.
    pub(crate) fn with_classes(mut self, classes: usize, device: &Device) -> Self {
        let [width, _] = self.classifier.weight.dims();
        self.classifier = LinearConfig::new(width, classes).init(device);
        self
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config: HrNetConfig = reliad_weights::read_config(dir, "config.json")?;
        Ok(reliad_weights::load(
            config.init(device)?,
            dir,
            &Self::key_map(),
        )?)
    }

    /// timm's names to ours; see the table at the top of the file.
    pub fn key_map() -> KeyMap {
        KeyMap::new(&[
            ("transition1.0", "transition1.0.alike"),
            ("transition1.1", "transition1.1.down"),
            ("transition2.2", "transition2.2.down"),
            ("transition3.3", "transition3.3.down"),
            ("fuse_layers.0.1", "fuse_layers.0.1.up"),
            ("fuse_layers.0.2", "fuse_layers.0.2.up"),
            ("fuse_layers.0.3", "fuse_layers.0.3.up"),
            ("fuse_layers.1.2", "fuse_layers.1.2.up"),
            ("fuse_layers.1.3", "fuse_layers.1.3.up"),
            ("fuse_layers.2.3", "fuse_layers.2.3.up"),
            ("fuse_layers.1.0", "fuse_layers.1.0.down"),
            ("fuse_layers.2.0", "fuse_layers.2.0.down"),
            ("fuse_layers.2.1", "fuse_layers.2.1.down"),
            ("fuse_layers.3.0", "fuse_layers.3.0.down"),
            ("fuse_layers.3.1", "fuse_layers.3.1.down"),
            ("fuse_layers.3.2", "fuse_layers.3.2.down"),
        ])
        .ignoring(&["num_batches_tracked"])
    }

    /// The four branches, from the finest.
    ///
    /// # Shapes
    /// - picture: `[n, 3, h, w]`, sides multiples of 32, normalised as the weights expect
    /// - output `i`: `[n, channels[i], h / 2^(i + 2), w / 2^(i + 2)]`, no value below 0
    pub fn branches(&self, picture: Tensor<4>) -> Vec<Tensor<4>> {
        let x = batch_norm(&self.bn1, self.conv1.convolve(picture), true);
        let x = batch_norm(&self.bn2, self.conv2.convolve(x), true);
        let mut branches = vec![through(&self.layer1, x)];
        for (transitions, stage) in [
            (&self.transition1, &self.stage2),
            (&self.transition2, &self.stage3),
            (&self.transition3, &self.stage4),
        ] {
            branches = follow(transitions, &branches);
            branches = stage.iter().fold(branches, |x, module| module.forward(x));
        }
        branches
    }

    /// The logits.
    ///
    /// # Shapes
    /// - picture: as [`branches`](Self::branches)
    /// - output: `[n, num_classes]`
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<2> {
        let mut branches = self
            .branches(picture)
            .into_iter()
            .zip(&self.incre_modules)
            .map(|(x, blocks)| through(blocks, x));
        let finest = branches.next().expect("an HRNet has four branches");
        let x = branches
            .zip(&self.downsamp_modules)
            .fold(finest, |x, (branch, down)| branch + apply_relu(down, x));
        let x = apply_relu(&self.final_layer, x);
        let pooled: Tensor<2> = x.flatten::<3>(2, 3).mean_dim(2).flatten(1, 2);
        self.classifier.forward(pooled)
    }
}
