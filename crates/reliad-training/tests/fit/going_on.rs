//! A training that is killed and continued equals one that was not.

use std::sync::atomic::{AtomicBool, Ordering};

use burn::optim::GradientsParams;
use burn::tensor::Device;
use reliad_training::fit::muon::MuonSettings;
use reliad_training::fit::{FitConfig, Loss, Outcome, Step, Task, Training, fit};
use reliad_training::{Budget, Control, Report};

use crate::toy::*;

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

    fn loss(&self, model: &Toy, step: &mut Step) -> reliad_training::Result<Loss> {
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
        (self.inner.at.load(Ordering::Relaxed) >= self.alarms_from)
            .then(|| "all is grey".to_owned())
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
