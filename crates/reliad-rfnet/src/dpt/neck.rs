//! The neck of DPT: tokens back to maps of several resolutions, fused from the coarsest to the finest.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Gelu, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use reliad_kernels::batch_norm::batch_norm;

use super::{DptConfig, Readout};
use crate::convolution::Convolve;
use crate::maps::bilinear;

/// Reassembly, a convolution to the common width, fusion.
#[derive(Module, Debug)]
pub(super) struct Neck {
    reassemble_stage: Reassemble,
    convs: Vec<Conv2d>,
    fusion_stage: Fusion,
}

impl Neck {
    pub(super) fn new(config: &DptConfig, device: &Device) -> Self {
        let width = config.fusion_hidden_size;
        Self {
            reassemble_stage: Reassemble::new(config, device),
            convs: config
                .neck_hidden_sizes
                .iter()
                .map(|channels| conv3([*channels, width], 1, false, device))
                .collect(),
            fusion_stage: Fusion {
                layers: config
                    .neck_hidden_sizes
                    .iter()
                    .map(|_| FusionLayer::new(config, device))
                    .collect(),
            },
        }
    }

    /// # Shapes
    /// - states: `[n, 1 + patches, hidden_size]` each, from early to late layers; grid: patches down and across
    /// - output: the fused maps, coarsest first, `[n, fusion_hidden_size, h, w]`
    pub(super) fn forward(&self, states: Vec<Tensor<3>>, grid: [usize; 2]) -> Vec<Tensor<4>> {
        let maps = states.into_iter().enumerate().map(|(stage, state)| {
            self.convs[stage].convolve(self.reassemble_stage.forward(stage, state, grid))
        });
        let maps: Vec<_> = maps.collect();
        let mut fused: Vec<Tensor<4>> = Vec::with_capacity(maps.len());
        for (layer, map) in self.fusion_stage.layers.iter().zip(maps.into_iter().rev()) {
            fused.push(match fused.last() {
                None => layer.forward(map, None),
                Some(coarse) => layer.forward(coarse.clone(), Some(map)),
            });
        }
        fused
    }
}

/// Puts tokens on the grid, with the class token's part, and scales the map.
#[derive(Module, Debug)]
struct Reassemble {
    layers: Vec<ReassembleLayer>,
    readout_projects: Option<Vec<(Linear, Gelu)>>,
    #[module(skip)]
    readout: Readout,
}

#[derive(Module, Debug)]
struct ReassembleLayer {
    projection: Conv2d,
    resize: Option<Resize>,
}

/// The learned change of resolution; its name is not part of a key.
#[derive(Module, Debug)]
enum Resize {
    Up(ConvTranspose2d),
    Down(Conv2d),
}

impl Reassemble {
    fn new(config: &DptConfig, device: &Device) -> Self {
        let hidden = config.hidden_size;
        let sizes = config.neck_hidden_sizes.iter();
        let layers = sizes.zip(&config.reassemble_factors);
        Self {
            layers: layers
                .map(|(channels, factor)| ReassembleLayer {
                    projection: Conv2dConfig::new([hidden, *channels], [1, 1]).init(device),
                    resize: Resize::new(*channels, *factor, device),
                })
                .collect(),
            readout_projects: (config.readout_type == Readout::Project).then(|| {
                let project = || {
                    (
                        LinearConfig::new(2 * hidden, hidden).init(device),
                        Gelu::new(),
                    )
                };
                config.neck_hidden_sizes.iter().map(|_| project()).collect()
            }),
            readout: config.readout_type,
        }
    }

    fn forward(&self, stage: usize, state: Tensor<3>, grid: [usize; 2]) -> Tensor<4> {
        let [n, length, hidden] = state.dims();
        let tokens = state.clone().narrow(1, 1, length - 1);
        let class = state.narrow(1, 0, 1);
        let tokens = match (self.readout, &self.readout_projects) {
            (Readout::Ignore, _) => tokens,
            (Readout::Add, _) => tokens + class,
            (Readout::Project, None) => tokens,
            (Readout::Project, Some(projects)) => {
                let (linear, gelu) = &projects[stage];
                let class = class.expand([n, length - 1, hidden]);
                gelu.forward(linear.forward(Tensor::cat(vec![tokens, class], 2)))
            }
        };
        let map = tokens
            .swap_dims(1, 2)
            .reshape([n, hidden, grid[0], grid[1]]);
        let layer = &self.layers[stage];
        let map = layer.projection.forward(map);
        match &layer.resize {
            None => map,
            Some(Resize::Up(up)) => up.forward(map),
            Some(Resize::Down(down)) => down.convolve(map),
        }
    }
}

impl Resize {
    fn new(channels: usize, factor: f64, device: &Device) -> Option<Self> {
        if factor > 1.0 {
            let factor = factor.round() as usize;
            let config = ConvTranspose2dConfig::new([channels, channels], [factor, factor]);
            Some(Self::Up(config.with_stride([factor, factor]).init(device)))
        } else if factor < 1.0 {
            let stride = (1.0 / factor).round() as usize;
            Some(Self::Down(conv3(
                [channels, channels],
                stride,
                true,
                device,
            )))
        } else {
            None
        }
    }
}

#[derive(Module, Debug)]
struct Fusion {
    layers: Vec<FusionLayer>,
}

/// Adds a finer map to the fused one, and doubles the resolution.
#[derive(Module, Debug)]
struct FusionLayer {
    projection: Conv2d,
    residual_layer1: ResidualUnit,
    residual_layer2: ResidualUnit,
}

impl FusionLayer {
    fn new(config: &DptConfig, device: &Device) -> Self {
        let width = config.fusion_hidden_size;
        Self {
            projection: Conv2dConfig::new([width, width], [1, 1]).init(device),
            residual_layer1: ResidualUnit::new(config, device),
            residual_layer2: ResidualUnit::new(config, device),
        }
    }

    fn forward(&self, map: Tensor<4>, finer: Option<Tensor<4>>) -> Tensor<4> {
        let [_, _, height, width] = map.dims();
        let map = match finer {
            None => map,
            Some(finer) => {
                map + self
                    .residual_layer1
                    .forward(bilinear(finer, [height, width], false))
            }
        };
        let map = self.residual_layer2.forward(map);
        self.projection
            .forward(bilinear(map, [2 * height, 2 * width], true))
    }
}

/// ReLU, convolution, ReLU, convolution, plus the input.
#[derive(Module, Debug)]
struct ResidualUnit {
    convolution1: Conv2d,
    convolution2: Conv2d,
    batch_norm1: Option<BatchNorm>,
    batch_norm2: Option<BatchNorm>,
}

impl ResidualUnit {
    fn new(config: &DptConfig, device: &Device) -> Self {
        let width = config.fusion_hidden_size;
        let norms = config.use_batch_norm_in_fusion_residual;
        let bias = config.use_bias_in_fusion_residual.unwrap_or(!norms);
        let norm = || norms.then(|| BatchNormConfig::new(width).init(device));
        Self {
            convolution1: conv3([width, width], 1, bias, device),
            convolution2: conv3([width, width], 1, bias, device),
            batch_norm1: norm(),
            batch_norm2: norm(),
        }
    }

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        let x = self.convolution1.convolve(relu(map.clone()));
        let x = match &self.batch_norm1 {
            Some(norm) => batch_norm(norm, x, true),
            None => relu(x),
        };
        let x = self.convolution2.convolve(x);
        let x = match &self.batch_norm2 {
            Some(norm) => batch_norm(norm, x, false),
            None => x,
        };
        x + map
    }
}

/// A 3x3 convolution that keeps the size at stride 1.
fn conv3(channels: [usize; 2], stride: usize, bias: bool, device: &Device) -> Conv2d {
    Conv2dConfig::new(channels, [3, 3])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .with_bias(bias)
        .init(device)
}
