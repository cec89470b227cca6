//! Settings of the loop that every training shares.

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use reliad_kernels::Arithmetic;
use reliad_kernels::adamw::FusedAdamW;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fit::muon::{self, MuonSettings};
use crate::fit::schedule::LearningRate;

/// Settings of the loop that every training shares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitConfig {
    /// Learning rate along the training.
    pub learning_rate: LearningRate,
    /// AdamW's weight decay.
    pub weight_decay: f32,
    /// AdamW's second-moment decay.
    pub beta_2: f32,
    /// Trains the hidden weights of UNets, ControlNets and image encoders by Muon; absent: AdamW trains all.
    pub muon: Option<MuonSettings>,
    /// Largest joint 2-norm of all gradients.
    pub gradient_norm: f64,
    /// Decay of the moving average of the weights; ramped as (1 + step) / (10 + step).
    pub average_decay: f64,
    /// Samples that are in memory at once.
    pub batch_size: usize,
    /// Batches whose mean gradient makes one step: for more samples a step than fit into memory, and one batch at a time for
    /// each of several devices, or for the cores of the processor where the stage can (painter, ControlNet, adapters, decoder):
    /// small networks leave cores idle within one batch.
    pub accumulate: usize,
    /// In what numbers the products of convolutions are formed, on the CPU; weights, sums and all else stay f32. bf16 is
    /// about twice as fast on processors that have AVX512-BF16; others compute in f32, and say so.
    pub arithmetic: Arithmetic,
    /// Passes over the training samples when the caller sets no other budget.
    pub epochs: Option<f64>,
    /// Seconds between two checkpoints.
    pub checkpoint_seconds: f64,
    /// Seconds between two progress reports.
    pub report_seconds: f64,
    /// Held-out measurements over the whole training (besides the one at its end).
    pub validations: u32,
    /// Stops early after so many of them in a row without a new best, and ends with the weights of the best one; 0: never.
    pub patience: u32,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            learning_rate: LearningRate::default(),
            weight_decay: 1e-2,
            beta_2: 0.99,
            muon: None,
            gradient_norm: 1.0,
            average_decay: 0.996,
            batch_size: 16,
            accumulate: 1,
            arithmetic: Arithmetic::F32,
            epochs: None,
            checkpoint_seconds: 120.0,
            report_seconds: 10.0,
            validations: 12,
            patience: 0,
        }
    }
}

impl FitConfig {
    /// # Errors
    /// [`Error::Setting`] for a value out of its range.
    pub fn check(&self) -> Result<()> {
        self.learning_rate.check()?;
        self.muon.as_ref().map_or(Ok(()), MuonSettings::check)?;
        let wrong = |name, reason: &str| {
            Err(Error::Setting {
                name,
                reason: reason.to_owned(),
            })
        };
        if self.batch_size == 0 {
            return wrong("batch_size", "must be at least 1");
        }
        if self.accumulate == 0 {
            return wrong("accumulate", "must be at least 1");
        }
        if self
            .epochs
            .is_some_and(|epochs| !(epochs > 0.0 && epochs.is_finite()))
        {
            return wrong("epochs", "must be positive");
        }
        if !(0.0..1.0).contains(&self.average_decay) {
            return wrong("average_decay", "must be at least 0 and below 1");
        }
        if self.gradient_norm.is_nan() || self.gradient_norm <= 0.0 {
            return wrong("gradient_norm", "must be positive");
        }
        Ok(())
    }

    /// AdamW, and Muon for the hidden weights of `model` where it is asked for.
    ///
    /// # Errors
    /// [`Error::Setting`] when Muon is asked for and `model` has no such weights.
    pub fn optimizer<M: Module>(&self, model: &M) -> Result<ModuleOptimizer> {
        let adamw = FusedAdamW::new([0.9, self.beta_2], 1e-8, self.weight_decay);
        let adamw = ModuleOptimizer::from(adamw);
        match &self.muon {
            Some(settings) => muon::beside(adamw, settings, self.learning_rate.base, model),
            None => Ok(adamw),
        }
    }
}
