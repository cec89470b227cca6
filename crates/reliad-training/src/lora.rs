//! Training of low-rank adapters of the UNet, beside the ControlNet and on top of weights that stay: a painter learns a
//! merchant's style, or what it still lacks, in a file of a few per cent of its size.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use reliad_dataset::Modality;
use reliad_diffusion::scheduler::Ddim;
use reliad_diffusion::{
    ClipTextModel, ClipTokenizer, ControlNetModel, ControlResiduals, UNet2DConditionModel,
};
use reliad_imaging::canny::THRESHOLDS;
use reliad_weights::ModelDir;
use reliad_weights::lora::{self, Adapters};
use serde::Deserialize;
use serde_json::Value;

use crate::controlnet::edges;
use crate::error::{Error, Result};
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::latents::Latents;
use crate::noised::{Noised, noised, schedule, weighted_error};
use crate::pictures::{Layout, Pictures};
use crate::progress::Control;
use crate::prompts;
use crate::random::{self, Order};
use crate::regions::{RegionWeights, Regions};
use crate::stage::{Ended, Stage};
use crate::world::World;

/// Settings of the adapters' training (`lora.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraTraining {
    /// Rows of each adapter's first factor: how much it can hold. Its scale is 1.
    pub rank: usize,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What the loss counts and the prompts lose.
    #[serde(default)]
    pub recipe: LoraRecipe,
}

/// What the loss counts and the prompts lose.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Side of the pictures in pixels.
    pub size: usize,
    /// Canny's lower threshold.
    pub canny_low: f32,
    /// Canny's upper threshold.
    pub canny_high: f32,
    /// Weight of places that the product covers: the ControlNet and the paste-back carry it.
    pub product_weight: f32,
    /// Weight of places around it, where contact and shadow are.
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

impl Default for LoraRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            size: 256,
            canny_low: THRESHOLDS[0],
            canny_high: THRESHOLDS[1],
            product_weight: 0.1,
            ring_weight: 1.0,
            ring_cells: 0,
            prompt_dropout: 0.1,
            clause_dropout: 0.07,
            held_out: 64,
        }
    }
}

/// Of reports and checkpoints, and of the component.
const NAME: &str = reliad_diffusion::painter::ADAPTERS;

/// Trains the adapters under the model's own schedule and ControlNet, where it has one, and writes
/// `lora/pytorch_lora_weights.safetensors`. Adapters that stand there are replaced, not trained on.
///
/// # Errors
/// A missing `vae/`, `tokenizer/`, `text_encoder/`, `scheduler/` or `unet/`, data that cannot be read, a configuration that
/// is not supported, or a failing disk.
pub fn train(config: &LoraTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    stage.on_one_device(NAME)?;
    if config.rank == 0 {
        return Err(Error::Setting {
            name: "rank",
            reason: "must be at least 1".to_owned(),
        });
    }
    let recipe = config.recipe;
    let failed = Error::component::<reliad_diffusion::Error>;
    let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
    let device = stage.training_device();
    let tokenizer = ClipTokenizer::load(&model.sub("tokenizer")).map_err(failed("tokenizer"))?;
    let text_encoder = ClipTextModel::load(&model.sub("text_encoder"), &stage.device)
        .map_err(failed("text_encoder"))?;
    let unet =
        UNet2DConditionModel::load(&model.sub("unet"), &stage.device).map_err(failed("unet"))?;
    let controlnet = match model.contains("controlnet") {
        true => Some(
            ControlNetModel::load(&model.sub("controlnet"), &stage.device)
                .map_err(failed("controlnet"))?,
        ),
        false => None,
    };
    let scheduler: Value = model
        .read_json("scheduler/scheduler_config.json")
        .map_err(Error::component("scheduler"))?;
    let world = World::open(&stage.data, recipe.samples)?;
    let Some(latents) = Latents::of_world(stage, &world, recipe.size, control)? else {
        return Ok(Ended::Stopped);
    };
    let all: Vec<usize> = (0..world.records().len()).collect();
    let products = world.pictures(&all, Modality::Product, Layout::Rgba, recipe.size)?;
    let weights = RegionWeights {
        product: recipe.product_weight,
        ring: recipe.ring_weight,
        ring_cells: recipe.ring_cells,
    };
    let regions = Regions::new(&products, latents.side(), weights);
    let edges = edges(&products, recipe.canny_low, recipe.canny_high);
    drop(products);
    let (train, mut held_out) = world.split();
    held_out.truncate(recipe.held_out);
    device.seed(stage.seed);
    let frozen = unet.clone().train().freeze();
    let start = Adapters::fresh(&frozen, config.rank);
    let mut task = LoraTask {
        order: Order::new(stage.seed, train.len()),
        train,
        held_out,
        world,
        latents,
        regions,
        edges,
        tokenizer,
        text_encoder,
        controlnet,
        plain_unet: unet.clone(),
        unet: frozen,
        schedule: schedule(&scheduler)?,
        recipe,
        batch_size: config.fit.batch_size,
        plain: stage.device.clone(),
    };
    match fit(
        &mut task,
        start,
        &stage.training(NAME, &config.fit, &stage.checkpoints(NAME)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            let file = stage.component(NAME).join(lora::FILE);
            model
                .save(&unet, "unet", &UNet2DConditionModel::key_map(), &file)
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

struct LoraTask {
    world: World,
    train: Vec<usize>,
    held_out: Vec<usize>,
    order: Order,
    latents: Latents,
    regions: Regions,
    edges: Pictures,
    tokenizer: ClipTokenizer,
    text_encoder: ClipTextModel,
    controlnet: Option<ControlNetModel>,
    /// Stands on the training device, without gradients of its own.
    unet: UNet2DConditionModel,
    plain_unet: UNet2DConditionModel,
    schedule: Ddim,
    recipe: LoraRecipe,
    batch_size: usize,
    plain: Device,
}

impl LoraTask {
    /// Weighted error of what `unet` predicts, under the ControlNet. All but the UNet computes without gradients and is
    /// lifted to its device.
    fn error(
        &self,
        unet: &UNet2DConditionModel,
        indices: &[usize],
        texts: &[String],
        rng: &mut ChaCha8Rng,
        lift: Lift,
    ) -> Result<Tensor<1>> {
        let noised = noised(
            self.latents.batch(indices, &self.plain),
            &self.schedule,
            rng,
        );
        let ids = prompts::ids(&self.tokenizer, texts, &self.plain)?;
        let text = self.text_encoder.forward(ids);
        let residuals = self.controlnet.as_ref().map(|controlnet| {
            let edges = self.edges.batch(indices, &self.plain).repeat_dim(1, 3);
            let residuals = controlnet.forward(
                noised.sample.clone(),
                noised.timesteps.clone(),
                text.clone(),
                edges,
                1.0,
            );
            ControlResiduals {
                down: residuals.down.into_iter().map(|x| lift.tensor(x)).collect(),
                mid: lift.tensor(residuals.mid),
            }
        });
        let noised = Noised {
            sample: lift.tensor(noised.sample),
            timesteps: lift.tensor(noised.timesteps),
            target: lift.tensor(noised.target),
            weight: lift.tensor(noised.weight),
        };
        let output = unet.forward(
            noised.sample.clone(),
            noised.timesteps.clone(),
            lift.tensor(text),
            residuals,
        );
        let region = lift.tensor(self.regions.batch(indices, &self.plain));
        Ok(weighted_error(output, &noised, region))
    }
}

/// Whether what was computed without gradients joins a graph.
#[derive(Clone, Copy)]
enum Lift {
    ToGraph,
    Not,
}

impl Lift {
    fn tensor<const D: usize>(self, tensor: Tensor<D>) -> Tensor<D> {
        match self {
            Self::ToGraph => Tensor::from_inner(tensor),
            Self::Not => tensor,
        }
    }
}

impl Task for LoraTask {
    type Model = Adapters;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&mut self, model: &Adapters, step: &mut Step) -> Result<Loss> {
        let indices: Vec<usize> = self
            .order
            .batch(step.index, self.batch_size)
            .into_iter()
            .map(|place| self.train[place])
            .collect();
        let texts: Vec<String> = indices
            .iter()
            .map(|&index| {
                prompts::with_dropout(
                    &self.world.records()[index].prompt,
                    self.recipe.prompt_dropout,
                    self.recipe.clause_dropout,
                    &mut step.rng,
                )
            })
            .collect();
        let unet = model.lay_on(self.unet.clone());
        Ok(Loss {
            total: self.error(&unet, &indices, &texts, &mut step.rng, Lift::ToGraph)?,
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &Adapters) -> Result<Vec<(String, f64)>> {
        let unet = average.lay_on(self.plain_unet.clone());
        let count = self.held_out.len();
        let mut error = 0.0;
        for first in (0..count).step_by(self.batch_size) {
            let indices = &self.held_out[first..(first + self.batch_size).min(count)];
            // The same noise every time: only the weights differ between two measurements.
            let mut rng = random::generator(0, "held out", first as u64);
            let texts: Vec<String> = indices
                .iter()
                .map(|&index| self.world.records()[index].prompt.clone())
                .collect();
            let batch = self.error(&unet, indices, &texts, &mut rng, Lift::Not)?;
            error += batch.into_scalar::<f64>() * indices.len() as f64 / count as f64;
        }
        Ok(vec![("held_out_loss".to_owned(), error)])
    }
}
