//! Training of the autoencoder: first towards the principal components of blocks, then on its own.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use reliad_dataset::Modality;
use reliad_diffusion::vae::signed;
use reliad_diffusion::{AutoencoderKl, AutoencoderKlConfig};
use reliad_weights::Precision;
use serde::Deserialize;
use serde_json::Value;

use crate::data::pictures::{Layout, Pictures};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::parameters::preserve_variance;
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::painter::pca::{BLOCK, BlockCode, BlockPca, DIMENSIONS};
use crate::random::{self, Order};
use crate::stage::{Ended, Stage};

/// Settings of the autoencoder's training (`vae.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeTraining {
    /// The component's `config.json`.
    pub network: Value,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// The losses and phases.
    #[serde(default)]
    pub recipe: VaeRecipe,
}

/// Losses and phases of the autoencoder's training.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VaeRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Side of the pictures in pixels; the first part of the training sees them at half this size.
    pub size: usize,
    /// Share of the budget at half size.
    pub half_size_share: f64,
    /// Share of the budget in which the decoder sees the teacher's latents instead of the encoder's.
    pub teacher_share: f64,
    /// Share of the budget after which the encoder's regression has faded.
    pub regression_share: f64,
    /// Weight of the encoder's regression of the teacher's latents.
    pub regression: f64,
    /// Weight of the mean absolute error of the picture (-1 to 1).
    pub absolute: f64,
    /// Weight of the mean squared error.
    pub squared: f64,
    /// Weight of the mean absolute error of differences between neighbouring pixels.
    pub gradient: f64,
    /// Weight of the divergence from the standard normal distribution, per latent.
    pub divergence: f64,
    /// Standard deviation of the noise on latents, which the posterior's variance is led to.
    pub latent_noise: f64,
    /// Held-out pictures of each measurement.
    pub held_out: usize,
}

impl Default for VaeRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            size: 256,
            half_size_share: 0.7,
            teacher_share: 0.2,
            regression_share: 0.5,
            regression: 1.0,
            absolute: 1.0,
            squared: 2.0,
            gradient: 0.5,
            divergence: 1e-5,
            latent_noise: 0.05,
            held_out: 32,
        }
    }
}

const NAME: &str = "vae";

/// Trains the autoencoder and writes `vae/`.
///
/// # Errors
/// Data that cannot be read, a configuration that is not supported, or a failing disk.
pub fn train(config: &VaeTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    let network =
        AutoencoderKlConfig::from_json(&config.network).map_err(Error::component("vae config"))?;
    stage.on_one_device(NAME)?;
    let recipe = config.recipe;
    if network.downscale() != BLOCK {
        return Err(Error::Setting {
            name: "network.block_out_channels",
            reason: format!(
                "{} levels reduce by {}; the teacher's blocks need a reduction by {BLOCK} (4 levels)",
                network.block_out_channels.len(),
                network.downscale()
            ),
        });
    }
    let world = World::open(&stage.data, recipe.samples)?;
    let (train, mut held_out) = world.split();
    held_out.truncate(recipe.held_out);
    let read =
        |indices: &[usize]| world.pictures(indices, Modality::Image, Layout::Rgb, recipe.size);
    let full = read(&train)?;
    let device = stage.training_device();
    let pca = BlockPca::fit(&some_blocks(&full, stage.seed), network.latent_channels);
    let mut task = VaeTask {
        half: full.halved(),
        order: Order::new(stage.seed, full.len()),
        full,
        held_out: read(&held_out)?,
        teacher: pca.to_device(&device),
        plain_teacher: pca.to_device(&stage.device),
        recipe,
        batch_size: config.fit.batch_size,
        plain: stage.device.clone(),
    };
    let model = fresh(&network, stage.seed, &device);
    match fit(
        &mut task,
        model,
        &stage.training(NAME, &config.fit, &stage.checkpoints(NAME)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            let model = task.normalised(model);
            let dir = stage.component(NAME);
            reliad_weights::save(
                &model,
                &dir.join("diffusion_pytorch_model.safetensors"),
                Precision::F16,
                &AutoencoderKl::key_map(),
            )
            .map_err(Error::component(NAME))?;
            reliad_weights::write_config(&dir.join("config.json"), &network.to_json())
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// A network at the start: signal variance kept through depth, residual branches quieter.
pub fn fresh(config: &AutoencoderKlConfig, seed: u64, device: &Device) -> AutoencoderKl {
    device.seed(seed);
    preserve_variance(config.init(device), seed, 0.3, |path| {
        path.ends_with("conv2.weight") || path.ends_with("conv_out.weight")
    })
}

/// A sample of the pictures' 8x8 blocks in -1 to 1, for the principal components.
fn some_blocks(pictures: &Pictures, seed: u64) -> Vec<f32> {
    use rand::RngExt as _;
    let size = pictures.size();
    let mut rng = random::generator(seed, "blocks", 0);
    let mut blocks = Vec::with_capacity(40_000 * DIMENSIONS);
    for _ in 0..40_000 {
        let planes = pictures.bytes(rng.random_range(0..pictures.len()));
        let row = BLOCK * rng.random_range(0..size / BLOCK);
        let column = BLOCK * rng.random_range(0..size / BLOCK);
        for channel in 0..3 {
            for y in 0..BLOCK {
                let at = (channel * size + row + y) * size + column;
                blocks.extend(
                    planes[at..at + BLOCK]
                        .iter()
                        .map(|&value| f32::from(value) / 127.5 - 1.0),
                );
            }
        }
    }
    blocks
}

struct VaeTask {
    full: Pictures,
    half: Pictures,
    held_out: Pictures,
    order: Order,
    teacher: BlockCode,
    plain_teacher: BlockCode,
    recipe: VaeRecipe,
    batch_size: usize,
    plain: Device,
}

impl Task for VaeTask {
    type Model = AutoencoderKl;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &AutoencoderKl, step: &mut Step) -> Result<Loss> {
        let recipe = self.recipe;
        let indices = self.order.batch(step.index, self.batch_size);
        let pictures = if step.progress < recipe.half_size_share {
            &self.half
        } else {
            &self.full
        };
        let picture = signed(pictures.batch(&indices, &step.device));
        let target = self.teacher.encode(picture.clone());
        let posterior = model.encode(picture.clone());
        let noise =
            random::normal(&mut step.rng, target.dims(), &step.device) * recipe.latent_noise;
        let regression = (posterior.mean.clone() - target.clone()).square().mean();
        let latents = if step.progress < recipe.teacher_share {
            target
        } else {
            posterior.mean.clone()
        };
        let painted = model.decode(latents + noise);
        let absolute = (painted.clone() - picture.clone()).abs().mean();
        let squared = (painted.clone() - picture.clone()).square().mean();
        let gradient = gradient_error(painted - picture);
        let wanted = 2.0 * recipe.latent_noise.max(1e-6).ln();
        let spread = (posterior.logvar.clone() - wanted).square().mean();
        let elements: usize = posterior.mean.dims().iter().product();
        let divergence = posterior.kl().sum() / elements as f64;
        let fading = fade(step.progress, recipe.teacher_share, recipe.regression_share);
        let total = regression.clone() * (recipe.regression * fading)
            + absolute.clone() * recipe.absolute
            + squared.clone() * recipe.squared
            + gradient * recipe.gradient
            + spread * 1e-3
            + divergence * recipe.divergence;
        Ok(Loss {
            gradients: None,
            total,
            parts: vec![
                ("l1", absolute),
                ("l2", squared),
                ("regression", regression),
            ],
        })
    }

    fn validate(&mut self, average: &AutoencoderKl) -> Result<Vec<(String, f64)>> {
        let count = self.held_out.len();
        let (mut own, mut teacher) = (0.0, 0.0);
        for first in (0..count).step_by(4) {
            let indices: Vec<usize> = (first..(first + 4).min(count)).collect();
            let picture = signed(self.held_out.batch(&indices, &self.plain));
            let painted = average.decode(average.encode(picture.clone()).mean);
            own += decibels(&painted, &picture) * indices.len() as f64;
            let code = self.plain_teacher.encode(picture.clone());
            teacher += decibels(&self.plain_teacher.decode(code), &picture) * indices.len() as f64;
        }
        Ok(vec![
            ("psnr".to_owned(), own / count as f64),
            ("psnr_pca".to_owned(), teacher / count as f64),
        ])
    }

    fn error(figures: &[(String, f64)]) -> f64 {
        figures.first().map_or(f64::INFINITY, |(_, psnr)| -psnr)
    }
}

impl VaeTask {
    /// The network with latents of zero mean and unit variance per channel over training pictures,
    /// folded exactly into `quant_conv` and `post_quant_conv`.
    fn normalised(&self, model: AutoencoderKl) -> AutoencoderKl {
        let mut means: Vec<Tensor<4>> = Vec::new();
        let count = self.full.len().min(256);
        for first in (0..count).step_by(4) {
            let indices: Vec<usize> = (first..(first + 4).min(count)).collect();
            let picture = signed(self.full.batch(&indices, &self.plain));
            means.push(model.encode(picture).mean);
        }
        fold_statistics(model, &channel_statistics(Tensor::cat(means, 0)))
    }
}

/// Mean and standard deviation of each channel of `[n, c, h, w]`.
pub fn channel_statistics(latents: Tensor<4>) -> Vec<(f64, f64)> {
    let [n, channels, h, w] = latents.dims();
    let values: Vec<f32> = latents.into_data().iter::<f32>().collect();
    let plane = h * w;
    (0..channels)
        .map(|channel| {
            let of_channel = || {
                (0..n).flat_map(|i| {
                    values[(i * channels + channel) * plane..][..plane]
                        .iter()
                        .map(|&value| f64::from(value))
                })
            };
            let count = (n * plane) as f64;
            let mean = of_channel().sum::<f64>() / count;
            let variance = of_channel()
                .map(|value| (value - mean).powi(2))
                .sum::<f64>()
                / count;
            (mean, variance.sqrt().max(1e-6))
        })
        .collect()
}

/// Rewrites the two 1x1 convolutions around the latents so that channel `c` leaves the encoder as
/// `(z - mean) / deviation` and enters the decoder as before.
pub fn fold_statistics(mut model: AutoencoderKl, statistics: &[(f64, f64)]) -> AutoencoderKl {
    let channels = statistics.len();
    if let Some(conv) = model.quant_conv.take() {
        model.quant_conv = Some(rewrite(conv, |weight, bias| {
            let inputs = weight.len() / (2 * channels);
            for (channel, (mean, deviation)) in statistics.iter().enumerate() {
                for value in &mut weight[channel * inputs..][..inputs] {
                    *value /= deviation;
                }
                bias[channel] = (bias[channel] - mean) / deviation;
                bias[channels + channel] -= 2.0 * deviation.ln();
            }
        }));
    }
    if let Some(conv) = model.post_quant_conv.take() {
        model.post_quant_conv = Some(rewrite(conv, |weight, bias| {
            for (row, bias) in weight.chunks_exact_mut(channels).zip(bias) {
                for (value, (mean, deviation)) in row.iter_mut().zip(statistics) {
                    *bias += *value * mean;
                    *value *= deviation;
                }
            }
        }));
    }
    model
}

/// Applies `change` to the weight (row-major) and bias of a 1x1 convolution, in f64.
fn rewrite<M: Module>(conv: M, change: impl FnOnce(&mut [f64], &mut [f64])) -> M {
    struct Read(Vec<Vec<f64>>);
    impl ModuleVisitor for Read {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.push(param.val().into_data().iter::<f64>().collect());
        }
    }
    struct Write(Vec<f64>, Vec<f64>);
    impl ModuleMapper for Write {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let values = if D == 4 { &self.0 } else { &self.1 };
            let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            param.map(|old| Tensor::from_data(TensorData::new(values, old.dims()), &old.device()))
        }
    }
    let mut read = Read(Vec::new());
    conv.visit(&mut read);
    let mut values = read.0.into_iter();
    let (mut weight, mut bias) = (
        values.next().unwrap_or_default(),
        values.next().unwrap_or_default(),
    );
    change(&mut weight, &mut bias);
    conv.map(&mut Write(weight, bias))
}

/// Mean absolute difference of an error picture between neighbours, across and down.
pub(crate) fn gradient_error(error: Tensor<4>) -> Tensor<1> {
    let [_, _, h, w] = error.dims();
    let across = error.clone().narrow(3, 1, w - 1) - error.clone().narrow(3, 0, w - 1);
    let down = error.clone().narrow(2, 1, h - 1) - error.narrow(2, 0, h - 1);
    across.abs().mean() + down.abs().mean()
}

/// Mean peak signal-to-noise ratio of pictures in -1 to 1, in decibels.
pub(crate) fn decibels(painted: &Tensor<4>, picture: &Tensor<4>) -> f64 {
    let [n, c, h, w] = picture.dims();
    let error = (painted.clone().clamp(-1.0, 1.0) - picture.clone())
        .square()
        .reshape([n, c * h * w])
        .mean_dim(1);
    let values: Vec<f64> = error.into_data().iter::<f64>().collect();
    values
        .iter()
        .map(|mse| 10.0 * (4.0 / mse.max(1e-12)).log10())
        .sum::<f64>()
        / n as f64
}

/// 1 before `from`, 0 after `to`, linear between.
fn fade(progress: f64, from: f64, to: f64) -> f64 {
    if to <= from {
        return if progress < from { 1.0 } else { 0.0 };
    }
    ((to - progress) / (to - from)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;
    use serde_json::json;

    #[test]
    fn folded_statistics_change_latents_and_leave_pictures() {
        let device = Device::flex();
        let config = AutoencoderKlConfig::from_json(&json!({
            "block_out_channels": [8, 8, 8, 16], "norm_num_groups": 4,
            "down_block_types": vec!["DownEncoderBlock2D"; 4],
            "up_block_types": vec!["UpDecoderBlock2D"; 4],
            "mid_block_add_attention": false, "scaling_factor": 1.0
        }))
        .unwrap();
        let model = fresh(&config, 3, &device);
        let picture = random::normal(&mut random::generator(1, "x", 0), [2, 3, 32, 32], &device);
        let before = model.encode(picture.clone());
        let painted = model.decode(before.mean.clone());
        let statistics = channel_statistics(before.mean.clone());
        let folded = fold_statistics(model, &statistics);
        let after = folded.encode(picture);
        for (mean, deviation) in channel_statistics(after.mean.clone()) {
            assert!(mean.abs() < 1e-4 && (deviation - 1.0).abs() < 1e-3);
        }
        let shift = (after.logvar - before.logvar).into_data();
        let expected = -2.0 * statistics[0].1.ln();
        assert!((shift.iter::<f64>().next().unwrap() - expected).abs() < 1e-3);
        let difference = (folded.decode(after.mean) - painted.clone())
            .square()
            .mean()
            .into_scalar::<f32>();
        let power = painted.square().mean().into_scalar::<f32>();
        assert!(difference < 1e-8 * power.max(1.0), "{difference} {power}");
    }

    #[test]
    fn regression_fades_between_the_shares() {
        assert_eq!(fade(0.1, 0.2, 0.6), 1.0);
        assert!((fade(0.4, 0.2, 0.6) - 0.5).abs() < 1e-12);
        assert_eq!(fade(0.9, 0.2, 0.6), 0.0);
    }
}
