//! `scheduler_config.json`, parsed: fields of the file's class are used, those of other classes are ignored as diffusers
//! ignores them, and what would change the result and isn't supported is refused by name.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Sampler;
use super::consistency::{Lcm, Tcd};
use super::ddim::Ddim;
use super::dpm_sde::DpmSde;
use super::dpm_solver::{DpmMultistep, DpmSinglestep};
use super::euler::{Euler, EulerAncestral, Heun};
use super::noise_schedule::{BetaSchedule, NoiseScheduleConfig, PredictionType};
use super::pndm::Pndm;
use super::sampler::Class;
use super::spacing::SigmaSpacing;
use super::unipc::UniPc;
use crate::Error;
use crate::config;

/// Settings of a sampler.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Method {
    Ddim(Ddim),
    Euler(Euler),
    EulerAncestral(EulerAncestral),
    DpmMultistep(DpmMultistep),
    DpmSinglestep(DpmSinglestep),
    DpmSde(DpmSde),
    UniPc(UniPc),
    Heun(Heun),
    Lcm(Lcm),
    Tcd(Tcd),
    Pndm(Pndm),
}

/// Fields that some class of diffusers knows; where the file's own doesn't, they say nothing.
const OF_OTHER_CLASSES: [&str; 47] = [
    "algorithm_type",
    "clip_sample",
    "clip_sample_range",
    "disable_corrector",
    "dynamic_thresholding_ratio",
    "euler_at_final",
    "final_sigmas_type",
    "flow_shift",
    "interpolation_type",
    "lambda_min_clipped",
    "lower_order_final",
    "noise_sampler_seed",
    "original_inference_steps",
    "predict_x0",
    "sample_max_value",
    "set_alpha_to_one",
    "shift_terminal",
    "sigma_data",
    "sigma_max",
    "sigma_min",
    "skip_prk_steps",
    "solver_order",
    "solver_p",
    "solver_type",
    "steps_offset",
    "thresholding",
    "time_shift_type",
    "timestep_scaling",
    "timestep_spacing",
    "timestep_type",
    "use_beta_sigmas",
    "use_dynamic_shifting",
    "use_exponential_sigmas",
    "use_flow_sigmas",
    "use_karras_sigmas",
    "use_lu_lambdas",
    "variance_type",
    "predictor_order",
    "corrector_order",
    "tau_func",
    "snr_shift_scale",
    "rho",
    "sigma_schedule",
    "invert_sigmas",
    "shift",
    "base_shift",
    "max_shift",
];

/// The noise schedule and the sampler that a file describes, or `sampler` in its place, which takes what it knows from the
/// file.
pub(super) fn read(json: &Value, sampler: Sampler) -> Result<(NoiseScheduleConfig, Method), Error> {
    let class = match sampler.class() {
        Some((class, _)) => class,
        // Files of before diffusers wrote the class are DDIM's.
        None => match json.get("_class_name").and_then(Value::as_str) {
            None => Class::Ddim,
            Some(name) => Class::named(name).map_err(|problem| Error::Config {
                class: "a scheduler",
                problems: vec![problem],
            })?,
        },
    };
    let mut json = json.clone();
    if let (Some((_, karras)), Some(fields)) = (sampler.class(), json.as_object_mut()) {
        for spacing in [
            "use_exponential_sigmas",
            "use_beta_sigmas",
            "use_lu_lambdas",
        ] {
            fields.remove(spacing);
        }
        fields.insert("use_karras_sigmas".to_owned(), json!(karras));
    }
    let mut fields = Fields(config::Fields::new(class.name(), &json));
    let (beta_start, beta_end, is_scaled) = class.betas();
    let beta_schedule = match is_scaled {
        true => BetaSchedule::ScaledLinear,
        false => BetaSchedule::Linear,
    };
    let schedule = NoiseScheduleConfig {
        num_train_timesteps: fields.take("num_train_timesteps", 1000),
        beta_start: fields.take("beta_start", beta_start),
        beta_end: fields.take("beta_end", beta_end),
        beta_schedule: fields.take("beta_schedule", beta_schedule),
        prediction_type: fields.take("prediction_type", PredictionType::Epsilon),
        // A property of the network's training: kept also by classes of diffusers that would drop it.
        rescale_betas_zero_snr: fields.take("rescale_betas_zero_snr", false),
    };
    fields.only("trained_betas", &[]);
    fields.check(schedule.num_train_timesteps > 1, || {
        format!("`num_train_timesteps` = {}", schedule.num_train_timesteps)
    });
    let betas = 0.0..1.0;
    fields.check(
        betas.contains(&schedule.beta_start) && betas.contains(&schedule.beta_end),
        || {
            format!(
                "`beta_start` = {}, `beta_end` = {}",
                schedule.beta_start, schedule.beta_end
            )
        },
    );
    let method = match class {
        Class::Ddim => Method::Ddim(Ddim::take(&mut fields)),
        Class::Euler => Method::Euler(Euler::take(&mut fields, schedule.prediction_type)),
        Class::EulerAncestral => Method::EulerAncestral(EulerAncestral::take(&mut fields)),
        Class::DpmMultistep => Method::DpmMultistep(DpmMultistep::take(&mut fields)),
        Class::DpmSinglestep => Method::DpmSinglestep(DpmSinglestep::take(&mut fields)),
        Class::DpmSde => Method::DpmSde(DpmSde::take(&mut fields)),
        Class::UniPc => Method::UniPc(UniPc::take(&mut fields)),
        Class::Heun => Method::Heun(Heun::take(&mut fields)),
        Class::Lcm => Method::Lcm(Lcm::take(&mut fields)),
        Class::Tcd => Method::Tcd(Tcd::take(&mut fields)),
        Class::Pndm => Method::Pndm(Pndm::take(&mut fields)),
    };
    fields.0.ignore(&OF_OTHER_CLASSES);
    fields.0.finish((schedule, method))
}

/// The fields of one file, with what several classes share.
pub(super) struct Fields(config::Fields);

impl Fields {
    /// The value of `field`, or `default` where the file leaves it out or says null.
    pub fn take<T: DeserializeOwned>(&mut self, field: &str, default: T) -> T {
        self.0.take::<Option<T>>(field, None).unwrap_or(default)
    }

    /// Accepts `field` only when it is left out, null, or one of `supported`.
    pub fn only(&mut self, field: &str, supported: &[Value]) {
        let supported: Vec<Value> = supported.iter().cloned().chain([Value::Null]).collect();
        self.0.only(field, &supported);
    }

    /// Records what is wrong.
    pub fn problem(&mut self, problem: String) {
        self.0.problem(problem);
    }

    /// Records `problem` unless `holds`.
    pub fn check(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        self.0.check(holds, problem);
    }

    /// The bound of the predicted clean sample. A file that doesn't speak of it wants none, as Stable Diffusion's pipelines
    /// see to.
    pub fn take_clip(&mut self) -> Option<f64> {
        let range = self.take("clip_sample_range", 1.0);
        self.take("clip_sample", false).then_some(range)
    }

    /// How noise levels are spread.
    pub fn take_sigma_spacing(&mut self) -> SigmaSpacing {
        self.only("use_beta_sigmas", &[json!(false)]);
        let karras = self.take("use_karras_sigmas", false);
        let exponential = self.take("use_exponential_sigmas", false);
        self.check(!(karras && exponential), || {
            "of `use_karras_sigmas` and `use_exponential_sigmas` only one can be true".to_owned()
        });
        match (karras, exponential) {
            (true, _) => SigmaSpacing::Karras,
            (false, true) => SigmaSpacing::Exponential,
            (false, false) => SigmaSpacing::Timesteps,
        }
    }

    /// Whether the last step goes to the schedule's least noise rather than to none.
    pub fn take_ends_at_least(&mut self) -> bool {
        self.take_choice("final_sigmas_type", "zero", "sigma_min")
    }

    /// Whether `field` has the value `other` rather than `usual`, which it has where the file leaves it out.
    pub fn take_choice(&mut self, field: &str, usual: &str, other: &str) -> bool {
        let value: String = self.take(field, usual.to_owned());
        self.check(value == usual || value == other, || {
            format!("`{field}` = {value:?} (supported: {usual:?}, {other:?})")
        });
        value == other
    }

    /// A number that may be infinite; Python writes that as no JSON can hold it (see [`super::parse`]).
    pub fn take_infinite(&mut self, field: &str) -> Option<f64> {
        let value: Option<Value> = self.take(field, None);
        match value? {
            Value::String(text) => match text.as_str() {
                "-Infinity" => Some(f64::NEG_INFINITY),
                "Infinity" => Some(f64::INFINITY),
                _ => {
                    self.problem(format!("`{field}` = {text:?} is no number"));
                    None
                }
            },
            number => match number.as_f64() {
                Some(number) => Some(number),
                None => {
                    self.problem(format!("`{field}` = {number} is no number"));
                    None
                }
            },
        }
    }

    /// Dynamic thresholding is for pixels, not for latents.
    pub fn refuse_thresholding(&mut self) {
        self.only("thresholding", &[json!(false)]);
    }

    /// Schedules of flow matching belong to other models.
    pub fn refuse_flow(&mut self) {
        self.only("use_flow_sigmas", &[json!(false)]);
        self.only("use_dynamic_shifting", &[json!(false)]);
    }
}
