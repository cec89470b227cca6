//! One step of a run on tensors: a pure function from latents and the network's output to what comes after, as the
//! scheduler's plan says.

use std::collections::VecDeque;

use burn::tensor::Tensor;

use crate::scheduler::{Combination, PlanStep, Source, Term};

/// What a run has seen at one of its steps. All tensors are `[n, channels, h, w]`.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The latents before the step, corrected where the plan says so.
    pub sample: Tensor<4>,
    /// The network's guided output.
    pub output: Tensor<4>,
    /// The predicted clean sample, clipped where the scheduler asks for it.
    pub clean: Tensor<4>,
    /// The predicted noise.
    pub noise: Tensor<4>,
    /// The fresh noise of the step, where some was given.
    pub fresh: Option<Tensor<4>>,
}

impl Seen {
    /// The same without the graph behind it.
    fn detached(self) -> Self {
        Self {
            sample: self.sample.without_autodiff(),
            output: self.output.without_autodiff(),
            clean: self.clean.without_autodiff(),
            noise: self.noise.without_autodiff(),
            fresh: self.fresh.map(Tensor::without_autodiff),
        }
    }

    fn get(&self, of: Source) -> Option<&Tensor<4>> {
        match of {
            Source::Sample => Some(&self.sample),
            Source::Output => Some(&self.output),
            Source::Clean => Some(&self.clean),
            Source::Noise => Some(&self.noise),
            Source::Fresh => self.fresh.as_ref(),
        }
    }
}

/// What a run remembers of its last steps.
#[derive(Debug, Clone)]
pub struct History {
    memory: usize,
    /// The newest first.
    seen: VecDeque<Seen>,
}

impl History {
    /// Nothing yet, and later not more than `memory` steps.
    pub fn new(memory: usize) -> Self {
        Self {
            memory,
            seen: VecDeque::new(),
        }
    }

    /// Remembers a step, without the graph behind it.
    pub fn push(&mut self, seen: Seen) {
        if self.memory > 0 {
            self.seen.truncate(self.memory - 1);
            self.seen.push_front(seen.detached());
        }
    }
}

/// What follows from a step.
#[derive(Debug, Clone)]
pub struct Stepped {
    /// The predicted clean latents.
    pub x0: Tensor<4>,
    /// The mean of the latents after the step.
    pub mean: Tensor<4>,
    /// The standard deviation of the fresh noise around the mean; 0 where the step is deterministic.
    pub sigma: f64,
    /// The latents after the step: the mean and the fresh noise.
    pub next: Tensor<4>,
    /// What the run should remember.
    pub seen: Seen,
}

/// Takes the step `plan` from `latents`, for which the network's guided output is `output`. `clip` bounds the predicted clean
/// sample. Without `fresh` noise the latents after the step are their mean.
///
/// Everything that comes out carries the graph behind `output`, if there is one.
///
/// # Shapes
/// - all tensors: `[n, channels, h, w]`
///
/// # Panics
/// When the plan looks back farther than `history` does.
pub fn step(
    plan: &PlanStep,
    clip: Option<f64>,
    history: &History,
    latents: Tensor<4>,
    output: Tensor<4>,
    fresh: Option<Tensor<4>>,
) -> Stepped {
    let clean = clean(plan, clip, latents.clone(), output.clone());
    let noise = combine(plan.noise, latents.clone(), output.clone());
    let mut seen = Seen {
        sample: latents,
        output,
        clean,
        noise,
        fresh,
    };
    if !plan.corrected.is_empty() {
        seen.sample = sum(&plan.corrected, &seen, history);
    }
    let mean = sum(&plan.mean, &seen, history);
    let next = match &seen.fresh {
        Some(fresh) if plan.sigma > 0.0 => mean.clone() + fresh.clone().mul_scalar(plan.sigma),
        _ => mean.clone(),
    };
    Stepped {
        x0: seen.clean.clone(),
        mean,
        sigma: plan.sigma,
        next,
        seen,
    }
}

/// The predicted clean latents of [`step`] alone, which need no history.
pub fn clean(
    plan: &PlanStep,
    clip: Option<f64>,
    latents: Tensor<4>,
    output: Tensor<4>,
) -> Tensor<4> {
    let clean = combine(plan.x0, latents, output);
    match clip {
        Some(range) => clean.clamp(-range, range),
        None => clean,
    }
}

/// The sum of `terms`, in their order. Noise that wasn't given counts as none.
fn sum(terms: &[Term], now: &Seen, history: &History) -> Tensor<4> {
    let terms = terms.iter().filter_map(|term| {
        let seen = match term.age {
            0 => now,
            age => &history.seen[age - 1],
        };
        Some(seen.get(term.of)?.clone().mul_scalar(term.factor))
    });
    let sum = terms.reduce(|sum, term| sum + term);
    sum.unwrap_or_else(|| now.sample.zeros_like())
}

fn combine(factors: Combination, sample: Tensor<4>, output: Tensor<4>) -> Tensor<4> {
    match (factors.of_sample, factors.of_output) {
        (0.0, 1.0) => output,
        (of_sample, of_output) => sample.mul_scalar(of_sample) + output.mul_scalar(of_output),
    }
}
