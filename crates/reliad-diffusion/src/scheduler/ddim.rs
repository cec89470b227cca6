//! DDIM (Song et al. 2021), with the conventions of diffusers' `DDIMScheduler`.

use super::{BetaSchedule, Prediction, SchedulerConfig, Spacing};

/// The noise schedule `a_t` (cumulative product of `1 - beta`) and the sampler over it.
#[derive(Debug, Clone)]
pub struct Ddim {
    config: SchedulerConfig,
    alphas: Vec<f64>,
    final_alpha: f64,
}

/// A linear combination `sample * of_sample + output * of_output`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Combination {
    /// Factor of the noisy sample.
    pub of_sample: f64,
    /// Factor of the network's output.
    pub of_output: f64,
}

/// One step of a run: from `a_t` at `timestep` to `a_prev`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DdimStep {
    /// The training timestep that the network is told, in `0..T`.
    pub timestep: usize,
    /// Signal share `a_t` before the step, in `[0, 1]`.
    pub alpha: f64,
    /// Signal share after the step.
    pub alpha_next: f64,
    /// Standard deviation of the fresh noise (`eta` times that of the ancestral step).
    pub sigma: f64,
    /// The predicted clean sample.
    pub x0: Combination,
    /// The predicted noise.
    pub noise: Combination,
}

impl Ddim {
    /// Builds the schedule.
    pub fn new(config: SchedulerConfig) -> Self {
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
        let final_alpha = if config.set_alpha_to_one {
            1.0
        } else {
            alphas[0]
        };
        Self {
            config,
            alphas,
            final_alpha,
        }
    }

    /// The configuration it was built from.
    pub fn config(&self) -> &SchedulerConfig {
        &self.config
    }

    /// The signal share `a_t` of every training timestep.
    pub fn alphas(&self) -> &[f64] {
        &self.alphas
    }

    /// The timesteps of a run of `steps` steps, from noise to picture.
    pub fn timesteps(&self, steps: usize) -> Vec<usize> {
        let total = self.config.num_train_timesteps;
        match self.config.timestep_spacing {
            Spacing::Leading => {
                let ratio = (total / steps.max(1)).max(1);
                (0..steps)
                    .rev()
                    .map(|i| (i * ratio + self.config.steps_offset).min(total - 1))
                    .collect()
            }
            Spacing::Trailing => {
                let ratio = total as f64 / steps as f64;
                (0..steps)
                    .map(|i| round_half_even(total as f64 - i as f64 * ratio).max(1.0) as usize - 1)
                    .collect()
            }
            Spacing::Linspace => {
                let gap = (total - 1) as f64 / (steps.max(2) - 1) as f64;
                (0..steps)
                    .rev()
                    .map(|i| round_half_even(i as f64 * gap) as usize)
                    .collect()
            }
        }
    }

    /// The steps of a run, with fresh noise scaled by `eta` (0: deterministic DDIM, 1: ancestral).
    pub fn steps(&self, steps: usize, eta: f64) -> Vec<DdimStep> {
        let stride = self.config.num_train_timesteps / steps.max(1);
        self.timesteps(steps)
            .into_iter()
            .map(|timestep| {
                let alpha = self.alphas[timestep];
                let alpha_next = match timestep.checked_sub(stride) {
                    Some(next) => self.alphas[next],
                    None => self.final_alpha,
                };
                let variance = (1.0 - alpha_next) / (1.0 - alpha) * (1.0 - alpha / alpha_next);
                let (x0, noise) = self.predictions(timestep);
                DdimStep {
                    timestep,
                    alpha,
                    alpha_next,
                    sigma: eta * variance.max(0.0).sqrt(),
                    x0,
                    noise,
                }
            })
            .collect()
    }

    /// How the clean sample and the noise follow from the noisy sample and the network's output at `timestep`.
    pub fn predictions(&self, timestep: usize) -> (Combination, Combination) {
        let alpha = self.alphas[timestep];
        let (signal, spread) = (alpha.sqrt(), (1.0 - alpha).sqrt());
        match self.config.prediction_type {
            Prediction::Epsilon => (
                Combination {
                    of_sample: 1.0 / signal,
                    of_output: -spread / signal,
                },
                Combination {
                    of_sample: 0.0,
                    of_output: 1.0,
                },
            ),
            Prediction::Velocity => (
                Combination {
                    of_sample: signal,
                    of_output: -spread,
                },
                Combination {
                    of_sample: spread,
                    of_output: signal,
                },
            ),
            Prediction::Sample => (
                Combination {
                    of_sample: 0.0,
                    of_output: 1.0,
                },
                Combination {
                    of_sample: 1.0 / spread,
                    of_output: -signal / spread,
                },
            ),
        }
    }

    /// Factors `(of clean sample, of noise)` of the noisy sample at `timestep`: `sqrt(a)`, `sqrt(1 - a)`.
    pub fn add_noise(&self, timestep: usize) -> (f64, f64) {
        let alpha = self.alphas[timestep];
        (alpha.sqrt(), (1.0 - alpha).sqrt())
    }

    /// Factors `(of clean sample, of noise)` of what the network should output at `timestep`.
    pub fn target(&self, timestep: usize) -> (f64, f64) {
        let (signal, spread) = self.add_noise(timestep);
        match self.config.prediction_type {
            Prediction::Epsilon => (0.0, 1.0),
            Prediction::Velocity => (-spread, signal),
            Prediction::Sample => (1.0, 0.0),
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

/// NumPy's rounding, which the reference uses for timesteps.
fn round_half_even(value: f64) -> f64 {
    value.round_ties_even()
}
