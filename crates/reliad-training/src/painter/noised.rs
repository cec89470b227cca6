//! What painter and ControlNet train on: latents noised at a random timestep, and the weighted error
//! of the prediction.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_diffusion::scheduler::{NoiseSchedule, PredictionType, Scheduler};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::random;

/// The `scheduler_config.json` that our painters are trained with: zero terminal signal-to-noise, sampled with trailing
/// timesteps.
pub fn scheduler_config(prediction: PredictionType) -> Value {
    json!({
        "_class_name": "DDIMScheduler",
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": prediction,
        "rescale_betas_zero_snr": true,
        "timestep_spacing": "trailing",
        "set_alpha_to_one": true,
        "steps_offset": 0,
        "clip_sample": false,
    })
}

/// The scheduler of [`scheduler_config`].
///
/// # Errors
/// None that a caller could cause.
pub fn scheduler(prediction: PredictionType) -> Result<Scheduler> {
    Scheduler::from_json(&scheduler_config(prediction)).map_err(Error::component("scheduler"))
}

/// The noise schedule of a scheduler, to train on.
///
/// # Errors
/// When the network would have to predict the noise at a timestep that holds nothing else:
/// no output there says anything about the picture.
pub fn schedule(scheduler: &Scheduler) -> Result<NoiseSchedule> {
    let schedule = scheduler.schedule();
    let config = schedule.config();
    if config.prediction_type == PredictionType::Epsilon && config.rescale_betas_zero_snr {
        return Err(Error::Setting {
            name: "prediction",
            reason: "`epsilon` can't be learned at zero terminal signal-to-noise; choose \
                     `sample` or `v_prediction`"
                .to_owned(),
        });
    }
    Ok(schedule.clone())
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
/// The weight is `min(1, 6 / (SNR + 1))` of the velocity's squared error, whatever the network predicts: all of it is
/// kept where colour is decided, and less where only detail is left.
pub fn noised(latents: Tensor<4>, schedule: &NoiseSchedule, rng: &mut ChaCha8Rng) -> Noised {
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
    schedule: &NoiseSchedule,
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
            (6.0 * (1.0 - alpha)).min(1.0) * velocity_error(schedule, t)
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

/// The clean sample that a network's output at given timesteps stands for.
pub fn estimate(
    sample: Tensor<4>,
    output: Tensor<4>,
    timesteps: &[usize],
    schedule: &NoiseSchedule,
) -> Tensor<4> {
    let device = sample.device();
    let (of_sample, of_output) = timesteps
        .iter()
        .map(|&timestep| {
            let (clean, _) = schedule.predictions(timestep);
            (clean.of_sample as f32, clean.of_output as f32)
        })
        .unzip();
    sample * per_sample(of_sample, &device) + output * per_sample(of_output, &device)
}

/// The velocity's squared error, as a multiple of that of what the network predicts at `timestep`: an error `e` of the
/// clean sample is one of `-e / sqrt(1 - a)` of the velocity.
fn velocity_error(schedule: &NoiseSchedule, timestep: usize) -> f64 {
    let (x0, _) = schedule.predictions(timestep);
    x0.of_output.powi(2) / (1.0 - schedule.alphas()[timestep])
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

    fn schedule_of(prediction: PredictionType) -> NoiseSchedule {
        schedule(&scheduler(prediction).unwrap()).unwrap()
    }

    fn apart(a: Tensor<4>, b: Tensor<4>) -> f32 {
        (a - b).abs().max().into_scalar::<f32>()
    }

    #[test]
    fn the_last_timestep_is_pure_noise_and_its_target_the_picture() {
        let device = Device::flex();
        let clean = random::normal(&mut random::generator(1, "a", 0), [1, 4, 2, 2], &device);
        let noise = random::normal(&mut random::generator(1, "b", 0), [1, 4, 2, 2], &device);
        for (prediction, target) in [
            (PredictionType::Velocity, clean.clone().neg()),
            (PredictionType::Sample, clean.clone()),
        ] {
            let schedule = schedule_of(prediction);
            let last = noised_at(clean.clone(), noise.clone(), &[999], &schedule);
            assert!(apart(last.sample, noise.clone()) < 1e-6);
            assert!(apart(last.target, target) < 1e-6);
            assert_eq!(last.weight.into_scalar::<f32>(), 1.0);
        }
    }

    #[test]
    fn the_noise_alone_cannot_be_learned_where_there_is_nothing_else() {
        let refused = schedule(&scheduler(PredictionType::Epsilon).unwrap()).unwrap_err();
        assert!(refused.to_string().contains("epsilon"), "{refused}");
    }

    #[test]
    fn an_error_of_the_picture_counts_the_same_whatever_is_predicted() {
        let device = Device::flex();
        let clean = random::normal(&mut random::generator(1, "a", 0), [1, 4, 2, 2], &device);
        let noise = random::normal(&mut random::generator(1, "b", 0), [1, 4, 2, 2], &device);
        let region = Tensor::ones([1, 1, 2, 2], &device);
        for timestep in [5, 200, 600, 999] {
            let errors = [PredictionType::Velocity, PredictionType::Sample].map(|prediction| {
                let schedule = schedule_of(prediction);
                let noised = noised_at(clean.clone(), noise.clone(), &[timestep], &schedule);
                // The output whose clean sample is off by 0.1.
                let (x0, _) = schedule.predictions(timestep);
                let off = noised.target.clone() + 0.1 / x0.of_output;
                let reached = estimate(noised.sample.clone(), off.clone(), &[timestep], &schedule);
                assert!(apart(reached, clean.clone() + 0.1) < 1e-4);
                weighted_error(off, &noised, region.clone()).into_scalar::<f64>()
            });
            assert!(
                (errors[0] / errors[1] - 1.0).abs() < 1e-3,
                "{timestep}: {errors:?}"
            );
        }
    }

    #[test]
    fn timesteps_cover_the_schedule_and_the_error_of_a_perfect_output_is_zero() {
        let schedule = schedule_of(PredictionType::Velocity);
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
