//! Noise schedules and samplers, as arithmetic on scalars: no tensor, no device, no model.
//!
//! A [`Scheduler`] writes a run down as a [`Plan`]; [`crate::step`] carries its steps out on tensors.

mod config;
mod consistency;
mod ddim;
mod dpm_sde;
mod dpm_solver;
mod euler;
mod noise_schedule;
mod plan;
mod pndm;
mod python_json;
mod sampler;
mod spacing;
mod unipc;

use config::{Fields, Method};
pub use noise_schedule::{BetaSchedule, NoiseSchedule, NoiseScheduleConfig, PredictionType};
pub use plan::{Combination, Level, Plan, PlanStep, Source, Term};
pub use python_json::parse;
use reliad_weights::ModelDir;
pub use sampler::Sampler;
use serde_json::Value;
pub use spacing::Spacing;

use crate::Error;

/// Where a model directory holds its scheduler's settings.
pub const FILE: &str = "scheduler/scheduler_config.json";

/// The settings of the scheduler of `model`, as its file holds them.
///
/// # Errors
/// A file that is missing, or isn't JSON as Python writes it.
pub fn config(model: &ModelDir) -> Result<Value, Error> {
    let bytes = model.read(FILE)?;
    let json = parse(&String::from_utf8_lossy(&bytes));
    Ok(json.map_err(|source| reliad_weights::Error::Json {
        file: model.display(FILE),
        source,
    })?)
}

/// A noise schedule and a sampler over it.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// The file, from which another sampler takes what it knows.
    json: Value,
    schedule: NoiseSchedule,
    method: Method,
}

impl Scheduler {
    /// Reads a `scheduler_config.json` of any of diffusers' classes for Stable Diffusion 1.5.
    ///
    /// # Errors
    /// [`Error::Config`] naming every field that is refused, with its value, and for a class that isn't supported what to
    /// write instead.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        Self::read(json, Sampler::Model)
    }

    /// The same noise schedule under another sampler, which takes its settings from the same file as far as it knows them
    /// (as `from_config` of diffusers does).
    ///
    /// # Errors
    /// As [`Scheduler::from_json`].
    pub fn with(&self, sampler: Sampler) -> Result<Self, Error> {
        Self::read(&self.json, sampler)
    }

    fn read(json: &Value, sampler: Sampler) -> Result<Self, Error> {
        let (schedule, method) = config::read(json, sampler)?;
        Ok(Self {
            json: json.clone(),
            schedule: NoiseSchedule::new(schedule),
            method,
        })
    }

    /// The noise schedule.
    pub fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    /// Whether `eta` changes what this sampler does.
    pub fn heeds_eta(&self) -> bool {
        matches!(self.method, Method::Ddim(_) | Method::Tcd(_))
    }

    /// The plan of a whole run of `steps` steps; `eta` is the share of fresh noise of samplers that leave it open.
    ///
    /// # Errors
    /// [`Error::Setting`] when the sampler can't take so many steps or so few.
    pub fn plan(&self, steps: usize, eta: f64) -> Result<Plan, Error> {
        self.plan_from(steps, eta, 0)
    }

    /// The plan of a run that leaves out the first `begin` calls of the network; it begins with the step that the next one
    /// belongs to, and multistep samplers begin with low order there.
    ///
    /// # Errors
    /// As [`Scheduler::plan`].
    pub fn plan_from(&self, steps: usize, eta: f64, begin: usize) -> Result<Plan, Error> {
        let total = self.schedule.alphas().len();
        if steps == 0 || steps > total {
            return Err(Error::Setting {
                name: "steps",
                got: steps.to_string(),
                expected: format!("between 1 and {total}, the timesteps of the model's schedule"),
            });
        }
        let schedule = &self.schedule;
        let (begin, (drafts, start), clip) = match &self.method {
            Method::Ddim(ddim) => (begin, (ddim.drafts(schedule, steps, eta), 1.0), ddim.clip),
            Method::Euler(euler) => (begin, euler.drafts(schedule, steps), None),
            Method::EulerAncestral(euler) => (begin, euler.drafts(schedule, steps), None),
            // Two calls a step.
            Method::Heun(heun) => (begin / 2 * 2, heun.drafts(schedule, steps), heun.clip),
            Method::DpmSde(dpm) => (begin / 2 * 2, dpm.drafts(schedule, steps), None),
            Method::DpmMultistep(dpm) => (begin, (dpm.drafts(schedule, steps, begin), 1.0), None),
            Method::DpmSinglestep(dpm) => (
                dpm.begin(steps, begin),
                (dpm.drafts(schedule, steps), 1.0),
                None,
            ),
            Method::UniPc(unipc) => (begin, (unipc.drafts(schedule, steps, begin), 1.0), None),
            Method::Lcm(lcm) => (begin, (lcm.drafts(schedule, steps)?, 1.0), lcm.clip),
            Method::Tcd(tcd) => (begin, (tcd.drafts(schedule, steps, eta)?, 1.0), None),
            Method::Pndm(pndm) => {
                let begin = pndm.begin(begin);
                (begin, (pndm.drafts(schedule, steps, begin)?, 1.0), None)
            }
        };
        let prediction = schedule.config().prediction_type;
        Ok(plan::plan(drafts, begin, prediction, start, clip))
    }
}
