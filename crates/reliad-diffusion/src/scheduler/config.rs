//! `scheduler_config.json`, parsed; anything that would change the result and is not supported is refused by name.

use serde_json::{Value, json};

use crate::Error;
use crate::config::Fields;

/// How the noise variances grow over the training timesteps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// Equally spaced betas.
    Linear,
    /// Equally spaced square roots of betas (Stable Diffusion).
    ScaledLinear,
}

/// What the network was trained to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// The noise.
    Epsilon,
    /// The velocity `sqrt(a) eps - sqrt(1 - a) x0` (Salimans & Ho 2022).
    #[serde(rename = "v_prediction")]
    Velocity,
    /// The clean sample.
    Sample,
}

/// Which training timesteps an inference run visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Multiples of `T / steps` from 0, plus `steps_offset`.
    Leading,
    /// Multiples of `T / steps` counted down from `T - 1`.
    Trailing,
    /// Equally spaced from 0 to `T - 1`.
    Linspace,
}

/// The noise schedule and sampling settings of a model (diffusers' names and defaults of `DDIMScheduler`).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SchedulerConfig {
    /// Number of training timesteps `T`.
    pub num_train_timesteps: usize,
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// How betas grow between them.
    pub beta_schedule: BetaSchedule,
    /// What the network predicts.
    pub prediction_type: Prediction,
    /// Which timesteps are visited.
    pub timestep_spacing: Spacing,
    /// Added to every timestep of [`Spacing::Leading`].
    pub steps_offset: usize,
    /// Whether the last step goes to an alpha of exactly one, or to that of timestep 0.
    pub set_alpha_to_one: bool,
    /// Whether predicted clean latents are clamped to `±clip_sample_range`.
    pub clip_sample: bool,
    /// The bound of that clamp.
    pub clip_sample_range: f64,
    /// Whether the schedule is shifted so that the last timestep holds no signal at all (Lin et al. 2023).
    pub rescale_betas_zero_snr: bool,
}

impl SchedulerConfig {
    /// Reads the configuration of any diffusers scheduler whose noise schedule DDIM can sample.
    ///
    /// # Errors
    /// [`Error::Config`] naming every field that is refused, with its value.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let mut fields = Fields::new("DDIMScheduler", json);
        let config = Self {
            num_train_timesteps: fields.take("num_train_timesteps", 1000),
            beta_start: fields.take("beta_start", 0.0001),
            beta_end: fields.take("beta_end", 0.02),
            beta_schedule: fields.take("beta_schedule", BetaSchedule::Linear),
            prediction_type: fields.take("prediction_type", Prediction::Epsilon),
            timestep_spacing: fields.take("timestep_spacing", Spacing::Leading),
            steps_offset: fields.take("steps_offset", 0),
            set_alpha_to_one: fields.take("set_alpha_to_one", true),
            clip_sample: fields.take("clip_sample", true),
            clip_sample_range: fields.take("clip_sample_range", 1.0),
            rescale_betas_zero_snr: fields.take("rescale_betas_zero_snr", false),
        };
        fields.only("trained_betas", &[Value::Null]);
        fields.only("thresholding", &[json!(false)]);
        // These act only under `thresholding`, or only in diffusers' PNDM, whose files Stable Diffusion 1.5 ships.
        fields.ignore(&[
            "dynamic_thresholding_ratio",
            "sample_max_value",
            "skip_prk_steps",
        ]);
        fields.check(config.num_train_timesteps > 1, || {
            format!("`num_train_timesteps` = {}", config.num_train_timesteps)
        });
        let betas = 0.0..1.0;
        fields.check(
            betas.contains(&config.beta_start) && betas.contains(&config.beta_end),
            || {
                format!(
                    "`beta_start` = {}, `beta_end` = {}",
                    config.beta_start, config.beta_end
                )
            },
        );
        fields.finish(config)
    }
}
