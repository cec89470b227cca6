//! What one training is told, what it is asked for at each step, and how it ends.

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::fit::checkpoint::State;
use crate::fit::config::FitConfig;
use crate::fit::schedule::Budget;

/// What a step is told.
#[derive(Debug)]
pub struct Step {
    /// Index of the batch, from 0; without accumulation that of the step.
    pub index: u64,
    /// Share of the budget used when the step begins, 0 to 1.
    pub progress: f64,
    /// Randomness of this batch: a function of (seed, index) only.
    pub rng: ChaCha8Rng,
    /// The autodiff device on which the model of this batch stands, and its samples must.
    pub device: Device,
}

/// The loss of a step.
#[derive(Debug)]
pub struct Loss {
    /// What is minimised, one element, with its graph.
    pub total: Tensor<1>,
    /// The gradients of `total`, where the task has computed them itself; its graph isn't used then.
    pub gradients: Option<GradientsParams>,
    /// Parts to report, one element each; the graph behind them is not used.
    pub parts: Vec<(&'static str, Tensor<1>)>,
}

impl Loss {
    pub(crate) fn on(self, device: &Device) -> Self {
        let parts = self.parts.into_iter();
        Self {
            total: self.total.to_device(device),
            gradients: None,
            parts: parts
                .map(|(name, part)| (name, part.to_device(device)))
                .collect(),
        }
    }
}

/// What differs between two trainings: the loss and the held-out measure.
pub trait Task: Sync {
    /// The networks that train.
    type Model: Module + Sync + 'static;

    /// Whether the batches of a step may be worked on side by side, on the threads of one processor, each on a copy of the
    /// networks. Not of networks that draw random numbers, as dropout does, since they all draw from one generator, nor of
    /// those that keep running statistics, which the copies would lose. The result is the same either way.
    const SIDE_BY_SIDE: bool = false;

    /// Loss of one batch. `model` stands on an autodiff device.
    ///
    /// # Errors
    /// Whatever reading the batch may raise.
    fn loss(&self, model: &Self::Model, step: &mut Step) -> Result<Loss>;

    /// Held-out figures of the averaged weights, which stand on the plain device.
    ///
    /// # Errors
    /// Whatever reading the held-out samples may raise.
    fn validate(&mut self, average: &Self::Model) -> Result<Vec<(String, f64)>>;

    /// Samples of one epoch.
    fn samples(&self) -> usize;

    /// Whether validations guard the training: it ends at the first that [`alarms`](Self::alarm), with the weights of the
    /// last that didn't.
    const GUARDED: bool = false;

    /// Why the validation that has just been made ends the training; asked only where it is [guarded](Self::GUARDED).
    fn alarm(&mut self) -> Option<String> {
        None
    }

    /// Shows the averaged weights as they stand before step number `step`, from 1.
    fn look(&mut self, average: &Self::Model, step: u64) {
        let _ = (average, step);
    }

    /// What early stopping wants small, from the figures of a validation: the first of them.
    fn error(figures: &[(String, f64)]) -> f64 {
        figures.first().map_or(f64::INFINITY, |(_, value)| *value)
    }
}

/// How a training ended.
#[derive(Debug)]
pub enum Outcome<M> {
    /// The budget is used up, or patience with it, or a guard ended it ([`State::alarm`]).
    Finished {
        /// Averaged weights, without gradients: the last ones, under [`FitConfig::patience`] the best, and where validations
        /// guard the training the last good ones.
        model: M,
        /// Their held-out figures.
        figures: Vec<(String, f64)>,
        /// Where the training stands.
        state: State,
    },
    /// The caller asked to stop; a checkpoint was written.
    Stopped(State),
}

/// What one training is told besides its task.
#[derive(Debug, Clone)]
pub struct Training<'a> {
    /// Name in reports, and of the stream of random numbers.
    pub name: &'a str,
    /// Settings of the loop.
    pub config: &'a FitConfig,
    /// How long it lasts.
    pub budget: Budget,
    /// Seed of noise; data order is the task's.
    pub seed: u64,
    /// Folder of checkpoints and `metrics.jsonl`.
    pub dir: &'a Path,
    /// Device of the model, without gradients, then those that share the batches of a step with it. How many there are
    /// changes the result by rounding, and running statistics of batch norms, which are those of the first device's
    /// batches (as with PyTorch's `DistributedDataParallel`).
    pub devices: Vec<Device>,
}
