//! The one denoising loop of the program: an iterator of steps that carries gradients when asked.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::conditions::Conditions;
use crate::guidance::{Guidance, Prediction};
use crate::predictor::{Control, Predictor};
use crate::scheduler::Plan;
use crate::step::{History, Stepped, step};

/// What one step leaves behind. Every tensor is `[n, channels, h, w]`; all but `latents` carry gradients at the step that
/// was chosen for it, and at no other.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its place in the whole schedule, from 0.
    pub index: usize,
    /// The training timestep that the network was told.
    pub timestep: f64,
    /// What the network predicted.
    pub prediction: Prediction,
    /// The guided prediction of the clean latents.
    pub x0: Tensor<4>,
    /// The mean of the latents after the step, before anything known is put back.
    pub mean: Tensor<4>,
    /// The standard deviation of the fresh noise around that mean; 0 where the step is deterministic.
    pub sigma: f64,
    /// The latents that were drawn there.
    pub drawn: Tensor<4>,
    /// The latents after the step, with the known part of the picture put back; without gradients.
    pub latents: Tensor<4>,
}

/// A run under way. Draining it paints; taking steps one by one lets a caller look, stop, or learn.
#[derive(Debug)]
pub struct Denoising {
    predictor: Predictor,
    /// The same networks without autodiff.
    plain: Predictor,
    /// How they steer each item, once they have looked.
    steered: Vec<Control>,
    conditions: Conditions,
    plan: Plan,
    guidance: Guidance,
    control_scale: f64,
    /// How many steps were taken.
    taken: usize,
    latents: Tensor<4>,
    history: History,
    gradients_at: Option<usize>,
    always_unconditional: bool,
}

impl Denoising {
    /// Starts a run from `latents`, which hold noise of the level that the plan begins at. The predictor may stand on a
    /// device with or without autodiff. `control_scale` is the factor of the ControlNet's residuals.
    pub fn new(
        predictor: Predictor,
        conditions: Conditions,
        plan: Plan,
        guidance: Guidance,
        control_scale: f64,
        latents: Tensor<4>,
    ) -> Self {
        Self {
            latents,
            history: History::new(plan.memory()),
            plain: predictor.valid(),
            steered: Vec::new(),
            predictor,
            conditions,
            plan,
            guidance,
            control_scale,
            taken: 0,
            gradients_at: None,
            always_unconditional: false,
        }
    }

    /// Tracks gradients through the step of this place in the whole schedule, and through no other.
    ///
    /// The predictor must stand on an autodiff device; the conditions need not. What the step leaves behind then leads
    /// back to the predictor's parameters; the latents it started from are constants.
    pub fn with_gradients_at(mut self, index: usize) -> Self {
        self.gradients_at = Some(index);
        self
    }

    /// Predicts for the negative prompt in every step, also where guidance doesn't use it.
    pub fn with_unconditional(mut self) -> Self {
        self.always_unconditional = true;
        self
    }

    /// How many steps the run has in all.
    pub fn total(&self) -> usize {
        self.plan.steps.len()
    }

    /// The latents as they stand.
    pub fn latents(&self) -> Tensor<4> {
        self.latents.clone()
    }
}

impl Iterator for Denoising {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let plan = self.plan.steps.get(self.taken)?;
        let tracked = self.gradients_at == Some(plan.index);
        let predictor = if tracked {
            &self.predictor
        } else {
            &self.plain
        };
        let used = self.guidance.parts(plan.index, self.plan.total);
        let mut wanted = used;
        wanted.unconditional |= self.always_unconditional;
        let sample = self.latents.clone().without_autodiff();
        let input = match plan.level.spread {
            1.0 => sample.clone(),
            spread => sample.clone().div_scalar(spread),
        };
        let count = sample.dims()[0];
        let look = |predictor: &Predictor| -> Vec<Control> {
            (0..count)
                .map(|item| predictor.control(&self.conditions, item, self.control_scale))
                .collect()
        };
        // What carries gradients leads back to one step alone.
        let own;
        let controls = if tracked {
            own = look(predictor);
            &own
        } else {
            if self.steered.is_empty() {
                self.steered = look(predictor);
            }
            &self.steered
        };
        let items = (0..count).zip(controls).map(|(item, control)| {
            let predicted = predictor.predict(
                &input,
                plan.timestep,
                &self.conditions,
                item,
                control,
                &wanted,
            );
            self.guidance.guide(predicted, &used)
        });
        let mut prediction = Prediction::stack(items.collect());
        if !tracked {
            // Conditions may stand on an autodiff device, too.
            prediction = prediction.detached();
        }
        let Stepped {
            x0,
            mean,
            sigma,
            next,
            seen,
        } = step(
            plan,
            self.plan.clip,
            &self.history,
            sample,
            prediction.guided.clone(),
            self.conditions.step_noise.get(plan.index).cloned(),
        );
        let mut latents = next.clone().without_autodiff();
        if let Some(inpainting) = &self.conditions.inpainting {
            latents = inpainting.blend(latents, self.conditions.noise.clone(), &plan.blend);
        }
        self.history.push(seen);
        self.latents = latents.clone();
        self.taken += 1;
        Some(Step {
            index: plan.index,
            timestep: plan.timestep,
            prediction,
            x0,
            mean,
            sigma,
            drawn: next,
            latents,
        })
    }
}
