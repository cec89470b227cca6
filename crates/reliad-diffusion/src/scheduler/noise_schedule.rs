//! The noise schedule that a network was trained with.

use super::plan::{Combination, Level};

/// How the noise variances grow over the training timesteps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// Equally spaced betas.
    Linear,
    /// Equally spaced square roots of betas (Stable Diffusion).
    ScaledLinear,
}

/// What the network was trained to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise.
    Epsilon,
    /// The velocity `sqrt(a) eps - sqrt(1 - a) x0` (Salimans & Ho 2022).
    #[serde(rename = "v_prediction")]
    Velocity,
    /// The clean sample.
    Sample,
}

/// What a [`NoiseSchedule`] is built from; diffusers' names.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseScheduleConfig {
    /// Number of training timesteps `T`.
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// How betas grow between them.
    pub beta_schedule: BetaSchedule,
    /// What the network predicts.
    pub prediction_type: PredictionType,
    /// Whether the schedule is shifted so that the last timestep holds no signal at all (Lin et al. 2023).
    pub rescale_betas_zero_snr: bool,
}

/// The signal shares `a_t` (cumulative products of `1 - beta`) over the training timesteps.
#[derive(Debug, Clone)]
pub struct NoiseSchedule {
    config: NoiseScheduleConfig,
    alphas: Vec<f64>,
}

/// The signal share that samplers over noise-to-signal ratios see in place of 0, so that the ratio is finite (diffusers'
/// value, the smallest number of half precision).
const LEAST_ALPHA: f64 = 1.0 / (1u32 << 24) as f64;

impl NoiseSchedule {
    /// Builds the schedule.
    pub fn new(config: NoiseScheduleConfig) -> Self {
        let last = (config.num_train_timesteps - 1) as f64;
        let between = |from: f64, to: f64, t: usize| from + (to - from) * t as f64 / last;
        let mut product = 1.0;
        let mut alphas: Vec<f64> = (0..config.num_train_timesteps)
            .map(|t| {
                let beta = match config.beta_schedule {
                    BetaSchedule::Linear => between(config.beta_start, config.beta_end, t),
                    BetaSchedule::ScaledLinear => {
                        between(config.beta_start.sqrt(), config.beta_end.sqrt(), t).powi(2)
                    }
                };
                product *= 1.0 - beta;
                product
            })
            .collect();
        if config.rescale_betas_zero_snr {
            rescale_to_zero_snr(&mut alphas);
        }
        Self { config, alphas }
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &NoiseScheduleConfig {
        &self.config
    }

    /// The signal share `a_t` of every training timestep.
    pub fn alphas(&self) -> &[f64] {
        &self.alphas
    }

    /// The noise-to-signal ratio `sqrt((1 - a_t) / a_t)` of every training timestep, all finite.
    pub fn sigmas(&self) -> Vec<f64> {
        let alphas = self.alphas.iter().map(|alpha| alpha.max(LEAST_ALPHA));
        alphas.map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect()
    }

    /// How the clean sample and the noise follow from the noisy sample and the network's output at `timestep`.
    pub fn predictions(&self, timestep: usize) -> (Combination, Combination) {
        Level::preserving(self.alphas[timestep]).predictions(self.config.prediction_type)
    }

    /// Factors `(of clean sample, of noise)` of the noisy sample at `timestep`: `sqrt(a)`, `sqrt(1 - a)`.
    pub fn add_noise(&self, timestep: usize) -> (f64, f64) {
        let Level { signal, noise, .. } = Level::preserving(self.alphas[timestep]);
        (signal, noise)
    }

    /// Factors `(of clean sample, of noise)` of what the network should output at `timestep`.
    pub fn target(&self, timestep: usize) -> (f64, f64) {
        let (signal, spread) = self.add_noise(timestep);
        match self.config.prediction_type {
            PredictionType::Epsilon => (0.0, 1.0),
            PredictionType::Velocity => (-spread, signal),
            PredictionType::Sample => (1.0, 0.0),
        }
    }
}

/// Shifts and scales `sqrt(a)` so that the first stays and the last becomes zero (Lin et al. 2023, algorithm 1).
fn rescale_to_zero_snr(alphas: &mut [f64]) {
    let first = alphas[0].sqrt();
    let last = alphas[alphas.len() - 1].sqrt();
    for alpha in alphas {
        *alpha = ((alpha.sqrt() - last) * first / (first - last)).powi(2);
    }
}
