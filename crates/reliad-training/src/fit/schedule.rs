//! How long a training lasts, and the learning rate along it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What ends a training. Progress, and with it the learning rate, follows whichever is given. Under steps and epochs two
/// runs are bit-equal.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Number of optimizer steps.
    Steps(u64),
    /// Passes over the training samples: as many steps as they make, at least one.
    Epochs(f64),
    /// Minutes of training time, summed over all resumed runs.
    Minutes(f64),
}

impl Budget {
    /// Epochs as steps of `per_step` samples out of `samples`; another budget as it is.
    pub fn in_steps(self, samples: usize, per_step: usize) -> Self {
        match self {
            Self::Epochs(epochs) => {
                let steps = epochs * samples as f64 / per_step.max(1) as f64;
                Self::Steps((steps.ceil() as u64).max(1))
            }
            other => other,
        }
    }

    /// Share of the budget that is used, 0 to 1.
    pub fn progress(self, step: u64, elapsed_seconds: f64) -> f64 {
        let share = match self {
            Self::Steps(0) => 1.0,
            Self::Steps(steps) => step as f64 / steps as f64,
            Self::Minutes(minutes) => elapsed_seconds / (60.0 * minutes).max(1e-9),
            // Known only beside the number of samples; see `in_steps`.
            Self::Epochs(_) => 0.0,
        };
        share.clamp(0.0, 1.0)
    }
}

/// How the learning rate falls after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Decay {
    /// Constant, then linear to 1 % of the rate over the last `share` of the budget.
    Tail {
        /// Share of the budget, 0 to 1.
        share: f64,
    },
    /// Multiplied by `factor` once `at` of the budget is used (METHOD: a tenth halfway).
    Drop {
        /// Share of the budget, 0 to 1.
        at: f64,
        /// Multiplier from then on.
        factor: f64,
    },
}

/// Learning rate: linear warm-up over a number of steps, then [`Decay`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearningRate {
    /// The rate after the warm-up.
    pub base: f64,
    /// Steps over which the rate rises from 0.
    pub warmup_steps: u64,
    /// How it falls.
    pub decay: Decay,
}

impl Default for LearningRate {
    fn default() -> Self {
        Self {
            base: 8e-4,
            warmup_steps: 100,
            decay: Decay::Tail { share: 0.3 },
        }
    }
}

impl LearningRate {
    /// Rate of the step with index `step` (from 0) at `progress` of the budget.
    pub fn at(&self, step: u64, progress: f64) -> f64 {
        let warm = if self.warmup_steps == 0 {
            1.0
        } else {
            ((step + 1) as f64 / self.warmup_steps as f64).min(1.0)
        };
        let decay = match self.decay {
            Decay::Tail { share } if share > 0.0 => {
                let into = ((progress - (1.0 - share)) / share).clamp(0.0, 1.0);
                1.0 - 0.99 * into
            }
            Decay::Tail { .. } => 1.0,
            Decay::Drop { at, factor } => {
                if progress >= at {
                    factor
                } else {
                    1.0
                }
            }
        };
        self.base * warm * decay
    }

    /// # Errors
    /// A rate that is not positive, or shares outside 0 to 1.
    pub fn check(&self) -> Result<()> {
        let share = match self.decay {
            Decay::Tail { share } => share,
            Decay::Drop { at, .. } => at,
        };
        if !(self.base > 0.0 && self.base.is_finite()) {
            return Err(Error::Setting {
                name: "learning_rate.base",
                reason: format!("{} is not a positive number", self.base),
            });
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::Setting {
                name: "learning_rate.decay",
                reason: format!("{share} is not a share between 0 and 1"),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_rises_stays_and_falls_over_the_last_third() {
        let rate = LearningRate {
            base: 1.0,
            warmup_steps: 10,
            decay: Decay::Tail { share: 0.3 },
        };
        assert_eq!(rate.at(0, 0.0), 0.1);
        assert_eq!(rate.at(9, 0.0), 1.0);
        assert_eq!(rate.at(500, 0.69), 1.0);
        assert!((rate.at(850, 0.85) - (1.0 - 0.99 * 0.5)).abs() < 1e-12);
        assert!((rate.at(999, 1.0) - 0.01).abs() < 1e-12);
    }

    #[test]
    fn rate_drops_to_a_tenth_halfway() {
        let rate = LearningRate {
            base: 1e-4,
            warmup_steps: 0,
            decay: Decay::Drop {
                at: 0.5,
                factor: 0.1,
            },
        };
        assert_eq!(rate.at(0, 0.49), 1e-4);
        assert!((rate.at(0, 0.5) - 1e-5).abs() < 1e-18);
    }

    #[test]
    fn progress_follows_the_budget_that_is_given() {
        assert_eq!(Budget::Steps(200).progress(50, 1e9), 0.25);
        assert_eq!(Budget::Minutes(2.0).progress(50, 30.0), 0.25);
        assert_eq!(Budget::Minutes(2.0).progress(0, 1e9), 1.0);
        assert_eq!(Budget::Steps(0).progress(0, 0.0), 1.0);
        assert_eq!(Budget::Epochs(1.5).in_steps(100, 32), Budget::Steps(5));
        assert_eq!(Budget::Epochs(1e-9).in_steps(100, 32), Budget::Steps(1));
    }
}
