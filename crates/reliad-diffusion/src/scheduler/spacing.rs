//! Which timesteps and noise levels a run visits.

use super::NoiseSchedule;

/// Which training timesteps an inference run visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Multiples of `T / steps` from 0, plus an offset.
    Leading,
    /// Multiples of `T / steps` counted down from `T - 1`.
    Trailing,
    /// Equally spaced from 0 to `T - 1`.
    Linspace,
}

/// Timesteps from noise to picture, of a schedule of `total`. `offset` is added to [`Spacing::Leading`] only.
pub(super) fn timesteps(spacing: Spacing, total: usize, steps: usize, offset: usize) -> Vec<f64> {
    let last = (total - 1) as f64;
    match spacing {
        Spacing::Leading => {
            let ratio = (total / steps).max(1);
            let at = |i: usize| ((i * ratio + offset) as f64).min(last);
            (0..steps).rev().map(at).collect()
        }
        Spacing::Trailing => trailing(total, total, steps),
        Spacing::Linspace => {
            let gap = last / (steps.max(2) - 1) as f64;
            (0..steps).rev().map(|i| i as f64 * gap).collect()
        }
    }
}

/// The same for solvers that end at a level of no noise: of one timestep more, the last is left out. `reach` of the
/// timesteps are visited, all of them unless a solver leaves out the noisiest.
pub(super) fn solver_timesteps(
    spacing: Spacing,
    (total, reach): (usize, usize),
    steps: usize,
    offset: usize,
) -> Vec<f64> {
    match spacing {
        Spacing::Leading => {
            let ratio = (reach / (steps + 1)).max(1);
            let at = |i: usize| ((i * ratio + offset) as f64).min((total - 1) as f64);
            (1..=steps).rev().map(at).collect()
        }
        Spacing::Trailing => trailing(total, reach, steps),
        Spacing::Linspace => {
            let gap = (reach - 1) as f64 / steps as f64;
            let at = |i: usize| (i as f64 * gap).round_ties_even();
            (1..=steps).rev().map(at).collect()
        }
    }
}

fn trailing(total: usize, reach: usize, steps: usize) -> Vec<f64> {
    let ratio = total as f64 / steps as f64;
    let at = |i: usize| (reach as f64 - i as f64 * ratio).round_ties_even();
    (0..steps).map(|i| (at(i) - 1.0).max(0.0)).collect()
}

/// How noise-to-signal ratios are spread over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigmaSpacing {
    /// Those of the timesteps.
    Timesteps,
    /// Equal gaps of `sigma^(1/7)` (Karras et al. 2022, equation 5).
    Karras,
    /// Equal gaps of `log sigma`.
    Exponential,
}

impl SigmaSpacing {
    /// `steps` ratios from `most` down to `least`; `None` where the timesteps decide.
    pub(super) fn between(self, most: f64, least: f64, steps: usize) -> Option<Vec<f64>> {
        let share = |i: usize| i as f64 / (steps.max(2) - 1) as f64;
        let mix = |from: f64, to: f64, i: usize| from + share(i) * (to - from);
        match self {
            Self::Timesteps => None,
            Self::Karras => {
                let (from, to) = (most.powf(1.0 / 7.0), least.powf(1.0 / 7.0));
                Some((0..steps).map(|i| mix(from, to, i).powi(7)).collect())
            }
            Self::Exponential => {
                let (from, to) = (most.ln(), least.ln());
                Some((0..steps).map(|i| mix(from, to, i).exp()).collect())
            }
        }
    }
}

/// The noise-to-signal ratios of a schedule as a function of the timestep, and the inverse.
#[derive(Debug)]
pub(super) struct Sigmas(Vec<f64>);

impl Sigmas {
    pub fn of(schedule: &NoiseSchedule) -> Self {
        Self(schedule.sigmas())
    }

    /// The largest and the smallest.
    pub fn ends(&self) -> (f64, f64) {
        (self.0[self.0.len() - 1], self.0[0])
    }

    /// The ratio at a timestep; between two the line between theirs.
    pub fn at(&self, timestep: f64) -> f64 {
        let low = (timestep.max(0.0) as usize).min(self.0.len() - 1);
        let high = (low + 1).min(self.0.len() - 1);
        let share = timestep - low as f64;
        self.0[low] + (self.0[high] - self.0[low]) * share
    }

    /// The timestep of a ratio, on the line between the logarithms of its neighbours; the nearest end outside.
    pub fn timestep(&self, sigma: f64) -> f64 {
        let wanted = sigma.max(1e-10).ln();
        let low = self.0.partition_point(|sigma| sigma.ln() <= wanted);
        let low = low.saturating_sub(1).min(self.0.len() - 2);
        let (below, above) = (self.0[low].ln(), self.0[low + 1].ln());
        low as f64 + ((wanted - below) / (above - below)).clamp(0.0, 1.0)
    }
}
