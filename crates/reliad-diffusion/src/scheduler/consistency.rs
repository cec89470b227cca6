//! Samplers of distilled models: LCM (Luo et al. 2023) and TCD (Zheng et al. 2024), with the conventions of diffusers'
//! `LCMScheduler` and `TCDScheduler`.

use super::plan::{Draft, Level, Source, Term};
use super::{Fields, NoiseSchedule};
use crate::Error;

/// The timesteps that such a model was distilled on.
#[derive(Debug, Clone, PartialEq)]
struct Distilled {
    original_inference_steps: usize,
}

impl Distilled {
    fn take(fields: &mut Fields) -> Self {
        let original_inference_steps = fields.take("original_inference_steps", 50);
        fields.check(original_inference_steps > 0, || {
            "`original_inference_steps` = 0".to_owned()
        });
        Self {
            original_inference_steps,
        }
    }

    /// `steps` of them, evenly spaced, from the noisiest.
    fn timesteps(&self, total: usize, steps: usize) -> Result<Vec<usize>, Error> {
        let known = self.original_inference_steps.min(total);
        if steps > known {
            return Err(Error::Setting {
                name: "steps",
                got: steps.to_string(),
                expected: format!(
                    "at most {known} with this sampler, whose models were distilled on so many timesteps"
                ),
            });
        }
        let stride = total / known;
        let at = |i: usize| (known - i * known / steps) * stride - 1;
        Ok((0..steps).map(at).collect())
    }
}

/// Settings of LCM.
#[derive(Debug, Clone, PartialEq)]
pub struct Lcm {
    distilled: Distilled,
    timestep_scaling: f64,
    pub(super) clip: Option<f64>,
}

impl Lcm {
    pub(super) fn take(fields: &mut Fields) -> Self {
        fields.refuse_thresholding();
        Self {
            distilled: Distilled::take(fields),
            timestep_scaling: fields.take("timestep_scaling", 10.0),
            clip: fields.take_clip(),
        }
    }

    pub(super) fn drafts(
        &self,
        schedule: &NoiseSchedule,
        steps: usize,
    ) -> Result<Vec<Draft>, Error> {
        let alphas = schedule.alphas();
        let visited = self.distilled.timesteps(alphas.len(), steps)?;
        let draft = |(index, &timestep): (usize, &usize)| {
            // Boundary conditions of consistency models (Song et al. 2023), sigma_data 0.5.
            let scaled = timestep as f64 * self.timestep_scaling;
            let skip = 0.25 / (scaled * scaled + 0.25);
            let out = scaled / (scaled * scaled + 0.25).sqrt();
            let next = visited.get(index + 1).map(|&next| alphas[next]);
            let signal = next.unwrap_or(1.0).sqrt();
            let mean = vec![
                Term::new(Source::Clean, 0, signal * out),
                Term::new(Source::Sample, 0, signal * skip),
            ];
            let sigma = next.map_or(0.0, |next| (1.0 - next).sqrt());
            let level = Level::preserving(alphas[timestep]);
            Draft::new(timestep as f64, level, mean, sigma)
        };
        Ok(visited.iter().enumerate().map(draft).collect())
    }
}

/// Settings of TCD.
#[derive(Debug, Clone, PartialEq)]
pub struct Tcd {
    distilled: Distilled,
}

impl Tcd {
    pub(super) fn take(fields: &mut Fields) -> Self {
        fields.refuse_thresholding();
        Self {
            distilled: Distilled::take(fields),
        }
    }

    /// `eta` is the paper's gamma: 0 is deterministic, 1 draws anew in every step.
    pub(super) fn drafts(
        &self,
        schedule: &NoiseSchedule,
        steps: usize,
        eta: f64,
    ) -> Result<Vec<Draft>, Error> {
        let alphas = schedule.alphas();
        let visited = self.distilled.timesteps(alphas.len(), steps)?;
        let draft = |(index, &timestep): (usize, &usize)| {
            let next = visited.get(index + 1).copied();
            let denoised = ((1.0 - eta) * next.unwrap_or(0) as f64).floor() as usize;
            let share = match next {
                Some(next) if eta > 0.0 => alphas[next] / alphas[denoised],
                _ => 1.0,
            };
            let mean = vec![
                Term::new(Source::Clean, 0, (share * alphas[denoised]).sqrt()),
                Term::new(Source::Noise, 0, (share * (1.0 - alphas[denoised])).sqrt()),
            ];
            let level = Level::preserving(alphas[timestep]);
            Draft::new(timestep as f64, level, mean, (1.0 - share).max(0.0).sqrt())
        };
        Ok(visited.iter().enumerate().map(draft).collect())
    }
}
