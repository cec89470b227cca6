//! Training of the depth and the saliency network against the rendered world's exact maps.

use burn::tensor::{Device, Tensor, activation};
use reliad_dataset::Modality;
use reliad_rfnet::depth_network::DepthNetwork;
use reliad_rfnet::dpt::Dpt;
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_rfnet::u2net::U2Net;
use reliad_weights::Precision;
use serde::Deserialize;
use serde_json::Value;

use crate::data::pictures::{Layout, Movement, Pictures};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::random::{self, Order};
use crate::stage::{Ended, Stage};

/// Settings of the depth and of the saliency training (`depth.json`, `saliency.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapTraining {
    /// The component's `config.json`.
    pub network: Value,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// Data.
    #[serde(default)]
    pub recipe: MapRecipe,
}

/// Data of a map's training.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MapRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Side of pictures and maps in pixels.
    pub size: usize,
    /// Standard deviation of noise on the picture (0 to 1), drawn up to this: painted pictures are
    /// not as clean as rendered ones.
    pub noise: f64,
    /// Pictures are mirrored at random and moved by up to so many pixels, their maps with them.
    pub shift: u32,
    /// Held-out samples of each measurement.
    pub held_out: usize,
}

impl Default for MapRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            size: 128,
            noise: 0.04,
            shift: 8,
            held_out: 64,
        }
    }
}

/// Trains the depth network (L1 and gradient error against inverse depth, scaled by each picture's
/// own least and greatest) and writes `depth/`.
///
/// # Errors
/// Data that cannot be read, a configuration that is not supported, or a failing disk.
pub fn train_depth(
    config: &MapTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<Ended> {
    let device = stage.training_device();
    device.seed(stage.seed);
    let start =
        DepthNetwork::init(&config.network, &device).map_err(Error::component("depth config"))?;
    let mut task = DepthTask {
        data: MapData::read(config, stage, Modality::Depth)?,
        template: start.clone(),
    };
    let model = start.network().clone();
    match fit(
        &mut task,
        model,
        &stage.training("depth", &config.fit, &stage.checkpoints("depth")),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            task.with(model)
                .save(&stage.component("depth"), &config.network, Precision::F16)
                .map_err(Error::component("depth"))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// Trains the saliency network (binary cross-entropy of the fused map and of all side maps, as the
/// paper of U2-Net does) and writes `saliency/`.
///
/// # Errors
/// As [`train_depth`].
pub fn train_saliency(
    config: &MapTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<Ended> {
    let device = stage.training_device();
    device.seed(stage.seed);
    let start = SaliencyNetwork::init(&config.network, &device)
        .map_err(Error::component("saliency config"))?;
    let mut task = SaliencyTask {
        data: MapData::read(config, stage, Modality::Saliency)?,
        template: start.clone(),
    };
    let model = start.network().clone();
    match fit(
        &mut task,
        model,
        &stage.training("saliency", &config.fit, &stage.checkpoints("saliency")),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            task.with(model)
                .save(
                    &stage.component("saliency"),
                    &config.network,
                    Precision::F16,
                )
                .map_err(Error::component("saliency"))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// Pictures and one kind of map, in the same order.
struct MapData {
    pictures: Pictures,
    maps: Pictures,
    held_out_pictures: Pictures,
    held_out_maps: Pictures,
    order: Order,
    noise: f64,
    shift: u32,
    batch_size: usize,
    plain: Device,
}

impl MapData {
    fn read(config: &MapTraining, stage: &Stage, map: Modality) -> Result<Self> {
        let recipe = config.recipe;
        let world = World::open(&stage.data, recipe.samples)?;
        let (train, mut held_out) = world.split();
        held_out.truncate(recipe.held_out);
        let pictures =
            |indices: &[usize]| world.pictures(indices, Modality::Image, Layout::Rgb, recipe.size);
        let maps = |indices: &[usize]| world.pictures(indices, map, Layout::Gray, recipe.size);
        Ok(Self {
            pictures: pictures(&train)?,
            maps: maps(&train)?,
            held_out_pictures: pictures(&held_out)?,
            held_out_maps: maps(&held_out)?,
            order: Order::new(stage.seed, train.len()),
            noise: recipe.noise,
            shift: recipe.shift,
            batch_size: config.fit.batch_size,
            plain: stage.device.clone(),
        })
    }

    /// Pictures (moved and noised) and their maps of a step, in 0 to 1.
    fn batch(&self, step: &mut Step) -> (Tensor<4>, Tensor<4>) {
        use rand::RngExt as _;
        let indices = self.order.batch(step.index, self.batch_size);
        let moves = Movement::draw(indices.len(), self.shift, &mut step.rng);
        let pictures = self.pictures.moved(&indices, &moves, &step.device);
        let strength = step.rng.random::<f64>() * self.noise;
        let noise = random::normal(&mut step.rng, pictures.dims(), &step.device);
        (
            (pictures + noise * strength).clamp(0.0, 1.0),
            self.maps.moved(&indices, &moves, &step.device),
        )
    }

    /// Mean over held-out samples of what `measure` gives for a picture and its map.
    fn held_out(&self, measure: impl Fn(Tensor<4>, Tensor<4>) -> f64) -> f64 {
        let count = self.held_out_pictures.len();
        let sum: f64 = (0..count)
            .map(|index| {
                measure(
                    self.held_out_pictures.batch(&[index], &self.plain),
                    self.held_out_maps.batch(&[index], &self.plain),
                )
            })
            .sum();
        sum / count.max(1) as f64
    }
}

/// Each picture's map stretched to 0..1 by its own least and greatest value.
fn stretched(map: Tensor<4>) -> Tensor<4> {
    let [n, channels, h, w] = map.dims();
    let flat = map.reshape([n, channels * h * w]);
    let least = flat.clone().min_dim(1);
    let span = (flat.clone().max_dim(1) - least.clone()).clamp_min(1e-6);
    ((flat - least) / span).reshape([n, channels, h, w])
}

/// Mean absolute difference of an error map between neighbours, across and down.
fn edges(error: Tensor<4>) -> Tensor<1> {
    let [_, _, h, w] = error.dims();
    let across = error.clone().narrow(3, 1, w - 1) - error.clone().narrow(3, 0, w - 1);
    let down = error.clone().narrow(2, 1, h - 1) - error.narrow(2, 0, h - 1);
    across.abs().mean() + down.abs().mean()
}

struct DepthTask {
    data: MapData,
    template: DepthNetwork,
}

impl DepthTask {
    fn with(&self, network: Dpt) -> DepthNetwork {
        DepthNetwork::new(network, self.template.input().clone())
    }
}

impl Task for DepthTask {
    type Model = Dpt;

    fn samples(&self) -> usize {
        self.data.order.count()
    }

    fn loss(&self, model: &Dpt, step: &mut Step) -> Result<Loss> {
        let (pictures, maps) = self.data.batch(step);
        let raw = model.forward(self.template.input().apply(pictures));
        let error = raw - stretched(maps);
        let absolute = error.clone().abs().mean();
        Ok(Loss {
            gradients: None,
            total: absolute.clone() + edges(error) * 0.5,
            parts: vec![("l1", absolute)],
        })
    }

    fn validate(&mut self, average: &Dpt) -> Result<Vec<(String, f64)>> {
        let network = self.with(average.clone());
        let error = self.data.held_out(|picture, map| {
            (network.estimate(picture) - stretched(map))
                .abs()
                .mean()
                .into_scalar::<f64>()
        });
        Ok(vec![("mean_absolute_error".to_owned(), error)])
    }
}

struct SaliencyTask {
    data: MapData,
    template: SaliencyNetwork,
}

impl SaliencyTask {
    fn with(&self, network: U2Net) -> SaliencyNetwork {
        SaliencyNetwork::new(network, self.template.input().clone(), false)
    }
}

impl Task for SaliencyTask {
    type Model = U2Net;

    fn samples(&self) -> usize {
        self.data.order.count()
    }

    fn loss(&self, model: &U2Net, step: &mut Step) -> Result<Loss> {
        let (pictures, maps) = self.data.batch(step);
        let logits = model.forward(self.template.input().apply(pictures));
        let fused = cross_entropy(logits.fused, maps.clone());
        let total = logits.sides.into_iter().fold(fused.clone(), |sum, side| {
            sum + cross_entropy(side, maps.clone())
        });
        Ok(Loss {
            gradients: None,
            total,
            parts: vec![("fused", fused)],
        })
    }

    fn validate(&mut self, average: &U2Net) -> Result<Vec<(String, f64)>> {
        let network = self.with(average.clone());
        let overlap = self.data.held_out(|picture, map| {
            let found = network.estimate(picture).greater_scalar(0.5).float();
            let truth = map.greater_scalar(0.5).float();
            let both = (found.clone() * truth.clone()).sum().into_scalar::<f64>();
            let either = (found.sum() + truth.sum()).into_scalar::<f64>() - both;
            if either == 0.0 { 1.0 } else { both / either }
        });
        Ok(vec![("intersection_over_union".to_owned(), overlap)])
    }

    fn error(figures: &[(String, f64)]) -> f64 {
        figures
            .first()
            .map_or(f64::INFINITY, |(_, overlap)| -overlap)
    }
}

/// Mean binary cross-entropy of logits against probabilities.
fn cross_entropy(logits: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    (activation::softplus(logits.clone(), 1.0) - logits * target).mean()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_of_logits_is_that_of_probabilities() {
        let device = Device::flex();
        let logits = Tensor::<4>::from_floats([[[[2.0, -1.0]]]], &device);
        let target = Tensor::<4>::from_floats([[[[1.0, 0.25]]]], &device);
        let p = [1.0 / (1.0 + (-2.0f64).exp()), 1.0 / (1.0 + 1.0f64.exp())];
        let expected = -0.5 * (p[0].ln() + 0.25 * p[1].ln() + 0.75 * (1.0 - p[1]).ln());
        let got = cross_entropy(logits, target).into_scalar::<f64>();
        assert!((got - expected).abs() < 1e-6, "{got} {expected}");
    }
}
