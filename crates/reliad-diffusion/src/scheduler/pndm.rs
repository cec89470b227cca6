//! PNDM (Liu et al. 2022) with Runge-Kutta warm-up or without (PLMS, as Stable Diffusion 1.5 is shipped), with the
//! conventions of diffusers' `PNDMScheduler`.

use super::plan::{Draft, Level, Source, Term};
use super::spacing::{Spacing, timesteps};
use super::{Fields, NoiseSchedule, PredictionType};
use crate::Error;

/// Settings of PNDM.
#[derive(Debug, Clone, PartialEq)]
pub struct Pndm {
    spacing: Spacing,
    steps_offset: usize,
    set_alpha_to_one: bool,
    skip_prk_steps: bool,
}

/// Steps of the Runge-Kutta warm-up, of four calls each.
const WARM_UP: usize = 3;

/// What one call of the network is for.
struct Call {
    timestep: usize,
    /// From and to where the step goes, the latter `None` past the last timestep.
    from: usize,
    to: Option<usize>,
    /// How many calls ago the step began.
    age: usize,
    /// Outputs by their age, and how much each counts.
    outputs: Vec<(usize, f64)>,
    /// Whether later steps build on its output.
    is_kept: bool,
}

impl Pndm {
    pub(super) fn take(fields: &mut Fields) -> Self {
        Self {
            spacing: fields.take("timestep_spacing", Spacing::Leading),
            steps_offset: fields.take("steps_offset", 0),
            set_alpha_to_one: fields.take("set_alpha_to_one", false),
            skip_prk_steps: fields.take("skip_prk_steps", false),
        }
    }

    pub(super) fn drafts(
        &self,
        schedule: &NoiseSchedule,
        steps: usize,
        begin: usize,
    ) -> Result<Vec<Draft>, Error> {
        if !self.skip_prk_steps && steps <= WARM_UP {
            return Err(Error::Setting {
                name: "steps",
                got: steps.to_string(),
                expected: "at least 4 with PNDM's Runge-Kutta steps (`skip_prk_steps` false)"
                    .into(),
            });
        }
        let calls = self.calls(schedule.alphas().len(), steps, begin);
        let drafts = calls.into_iter().map(|call| self.draft(schedule, &call));
        Ok(drafts.collect())
    }

    fn calls(&self, total: usize, steps: usize, begin: usize) -> Vec<Call> {
        let visited = timesteps(self.spacing, total, steps, self.steps_offset);
        let visited = visited.into_iter().map(|t| t.round_ties_even() as usize);
        let visited: Vec<usize> = visited.collect();
        let stride = total / steps;
        let mut calls: Vec<Call> = Vec::new();
        let warm_up = if self.skip_prk_steps { 0 } else { WARM_UP };
        for (place, &timestep) in visited.iter().enumerate() {
            let next = visited.get(place + 1);
            if let (true, Some(&next)) = (place < warm_up, next) {
                calls.extend(runge_kutta(timestep, next, stride / 2));
                continue;
            }
            calls.push(multistep(&calls, begin, timestep, stride));
            // Without warm-up the first step is made twice, the second time with the mean of the outputs at its two ends.
            if let (0, 0, Some(&next)) = (warm_up, place, next) {
                calls.push(Call {
                    timestep: next,
                    from: (next + stride).min(total - 1),
                    to: Some(next),
                    age: 1,
                    outputs: vec![(0, 0.5), (1, 0.5)],
                    is_kept: false,
                });
            }
        }
        calls
    }

    /// The first call of the step that `begin` falls into.
    pub(super) fn begin(&self, begin: usize) -> usize {
        match begin {
            // The repetition of the first step needs the first.
            1 if self.skip_prk_steps => 2,
            _ if !self.skip_prk_steps && begin < 4 * WARM_UP => begin / 4 * 4,
            _ => begin,
        }
    }

    fn draft(&self, schedule: &NoiseSchedule, call: &Call) -> Draft {
        let alphas = schedule.alphas();
        let alpha = alphas[call.from];
        let next = match call.to {
            Some(to) => alphas[to],
            None if self.set_alpha_to_one => 1.0,
            None => alphas[0],
        };
        // Equation 9.
        let divisor = alpha * (1.0 - next).sqrt() + (alpha * (1.0 - alpha) * next).sqrt();
        let of_noise = -(next - alpha) / divisor;
        let mut of_sample = (next / alpha).sqrt();
        let (source, mut of_output) = (Source::Output, of_noise);
        let (source, of_output) = match schedule.config().prediction_type {
            PredictionType::Epsilon => (source, of_output),
            // Outputs are combined as they are, and become noise where the step began.
            PredictionType::Velocity => {
                of_sample += of_noise * (1.0 - alpha).sqrt();
                of_output *= alpha.sqrt();
                (source, of_output)
            }
            // Ours: diffusers' class doesn't know networks that predict the sample.
            PredictionType::Sample => (Source::Noise, of_noise),
        };
        let mut mean = vec![Term::new(Source::Sample, call.age, of_sample)];
        let outputs = call.outputs.iter();
        mean.extend(outputs.map(|&(age, share)| Term::new(source, age, of_output * share)));
        let level = Level::preserving(alphas[call.timestep]);
        Draft::new(call.timestep as f64, level, mean, 0.0)
    }
}

/// The four calls of a Runge-Kutta step to the timestep `next`; `half` a stride lies between its two ends.
fn runge_kutta(timestep: usize, next: usize, half: usize) -> [Call; 4] {
    let middle = next + half;
    let all = [
        (0, 1.0 / 6.0),
        (1, 1.0 / 3.0),
        (2, 1.0 / 3.0),
        (3, 1.0 / 6.0),
    ];
    let last = [(0, 1.0)];
    let call = |age: usize, told: usize, to: usize, outputs: &[(usize, f64)]| Call {
        timestep: told,
        from: timestep,
        to: Some(to),
        age,
        outputs: outputs.to_vec(),
        is_kept: age == 0,
    };
    [
        call(0, timestep, timestep.saturating_sub(half), &last),
        call(1, middle, middle, &last),
        call(2, middle, next, &last),
        call(3, next, next, &all),
    ]
}

/// Adams-Bashforth over the outputs since `begin` that are kept, of order four as soon as there are so many.
fn multistep(before: &[Call], begin: usize, timestep: usize, stride: usize) -> Call {
    let now = before.len();
    let kept = before.iter().enumerate().skip(begin);
    let kept = kept.filter(|(_, call)| call.is_kept);
    let mut ages: Vec<usize> = kept.map(|(place, _)| now - place).collect();
    ages.push(0);
    ages.reverse();
    let (shares, divisor): (&[f64], f64) = match ages.len() {
        1 => (&[1.0], 1.0),
        2 => (&[3.0, -1.0], 2.0),
        3 => (&[23.0, -16.0, 5.0], 12.0),
        _ => (&[55.0, -59.0, 37.0, -9.0], 24.0),
    };
    let shares = shares.iter().map(|share| share / divisor);
    Call {
        timestep,
        from: timestep,
        to: timestep.checked_sub(stride),
        age: 0,
        outputs: ages.into_iter().zip(shares).collect(),
        is_kept: true,
    }
}
