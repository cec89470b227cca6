//! What painter and ControlNet train on: latents noised at a random timestep, and the weighted error
//! of the prediction.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_diffusion::scheduler::{Ddim, SchedulerConfig};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::random;

/// The `scheduler_config.json` that our painters are trained with: v-prediction at zero terminal
/// signal-to-noise, sampled with trailing timesteps.
pub fn scheduler_config() -> Value {
    json!({
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction",
        "rescale_betas_zero_snr": true,
        "timestep_spacing": "trailing",
        "set_alpha_to_one": true,
        "steps_offset": 0,
        "clip_sample": false,
    })
}

/// The schedule of [`scheduler_config`].
///
/// # Errors
/// When the diffusion crate refuses it.
pub fn schedule() -> Result<Ddim> {
    SchedulerConfig::from_json(&scheduler_config())
        .map(Ddim::new)
        .map_err(Error::component("scheduler"))
}

/// A batch of noised latents, on the device of training.
#[derive(Debug, Clone)]
pub struct Noised {
    /// `[n, c, h, w]`: what the network sees.
    pub sample: Tensor<4>,
    /// `[n]`: the timesteps it is told.
    pub timesteps: Tensor<1>,
    /// `[n, c, h, w]`: what it should output.
    pub target: Tensor<4>,
    /// `[n, 1, 1, 1]`: weight of each sample in the loss.
    pub weight: Tensor<4>,
}

/// Noises `latents` at timesteps drawn one from each of n equal parts of the schedule.
///
/// The weight is `min(1, 6 / (SNR + 1))`: of a velocity's error, whose scale grows with SNR, all is
/// kept where colour is decided and less where only detail is left.
pub fn noised(latents: Tensor<4>, schedule: &Ddim, rng: &mut ChaCha8Rng) -> Noised {
    let count = latents.dims()[0];
    let total = schedule.alphas().len();
    let timesteps: Vec<usize> = (0..count)
        .map(|i| {
            let share = (i as f64 + rng.random::<f64>()) / count as f64;
            ((share * total as f64) as usize).min(total - 1)
        })
        .collect();
    let noise = random::normal(rng, latents.dims(), &latents.device());
    noised_at(latents, noise, &timesteps, schedule)
}

/// Noises `latents` with `noise` at given timesteps.
pub fn noised_at(
    latents: Tensor<4>,
    noise: Tensor<4>,
    timesteps: &[usize],
    schedule: &Ddim,
) -> Noised {
    let device = latents.device();
    let column = |value: &dyn Fn(usize) -> f64| {
        per_sample(
            timesteps.iter().map(|&t| value(t) as f32).collect(),
            &device,
        )
    };
    let combine = |of_clean: Tensor<4>, of_noise: Tensor<4>| {
        latents.clone() * of_clean + noise.clone() * of_noise
    };
    Noised {
        sample: combine(
            column(&|t| schedule.add_noise(t).0),
            column(&|t| schedule.add_noise(t).1),
        ),
        target: combine(
            column(&|t| schedule.target(t).0),
            column(&|t| schedule.target(t).1),
        ),
        weight: column(&|t| {
            let alpha = schedule.alphas()[t];
            // 1 / (SNR + 1) = 1 - alpha.
            (6.0 * (1.0 - alpha)).min(1.0)
        }),
        timesteps: Tensor::from_data(
            TensorData::new(
                timesteps.iter().map(|&t| t as f32).collect(),
                [timesteps.len()],
            ),
            &device,
        ),
    }
}

/// Mean over samples of `weight * sum(region * error^2) / sum(region)`.
///
/// # Shapes
/// - output: `[n, c, h, w]`
/// - region: `[n, 1, h, w]`, how much each place counts
pub fn weighted_error(output: Tensor<4>, noised: &Noised, region: Tensor<4>) -> Tensor<1> {
    let channels = output.dims()[1];
    let error = (output - noised.target.clone()).square() * noised.weight.clone() * region.clone();
    error.sum() / (region.sum() * channels as f64).clamp_min(1e-6)
}

fn per_sample(values: Vec<f32>, device: &Device) -> Tensor<4> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count, 1, 1, 1]), device)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn the_last_timestep_is_pure_noise_and_its_target_the_negated_picture() {
        let schedule = schedule().unwrap();
        let device = Device::flex();
        let clean = random::normal(&mut random::generator(1, "a", 0), [1, 4, 2, 2], &device);
        let noise = random::normal(&mut random::generator(1, "b", 0), [1, 4, 2, 2], &device);
        let last = noised_at(clean.clone(), noise.clone(), &[999], &schedule);
        let apart = |a: Tensor<4>, b: Tensor<4>| (a - b).abs().max().into_scalar::<f32>();
        assert!(apart(last.sample, noise) < 1e-6);
        assert!(apart(last.target, clean.neg()) < 1e-6);
        assert_eq!(last.weight.into_scalar::<f32>(), 1.0);
    }

    #[test]
    fn timesteps_cover_the_schedule_and_the_error_of_a_perfect_output_is_zero() {
        let schedule = schedule().unwrap();
        let device = Device::flex();
        let clean = random::normal(&mut random::generator(1, "a", 0), [8, 4, 2, 2], &device);
        let noised = noised(clean, &schedule, &mut random::generator(1, "c", 0));
        let steps: Vec<f32> = noised.timesteps.clone().into_data().iter::<f32>().collect();
        for (part, step) in steps.iter().enumerate() {
            let part = part as f32;
            assert!(
                (125.0 * part..125.0 * (part + 1.0)).contains(step),
                "{steps:?}"
            );
        }
        let region = Tensor::ones([8, 1, 2, 2], &device);
        let zero = weighted_error(noised.target.clone(), &noised, region.clone());
        assert_eq!(zero.into_scalar::<f32>(), 0.0);
        let off = weighted_error(noised.target.clone() + 1.0, &noised, region);
        let mean = noised.weight.mean().into_scalar::<f32>();
        assert!((off.into_scalar::<f32>() - mean).abs() < 1e-4);
    }
}
