//! Training of the ControlNet on edges of the product, beside a frozen UNet.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use reliad_dataset::Modality;
use reliad_diffusion::painter;
use reliad_diffusion::scheduler::Ddim;
use reliad_diffusion::{
    ClipTextModel, ClipTokenizer, ControlNetConfig, ControlNetModel, UNet2DConditionConfig,
    UNet2DConditionModel,
};
use reliad_imaging::canny::{THRESHOLDS, canny};
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::latents::Latents;
use crate::noised::{Noised, noised, schedule, weighted_error};
use crate::parameters::preserve_variance;
use crate::pictures::{Layout, Pictures};
use crate::progress::Control;
use crate::prompts;
use crate::random::{self, Order};
use crate::regions::{RegionWeights, Regions};
use crate::stage::{Ended, Stage};
use crate::world::World;

/// Settings of the ControlNet's training (`controlnet.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlNetTraining {
    /// The fields of `controlnet/config.json` that a UNet has not; the others are the UNet's. Unused in a warm start: the weights that
    /// are there have their own.
    pub network: Value,
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What the loss counts and the prompts lose.
    #[serde(default)]
    pub recipe: ControlNetRecipe,
}

/// What the loss counts and the prompts lose.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlNetRecipe {
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

impl Default for ControlNetRecipe {
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

const NAME: &str = "controlnet";

/// Trains the ControlNet and writes `controlnet/`.
///
/// # Errors
/// A missing `vae/`, `tokenizer/`, `text_encoder/`, `scheduler/` or `unet/`, data that cannot be read, a
/// configuration that is not supported, or a failing disk.
pub fn train(
    config: &ControlNetTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) -> Result<Ended> {
    stage.on_one_device(NAME)?;
    let recipe = config.recipe;
    let failed = Error::component::<reliad_diffusion::Error>;
    let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
    let device = stage.training_device();
    let tokenizer = ClipTokenizer::load(&model.sub("tokenizer")).map_err(failed("tokenizer"))?;
    let text_encoder =
        painter::text_encoder(&model, &stage.device).map_err(failed("text_encoder"))?;
    let frozen = painter::unet(&model, &stage.device)
        .map_err(failed("unet"))?
        .train();
    let unet_config: Value = model
        .read_json("unet/config.json")
        .map_err(Error::component("unet"))?;
    let scheduler: Value = model
        .read_json("scheduler/scheduler_config.json")
        .map_err(Error::component("scheduler"))?;
    // Weights that are there have their own shape.
    let network = if stage.warm_start {
        let own = model.read_json("controlnet/config.json");
        let own: Value = own.map_err(Error::component(NAME))?;
        ControlNetConfig::from_json(&own).map_err(Error::component(NAME))?
    } else {
        network_config(&unet_config, &config.network)?
    };
    device.seed(stage.seed);
    let start = if stage.warm_start {
        reliad_weights::load(
            network.init(&device),
            &model.sub(NAME),
            &ControlNetModel::key_map(),
        )
        .map_err(Error::component(NAME))?
    } else {
        let mut start = ControlNetModel::from_unet(&frozen, &network, &device);
        // Two zero convolutions in a row would leave the edges without a gradient for hundreds of
        // steps, and PyTorch's own initialisation lets sparse edges fade on their way: those before the
        // UNet's copy start with full variance, those behind it still start at zero.
        start.controlnet_cond_embedding =
            preserve_variance(start.controlnet_cond_embedding, stage.seed, 1.6, |_| true);
        start
    };
    let world = World::open(&stage.data, recipe.samples)?;
    let Some(latents) = Latents::of_world(stage, &world, recipe.size, control)? else {
        return Ok(Ended::Stopped);
    };
    let all: Vec<usize> = (0..world.records().len()).collect();
    let products = world.pictures(&all, Modality::Product, Layout::Rgba, recipe.size)?;
    let regions = Regions::new(
        &products,
        latents.side(),
        RegionWeights {
            product: recipe.product_weight,
            ring: recipe.ring_weight,
            ring_cells: recipe.ring_cells,
        },
    );
    let edges = edges(&products, recipe.canny_low, recipe.canny_high);
    drop(products);
    let (train, mut held_out) = world.split();
    held_out.truncate(recipe.held_out);
    let mut task = ControlNetTask {
        order: Order::new(stage.seed, train.len()),
        train,
        held_out,
        world,
        latents,
        regions,
        edges,
        tokenizer,
        text_encoder,
        plain_unet: frozen.valid(),
        unet: frozen.freeze(),
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
            let dir = stage.component(NAME);
            reliad_weights::save(
                &model,
                &dir.join("diffusion_pytorch_model.safetensors"),
                Precision::F16,
                &ControlNetModel::key_map(),
            )
            .map_err(Error::component(NAME))?;
            reliad_weights::write_config(&dir.join("config.json"), &network.to_json())
                .map_err(Error::component(NAME))?;
            Ok(Ended::Finished(figures))
        }
    }
}

/// The ControlNet's configuration: what it shares with the UNet, and `own`. Fields that diffusers writes for a UNet alone are
/// none of a ControlNet's.
fn network_config(unet: &Value, own: &Value) -> Result<ControlNetConfig> {
    let unet = UNet2DConditionConfig::from_json(unet).map_err(Error::component("unet"))?;
    let mut json = json!(unet.encoder);
    if let (Some(fields), Some(own)) = (json.as_object_mut(), own.as_object()) {
        fields.extend(own.clone());
    }
    ControlNetConfig::from_json(&json).map_err(Error::component("controlnet config"))
}

/// Canny edges of products over black.
pub fn edges(products: &Pictures, low: f32, high: f32) -> Pictures {
    let size = products.size();
    let plane = size * size;
    let mut bytes = vec![0u8; products.len() * plane];
    bytes
        .par_chunks_mut(plane)
        .enumerate()
        .for_each(|(index, out)| {
            let planes = products.bytes(index);
            let over_black = RgbImage::from_fn(size as u32, size as u32, |x, y| {
                let at = y as usize * size + x as usize;
                let alpha = u32::from(planes[3 * plane + at]);
                let value = |channel: usize| {
                    ((u32::from(planes[channel * plane + at]) * alpha + 127) / 255) as u8
                };
                Rgb([value(0), value(1), value(2)])
            });
            out.copy_from_slice(canny(&over_black, low, high).as_raw());
        });
    Pictures::from_bytes(Layout::Gray, size, bytes)
}

struct ControlNetTask {
    world: World,
    train: Vec<usize>,
    held_out: Vec<usize>,
    order: Order,
    latents: Latents,
    regions: Regions,
    edges: Pictures,
    tokenizer: ClipTokenizer,
    text_encoder: ClipTextModel,
    unet: UNet2DConditionModel,
    plain_unet: UNet2DConditionModel,
    schedule: Ddim,
    recipe: ControlNetRecipe,
    batch_size: usize,
    plain: Device,
}

impl ControlNetTask {
    fn text(&self, texts: &[String]) -> Result<Tensor<3>> {
        let ids = prompts::ids(&self.tokenizer, texts, &self.plain)?;
        Ok(self.text_encoder.forward(ids))
    }

    fn edge_picture(&self, indices: &[usize], device: &Device) -> Tensor<4> {
        self.edges.batch(indices, device).repeat_dim(1, 3)
    }
}

/// The frozen UNet's output under the ControlNet, or without one.
fn output(
    unet: &UNet2DConditionModel,
    controlnet: Option<(&ControlNetModel, Tensor<4>)>,
    noised: &Noised,
    text: Tensor<3>,
) -> Tensor<4> {
    let residuals = controlnet.map(|(network, edges)| {
        network.forward(
            noised.sample.clone(),
            noised.timesteps.clone(),
            text.clone(),
            edges,
            1.0,
        )
    });
    unet.forward(
        noised.sample.clone(),
        noised.timesteps.clone(),
        text,
        residuals,
    )
}

impl Task for ControlNetTask {
    type Model = ControlNetModel;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&mut self, model: &ControlNetModel, step: &mut Step) -> Result<Loss> {
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
        let text = Tensor::from_inner(self.text(&texts)?);
        let noised = noised(
            self.latents.batch(&indices, &step.device),
            &self.schedule,
            &mut step.rng,
        );
        let edges = self.edge_picture(&indices, &step.device);
        let output = output(&self.unet, Some((model, edges)), &noised, text);
        let region = self.regions.batch(&indices, &step.device);
        Ok(Loss {
            total: weighted_error(output, &noised, region),
            parts: Vec::new(),
        })
    }

    fn validate(&mut self, average: &ControlNetModel) -> Result<Vec<(String, f64)>> {
        let (mut with, mut without) = (0.0, 0.0);
        let count = self.held_out.len();
        for first in (0..count).step_by(self.batch_size) {
            let indices = &self.held_out[first..(first + self.batch_size).min(count)];
            let mut rng = random::generator(0, "held out", first as u64);
            let texts: Vec<String> = indices
                .iter()
                .map(|&index| self.world.records()[index].prompt.clone())
                .collect();
            let text = self.text(&texts)?;
            let clean = self.latents.batch(indices, &self.plain);
            let noised = noised(clean, &self.schedule, &mut rng);
            let region = self.regions.batch(indices, &self.plain);
            let share = indices.len() as f64 / count as f64;
            let measure = |controlnet| {
                let output = output(&self.plain_unet, controlnet, &noised, text.clone());
                share * weighted_error(output, &noised, region.clone()).into_scalar::<f64>()
            };
            with += measure(Some((average, self.edge_picture(indices, &self.plain))));
            without += measure(None);
        }
        Ok(vec![
            ("held_out_loss".to_owned(), with),
            ("held_out_loss_without".to_owned(), without),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;

    #[test]
    fn a_unet_that_diffusers_saved_gives_its_shape() {
        let unet = include_str!("../../reliad-diffusion/tests/fixtures/inpaint/unet/config.json");
        let unet: Value = serde_json::from_str(unet).unwrap();
        let own = json!({"_class_name": "ControlNetModel", "conditioning_embedding_out_channels": [4, 8]});
        let network = network_config(&unet, &own).unwrap();
        assert_eq!(network.encoder.block_out_channels, [8, 16]);
        assert_eq!(network.encoder.cross_attention_dim, 12);
        assert_eq!(network.conditioning_embedding_out_channels, [4, 8]);
        assert!(network_config(&unet, &json!({"only_own": 1})).is_err());
    }
}
