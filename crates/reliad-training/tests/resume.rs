//! A training that is killed and continued equals one that was not.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData, activation};
use reliad_training::fit::muon::MuonSettings;
use reliad_training::fit::{FitConfig, Loss, Outcome, Step, Task, Training, fit};
use reliad_training::random;
use reliad_training::{Budget, Control, Report};

#[derive(Module, Debug)]
struct Toy {
    first: Linear,
    norm: Option<BatchNorm>,
    /// Muon's, where the settings have it.
    mid_block: Conv1d,
    second: Linear,
}

struct Regression {
    device: Device,
    stop_at: Option<u64>,
    stop: &'static AtomicBool,
    /// Two batches in a row are the halves of what is otherwise one.
    halved: bool,
    /// Batches seen.
    at: u64,
    /// Weights at each validation.
    validated: Vec<(u64, Vec<f32>)>,
}

impl Regression {
    fn new(device: &Device, stop: &'static AtomicBool) -> Self {
        Self {
            device: device.clone(),
            stop_at: None,
            stop,
            halved: false,
            at: 0,
            validated: Vec::new(),
        }
    }
}

impl Task for Regression {
    type Model = Toy;

    fn samples(&self) -> usize {
        100
    }

    fn loss(&mut self, model: &Toy, step: &mut Step) -> reliad_training::Result<Loss> {
        if self.stop_at == Some(step.index) {
            self.stop.store(true, Ordering::Relaxed);
        }
        self.at = step.index + 1;
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
        self.validated.push((self.at, weights(average)));
        // Best after 20 batches.
        Ok(vec![("error".to_owned(), (self.at as f64 - 20.0).abs())])
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

fn toy(device: &Device) -> Toy {
    let toy = Toy {
        first: LinearConfig::new(6, 32).init(device),
        norm: Some(BatchNormConfig::new(32).init(device)),
        mid_block: Conv1dConfig::new(32, 32, 1).init(device),
        second: LinearConfig::new(32, 1).init(device),
    };
    toy.map(&mut Start(0.0))
}

/// Parameters and running statistics.
fn weights(model: &Toy) -> Vec<f32> {
    let mut values = parameters(model);
    if let Some(norm) = &model.norm {
        for running in [&norm.running_mean, &norm.running_var] {
            values.extend(running.value().into_data().iter::<f32>());
        }
    }
    values
}

fn parameters(model: &Toy) -> Vec<f32> {
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

fn run(dir: &std::path::Path, stop_at: Option<u64>) -> Outcome<Toy> {
    run_as(dir, stop_at, FitConfig::default(), 40).0
}

/// Steps of a training whose batches come in halves too: their own statistics would make another training of it.
const WITHOUT_NORM: u64 = 12;

fn run_as(
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

#[test]
fn accumulated_halves_train_like_the_whole() {
    let (whole, halves) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let finished = |dir: &std::path::Path, accumulate: usize| {
        let config = FitConfig {
            accumulate,
            ..FitConfig::default()
        };
        match run_as(dir, None, config, WITHOUT_NORM).0 {
            Outcome::Finished { model, state, .. } => (weights(&model), state.step),
            Outcome::Stopped(_) => panic!("nobody asked it to stop"),
        }
    };
    let (expected, steps) = finished(whole.path(), 1);
    let (got, steps_of_halves) = finished(halves.path(), 2);
    assert_eq!((steps, steps_of_halves), (12, 12));
    // The same sums in another order, and AdamW divides by their size.
    for (a, b) in expected.iter().zip(&got) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

/// Twelve steps of two batches each on some devices.
fn shared(dir: &std::path::Path, devices: usize) -> reliad_training::Result<Outcome<Toy>> {
    let config = FitConfig {
        accumulate: 2,
        ..FitConfig::default()
    };
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let device = Device::flex().autodiff();
    fit(
        &mut Regression::new(&device, stop),
        toy(&device),
        &Training {
            name: "toy",
            config: &config,
            budget: Budget::Steps(12),
            seed: 5,
            dir,
            devices: vec![Device::flex(); devices],
        },
        &mut Control {
            on_report: &mut |_, _| {},
            stop,
        },
    )
}

#[test]
fn two_trainings_dont_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let held = std::fs::File::create(dir.path().join("lock")).unwrap();
    held.lock().unwrap();
    let refused = shared(dir.path(), 1).unwrap_err().to_string();
    assert!(refused.contains("another process"), "{refused}");
    drop(held);
    shared(dir.path(), 1).unwrap();
}

#[test]
fn validations_stand_at_equal_shares_of_the_budget() {
    let config = || FitConfig {
        validations: 10,
        ..FitConfig::default()
    };
    let at = |validated: Vec<(u64, Vec<f32>)>| -> Vec<u64> {
        validated.into_iter().map(|(step, _)| step).collect()
    };
    let every_third: Vec<u64> = (1..=10).map(|validation| 3 * validation).collect();
    let whole = tempfile::tempdir().unwrap();
    assert_eq!(at(run_as(whole.path(), None, config(), 30).1), every_third);
    for stopped in [8, 17, 26] {
        let dir = tempfile::tempdir().unwrap();
        let mut steps = at(run_as(dir.path(), Some(stopped), config(), 30).1);
        steps.extend(at(run_as(dir.path(), None, config(), 30).1));
        assert_eq!(steps, every_third, "stopped at {stopped}");
    }
}

#[test]
fn devices_share_the_batches_of_a_step() {
    // One processor under two names: the second's batches go through a copy of the model and back.
    let trained = |devices: usize| shared(tempfile::tempdir().unwrap().path(), devices);
    let weights_of = |outcome| match outcome {
        // Running statistics are those of the first device's batches.
        Ok(Outcome::Finished { model, .. }) => parameters(&model),
        other => panic!("{other:?}"),
    };
    assert_eq!(weights_of(trained(2)), weights_of(trained(1)));
    let refused = trained(3).unwrap_err().to_string();
    assert!(
        refused.contains("2 batches") && refused.contains("3 devices"),
        "{refused}"
    );
}

#[test]
fn patience_ends_a_training_with_its_best_weights_even_after_a_kill() {
    let patient = FitConfig {
        validations: 8,
        patience: 2,
        ..FitConfig::default()
    };
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (outcome, validated) = run_as(whole.path(), None, patient, 40);
    let Outcome::Finished {
        model,
        state,
        figures,
    } = outcome
    else {
        panic!("nobody asked it to stop");
    };
    let steps: Vec<u64> = validated.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [5, 10, 15, 20, 25, 30]);
    assert_eq!((state.step, state.finished), (30, true));
    assert_eq!(figures, [("error".to_owned(), 0.0)]);
    assert_eq!(weights(&model), validated[3].1);
    // Stopped behind the best validation and continued; and run once more after its end.
    let stopped = run_as(parts.path(), Some(26), patient, 40).0;
    assert!(matches!(stopped, Outcome::Stopped(state) if state.step == 27));
    for _ in 0..2 {
        let Outcome::Finished {
            model: continued,
            state: again,
            ..
        } = run_as(parts.path(), None, patient, 40).0
        else {
            panic!("nobody asked it to stop");
        };
        assert_eq!(weights(&continued), weights(&model));
        assert_eq!(again.step, 30);
    }
}

#[test]
fn a_resumed_training_is_bit_equal_to_an_uninterrupted_one() {
    for muon in [None, Some(MuonSettings::default())] {
        let config = FitConfig {
            muon,
            ..FitConfig::default()
        };
        let run = |dir: &tempfile::TempDir, stop_at| run_as(dir.path(), stop_at, config, 40).0;
        let whole = tempfile::tempdir().unwrap();
        let parts = tempfile::tempdir().unwrap();
        let Outcome::Finished {
            model: expected, ..
        } = run(&whole, None)
        else {
            panic!("the uninterrupted training must finish");
        };
        assert!(matches!(run(&parts, Some(3)), Outcome::Stopped(state) if state.step == 4));
        assert!(matches!(run(&parts, Some(17)), Outcome::Stopped(state) if state.step == 18));
        let Outcome::Finished { model, state, .. } = run(&parts, None) else {
            panic!("the continued training must finish");
        };
        assert_eq!(state.step, 40);
        assert_eq!(weights(&model), weights(&expected));
        // Running the command again changes nothing.
        let Outcome::Finished { model, .. } = run(&parts, None) else {
            panic!("a finished training stays finished");
        };
        assert_eq!(weights(&model), weights(&expected));
    }
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
fn a_checkpoint_that_cannot_be_written_ends_the_training_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("step-000000003"), "in the way").unwrap();
    let device = Device::flex().autodiff();
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let mut task = Regression::new(&device, stop);
    let failed = fit(
        &mut task,
        toy(&device),
        &Training {
            name: "toy",
            config: &FitConfig {
                checkpoint_seconds: 0.0,
                ..FitConfig::default()
            },
            budget: Budget::Steps(40),
            seed: 5,
            dir: dir.path(),
            devices: vec![Device::flex()],
        },
        &mut Control {
            on_report: &mut |_, _| {},
            stop,
        },
    );
    let message = failed.err().unwrap().to_string();
    assert!(message.contains("step-000000003"), "{message}");
    // Those before it stand.
    assert!(dir.path().join("step-000000002/state.json").exists());
}

#[test]
fn another_seed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(run(dir.path(), Some(2)), Outcome::Stopped(_)));
    let device = Device::flex().autodiff();
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let mut task = Regression::new(&device, stop);
    let refused = fit(
        &mut task,
        toy(&device),
        &Training {
            name: "toy",
            config: &FitConfig::default(),
            budget: Budget::Steps(40),
            seed: 6,
            dir: dir.path(),
            devices: vec![Device::flex()],
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
    let average = reliad_training::fit::parameters::average_towards(model.valid(), &model, 0.5);
    let difference: f32 = weights(&average)
        .iter()
        .zip(weights(&model))
        .map(|(a, b)| (a - b).abs())
        .sum();
    assert!(difference < 1e-5);
    let _: Tensor<2> = average.first.weight.val();
}

/// The same training, watched: its validations alarm from some batch on, and it computes its gradients itself.
struct Watched {
    inner: Regression,
    alarms_from: u64,
}

impl Task for Watched {
    type Model = Toy;

    const GUARDED: bool = true;

    fn samples(&self) -> usize {
        self.inner.samples()
    }

    fn loss(&mut self, model: &Toy, step: &mut Step) -> reliad_training::Result<Loss> {
        let loss = self.inner.loss(model, step)?;
        let gradients = GradientsParams::from_grads(loss.total.clone().backward(), model);
        Ok(Loss {
            gradients: Some(gradients),
            total: loss.total.without_autodiff(),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &Toy) -> reliad_training::Result<Vec<(String, f64)>> {
        self.inner.validate(average)
    }

    fn alarm(&mut self) -> Option<String> {
        (self.inner.at >= self.alarms_from).then(|| "all is grey".to_owned())
    }
}

fn watch(dir: &std::path::Path, stop_at: Option<u64>, alarms_from: u64) -> Outcome<Toy> {
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let device = Device::flex().autodiff();
    let mut task = Watched {
        inner: Regression {
            stop_at,
            ..Regression::new(&device, stop)
        },
        alarms_from,
    };
    let config = FitConfig {
        validations: 8,
        ..FitConfig::default()
    };
    let training = Training {
        name: "toy",
        config: &config,
        budget: Budget::Steps(40),
        seed: 5,
        dir,
        devices: vec![Device::flex()],
    };
    let mut control = Control {
        on_report: &mut |_, _| {},
        stop,
    };
    fit(&mut task, toy(&device), &training, &mut control).unwrap()
}

#[test]
fn a_guard_ends_a_training_with_the_last_good_weights_even_after_a_kill() {
    let patient = FitConfig {
        validations: 8,
        ..FitConfig::default()
    };
    let unwatched = tempfile::tempdir().unwrap();
    let (outcome, validated) = run_as(unwatched.path(), None, patient, 40);
    let ended = |outcome: Outcome<Toy>| match outcome {
        Outcome::Finished { model, state, .. } => (weights(&model), state.step, state.alarm),
        Outcome::Stopped(_) => panic!("nobody asked it to stop"),
    };
    let alarm = Some("all is grey".to_owned());
    let (whole, parts, at_once) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    // Gradients that a task computes itself train like those of its loss.
    let good = &validated[3];
    assert_eq!(good.0, 20);
    let expected = (good.1.clone(), 25, alarm.clone());
    assert_eq!(ended(watch(whole.path(), None, 25)), expected);
    assert!(matches!(
        watch(parts.path(), Some(22), 25),
        Outcome::Stopped(_)
    ));
    assert_eq!(ended(watch(parts.path(), None, 25)), expected);
    // Once more after its end; and one that no look was good of.
    assert_eq!(ended(watch(parts.path(), None, 25)), expected);
    let start = weights(&toy(&Device::flex().autodiff()));
    assert_eq!(ended(watch(at_once.path(), None, 1)), (start, 5, alarm));
    // Without an alarm it ends as any other.
    let quiet = tempfile::tempdir().unwrap();
    assert_eq!(ended(watch(quiet.path(), None, 100)), ended(outcome));
}
