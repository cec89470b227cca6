//! Euler, Euler ancestral and Heun over noise-to-signal ratios (Karras et al. 2022), with the conventions of diffusers'
//! `EulerDiscreteScheduler`, `EulerAncestralDiscreteScheduler` and `HeunDiscreteScheduler`.

use super::plan::{Draft, Level, Source, Term};
use super::spacing::{SigmaSpacing, Sigmas, Spacing, timesteps};
use super::{Fields, NoiseSchedule, PredictionType};

/// Timesteps and ratios of the samplers of this kind, the one of DPM++ SDE included.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SigmaRun {
    pub spacing: Spacing,
    pub steps_offset: usize,
    pub sigmas: SigmaSpacing,
    /// Ends of the ratios where they aren't those of the timesteps.
    pub sigma_min: Option<f64>,
    pub sigma_max: Option<f64>,
}

impl SigmaRun {
    pub fn take(fields: &mut Fields) -> Self {
        Self {
            spacing: fields.take("timestep_spacing", Spacing::Linspace),
            steps_offset: fields.take("steps_offset", 0),
            sigmas: fields.take_sigma_spacing(),
            sigma_min: None,
            sigma_max: None,
        }
    }

    /// Timestep and ratio of each of `steps` levels.
    pub fn levels(&self, schedule: &NoiseSchedule, steps: usize) -> Vec<(f64, f64)> {
        let table = Sigmas::of(schedule);
        let total = schedule.alphas().len();
        let visited = timesteps(self.spacing, total, steps, self.steps_offset);
        let of_visited = |timestep: f64| (timestep, table.at(timestep));
        let levels: Vec<_> = visited.into_iter().map(of_visited).collect();
        let (Some(first), Some(last)) = (levels.first(), levels.last()) else {
            return levels;
        };
        let most = self.sigma_max.unwrap_or(first.1);
        let least = self.sigma_min.unwrap_or(last.1);
        match self.sigmas.between(most, least, steps) {
            None => levels,
            Some(sigmas) => {
                let sigmas = sigmas.into_iter();
                sigmas.map(|sigma| (table.timestep(sigma), sigma)).collect()
            }
        }
    }

    /// What drawn noise is multiplied with to start from.
    pub fn start(&self, levels: &[(f64, f64)]) -> f64 {
        let most = levels.iter().map(|level| level.1).fold(0.0, f64::max);
        match self.spacing {
            Spacing::Leading => most.hypot(1.0),
            Spacing::Trailing | Spacing::Linspace => most,
        }
    }
}

/// Towards the clean sample until the ratio `to` is left of `from`: `x to / from + x0 (1 - to / from)`.
pub(super) fn towards_clean(age: usize, from: f64, to: f64) -> Vec<Term> {
    vec![
        Term::new(Source::Sample, age, to / from),
        Term::new(Source::Clean, 0, 1.0 - to / from),
    ]
}

/// The ratio that an ancestral step from `from` to `to` walks to, and the spread of the noise that it adds there.
pub(super) fn ancestral(from: f64, to: f64) -> (f64, f64) {
    let up = (to * to * (from * from - to * to) / (from * from)).sqrt();
    let up = up.min(to);
    ((to * to - up * up).max(0.0).sqrt(), up)
}

/// Settings of Euler.
#[derive(Debug, Clone, PartialEq)]
pub struct Euler {
    run: SigmaRun,
    log_linear: bool,
    ends_at_least: bool,
}

impl Euler {
    pub(super) fn take(fields: &mut Fields, prediction: PredictionType) -> Self {
        let mut run = SigmaRun::take(fields);
        run.sigma_min = fields.take("sigma_min", None);
        run.sigma_max = fields.take("sigma_max", None);
        // Continuous timesteps act in diffusers under v_prediction only.
        if prediction == PredictionType::Velocity {
            fields.only("timestep_type", &["discrete".into()]);
        }
        Self {
            run,
            log_linear: fields.take_choice("interpolation_type", "linear", "log_linear"),
            ends_at_least: fields.take_ends_at_least(),
        }
    }

    pub(super) fn drafts(&self, schedule: &NoiseSchedule, steps: usize) -> (Vec<Draft>, f64) {
        let (most, least) = Sigmas::of(schedule).ends();
        let mut run = self.run.clone();
        if self.log_linear {
            run.sigma_max = run.sigma_max.or(Some(most));
            run.sigma_min = run.sigma_min.or(Some(least));
        }
        let mut levels = run.levels(schedule, steps);
        let mut end = if self.ends_at_least { least } else { 0.0 };
        if self.log_linear && run.sigmas == SigmaSpacing::Timesteps {
            // diffusers' table from the largest to the smallest ratio has one entry more than there are steps, and the last
            // step goes to it.
            let sigmas = SigmaSpacing::Exponential.between(most, least, steps + 1);
            for (level, sigma) in levels.iter_mut().zip(sigmas.into_iter().flatten()) {
                level.1 = sigma;
            }
            end = least;
        }
        let start = run.start(&levels);
        let drafts = with_next(&levels, end).map(|((timestep, from), to)| {
            let mean = towards_clean(0, from, to);
            Draft::new(timestep, Level::exploding(from), mean, 0.0)
        });
        (drafts.collect(), start)
    }
}

/// Settings of Euler ancestral.
#[derive(Debug, Clone, PartialEq)]
pub struct EulerAncestral {
    run: SigmaRun,
}

impl EulerAncestral {
    pub(super) fn take(fields: &mut Fields) -> Self {
        let mut run = SigmaRun::take(fields);
        // This class doesn't know them.
        run.sigmas = SigmaSpacing::Timesteps;
        Self { run }
    }

    pub(super) fn drafts(&self, schedule: &NoiseSchedule, steps: usize) -> (Vec<Draft>, f64) {
        let levels = self.run.levels(schedule, steps);
        let start = self.run.start(&levels);
        let drafts = with_next(&levels, 0.0).map(|((timestep, from), to)| {
            let (down, up) = ancestral(from, to);
            let mean = towards_clean(0, from, down);
            Draft::new(timestep, Level::exploding(from), mean, up)
        });
        (drafts.collect(), start)
    }
}

/// Settings of Heun's method: two calls of the network a step but the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Heun {
    run: SigmaRun,
    pub(super) clip: Option<f64>,
}

impl Heun {
    pub(super) fn take(fields: &mut Fields) -> Self {
        Self {
            run: SigmaRun::take(fields),
            clip: fields.take_clip(),
        }
    }

    pub(super) fn drafts(&self, schedule: &NoiseSchedule, steps: usize) -> (Vec<Draft>, f64) {
        let levels = self.run.levels(schedule, steps);
        let start = self.run.start(&levels);
        let mut drafts = Vec::new();
        for (place, ((timestep, from), to)) in with_next(&levels, 0.0).enumerate() {
            let mean = towards_clean(0, from, to);
            drafts.push(Draft::new(timestep, Level::exploding(from), mean, 0.0));
            if let Some(&(next, _)) = levels.get(place + 1) {
                // From where the step began, along the mean of the slopes at its two ends.
                let half = (to - from) / 2.0;
                let mean = vec![
                    Term::new(Source::Sample, 1, 1.0 + half / from),
                    Term::new(Source::Clean, 1, -half / from),
                    Term::new(Source::Sample, 0, half / to),
                    Term::new(Source::Clean, 0, -half / to),
                ];
                drafts.push(Draft::new(next, Level::exploding(to), mean, 0.0));
            }
        }
        (drafts, start)
    }
}

/// Each level with the ratio of the next, `end` after the last.
pub(super) fn with_next(
    levels: &[(f64, f64)],
    end: f64,
) -> impl Iterator<Item = ((f64, f64), f64)> + '_ {
    let next = levels.iter().skip(1).map(|level| level.1);
    levels.iter().copied().zip(next.chain([end]))
}
