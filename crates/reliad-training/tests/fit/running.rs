//! Shares of a step, devices, validations, the folder, the average.

use std::sync::atomic::AtomicBool;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_training::fit::{FitConfig, Loss, Outcome, Step, Task, Training, fit};
use reliad_training::{Budget, Control};

use crate::toy::*;

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

/// A task whose batches are worked on side by side.
struct SideBySide(Regression);

impl Task for SideBySide {
    type Model = Toy;

    const SIDE_BY_SIDE: bool = true;

    fn samples(&self) -> usize {
        self.0.samples()
    }

    fn loss(&self, model: &Toy, step: &mut Step) -> reliad_training::Result<Loss> {
        self.0.loss(model, step)
    }

    fn validate(&mut self, average: &Toy) -> reliad_training::Result<Vec<(String, f64)>> {
        self.0.validate(average)
    }
}

#[test]
fn batches_side_by_side_train_like_batches_in_turn() {
    fn trained<T: Task<Model = Toy>>(mut task: T, device: &Device) -> Vec<f32> {
        let dir = tempfile::tempdir().unwrap();
        let config = FitConfig {
            accumulate: 5,
            ..FitConfig::default()
        };
        let mut model = toy(device);
        model.norm = None;
        let training = Training {
            name: "toy",
            config: &config,
            budget: Budget::Steps(12),
            seed: 5,
            dir: dir.path(),
            devices: vec![Device::flex()],
        };
        let mut control = Control {
            on_report: &mut |_, _| {},
            stop: &AtomicBool::new(false),
        };
        match fit(&mut task, model, &training, &mut control).unwrap() {
            Outcome::Finished { model, .. } => parameters(&model),
            Outcome::Stopped(_) => panic!("nobody asked it to stop"),
        }
    }
    let stop: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
    let device = Device::flex().autodiff();
    let task = || Regression::new(&device, stop);
    assert_eq!(
        trained(task(), &device),
        trained(SideBySide(task()), &device)
    );
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
