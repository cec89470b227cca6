//! A training that is killed and continued equals one that was not.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor, activation};
use reliad_training::fit::{FitConfig, Loss, Outcome, Step, Task, Training, fit};
use reliad_training::random;
use reliad_training::{Budget, Control, Report};

#[derive(Module, Debug)]
struct Toy {
    first: Linear,
    second: Linear,
}

struct Regression {
    device: Device,
    stop_at: Option<u64>,
    stop: &'static AtomicBool,
}

impl Task for Regression {
    type Model = Toy;

    fn loss(&mut self, model: &Toy, step: &mut Step) -> reliad_training::Result<Loss> {
        if self.stop_at == Some(step.index) {
            self.stop.store(true, Ordering::Relaxed);
        }
        let x = random::normal(&mut step.rng, [16, 6], &self.device);
        let target = (x.clone().sum_dim(1)).tanh();
        let y = model
            .second
            .forward(activation::silu(model.first.forward(x)));
        let total = (y - target).square().mean();
        Ok(Loss {
            parts: vec![("mse", total.clone())],
            total,
        })
    }

    fn validate(&mut self, average: &Toy) -> reliad_training::Result<Vec<(String, f64)>> {
        let norm = average.first.weight.val().square().sum();
        Ok(vec![("norm".to_owned(), norm.into_scalar::<f64>())])
    }
}

/// The backend's generator is one for the whole process: tests beside this one must not draw between seed and weights.
static GENERATOR: Mutex<()> = Mutex::new(());

fn toy(device: &Device) -> Toy {
    let _alone = GENERATOR.lock().unwrap();
    device.seed(11);
    let toy = Toy {
        first: LinearConfig::new(6, 32).init(device),
        second: LinearConfig::new(32, 1).init(device),
    };
    // Lazy parameters, biases among them, draw their values when they are first read.
    let _ = weights(&toy);
    toy
}

fn weights(model: &Toy) -> Vec<f32> {
    [&model.first, &model.second]
        .iter()
        .flat_map(|layer| {
            let mut values: Vec<f32> = layer.weight.val().into_data().iter::<f32>().collect();
            if let Some(bias) = &layer.bias {
                values.extend(bias.val().into_data().iter::<f32>());
            }
            values
        })
        .collect()
}

fn run(dir: &std::path::Path, stop_at: Option<u64>) -> Outcome<Toy> {
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let device = Device::flex().autodiff();
    let mut task = Regression {
        device: device.clone(),
        stop_at,
        stop,
    };
    let config = FitConfig {
        checkpoint_seconds: 0.0,
        report_seconds: 0.0,
        ..FitConfig::default()
    };
    let mut reports: Vec<Report> = Vec::new();
    fit(
        &mut task,
        toy(&device),
        &Training {
            name: "toy",
            config: &config,
            budget: Budget::Steps(40),
            seed: 5,
            dir,
        },
        &mut Control {
            on_report: &mut |_, report| reports.push(report.clone()),
            stop,
        },
    )
    .unwrap()
}

#[test]
fn a_resumed_training_is_bit_equal_to_an_uninterrupted_one() {
    let whole = tempfile::tempdir().unwrap();
    let parts = tempfile::tempdir().unwrap();
    let Outcome::Finished {
        model: expected, ..
    } = run(whole.path(), None)
    else {
        panic!("the uninterrupted training must finish");
    };
    assert!(matches!(run(parts.path(), Some(3)), Outcome::Stopped(state) if state.step == 4));
    assert!(matches!(run(parts.path(), Some(17)), Outcome::Stopped(state) if state.step == 18));
    let Outcome::Finished { model, state, .. } = run(parts.path(), None) else {
        panic!("the continued training must finish");
    };
    assert_eq!(state.step, 40);
    assert_eq!(weights(&model), weights(&expected));
    // Running the command again changes nothing.
    let Outcome::Finished { model, .. } = run(parts.path(), None) else {
        panic!("a finished training stays finished");
    };
    assert_eq!(weights(&model), weights(&expected));
}

#[test]
fn a_half_written_checkpoint_is_passed_over_and_metrics_after_it_dropped() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(run(dir.path(), Some(9)), Outcome::Stopped(_)));
    std::fs::create_dir_all(dir.path().join("step-000000020.partial")).unwrap();
    let metrics = dir.path().join("metrics.jsonl");
    let mut text = std::fs::read_to_string(&metrics).unwrap();
    text.push_str("{\"step\":25,\"progress\":0.6,\"elapsed_seconds\":1.0,\"learning_rate\":0.1,\"samples_per_second\":1.0,\"figures\":[]}\n{\"step\":2");
    std::fs::write(&metrics, text).unwrap();
    let Outcome::Finished { state, .. } = run(dir.path(), None) else {
        panic!("the training must finish");
    };
    assert_eq!(state.step, 40);
    let steps: Vec<u64> = std::fs::read_to_string(&metrics)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Report>(line).unwrap().step)
        .collect();
    assert!(steps.is_sorted(), "{steps:?}");
}

#[test]
fn another_seed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(run(dir.path(), Some(2)), Outcome::Stopped(_)));
    let device = Device::flex().autodiff();
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let mut task = Regression {
        device: device.clone(),
        stop_at: None,
        stop,
    };
    let refused = fit(
        &mut task,
        toy(&device),
        &Training {
            name: "toy",
            config: &FitConfig::default(),
            budget: Budget::Steps(40),
            seed: 6,
            dir: dir.path(),
        },
        &mut Control {
            on_report: &mut |_, _| {},
            stop,
        },
    );
    assert!(matches!(
        refused,
        Err(reliad_training::Error::Checkpoint { .. })
    ));
}

#[test]
fn average_of_a_constant_model_is_that_model() {
    let device = Device::flex().autodiff();
    let model = toy(&device);
    let average = reliad_training::parameters::average_towards(model.valid(), &model, 0.5);
    let difference: f32 = weights(&average)
        .iter()
        .zip(weights(&model))
        .map(|(a, b)| (a - b).abs())
        .sum();
    assert!(difference < 1e-5);
    let _: Tensor<2> = average.first.weight.val();
}
