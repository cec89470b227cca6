//! Training of text encoder and UNet together, from scratch, on latents.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_dataset::Modality;
use reliad_diffusion::scheduler::{NoiseSchedule, PredictionType};
use reliad_diffusion::{
    ClipTextConfig, ClipTextModel, ClipTokenizer, UNet2DConditionConfig, UNet2DConditionModel,
};
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::data::pictures::Layout;
use crate::data::prompts;
use crate::data::regions::{Cover, RegionWeights, Regions};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::painter::first_weights::{fresh, standing};
use crate::painter::latents::Latents;
use crate::painter::noised::{
    Noised, noised, noised_at, schedule, scheduler, scheduler_config, weighted_error,
};
use crate::painter::shards::Shards;
use crate::random::{self, Order};
use crate::stage::{Ended, Stage};

/// Settings of the painter's training (`painter.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PainterTraining {
    /// `text_encoder/config.json`; `vocab_size` and `max_position_embeddings` are those of the
    /// tokenizer when left out.
    pub text_encoder: Value,
    /// `unet/config.json`.
    pub unet: Value,
    /// What is written as the model's `sampling.json`, how `generate` samples it by default; absent: none is written.
    #[serde(default)]
    pub sampling: Option<Value>,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What the loss counts and the prompts lose.
    #[serde(default)]
    pub recipe: PainterRecipe,
}

/// What the loss counts and the prompts lose.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PainterRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Side of the pictures in pixels.
    pub size: usize,
    /// What the UNet predicts: `v_prediction` or `sample`. Ours: a UNet of a few million parameters has no room to pass the
    /// noise of its input through to its output, which a velocity asks of it and the clean sample does not.
    pub prediction: PredictionType,
    /// Share of the budget, at its start, in which pictures are seen at half this size, where a step costs about a
    /// third. Ours.
    pub half_size_share: f64,
    /// Factor of the queries' and keys' first weights where pixels attend to the text; 1 is PyTorch's initialisation.
    /// Ours: above 1, attention starts less even over a prompt's tokens and its padding.
    pub text_attention: f64,
    /// Standard deviation of fresh token embeddings. Ours; transformers has 0.02.
    pub token_spread: f64,
    /// Standard deviation of fresh position embeddings. Ours; transformers has 0.02.
    pub position_spread: f64,
    /// Weight of places that the product covers: the ControlNet and the paste-back carry it.
    pub product_weight: f32,
    /// Probability of an empty prompt.
    pub prompt_dropout: f64,
    /// Probability that a clause is left out.
    pub clause_dropout: f64,
    /// Held-out samples of each measurement.
    pub held_out: usize,
}

impl Default for PainterRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            size: 256,
            prediction: PredictionType::Sample,
            half_size_share: 0.0,
            text_attention: 1.0,
            token_spread: 0.5,
            position_spread: 0.1,
            product_weight: 0.1,
            prompt_dropout: 0.1,
            clause_dropout: 0.07,
            held_out: 64,
        }
    }
}

/// Text encoder and UNet.
#[derive(Module, Debug)]
pub struct PainterNetworks {
    /// Reads the prompt.
    pub text_encoder: ClipTextModel,
    /// Predicts what [`PainterRecipe::prediction`] says.
    pub unet: UNet2DConditionModel,
}

const NAME: &str = "painter";

/// Trains text encoder and UNet and writes `text_encoder/`, `unet/`, `scheduler/` and `sampling.json`.
///
/// # Errors
/// A missing `vae/` or `tokenizer/`, data that cannot be read, a configuration that is not
/// supported, or a failing disk.
pub fn train(config: &PainterTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    let recipe = config.recipe;
    let adapters = stage.component(reliad_diffusion::painter::ADAPTERS);
    if adapters.exists() {
        return Err(Error::Setting {
            name: "out",
            reason: format!(
                "{} holds adapters of the weights that would be replaced; remove it first",
                adapters.display()
            ),
        });
    }
    let tokenizer = ModelDir::open(stage.component("tokenizer"))
        .map_err(Error::component("tokenizer"))
        .and_then(|dir| ClipTokenizer::load(&dir).map_err(Error::component("tokenizer")))?;
    let text = text_config(&config.text_encoder, &tokenizer)?;
    let unet =
        UNet2DConditionConfig::from_json(&config.unet).map_err(Error::component("unet config"))?;
    let world = World::open(&stage.data, recipe.samples)?;
    world.require_prompts()?;
    let Some(whole) = Seen::of_world(stage, &world, &recipe, recipe.size, control)? else {
        return Ok(Ended::Stopped);
    };
    let half = if recipe.half_size_share > 0.0 {
        let Some(half) = Seen::of_world(stage, &world, &recipe, recipe.size / 2, control)? else {
            return Ok(Ended::Stopped);
        };
        Some(half)
    } else {
        None
    };
    let (train, mut held_out) = world.split();
    held_out.truncate(recipe.held_out);
    let device = stage.training_device();
    device.seed(stage.seed);
    let networks = if stage.warm_start {
        standing(stage, &text, &unet, recipe.prediction, &device)?
    } else {
        fresh(&text, &unet, &recipe, &device)
    };
    let mut task = PainterTask {
        order: Order::new(stage.seed, train.len()),
        train,
        held_out,
        world,
        whole,
        half,
        tokenizer,
        schedule: schedule(&scheduler(recipe.prediction)?)?,
        recipe,
        batch_size: config.fit.batch_size,
        plain: stage.device.clone(),
    };
    match fit(
        &mut task,
        networks,
        &stage.training(NAME, &config.fit, &stage.checkpoints(NAME)),
        control,
    )? {
        Outcome::Stopped(_) => Ok(Ended::Stopped),
        Outcome::Finished { model, figures, .. } => {
            write(
                stage,
                &model,
                recipe.prediction,
                &text.to_json(),
                &unet.to_json(),
            )?;
            if let Some(sampling) = &config.sampling {
                reliad_weights::write_config(&stage.out.join("sampling.json"), sampling)
                    .map_err(Error::component("sampling.json"))?;
            }
            Ok(Ended::Finished(figures))
        }
    }
}

fn text_config(json: &Value, tokenizer: &ClipTokenizer) -> Result<ClipTextConfig> {
    let mut json = json.clone();
    if let Some(fields) = json.as_object_mut() {
        fields
            .entry("vocab_size")
            .or_insert(json!(tokenizer.vocab_size()));
        fields
            .entry("max_position_embeddings")
            .or_insert(json!(tokenizer.max_len()));
    }
    ClipTextConfig::from_json(&json).map_err(Error::component("text_encoder config"))
}

fn write(
    stage: &Stage,
    model: &PainterNetworks,
    prediction: PredictionType,
    text: &Value,
    unet: &Value,
) -> Result<()> {
    let failed = Error::component::<reliad_weights::Error>;
    let dir = stage.component("text_encoder");
    reliad_weights::save(
        &model.text_encoder,
        &dir.join("model.safetensors"),
        Precision::F16,
        &ClipTextModel::key_map(),
    )
    .map_err(failed("text_encoder"))?;
    reliad_weights::write_config(&dir.join("config.json"), text).map_err(failed("text_encoder"))?;
    let dir = stage.component("unet");
    reliad_weights::save(
        &model.unet,
        &dir.join("diffusion_pytorch_model.safetensors"),
        Precision::F16,
        &UNet2DConditionModel::key_map(),
    )
    .map_err(failed("unet"))?;
    reliad_weights::write_config(&dir.join("config.json"), unet).map_err(failed("unet"))?;
    reliad_weights::write_config(
        &stage.component("scheduler").join("scheduler_config.json"),
        &scheduler_config(prediction),
    )
    .map_err(failed("scheduler"))?;
    let index = json!({
        "_class_name": "StableDiffusionControlNetInpaintPipeline",
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "controlnet": ["diffusers", "ControlNetModel"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "safety_checker": [null, null],
        "feature_extractor": [null, null],
        "image_encoder": [null, null],
        "requires_safety_checker": false,
    });
    reliad_weights::write_config(&stage.out.join("model_index.json"), &index)
        .map_err(failed("model_index.json"))
}

/// All pictures at one size, as the UNet sees them.
struct Seen {
    latents: Latents,
    regions: Regions,
}

impl Seen {
    fn of_world(
        stage: &Stage,
        world: &World,
        recipe: &PainterRecipe,
        size: usize,
        control: &mut Control<'_>,
    ) -> Result<Option<Self>> {
        let (latents, cover) = if let Some(shards) = Shards::open(&stage.data)? {
            let vae = ModelDir::open(stage.component("vae")).map_err(Error::component("vae"))?;
            shards.read(&vae, size, world.records().len())?
        } else {
            let Some(latents) = Latents::of_world(stage, world, size, control)? else {
                return Ok(None);
            };
            let all: Vec<usize> = (0..world.records().len()).collect();
            let products = world.pictures(&all, Modality::Product, Layout::Rgba, size)?;
            let cover = Cover::of(&products, latents.side());
            (latents, cover)
        };
        let weights = RegionWeights {
            product: recipe.product_weight,
            ring: 1.0,
            ring_cells: 0,
        };
        let regions = Regions::new(&cover, weights);
        Ok(Some(Self { latents, regions }))
    }
}

struct PainterTask {
    world: World,
    train: Vec<usize>,
    held_out: Vec<usize>,
    order: Order,
    whole: Seen,
    /// Shown during the first [`PainterRecipe::half_size_share`].
    half: Option<Seen>,
    tokenizer: ClipTokenizer,
    schedule: NoiseSchedule,
    recipe: PainterRecipe,
    batch_size: usize,
    plain: Device,
}

impl Task for PainterTask {
    type Model = PainterNetworks;

    const SIDE_BY_SIDE: bool = true;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &PainterNetworks, step: &mut Step) -> Result<Loss> {
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
        let seen = match &self.half {
            Some(half) if step.progress < self.recipe.half_size_share => half,
            _ => &self.whole,
        };
        let noised = noised(
            seen.latents.batch(&indices, &step.device),
            &self.schedule,
            &mut step.rng,
        );
        let text = model
            .text_encoder
            .forward(prompts::ids(&self.tokenizer, &texts, &step.device)?);
        let output =
            model
                .unet
                .forward(noised.sample.clone(), noised.timesteps.clone(), text, None);
        let region = seen.regions.batch(&indices, &step.device);
        Ok(Loss {
            gradients: None,
            total: weighted_error(output, &noised, region),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &PainterNetworks) -> Result<Vec<(String, f64)>> {
        // The same noise every time: only the weights differ between two measurements. Early: the
        // steps that decide colours and layout. Swapped: the same with another sample's prompt; the
        // distance between the two is what the prompt is worth.
        let (mut whole, mut early, mut swapped) = (0.0, 0.0, 0.0);
        let count = self.held_out.len();
        for first in (0..count).step_by(self.batch_size) {
            let indices = &self.held_out[first..(first + self.batch_size).min(count)];
            let mut rng = random::generator(0, "held out", first as u64);
            let clean = self.whole.latents.batch(indices, &self.plain);
            let region = self.whole.regions.batch(indices, &self.plain);
            let texts: Vec<String> = indices
                .iter()
                .map(|&index| self.world.records()[index].prompt.clone())
                .collect();
            let text = |texts: &[String]| -> Result<Tensor<3>> {
                let ids = prompts::ids(&self.tokenizer, texts, &self.plain)?;
                Ok(average.text_encoder.forward(ids))
            };
            let embedded = text(&texts)?;
            let mut others = texts;
            others.rotate_left(1);
            let other = text(&others)?;
            let share = indices.len() as f64 / count as f64;
            let measure = |noised: &Noised, text: Tensor<3>| {
                let output = average.unet.forward(
                    noised.sample.clone(),
                    noised.timesteps.clone(),
                    text,
                    None,
                );
                share * weighted_error(output, noised, region.clone()).into_scalar::<f64>()
            };
            whole += measure(
                &noised(clean.clone(), &self.schedule, &mut rng),
                embedded.clone(),
            );
            let noise = random::normal(&mut rng, clean.dims(), &self.plain);
            let first_steps = noised_at(clean, noise, &vec![950; indices.len()], &self.schedule);
            early += measure(&first_steps, embedded);
            swapped += measure(&first_steps, other);
        }
        Ok(vec![
            ("held_out_loss".to_owned(), whole),
            ("early_loss".to_owned(), early),
            ("early_loss_swapped_prompts".to_owned(), swapped),
        ])
    }
}
