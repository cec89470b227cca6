//! Muon for the hidden weights of convolutional networks, beside AdamW for everything else.
//!
//! Muon (Jordan et al. 2024, <https://kellerjordan.github.io/posts/muon/>) takes a step along the gradient's momentum with
//! all its singular values made one. Burn has it for matrices; here every kernel is one, `[out, in * height * width]`.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::momentum::{Momentum, MomentumConfig};
use burn::optim::{LearningRate, ModuleOptimizer, MuonState, Optimizer};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Which weights Muon trains, and how fast (`fit.muon`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MuonSettings {
    /// Learning rate of its steps where the schedule is at its full height: the spectral norm of an update.
    pub learning_rate: f64,
    /// Weight decay, times the learning rate.
    pub weight_decay: f32,
    /// Newton-Schulz iterations a step.
    pub iterations: usize,
}

impl Default for MuonSettings {
    fn default() -> Self {
        Self {
            learning_rate: 0.01,
            weight_decay: 0.01,
            iterations: 5,
        }
    }
}

impl MuonSettings {
    /// # Errors
    /// [`Error::Setting`] for a value out of its range.
    pub fn check(&self) -> Result<()> {
        let positive = self.learning_rate > 0.0 && self.learning_rate.is_finite();
        if positive && self.iterations > 0 && self.weight_decay >= 0.0 {
            return Ok(());
        }
        Err(Error::Setting {
            name: "muon",
            reason: "its learning rate and iterations must be positive, its weight decay at \
                     least 0"
                .to_owned(),
        })
    }
}

/// The weights of the levels of UNet and ControlNet, of the stages of ResNets, HRNets and U2-Nets, and of the layers of
/// vision transformers. First and last convolutions, embeddings, biases, norms, heads, side outputs and the ControlNet's
/// zero convolutions aren't hidden matrices, and text encoders are left alone: AdamW trains them.
const HIDDEN: &str = concat!(
    r"\b(down_blocks|mid_block|up_blocks|layer[1-4]|stage[1-6]d?)\.(.*\.)?weight$",
    // RoBERTa's `layer.N.attention.self_attention` is none of them.
    r"|\blayers\.\d+\.(self_attention\..*weight|mlp\.linear_[12]\.weight)$",
);

/// `adamw`, and Muon for the hidden weights of `model`; `base` is the schedule's full height.
///
/// # Errors
/// [`Error::Setting`] when `model` has no such weights.
pub(crate) fn beside<M: Module>(
    adamw: ModuleOptimizer,
    settings: &MuonSettings,
    base: f64,
    model: &M,
) -> Result<ModuleOptimizer> {
    let hidden = ParamGroup::from_regex(HIDDEN).map_err(|e| Error::Setting {
        name: "muon",
        reason: format!("{e:?}"),
    })?;
    let mut search = Search {
        hidden: &hidden,
        path: Vec::new(),
        found: false,
    };
    model.visit(&mut search);
    if !search.found {
        return Err(Error::Setting {
            name: "muon",
            reason: "this network has no levels of a UNet, stages of a ResNet, HRNet or U2-Net, or layers of a vision transformer for it to train; leave it out".to_owned(),
        });
    }
    let kernels = Kernels {
        momentum: Momentum::new(&MomentumConfig {
            momentum: 0.95,
            dampening: 0.0,
            nesterov: true,
        }),
        weight_decay: f64::from(settings.weight_decay),
        iterations: settings.iterations,
        share: settings.learning_rate / base,
    };
    Ok(adamw.with_group(hidden, kernels, None))
}

/// Whether a network has a parameter of the group.
struct Search<'a> {
    hidden: &'a ParamGroup,
    path: Vec<String>,
    found: bool,
}

impl ModuleVisitor for Search<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found |= self.hidden.matches(&param.id, Some(&self.path.join(".")));
    }

    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }
}

/// Muon over parameters of any rank, each as the matrix of its outputs. Burn's `Muon`, whose state this has, takes two to three
/// times the products.
#[derive(Clone)]
struct Kernels {
    momentum: Momentum,
    /// Times the learning rate.
    weight_decay: f64,
    iterations: usize,
    /// Its learning rate as a share of the schedule's.
    share: f64,
}

impl Optimizer for Kernels {
    type State<const D: usize> = MuonState<2>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let shape = tensor.dims();
        let rate = rate * self.share;
        let (step, momentum) = self
            .momentum
            .transform(to_matrix(gradient), state.map(|state| state.momentum));
        let [outs, ins] = step.dims();
        let taller = (outs as f64 / ins as f64).max(1.0).sqrt();
        let step = orthogonal(step, self.iterations) * (rate * taller);
        let matrix = to_matrix(tensor) * (1.0 - rate * self.weight_decay) - step;
        let matrix = if D == 2 {
            matrix.swap_dims(0, 1)
        } else {
            matrix
        };
        (matrix.reshape(shape), Some(MuonState::new(momentum)))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        MuonState::new(state.momentum.to_device(device))
    }
}

/// Outputs along the rows. Burn keeps a linear layer's weight as `[in, out]`, a convolution's as `[out, in, h, w]`.
fn to_matrix<const D: usize>(tensor: Tensor<D>) -> Tensor<2> {
    let rows = tensor.dims()[0] as i64;
    let matrix: Tensor<2> = tensor.reshape([rows, -1]);
    if D == 2 {
        matrix.swap_dims(0, 1)
    } else {
        matrix
    }
}

/// A matrix with its singular values made one, nearly: Newton-Schulz iterations `X <- (a + b X X^T + c (X X^T)^2) X` with
/// Muon's coefficients, from the matrix over its norm.
///
/// Each factor is a polynomial in the first `X X^T`, so the factors are multiplied among themselves, small squares, and
/// touch the matrix once, at the end. Of a transposed matrix the result is the transpose.
fn orthogonal(matrix: Tensor<2>, iterations: usize) -> Tensor<2> {
    const COEFFICIENTS: [f32; 3] = [3.4445, -4.775, 2.0315];
    let [a, b, c] = COEFFICIENTS;
    let [rows, columns] = matrix.dims();
    let norm = matrix.clone().square().sum().sqrt().clamp_min(1e-7);
    let matrix = matrix / norm.unsqueeze();
    let transposed = matrix.clone().transpose();
    let mut square = if rows > columns {
        transposed.matmul(matrix.clone())
    } else {
        matrix.clone().matmul(transposed)
    };
    let one = Tensor::<2>::eye(rows.min(columns), &matrix.device());
    let mut factors: Option<Tensor<2>> = None;
    for iteration in 1..=iterations {
        let factor =
            one.clone() * a + square.clone() * b + square.clone().matmul(square.clone()) * c;
        if iteration < iterations {
            square = factor.clone().matmul(square).matmul(factor.clone());
        }
        factors = Some(match factors {
            Some(factors) => factor.matmul(factors),
            None => factor,
        });
    }
    match factors {
        None => matrix,
        Some(factors) if rows > columns => matrix.matmul(factors),
        Some(factors) => factors.matmul(matrix),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use burn::module::{Module, Param};
    use burn::nn::conv::{Conv2d, Conv2dConfig};
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::GradientsParams;
    use burn::tensor::TensorData;
    use reliad_rfnet::rfnet::RfNetConfig;
    use serde_json::Value;

    use super::*;
    use crate::fit::FitConfig;

    #[derive(Module, Debug)]
    struct Network {
        conv_in: Conv2d,
        down_blocks: Vec<Conv2d>,
        mid_block: Level,
        layer1: Vec<Conv2d>,
    }

    #[derive(Module, Debug)]
    struct Level {
        project: Linear,
    }

    fn network(device: &Device) -> Network {
        let kernel = || Conv2dConfig::new([3, 6], [2, 2]).init(device);
        Network {
            conv_in: kernel(),
            down_blocks: vec![kernel()],
            mid_block: Level {
                project: LinearConfig::new(9, 4).init(device),
            },
            layer1: vec![kernel()],
        }
    }

    fn tensor<const D: usize>(values: &Value, shape: [usize; D], device: &Device) -> Tensor<D> {
        let values: Vec<f32> = serde_json::from_value(values.clone()).unwrap();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn apart<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
        (a - b).abs().max().into_scalar::<f32>()
    }

    #[test]
    fn hidden_weights_are_told_by_their_names() {
        let hidden = ParamGroup::from_regex(HIDDEN).unwrap();
        let matches = |name: &str| hidden.matches(&burn::module::ParamId::new(), Some(name));
        for name in [
            "unet.down_blocks.0.resnets.0.conv1.weight",
            "image_encoder.depth.layer3.0.conv2.weight",
            "stage2.0.branches.0.0.conv1.weight",
            "stage1d.rebnconv2d.conv_s1.weight",
            "encoder.layers.3.self_attention.in_proj_weight",
            "encoder.layers.3.self_attention.out_proj.weight",
            "encoder.layers.3.mlp.linear_2.weight",
        ] {
            assert!(matches(name), "{name}");
        }
        for name in [
            "conv1.weight",
            "side1.weight",
            "heads.head.weight",
            "controlnet_down_blocks.0.weight",
            "stage1.rebnconvin.conv_s1.bias",
            "text_encoder.text_model.encoder.layers.0.mlp.fc1.weight",
            "text_encoder.encoder.layer.0.attention.self_attention.query.weight",
        ] {
            assert!(!matches(name), "{name}");
        }
    }

    /// Paths of the parameters that Muon trains.
    struct Hidden<'a>(Search<'a>, Vec<String>);

    impl ModuleVisitor for Hidden<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let path = self.0.path.join(".");
            if self.0.hidden.matches(&param.id, Some(&path)) {
                self.1.push(path);
            }
        }

        fn enter_module(&mut self, name: &str, container: &str) {
            self.0.enter_module(name, container);
        }

        fn exit_module(&mut self, name: &str, container: &str) {
            self.0.exit_module(name, container);
        }
    }

    /// Names as the program has them, which those of files needn't be.
    #[test]
    fn of_rfnet_only_the_stages_of_its_image_encoders_are_hidden() {
        let config = RfNetConfig::from_json(&serde_json::json!({
            "preprocess": { "image_size": 32 }, "classes": 5,
            "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2 },
            "text_encoder": {
                "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1,
                "num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 18
            },
            "max_caption_tokens": 16, "width": 8, "heads": 2, "fusion_feed_forward": 8
        }));
        let network = config.unwrap().init(&Device::flex()).unwrap();
        let hidden = ParamGroup::from_regex(HIDDEN).unwrap();
        let search = Search {
            hidden: &hidden,
            path: Vec::new(),
            found: false,
        };
        let mut found = Hidden(search, Vec::new());
        network.visit(&mut found);
        for encoder in ["product", "generated", "depth", "saliency"] {
            for layer in 1..=4 {
                let name = format!("image_encoder.{encoder}.layer{layer}.0.conv2.weight");
                assert!(found.1.contains(&name), "{name}: {:?}", found.1);
            }
        }
        let others = found
            .1
            .iter()
            .filter(|name| !name.starts_with("image_encoder."));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn singular_values_become_one() {
        let device = Device::flex();
        let wave = |shape: [usize; 2]| {
            let count = (shape[0] * shape[1]) as i64;
            let numbers = Tensor::<1, burn::tensor::Int>::arange(0..count, &device).float();
            (numbers.clone() * numbers * 0.7).sin().reshape(shape)
        };
        for shape in [[6, 40], [40, 6], [30, 30], [1, 3]] {
            let made = orthogonal(wave(shape), 5);
            let square = if shape[0] > shape[1] {
                made.clone().transpose().matmul(made)
            } else {
                made.clone().matmul(made.transpose())
            };
            let size = shape[0].min(shape[1]);
            let energy = square.mul(Tensor::eye(size, &device)).sum();
            // Muon's polynomial leaves singular values between 0.68 and 1.2, but for the smallest of a square matrix.
            let mean = energy.into_scalar::<f32>() / size as f32;
            assert!((0.45..1.5).contains(&mean), "{shape:?}: {mean}");
        }
        let nothing = orthogonal(Tensor::zeros([4, 9], &device), 5);
        assert_eq!(nothing.abs().max().into_scalar::<f32>(), 0.0);
    }

    /// `parity/training/muon.py`.
    #[test]
    fn hidden_weights_go_where_pytorch_s_muon_takes_them_and_the_others_where_adamw_does() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/fixtures/muon.json")).unwrap();
        let device = Device::flex().autodiff();
        let config = FitConfig {
            muon: Some(MuonSettings {
                learning_rate: 0.02,
                weight_decay: 0.05,
                ..MuonSettings::default()
            }),
            ..FitConfig::default()
        };
        let kernel = |name: &str| tensor(&cases[0][name], [6, 3, 2, 2], &device);
        // Ours keeps a linear layer's weight as `[in, out]`.
        let linear = |values: &Value| tensor::<2>(values, [4, 9], &device).swap_dims(0, 1);
        let mut ours = network(&device);
        ours.conv_in.weight = Param::from_tensor(kernel("start"));
        ours.down_blocks[0].weight = Param::from_tensor(kernel("start"));
        ours.layer1[0].weight = Param::from_tensor(kernel("start"));
        ours.mid_block.project.weight = Param::from_tensor(linear(&cases[1]["start"]));
        let mut plain = ours.clone();
        let mut optimizers = [
            config.optimizer(&ours).unwrap(),
            FitConfig {
                muon: None,
                ..config
            }
            .optimizer(&ours)
            .unwrap(),
        ];
        let gradients = |case: &Value| case["gradients"].as_array().unwrap().clone();
        for (of_kernel, of_linear) in gradients(&cases[0]).iter().zip(gradients(&cases[1])) {
            let of_kernel = tensor::<4>(of_kernel, [6, 3, 2, 2], &device);
            let of_linear = linear(&of_linear);
            for (network, optimizer) in [&mut ours, &mut plain].into_iter().zip(&mut optimizers) {
                let mut gradients = GradientsParams::new();
                for weight in [
                    &network.conv_in.weight,
                    &network.down_blocks[0].weight,
                    &network.layer1[0].weight,
                ] {
                    gradients.register(weight.id, of_kernel.clone().without_autodiff());
                }
                let project = &network.mid_block.project.weight;
                gradients.register(project.id, of_linear.clone().without_autodiff());
                *network = optimizer.step(config.learning_rate.base, network.clone(), gradients);
            }
        }
        // Both in f32; five iterations of a quintic of numbers near one.
        let tolerance = 2e-5;
        for hidden in [&ours.down_blocks[0], &ours.layer1[0]] {
            assert!(apart(hidden.weight.val(), kernel("end")) < tolerance);
        }
        let end = linear(&cases[1]["end"]);
        assert!(apart(ours.mid_block.project.weight.val(), end) < tolerance);
        assert_eq!(
            apart(ours.conv_in.weight.val(), plain.conv_in.weight.val()),
            0.0
        );
        let refused = config.optimizer(&ours.conv_in).err().unwrap().to_string();
        assert!(refused.contains("muon"), "{refused}");
        let by_adamw = plain.down_blocks[0].weight.val();
        assert!(apart(ours.down_blocks[0].weight.val(), by_adamw) > 1e-2);
    }
}
