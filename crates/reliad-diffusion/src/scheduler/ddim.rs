//! DDIM (Song et al. 2021), with the conventions of diffusers' `DDIMScheduler`.

use super::plan::{Draft, Level, Source, Term};
use super::spacing::{Spacing, timesteps};
use super::{Fields, NoiseSchedule};

/// Settings of DDIM.
#[derive(Debug, Clone, PartialEq)]
pub struct Ddim {
    spacing: Spacing,
    steps_offset: usize,
    set_alpha_to_one: bool,
    pub(super) clip: Option<f64>,
}

impl Ddim {
    pub(super) fn take(fields: &mut Fields) -> Self {
        fields.refuse_thresholding();
        Self {
            spacing: fields.take("timestep_spacing", Spacing::Leading),
            steps_offset: fields.take("steps_offset", 0),
            set_alpha_to_one: fields.take("set_alpha_to_one", true),
            clip: fields.take_clip(),
        }
    }

    /// One draft a step; `eta` 0 is deterministic, 1 adds as much fresh noise as DDPM.
    pub(super) fn drafts(&self, schedule: &NoiseSchedule, steps: usize, eta: f64) -> Vec<Draft> {
        let alphas = schedule.alphas();
        let stride = alphas.len() / steps;
        let visited = timesteps(self.spacing, alphas.len(), steps, self.steps_offset);
        let draft = |timestep: f64| {
            let timestep = timestep.round_ties_even();
            let alpha = alphas[timestep as usize];
            let next = match (timestep as usize).checked_sub(stride) {
                Some(next) => alphas[next],
                None if self.set_alpha_to_one => 1.0,
                None => alphas[0],
            };
            let variance = (1.0 - next) / (1.0 - alpha) * (1.0 - alpha / next);
            let sigma = eta * variance.max(0.0).sqrt();
            // Equation 12: towards the clean sample, and along the predicted noise.
            let direction = (1.0 - next - sigma * sigma).max(0.0).sqrt();
            let mean = vec![
                Term::new(Source::Clean, 0, next.sqrt()),
                Term::new(Source::Noise, 0, direction),
            ];
            Draft::new(timestep, Level::preserving(alpha), mean, sigma)
        };
        visited.into_iter().map(draft).collect()
    }
}
