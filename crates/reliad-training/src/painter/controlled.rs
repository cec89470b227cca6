//! What a network learns from that works under the edges of the product: ControlNets, and adapters beside one.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use reliad_dataset::{Modality, Record};
use reliad_diffusion::product::control;
use reliad_diffusion::scheduler::NoiseSchedule;
use reliad_diffusion::{ClipTextModel, ClipTokenizer};
use reliad_imaging::canny::THRESHOLDS;
use reliad_weights::ModelDir;
use serde::Deserialize;

use crate::data::edges::Edges;
use crate::data::pictures::Layout;
use crate::data::prompts;
use crate::data::regions::{Cover, RegionWeights, Regions};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::Step;
use crate::fit::progress::Control;
use crate::painter::latents::Latents;
use crate::painter::noised::{Noised, noised, schedule};
use crate::painter::shards::Shards;
use crate::random::{self, Order};
use crate::stage::Stage;

/// What the loss counts and the prompts lose.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlledRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Side of the pictures in pixels.
    pub size: usize,
    /// Canny's lower threshold.
    pub canny_low: f32,
    /// Canny's upper threshold.
    pub canny_high: f32,
    /// Weight of places that the product covers.
    pub product_weight: f32,
    /// Weight of places around it: contact and shadow must follow the edges.
    pub ring_weight: f32,
    /// Width of that ring in latent cells.
    pub ring_cells: usize,
    /// Probability of an empty prompt.
    pub prompt_dropout: f64,
    /// Probability that a clause is left out.
    pub clause_dropout: f64,
    /// Held-out samples of each measurement.
    pub held_out: usize,
}

impl Default for ControlledRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            size: 256,
            canny_low: THRESHOLDS[0],
            canny_high: THRESHOLDS[1],
            product_weight: 0.5,
            ring_weight: 2.0,
            ring_cells: 3,
            prompt_dropout: 0.2,
            clause_dropout: 0.07,
            held_out: 64,
        }
    }
}

/// What a training does with samples that have no picture of their product alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutProduct {
    /// They are left out: it learns from edges.
    LeftOut,
    /// They are learned from without edges, and nothing need be held out.
    Taken,
}

/// The samples of a folder as latents, edges and prompts, and the frozen networks that read these.
pub struct Controlled {
    world: World,
    train: Vec<usize>,
    held_out: Vec<usize>,
    order: Order,
    latents: Latents,
    regions: Regions,
    edges: Edges,
    /// Whether each sample has a picture of its product.
    shown: Vec<bool>,
    tokenizer: ClipTokenizer,
    text_encoder: ClipTextModel,
    schedule: NoiseSchedule,
    recipe: ControlledRecipe,
    batch_size: usize,
    device: Device,
}

/// Some samples, without gradients.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Latents under noise, and what a network should make of them.
    pub noised: Noised,
    /// Prompts `[n, tokens, width]`.
    pub text: Tensor<3>,
    /// Edges of the products `[n, 3, height, width]`, 0 or 1.
    pub edges: Tensor<4>,
    /// 1 for the samples that show edges, 0 for the others `[n, 1, 1, 1]`; `None` where all do.
    pub shown: Option<Tensor<4>>,
    /// How much each place counts `[n, 1, h, w]`.
    pub region: Tensor<4>,
}

impl Batch {
    /// The same for a network that trains.
    pub fn lifted(self) -> Self {
        let Noised {
            sample,
            timesteps,
            target,
            weight,
        } = self.noised;
        Self {
            noised: Noised {
                sample: Tensor::from_inner(sample),
                timesteps: Tensor::from_inner(timesteps),
                target: Tensor::from_inner(target),
                weight: Tensor::from_inner(weight),
            },
            text: Tensor::from_inner(self.text),
            edges: Tensor::from_inner(self.edges),
            shown: self.shown.map(Tensor::from_inner),
            region: Tensor::from_inner(self.region),
        }
    }
}

impl WithoutProduct {
    /// Leaves samples out, or doesn't, and says of how many it is so.
    fn told(self, data: &Path, shown: &[bool], parts: &mut [&mut Vec<usize>]) -> Result<()> {
        let without = shown.iter().filter(|&&shown| !shown).count();
        if without == 0 {
            return Ok(());
        }
        let count = shown.len();
        match self {
            Self::Taken => tracing::warn!(
                "{without} of {count} samples have no picture of the product alone: they are learned from without the ControlNet"
            ),
            Self::LeftOut => {
                for part in parts {
                    part.retain(|&index| shown[index]);
                    if part.is_empty() {
                        return Err(Error::Data {
                            path: data.to_owned(),
                            reason: format!(
                                "{without} of {count} samples have no picture of the product alone, whose edges a ControlNet learns \
                                 to follow; what is left can't be trained on and measured. Import the data with its products \
                                 (`reliad data import --products`)"
                            ),
                        });
                    }
                }
                tracing::warn!(
                    "{without} of {count} samples are left out: they have no picture of the product alone"
                );
            }
        }
        Ok(())
    }
}

impl Controlled {
    /// Reads the stage's samples for the painter `model`, whose prompts `text_encoder` reads. `None` when the caller asked to
    /// stop.
    ///
    /// # Errors
    /// A missing `vae/`, `tokenizer/` or `scheduler/`, or data that cannot be read.
    pub fn open(
        model: &ModelDir,
        text_encoder: ClipTextModel,
        stage: &Stage,
        (recipe, without_product): (ControlledRecipe, WithoutProduct),
        batch_size: usize,
        control: &mut Control<'_>,
    ) -> Result<Option<Self>> {
        let tokenizer =
            ClipTokenizer::load(&model.sub("tokenizer")).map_err(Error::component("tokenizer"))?;
        let scheduler =
            reliad_diffusion::painter::scheduler(model).map_err(Error::component("scheduler"))?;
        let world = match without_product {
            WithoutProduct::LeftOut => World::open(&stage.data, recipe.samples)?,
            WithoutProduct::Taken => World::open_to_train(&stage.data, recipe.samples)?,
        };
        world.require_prompts()?;
        let canny = [recipe.canny_low, recipe.canny_high];
        let count = world.records().len();
        let mut shown = vec![true; count];
        let (latents, cover, edges) = if let Some(shards) = Shards::open(&stage.data)? {
            let (latents, cover) = shards.read(&model.sub("vae"), recipe.size, count)?;
            (latents, cover, shards.edges(recipe.size, canny, count)?)
        } else {
            let Some(latents) = Latents::of_world(stage, &world, recipe.size, control)? else {
                return Ok(None);
            };
            let has = |record: &Record| record.product.is_some();
            shown = world.records().iter().map(has).collect();
            let with: Vec<usize> = (0..count).filter(|&index| shown[index]).collect();
            let products = world.pictures(&with, Modality::Product, Layout::Rgba, recipe.size)?;
            let cover = Cover::of(&products, latents.side()).among(&with, count);
            let edges = Edges::of(&products, canny)?.among(&with, count);
            (latents, cover, edges)
        };
        let weights = RegionWeights {
            product: recipe.product_weight,
            ring: recipe.ring_weight,
            ring_cells: recipe.ring_cells,
        };
        let (mut train, mut held_out) = world.split();
        without_product.told(&stage.data, &shown, &mut [&mut train, &mut held_out])?;
        held_out.truncate(recipe.held_out);
        Ok(Some(Self {
            regions: Regions::new(&cover, weights),
            edges,
            shown,
            order: Order::new(stage.seed, train.len()),
            train,
            held_out,
            world,
            latents,
            tokenizer,
            text_encoder,
            schedule: schedule(&scheduler)?,
            recipe,
            batch_size,
            device: stage.device.clone(),
        }))
    }

    /// Samples of one epoch.
    pub fn samples(&self) -> usize {
        self.order.count()
    }

    /// The samples of a step, their prompts with what the recipe takes away.
    ///
    /// # Errors
    /// A prompt that the vocabulary cannot spell.
    pub fn batch(&self, step: &mut Step) -> Result<Batch> {
        let places = self.order.batch(step.index, self.batch_size).into_iter();
        let indices: Vec<usize> = places.map(|place| self.train[place]).collect();
        let ControlledRecipe {
            prompt_dropout,
            clause_dropout,
            ..
        } = self.recipe;
        let texts = indices.iter().map(|&index| {
            let prompt = &self.world.records()[index].prompt;
            prompts::with_dropout(prompt, prompt_dropout, clause_dropout, &mut step.rng)
        });
        let texts: Vec<String> = texts.collect();
        self.of(&indices, &texts, &mut step.rng)
    }

    /// Whether there is nothing to measure on.
    pub fn nothing_held_out(&self) -> bool {
        self.held_out.is_empty()
    }

    /// The held-out samples, each batch with its share of them, under the same noise every time: only the weights differ
    /// between two measurements.
    pub fn held_out(&self) -> impl Iterator<Item = Result<(f64, Batch)>> {
        let batches = self.held_out.chunks(self.batch_size).enumerate();
        batches.map(|(number, indices)| {
            let first = (number * self.batch_size) as u64;
            let mut rng = random::generator(0, "held out", first);
            let texts: Vec<String> = indices
                .iter()
                .map(|&index| self.world.records()[index].prompt.clone())
                .collect();
            let share = indices.len() as f64 / self.held_out.len() as f64;
            Ok((share, self.of(indices, &texts, &mut rng)?))
        })
    }

    fn shown(&self, indices: &[usize]) -> Option<Tensor<4>> {
        let shown = || indices.iter().map(|&index| self.shown[index]);
        if shown().all(|shown| shown) {
            return None;
        }
        let values: Vec<f32> = shown().map(|shown| f32::from(u8::from(shown))).collect();
        let data = TensorData::new(values, [indices.len(), 1, 1, 1]);
        Some(Tensor::from_data(data, &self.device))
    }

    fn of(&self, indices: &[usize], texts: &[String], rng: &mut ChaCha8Rng) -> Result<Batch> {
        let ids = prompts::ids(&self.tokenizer, texts, &self.device)?;
        let clean = self.latents.batch(indices, &self.device);
        Ok(Batch {
            text: self.text_encoder.forward(ids),
            noised: noised(clean, &self.schedule, rng),
            edges: control(self.edges.batch(indices, &self.device)),
            shown: self.shown(indices),
            region: self.regions.batch(indices, &self.device),
        })
    }
}
