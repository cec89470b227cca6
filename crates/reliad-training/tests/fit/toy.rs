//! A small network and its task.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor, TensorData, activation};
use reliad_training::fit::{FitConfig, Loss, Outcome, Step, Task, Training, fit};
use reliad_training::random;
use reliad_training::{Budget, Control, Report};

#[derive(Module, Debug)]
pub struct Toy {
    pub first: Linear,
    pub norm: Option<BatchNorm>,
    /// Muon's, where the settings have it.
    pub mid_block: Conv1d,
    pub second: Linear,
}

pub struct Regression {
    pub device: Device,
    pub stop_at: Option<u64>,
    pub stop: &'static AtomicBool,
    /// Two batches in a row are the halves of what is otherwise one.
    pub halved: bool,
    /// Batches seen.
    pub at: AtomicU64,
    /// Weights at each validation.
    pub validated: Vec<(u64, Vec<f32>)>,
}

impl Regression {
    pub fn new(device: &Device, stop: &'static AtomicBool) -> Self {
        Self {
            device: device.clone(),
            stop_at: None,
            stop,
            halved: false,
            at: AtomicU64::new(0),
            validated: Vec::new(),
        }
    }
}

impl Task for Regression {
    type Model = Toy;

    fn samples(&self) -> usize {
        100
    }

    fn loss(&self, model: &Toy, step: &mut Step) -> reliad_training::Result<Loss> {
        if self.stop_at == Some(step.index) {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.at.fetch_max(step.index + 1, Ordering::Relaxed);
        let x = if self.halved {
            let mut whole = random::generator(5, "toy", step.index / 2);
            let x = random::normal(&mut whole, [16, 6], &self.device);
            x.narrow(0, 8 * (step.index % 2) as usize, 8)
        } else {
            random::normal(&mut step.rng, [16, 6], &self.device)
        };
        let target = (x.clone().sum_dim(1)).tanh();
        let mut hidden = model.first.forward(x);
        if let Some(norm) = &model.norm {
            hidden = norm.forward(hidden);
        }
        let hidden = activation::silu(hidden);
        let hidden = model
            .mid_block
            .forward(hidden.unsqueeze_dim(2))
            .squeeze_dim(2);
        let y = model.second.forward(activation::silu(hidden));
        let total = (y - target).square().mean();
        Ok(Loss {
            gradients: None,
            parts: vec![("mse", total.clone())],
            total,
        })
    }

    fn validate(&mut self, average: &Toy) -> reliad_training::Result<Vec<(String, f64)>> {
        let at = self.at.load(Ordering::Relaxed);
        self.validated.push((at, weights(average)));
        // Best after 20 batches.
        Ok(vec![("error".to_owned(), (at as f64 - 20.0).abs())])
    }
}

/// Start weights that no generator draws: the device's is the whole process's, and every training seeds it.
struct Start(f32);

impl ModuleMapper for Start {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|tensor| {
            let shape = tensor.shape();
            let values: Vec<f32> = (0..shape.num_elements())
                .map(|_| {
                    self.0 += 1.0;
                    0.3 * (self.0 * self.0).sin()
                })
                .collect();
            Tensor::from_data(TensorData::new(values, shape), &tensor.device())
                .set_require_grad(tensor.is_require_grad())
        })
    }
}

pub fn toy(device: &Device) -> Toy {
    let toy = Toy {
        first: LinearConfig::new(6, 32).init(device),
        norm: Some(BatchNormConfig::new(32).init(device)),
        mid_block: Conv1dConfig::new(32, 32, 1).init(device),
        second: LinearConfig::new(32, 1).init(device),
    };
    toy.map(&mut Start(0.0))
}

/// Parameters and running statistics.
pub fn weights(model: &Toy) -> Vec<f32> {
    let mut values = parameters(model);
    if let Some(norm) = &model.norm {
        for running in [&norm.running_mean, &norm.running_var] {
            values.extend(running.value().into_data().iter::<f32>());
        }
    }
    values
}

pub fn parameters(model: &Toy) -> Vec<f32> {
    let mut values: Vec<f32> = model.mid_block.weight.val().into_data().iter().collect();
    let biases = [&model.first, &model.second].map(|layer| {
        values.extend(layer.weight.val().into_data().iter::<f32>());
        &layer.bias
    });
    for bias in biases.into_iter().chain([&model.mid_block.bias]).flatten() {
        values.extend(bias.val().into_data().iter::<f32>());
    }
    if let Some(norm) = &model.norm {
        for parameter in [&norm.gamma, &norm.beta] {
            values.extend(parameter.val().into_data().iter::<f32>());
        }
    }
    values
}

pub fn run(dir: &std::path::Path, stop_at: Option<u64>) -> Outcome<Toy> {
    run_as(dir, stop_at, FitConfig::default(), 40).0
}

/// Steps of a training whose batches come in halves too: their own statistics would make another training of it.
pub const WITHOUT_NORM: u64 = 12;

pub fn run_as(
    dir: &std::path::Path,
    stop_at: Option<u64>,
    config: FitConfig,
    steps: u64,
) -> (Outcome<Toy>, Vec<(u64, Vec<f32>)>) {
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let device = Device::flex().autodiff();
    let mut task = Regression {
        stop_at,
        halved: config.accumulate == 2,
        ..Regression::new(&device, stop)
    };
    let config = FitConfig {
        checkpoint_seconds: 0.0,
        report_seconds: 0.0,
        ..config
    };
    let mut reports: Vec<Report> = Vec::new();
    let mut model = toy(&device);
    if steps == WITHOUT_NORM {
        model.norm = None;
    }
    let outcome = fit(
        &mut task,
        model,
        &Training {
            name: "toy",
            config: &config,
            budget: Budget::Steps(steps),
            seed: 5,
            dir,
            devices: vec![Device::flex()],
        },
        &mut Control {
            on_report: &mut |_, report| reports.push(report.clone()),
            stop,
        },
    )
    .unwrap();
    (outcome, task.validated)
}
