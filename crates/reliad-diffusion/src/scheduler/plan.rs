//! A run as a plan of steps: every sampler is written down as linear combinations of what the run has seen so far.

use super::PredictionType;

/// How much of the clean sample and of noise stand in latents: `signal x0 + noise eps`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Factor of the clean sample.
    pub signal: f64,
    /// Factor of the noise.
    pub noise: f64,
    /// Spread of such latents when those of a clean sample have spread 1; the network sees the latents divided by it.
    pub spread: f64,
}

impl Level {
    /// No noise.
    pub const CLEAN: Self = Self {
        signal: 1.0,
        noise: 0.0,
        spread: 1.0,
    };

    /// Of latents that keep their variance: `sqrt(a) x0 + sqrt(1 - a) eps` (DDPM, DDIM, DPM-Solver).
    pub fn preserving(alpha: f64) -> Self {
        Self {
            signal: alpha.sqrt(),
            noise: (1.0 - alpha).sqrt(),
            spread: 1.0,
        }
    }

    /// The same for the noise-to-signal ratio `sigma = sqrt((1 - a) / a)`.
    pub fn preserving_sigma(sigma: f64) -> Self {
        let signal = 1.0 / sigma.hypot(1.0);
        Self {
            signal,
            noise: sigma * signal,
            spread: 1.0,
        }
    }

    /// Of latents whose variance grows: `x0 + sigma eps` (Karras et al. 2022).
    pub fn exploding(sigma: f64) -> Self {
        Self {
            signal: 1.0,
            noise: sigma,
            spread: sigma.hypot(1.0),
        }
    }

    /// How the clean sample and the noise follow from the latents and the network's output.
    pub fn predictions(&self, prediction: PredictionType) -> (Combination, Combination) {
        let Self {
            signal,
            noise,
            spread,
        } = *self;
        let of = |of_sample, of_output| Combination {
            of_sample,
            of_output,
        };
        match prediction {
            PredictionType::Epsilon => (of(1.0 / signal, -noise / signal), of(0.0, 1.0)),
            PredictionType::Velocity => (
                of(signal / (spread * spread), -noise / spread),
                of(noise / (spread * spread), signal / spread),
            ),
            PredictionType::Sample => (of(0.0, 1.0), of(1.0 / noise, -signal / noise)),
        }
    }
}

/// A linear combination `sample * of_sample + output * of_output`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Combination {
    /// Factor of the noisy sample.
    pub of_sample: f64,
    /// Factor of the network's output.
    pub of_output: f64,
}

/// What a run has seen at one of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The latents before the step (after its corrector, where it has one).
    Sample,
    /// The network's guided output.
    Output,
    /// The clean sample that follows from it.
    Clean,
    /// The noise that follows from it.
    Noise,
    /// The fresh noise that was drawn for the step.
    Fresh,
}

/// One summand: a factor times what was seen `age` steps ago (0: at this one).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// What is multiplied.
    pub of: Source,
    /// How many steps ago it was seen.
    pub age: usize,
    /// By what.
    pub factor: f64,
}

impl Term {
    /// A summand.
    pub fn new(of: Source, age: usize, factor: f64) -> Self {
        Self { of, age, factor }
    }
}

/// One call of the network, and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanStep {
    /// Its place among the steps of the whole schedule, from 0, also in a run that begins part-way.
    pub index: usize,
    /// The training timestep that the network is told; may lie between two.
    pub timestep: f64,
    /// What the latents hold before the step.
    pub level: Level,
    /// What the known part of a picture is noised to after it ([`Level::CLEAN`] after the last).
    pub blend: Level,
    /// The predicted clean sample.
    pub x0: Combination,
    /// The predicted noise.
    pub noise: Combination,
    /// The latents before the step, corrected by what the network has just said (UniPC); empty: as they are.
    pub corrected: Vec<Term>,
    /// The mean of the latents after the step.
    pub mean: Vec<Term>,
    /// Standard deviation of the fresh noise that is added to the mean.
    pub sigma: f64,
}

/// The steps of a run, from noise to picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps that the run takes.
    pub steps: Vec<PlanStep>,
    /// How many the whole schedule has; more than `steps` for a run that begins part-way.
    pub total: usize,
    /// Factor by which drawn noise becomes the latents that a whole run starts from.
    pub start: f64,
    /// Bound of the predicted clean sample, where the scheduler asks for one.
    pub clip: Option<f64>,
}

impl Plan {
    /// How many tensors of fresh noise the whole schedule draws, one a step; 0 when it is deterministic.
    pub fn fresh_noise(&self) -> usize {
        match self.steps.iter().any(|step| step.sigma > 0.0) {
            true => self.total,
            false => 0,
        }
    }

    /// How many steps back the plan looks.
    pub fn memory(&self) -> usize {
        let terms = self.steps.iter();
        let terms = terms.flat_map(|step| step.corrected.iter().chain(&step.mean));
        terms.map(|term| term.age).max().unwrap_or(0)
    }
}

/// What a sampler says of one step; [`plan`] completes it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub timestep: f64,
    pub level: Level,
    /// Where it differs from the next step's level.
    pub blend: Option<Level>,
    pub corrected: Vec<Term>,
    pub mean: Vec<Term>,
    pub sigma: f64,
}

impl Draft {
    pub fn new(timestep: f64, level: Level, mean: Vec<Term>, sigma: f64) -> Self {
        Self {
            timestep,
            level,
            blend: None,
            corrected: Vec::new(),
            mean,
            sigma,
        }
    }
}

/// The plan of a run that takes `drafts` from `begin` on.
pub(super) fn plan(
    drafts: Vec<Draft>,
    begin: usize,
    prediction: PredictionType,
    start: f64,
    clip: Option<f64>,
) -> Plan {
    let total = drafts.len();
    let levels: Vec<Level> = drafts.iter().map(|draft| draft.level).collect();
    let complete = |(index, draft): (usize, Draft)| {
        let (x0, noise) = draft.level.predictions(prediction);
        let next = levels.get(index + 1).copied().unwrap_or(Level::CLEAN);
        PlanStep {
            index,
            timestep: draft.timestep,
            level: draft.level,
            blend: draft.blend.unwrap_or(next),
            x0,
            noise,
            corrected: draft.corrected,
            mean: draft.mean,
            sigma: draft.sigma,
        }
    };
    Plan {
        steps: drafts
            .into_iter()
            .enumerate()
            .skip(begin)
            .map(complete)
            .collect(),
        total,
        start,
        clip,
    }
}
