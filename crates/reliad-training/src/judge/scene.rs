//! Training of the scene network: family, main colour and light of rendered scenes, their products covered.

use std::collections::BTreeSet;

use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use image::{GrayImage, ImageBuffer};
use reliad_dataset::{Label, Modality, Record};
use reliad_imaging::Class;
use reliad_rfnet::preprocess::Preprocess;
use reliad_rfnet::scene_network::{COMPONENT, SceneLogits, SceneNetwork, SceneNetworkConfig, fill};
use reliad_weights::Precision;
use serde::Deserialize;

use crate::data::pictures::{Layout, Movement, Pictures};
use crate::data::soften::{Softening, soften};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::random::Order;
use crate::stage::{Ended, Stage};

/// Settings of the scene network's training (`scene.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneTraining {
    /// The component's `config.json`; `families`, `colors` and `lights` left out are taken from the data.
    pub network: SceneNetworkConfig,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// Data and what is done to it.
    #[serde(default)]
    pub recipe: SceneRecipe,
}

/// Data of the scene network's training.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Samples of these labels are left out.
    pub without: Vec<Class>,
    /// Held-out samples of each measurement.
    pub held_out: usize,
    /// Pictures are mirrored at random and moved by up to so many pixels of the input.
    pub shift: u32,
    /// How pictures are softened, noised and exposed: painted ones are softer than rendered ones.
    pub softening: Softening,
}

impl Default for SceneRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            without: Vec::new(),
            held_out: 512,
            shift: 6,
            softening: Softening::default(),
        }
    }
}

/// Trains the scene network and writes `scene/`.
///
/// # Errors
/// Data that cannot be read or whose records don't tell their scenes, a configuration that is not supported, or a
/// failing disk.
pub fn train(config: &SceneTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    let recipe = &config.recipe;
    recipe.softening.check()?;
    let failed = Error::component::<reliad_rfnet::Error>;
    let world = World::open(&stage.data, recipe.samples)?;
    let network = named(config.network.clone(), &world, stage)?;
    let (mut train, mut held_out) = world.split();
    for part in [&mut train, &mut held_out] {
        part.retain(|&index| {
            let record = &world.records()[index];
            !record
                .label
                .and_then(Label::class)
                .is_some_and(|class| recipe.without.contains(&class))
                && family_of(record).is_some()
        });
    }
    if train.is_empty() || held_out.is_empty() {
        return Err(Error::Data {
            path: stage.data.clone(),
            reason: format!(
                "{} samples to train on and {} held out tell their scene and aren't left out by `without`",
                train.len(),
                held_out.len()
            ),
        });
    }
    held_out.truncate(recipe.held_out);
    let device = stage.training_device();
    device.seed(stage.seed);
    let start = network.init(&device).map_err(failed("scene config"))?;
    let mut task = SceneTask {
        order: Order::new(stage.seed, train.len()),
        train: SceneData::read(&world, &train, &network)?,
        held_out: SceneData::read(&world, &held_out, &network)?,
        preprocess: network.preprocess.init().map_err(failed("preprocess"))?,
        config: network.clone(),
        recipe: recipe.clone(),
        batch_size: config.fit.batch_size,
        plain: stage.device.clone(),
    };
    match fit(
        &mut task,
        start,
        &stage.training(COMPONENT, &config.fit, &stage.checkpoints(COMPONENT)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            let dir = stage.component(COMPONENT);
            reliad_weights::save(
                &model,
                &dir.join("model.safetensors"),
                Precision::F16,
                &SceneNetwork::key_map(),
            )
            .map_err(Error::component(COMPONENT))?;
            reliad_weights::write_config(&dir.join("config.json"), &network)
                .map_err(Error::component(COMPONENT))?;
            Ok(Ended::Finished(figures))
        }
    }
}

fn family_of(record: &Record) -> Option<&str> {
    record.parameters.as_ref()?.scene_family.as_deref()
}

fn color_of(record: &Record) -> Option<&str> {
    record.parameters.as_ref()?.main_color.as_deref()
}

fn light_of(record: &Record) -> Option<&str> {
    record.parameters.as_ref()?.light_side.as_deref()
}

/// The side that is seen in the mirrored picture.
fn mirrored(side: &str) -> &str {
    match side {
        "left" => "right",
        "right" => "left",
        side => side,
    }
}

/// The configuration with the data's names, sorted, where it has none. Data needn't tell the light.
fn named(
    mut network: SceneNetworkConfig,
    world: &World,
    stage: &Stage,
) -> Result<SceneNetworkConfig> {
    let names = |of: fn(&Record) -> Option<&str>, field: &str| -> Result<Vec<String>> {
        let names: BTreeSet<&str> = world.records().iter().filter_map(of).collect();
        if names.is_empty() {
            return Err(Error::Data {
                path: stage.data.clone(),
                reason: format!(
                    "no record has parameters.{field}; render the samples again with `reliad synth render`"
                ),
            });
        }
        Ok(names.into_iter().map(str::to_owned).collect())
    };
    if network.families.is_empty() {
        network.families = names(family_of, "scene_family")?;
    }
    if network.colors.is_empty() {
        network.colors = names(color_of, "main_color")?;
    }
    if network.lights.is_empty()
        && world
            .records()
            .iter()
            .any(|record| light_of(record).is_some())
    {
        network.lights = names(light_of, "light_side")?;
    }
    Ok(network)
}

/// Pictures, covers and labels, in the same order.
struct SceneData {
    pictures: Pictures,
    covers: Pictures,
    families: Vec<usize>,
    /// Absent where the record doesn't tell the colour.
    colors: Vec<Option<usize>>,
    /// Of the picture and of its mirror image; absent where the record doesn't tell.
    lights: Vec<Option<[usize; 2]>>,
}

impl SceneData {
    fn read(world: &World, indices: &[usize], network: &SceneNetworkConfig) -> Result<Self> {
        let size = network.preprocess.image_size;
        let place = |names: &[String], name: &str| names.iter().position(|known| known == name);
        let unknown = |index: usize, what: &str, name: &str| Error::Data {
            path: world.records()[index].image.file().to_owned(),
            reason: format!(
                "its {what} `{name}` is not in the configuration's list; add it there or leave the list out"
            ),
        };
        let (mut families, mut colors, mut lights) = (Vec::new(), Vec::new(), Vec::new());
        for &index in indices {
            let record = &world.records()[index];
            let family = family_of(record).unwrap_or_default();
            families.push(
                place(&network.families, family)
                    .ok_or_else(|| unknown(index, "scene family", family))?,
            );
            colors.push(match color_of(record) {
                None => None,
                Some(color) => Some(
                    place(&network.colors, color)
                        .ok_or_else(|| unknown(index, "main colour", color))?,
                ),
            });
            lights.push(match light_of(record) {
                Some(side) if !network.lights.is_empty() => {
                    let of = |side: &str| {
                        place(&network.lights, side).ok_or_else(|| unknown(index, "light", side))
                    };
                    Some([of(side)?, of(mirrored(side))?])
                }
                _ => None,
            });
        }
        Ok(Self {
            pictures: world.pictures(indices, Modality::Image, Layout::Rgb, size)?,
            covers: covers(world, indices, network)?,
            families,
            colors,
            lights,
        })
    }

    /// Class indices `[n, 1]` of a head and which of them count, `[n, 1]`.
    fn targets(
        labels: impl Iterator<Item = Option<usize>>,
        device: &Device,
    ) -> (Tensor<2, Int>, Tensor<2>) {
        let (classes, counted): (Vec<i64>, Vec<f32>) = labels
            .map(|label| label.map_or((0, 0.0), |label| (label as i64, 1.0)))
            .unzip();
        let shape = [classes.len(), 1];
        (
            Tensor::from_data(TensorData::new(classes, shape), device),
            Tensor::from_data(TensorData::new(counted, shape), device),
        )
    }
}

/// Where the products hide the scenes, at the network's size. Read in parts: only one plane of four is kept.
fn covers(world: &World, indices: &[usize], network: &SceneNetworkConfig) -> Result<Pictures> {
    const PART: usize = 256;
    let size = network.preprocess.image_size;
    let plane = size * size;
    let mut bytes = Vec::with_capacity(indices.len() * plane);
    for part in indices.chunks(PART) {
        let products = world.pictures(part, Modality::Product, Layout::Rgba, size)?;
        for index in 0..products.len() {
            let alpha = products.bytes(index)[3 * plane..].to_vec();
            let side = size as u32;
            let alpha: GrayImage = ImageBuffer::from_raw(side, side, alpha).unwrap_or_default();
            bytes.extend(network.cover(&alpha).into_raw());
        }
    }
    Ok(Pictures::from_bytes(Layout::Gray, size, bytes))
}

struct SceneTask {
    config: SceneNetworkConfig,
    preprocess: Preprocess,
    recipe: SceneRecipe,
    train: SceneData,
    held_out: SceneData,
    order: Order,
    batch_size: usize,
    plain: Device,
}

impl SceneTask {
    fn covered(&self, pictures: Tensor<4>, covers: Tensor<4>) -> Tensor<4> {
        self.preprocess
            .generated(fill(pictures, covers, &self.config.preprocess))
    }

    /// Shares of held-out samples whose family, colour, both, and light are found; pictures reduced to `reduction` of
    /// their side and enlarged again first.
    fn accuracy(&self, network: &SceneNetwork, reduction: f64) -> [f64; 4] {
        let data = &self.held_out;
        let places: Vec<usize> = (0..data.families.len()).collect();
        let (mut hits, mut counts) = ([0.0; 4], [0.0; 4]);
        for chunk in places.chunks(self.batch_size) {
            let pictures = data.pictures.batch(chunk, &self.plain);
            let pictures = crate::data::soften::reduced(pictures, reduction);
            let covers = data.covers.batch(chunk, &self.plain);
            let features = network.features(self.covered(pictures, covers));
            let SceneLogits {
                family,
                color,
                light,
            } = network.classify(features);
            let found = |logits: Tensor<2>| -> Vec<i64> {
                logits.argmax(1).into_data().iter::<i64>().collect()
            };
            for (&place, light) in chunk.iter().zip(light.map(found).unwrap_or_default()) {
                if let Some([wanted, _]) = data.lights[place] {
                    hits[3] += f64::from(light as usize == wanted);
                    counts[3] += 1.0;
                }
            }
            for ((&place, family), color) in chunk.iter().zip(found(family)).zip(found(color)) {
                let right_family = family as usize == data.families[place];
                hits[0] += f64::from(right_family);
                counts[0] += 1.0;
                if let Some(wanted) = data.colors[place] {
                    let right_color = color as usize == wanted;
                    hits[1] += f64::from(right_color);
                    hits[2] += f64::from(right_color && right_family);
                    counts[1] += 1.0;
                    counts[2] += 1.0;
                }
            }
        }
        std::array::from_fn(|i| hits[i] / f64::max(counts[i], 1.0))
    }
}

/// Mean cross-entropy over the samples that count.
fn cross_entropy(logits: Tensor<2>, (classes, counted): (Tensor<2, Int>, Tensor<2>)) -> Tensor<1> {
    let chosen = log_softmax(logits, 1).gather(1, classes);
    (chosen * counted.clone()).sum().neg() / counted.sum().clamp_min(1.0)
}

impl Task for SceneTask {
    type Model = SceneNetwork;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &SceneNetwork, step: &mut Step) -> Result<Loss> {
        let places = self.order.batch(step.index, self.batch_size);
        let moves = Movement::draw(places.len(), self.recipe.shift, &mut step.rng);
        let data = &self.train;
        // On the plain device: nothing of the input needs a gradient.
        let pictures = data.pictures.moved(&places, &moves, &self.plain);
        let covers = data.covers.moved(&places, &moves, &self.plain);
        // Covered before it is softened as well: no colour of the product may run out past its cover.
        let pictures = fill(pictures, covers.clone(), &self.config.preprocess);
        let seen = soften(pictures, &self.recipe.softening, &mut step.rng);
        let seen = Tensor::from_inner(self.covered(seen, covers));
        let SceneLogits {
            family,
            color,
            light,
        } = model.classify(model.features(seen));
        let targets =
            |labels: Vec<Option<usize>>| SceneData::targets(labels.into_iter(), &step.device);
        let families = targets(places.iter().map(|&at| Some(data.families[at])).collect());
        let colors = targets(places.iter().map(|&at| data.colors[at]).collect());
        let (family, color) = (
            cross_entropy(family, families),
            cross_entropy(color, colors),
        );
        let mut total = family.clone() + color.clone();
        let mut parts = vec![("family", family), ("color", color)];
        if let Some(light) = light {
            let sides = places.iter().zip(&moves);
            let sides =
                sides.map(|(&at, moved)| Some(data.lights[at]?[usize::from(moved.mirrored)]));
            let light = cross_entropy(light, targets(sides.collect()));
            total = total + light.clone();
            parts.push(("light", light));
        }
        Ok(Loss {
            gradients: None,
            total,
            parts,
        })
    }

    fn validate(&mut self, average: &SceneNetwork) -> Result<Vec<(String, f64)>> {
        let average = average.valid();
        let sharp = self.accuracy(&average, 1.0);
        let soft = self.accuracy(&average, 0.5);
        let names = [
            "family_accuracy",
            "color_accuracy",
            "accuracy",
            "light_accuracy",
        ];
        let told = if self.config.lights.is_empty() { 3 } else { 4 };
        let figures = names.into_iter().zip(sharp).take(told);
        let soft = ("accuracy_at_half_size", soft[2]);
        Ok(figures
            .chain([soft])
            .map(|(name, value)| (name.to_owned(), value))
            .collect())
    }

    fn error(figures: &[(String, f64)]) -> f64 {
        let both = figures.iter().find(|(name, _)| name == "accuracy");
        both.map_or(f64::INFINITY, |(_, accuracy)| -accuracy)
    }
}
