//! Training of the decoder alone, on what painters leave: its encoder, and so the latents, stay as they are.
//!
//! A decoder that learned beside its encoder has seen latents of pictures only, and means of all edges that fit them. This
//! one sees latents as the painter estimates them, too, and a discriminator that tells means from edges. What both look at
//! is the decoded picture with the true product over it, as it is published: so it learns the seam as well.

mod discriminator;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_dataset::Modality;
use reliad_diffusion::scheduler::NoiseSchedule;
use reliad_diffusion::vae::{signed, unsigned};
use reliad_diffusion::{
    AutoencoderKl, ClipTextModel, ClipTokenizer, UNet2DConditionModel, painter,
};
use reliad_rfnet::scene_network::SceneClassifier;
use reliad_weights::{ModelDir, Precision};
use serde::Deserialize;

use self::discriminator::PatchDiscriminator;
use crate::data::pictures::{Layout, Pictures};
use crate::data::prompts;
use crate::data::regions::{Cover, RegionWeights, Regions};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::Control;
use crate::fit::{FitConfig, Loss, Outcome, Step, Task, fit};
use crate::painter::latents::Latents;
use crate::painter::noised::{estimate, noised_at, schedule};
use crate::painter::vae::gradient_error;
use crate::random::{self, Order};
use crate::stage::{Ended, Stage};

/// Settings of the decoder's training (`decoder.json`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderTraining {
    /// The shared loop.
    #[serde(default)]
    pub fit: FitConfig,
    /// What the decoder sees, and what it is asked for.
    #[serde(default)]
    pub recipe: DecoderRecipe,
}

/// What the decoder sees, and what it is asked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecoderRecipe {
    /// Learn from the first so many samples of the folder only; absent: from all.
    pub samples: Option<usize>,
    /// Side of the pictures in pixels.
    pub size: usize,
    /// Share of each batch whose latents are the painter's estimates; the others are the encoder's.
    pub painted_share: f64,
    /// Timesteps of the noise that the painter estimates through: the first and one behind the last.
    pub painted_timesteps: [usize; 2],
    /// Standard deviation of noise on all latents.
    pub latent_noise: f64,
    /// Weight of pixels that the product covers, and the paste-back replaces, in the errors of pixels.
    pub product_weight: f64,
    /// Weight of the mean absolute error of the picture (-1 to 1).
    pub absolute: f64,
    /// Weight of the mean absolute error of differences between neighbouring pixels.
    pub gradient: f64,
    /// Weight of the distance between what the scene network sees in both pictures.
    pub features: f64,
    /// Weight of the discriminator's verdict.
    pub adversarial: f64,
    /// Share of the budget in which the discriminator learns before the decoder heeds it.
    pub adversarial_from: f64,
    /// Channels of the discriminator after its first halving, a multiple of 8.
    pub discriminator_width: usize,
    /// Held-out pictures of each measurement.
    pub held_out: usize,
}

impl Default for DecoderRecipe {
    fn default() -> Self {
        Self {
            samples: None,
            size: 256,
            painted_share: 0.5,
            painted_timesteps: [20, 400],
            latent_noise: 0.05,
            product_weight: 0.2,
            absolute: 1.0,
            gradient: 1.0,
            features: 0.5,
            adversarial: 0.05,
            adversarial_from: 0.2,
            discriminator_width: 32,
            held_out: 32,
        }
    }
}

impl DecoderRecipe {
    fn check(&self) -> Result<()> {
        let wrong = |name, reason: &str| {
            Err(Error::Setting {
                name,
                reason: reason.to_owned(),
            })
        };
        let [first, end] = self.painted_timesteps;
        if first >= end {
            return wrong(
                "recipe.painted_timesteps",
                "must be the first timestep and one behind the last",
            );
        }
        if self.discriminator_width == 0 || !self.discriminator_width.is_multiple_of(8) {
            return wrong("recipe.discriminator_width", "must be a multiple of 8");
        }
        if !(0.0..=1.0).contains(&self.painted_share) {
            return wrong("recipe.painted_share", "must be from 0 to 1");
        }
        Ok(())
    }
}

/// The autoencoder, whose decoder learns, and who judges it.
#[derive(Module, Debug)]
pub struct DecoderNetworks {
    autoencoder: AutoencoderKl,
    discriminator: PatchDiscriminator,
}

/// Name of the stage, in checkpoints and reports.
const NAME: &str = "decoder";

/// Trains the decoder of `vae/` and writes that component anew, its encoder as it was.
///
/// # Errors
/// A missing `vae/`, `scene/`, `tokenizer/`, `text_encoder/`, `scheduler/` or `unet/`, data that cannot be read, a
/// setting out of its range, or a failing disk.
pub fn train(config: &DecoderTraining, stage: &Stage, control: &mut Control<'_>) -> Result<Ended> {
    stage.on_one_device(NAME)?;
    let recipe = config.recipe;
    recipe.check()?;
    let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
    let device = stage.training_device();
    let world = World::open(&stage.data, recipe.samples)?;
    let Some(latents) = Latents::of_world(stage, &world, recipe.size, control)? else {
        return Ok(Ended::Stopped);
    };
    let failed = Error::component::<reliad_diffusion::Error>;
    let mut autoencoder = AutoencoderKl::load(&model.sub("vae"), &device).map_err(failed("vae"))?;
    let limit = painter_schedule(&model)?.alphas().len();
    if recipe.painted_timesteps[1] > limit {
        return Err(Error::Setting {
            name: "recipe.painted_timesteps",
            reason: format!("the painter's schedule has {limit} timesteps"),
        });
    }
    device.seed(stage.seed);
    autoencoder.encoder = autoencoder.encoder.freeze();
    autoencoder.quant_conv = autoencoder.quant_conv.map(Module::freeze);
    let start = DecoderNetworks {
        autoencoder,
        discriminator: PatchDiscriminator::new(recipe.discriminator_width, &device),
    };
    let (train, mut held_out) = world.split();
    held_out.truncate(recipe.held_out);
    let mut task = DecoderTask {
        order: Order::new(stage.seed, train.len()),
        train: Seen::new(&world, train, recipe.size, latents.side())?,
        held_out: Seen::new(&world, held_out, recipe.size, latents.side())?,
        latents,
        painter: Painter::load(&model, &stage.device)?,
        eyes: SceneClassifier::load(&model, &device).map_err(Error::component("scene"))?,
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
            reliad_weights::save(
                &model.autoencoder,
                &stage
                    .component("vae")
                    .join("diffusion_pytorch_model.safetensors"),
                Precision::F16,
                &AutoencoderKl::key_map(),
            )
            .map_err(Error::component("vae"))?;
            Ok(Ended::Finished(figures))
        }
    }
}

fn painter_schedule(model: &ModelDir) -> Result<NoiseSchedule> {
    let scheduler = painter::scheduler(model).map_err(Error::component("scheduler"))?;
    schedule(&scheduler)
}

/// The painter whose latents are decoded, without gradients.
struct Painter {
    tokenizer: ClipTokenizer,
    text_encoder: ClipTextModel,
    unet: UNet2DConditionModel,
    schedule: NoiseSchedule,
}

impl Painter {
    fn load(model: &ModelDir, device: &Device) -> Result<Self> {
        let failed = Error::component::<reliad_diffusion::Error>;
        Ok(Self {
            tokenizer: ClipTokenizer::load(&model.sub("tokenizer")).map_err(failed("tokenizer"))?,
            text_encoder: painter::text_encoder(model, device).map_err(failed("text_encoder"))?,
            unet: painter::unet(model, device).map_err(failed("unet"))?,
            schedule: painter_schedule(model)?,
        })
    }

    /// What the painter takes clean latents for when they are under noise.
    fn estimates(
        &self,
        clean: Tensor<4>,
        prompts: &[String],
        [first, end]: [usize; 2],
        rng: &mut ChaCha8Rng,
    ) -> Result<Tensor<4>> {
        let device = clean.device();
        let timesteps: Vec<usize> = prompts
            .iter()
            .map(|_| rng.random_range(first..end))
            .collect();
        let noise = random::normal(rng, clean.dims(), &device);
        let noised = noised_at(clean, noise, &timesteps, &self.schedule);
        let text = self
            .text_encoder
            .forward(prompts::ids(&self.tokenizer, prompts, &device)?);
        let output = self
            .unet
            .forward(noised.sample.clone(), noised.timesteps.clone(), text, None);
        Ok(estimate(noised.sample, output, &timesteps, &self.schedule))
    }
}

/// Some samples' pictures.
struct Seen {
    /// Their places in the world.
    indices: Vec<usize>,
    prompts: Vec<String>,
    pictures: Pictures,
    products: Pictures,
    /// 0 in the cells that the product covers, 1 elsewhere.
    open: Regions,
}

impl Seen {
    fn new(world: &World, indices: Vec<usize>, size: usize, cells: usize) -> Result<Self> {
        let products = world.pictures(&indices, Modality::Product, Layout::Rgba, size)?;
        let weights = RegionWeights {
            product: 0.0,
            ring: 1.0,
            ring_cells: 0,
        };
        Ok(Self {
            prompts: indices
                .iter()
                .map(|&index| world.records()[index].prompt.clone())
                .collect(),
            pictures: world.pictures(&indices, Modality::Image, Layout::Rgb, size)?,
            open: Regions::new(&Cover::of(&products, cells), weights),
            products,
            indices,
        })
    }
}

/// Some pictures with latents for them, without gradients.
struct Batch {
    latents: Tensor<4>,
    /// -1 to 1.
    pictures: Tensor<4>,
    /// The product's cover of each pixel, 0 to 1.
    cover: Tensor<4>,
}

struct DecoderTask {
    train: Seen,
    held_out: Seen,
    order: Order,
    /// Of all samples of the world.
    latents: Latents,
    painter: Painter,
    eyes: SceneClassifier,
    recipe: DecoderRecipe,
    batch_size: usize,
    plain: Device,
}

impl DecoderTask {
    /// The samples at `places` of `seen`, the first `painted` of them with latents as the painter estimates them.
    fn batch(
        &self,
        seen: &Seen,
        places: &[usize],
        painted: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Batch> {
        let indices: Vec<usize> = places.iter().map(|&place| seen.indices[place]).collect();
        let mut latents = self.latents.batch(&indices, &self.plain);
        if painted > 0 {
            let prompts: Vec<String> = places[..painted]
                .iter()
                .map(|&place| seen.prompts[place].clone())
                .collect();
            let clean = latents.clone().narrow(0, 0, painted);
            let timesteps = self.recipe.painted_timesteps;
            let estimates = self
                .painter
                .estimates(clean.clone(), &prompts, timesteps, rng)?;
            // In every step of a painting the product's own latents stand in its place.
            let open = seen.open.batch(&places[..painted], &self.plain);
            let mixed = clean.clone() + (estimates - clean) * open;
            latents = match places.len() - painted {
                0 => mixed,
                rest => Tensor::cat(vec![mixed, latents.narrow(0, painted, rest)], 0),
            };
        }
        let noise = random::normal(rng, latents.dims(), &self.plain);
        Ok(Batch {
            latents: latents + noise * self.recipe.latent_noise,
            pictures: signed(seen.pictures.batch(places, &self.plain)),
            cover: seen.products.batch(places, &self.plain).narrow(1, 3, 1),
        })
    }
}

/// `decoded` with the true product over it.
fn published(decoded: Tensor<4>, pictures: Tensor<4>, cover: Tensor<4>) -> Tensor<4> {
    pictures.clone() * cover.clone() + decoded * (cover.neg() + 1.0)
}

/// Mean distance of the first three stages' maps, each in units of its own spread.
fn perceived(eyes: &SceneClassifier, decoded: Tensor<4>, pictures: Tensor<4>) -> Tensor<1> {
    let maps = |picture| eyes.maps(unsigned(picture));
    let pairs = maps(decoded).into_iter().zip(maps(pictures)).take(3);
    let distances = pairs.map(|(decoded, wanted)| {
        let spread = wanted.clone().abs().mean().detach() + 1e-6;
        (decoded - wanted).abs().mean() / spread
    });
    distances.reduce(|a, b| a + b).expect("three stages") / 3.0
}

impl Task for DecoderTask {
    type Model = DecoderNetworks;

    const SIDE_BY_SIDE: bool = true;

    fn samples(&self) -> usize {
        self.order.count()
    }

    fn loss(&self, model: &DecoderNetworks, step: &mut Step) -> Result<Loss> {
        let recipe = self.recipe;
        let places = self.order.batch(step.index, self.batch_size);
        let painted = (places.len() as f64 * recipe.painted_share).round() as usize;
        let batch = self.batch(&self.train, &places, painted, &mut step.rng)?;
        let [latents, pictures, cover] =
            [batch.latents, batch.pictures, batch.cover].map(Tensor::from_inner);
        let scale = model.autoencoder.scaling_factor();
        let decoded = model.autoencoder.decode(latents / scale);
        let weight = cover.clone() * (recipe.product_weight - 1.0) + 1.0;
        let error = (decoded.clone() - pictures.clone()) * weight;
        let absolute = error.clone().abs().mean();
        let gradient = gradient_error(error);
        let published = published(decoded, pictures.clone(), cover);
        let features = perceived(&self.eyes, published.clone(), pictures.clone());
        let hinge = model
            .discriminator
            .hinge(pictures, published.clone().detach());
        let mut total = absolute.clone() * recipe.absolute
            + gradient * recipe.gradient
            + features.clone() * recipe.features
            + hinge.clone();
        if step.progress >= recipe.adversarial_from {
            // One pass trains both: neither's loss has a gradient for the other.
            let still = model.discriminator.clone().freeze();
            total = total - still.forward(published).mean() * recipe.adversarial;
        }
        Ok(Loss {
            gradients: None,
            total,
            parts: vec![("l1", absolute), ("features", features), ("hinge", hinge)],
        })
    }

    /// `psnr`: of the scene, that is outside the product, from the encoder's latents; `features`: the scene network's
    /// distance; `sharpness`: the mean step between neighbouring pixels of the scene as a share of the true one; and the
    /// last two from latents as the painter estimates them.
    fn validate(&mut self, average: &DecoderNetworks) -> Result<Vec<(String, f64)>> {
        let count = self.held_out.indices.len();
        let mut sums = [0.0f64; 5];
        for first in (0..count).step_by(self.batch_size) {
            let places: Vec<usize> = (first..(first + self.batch_size).min(count)).collect();
            let share = places.len() as f64 / count as f64;
            for painted in [false, true] {
                let mut rng = random::generator(0, "held out", first as u64);
                let number = if painted { places.len() } else { 0 };
                let batch = self.batch(&self.held_out, &places, number, &mut rng)?;
                let scale = average.autoencoder.scaling_factor();
                let decoded = average.autoencoder.decode(batch.latents / scale);
                let published = published(
                    decoded.clamp(-1.0, 1.0),
                    batch.pictures.clone(),
                    batch.cover.clone(),
                );
                let open = batch.cover.neg() + 1.0;
                let steps = |picture: Tensor<4>| {
                    gradient_error(picture * open.clone()).into_scalar::<f64>()
                };
                let features = perceived(
                    &self.eyes,
                    Tensor::from_inner(published.clone()),
                    Tensor::from_inner(batch.pictures.clone()),
                );
                let sharpness = steps(published.clone()) / steps(batch.pictures.clone()).max(1e-9);
                let squares = (published - batch.pictures)
                    .square()
                    .sum()
                    .into_scalar::<f64>();
                let pixels = 3.0 * open.sum().into_scalar::<f64>();
                let at = if painted { 3 } else { 1 };
                if !painted {
                    sums[0] += share * 10.0 * (4.0 * pixels / squares.max(1e-9)).log10();
                }
                sums[at] += share * features.into_scalar::<f64>();
                sums[at + 1] += share * sharpness;
            }
        }
        let names = [
            "psnr",
            "features",
            "sharpness",
            "features_painted",
            "sharpness_painted",
        ];
        Ok(names.map(str::to_owned).into_iter().zip(sums).collect())
    }

    fn error(figures: &[(String, f64)]) -> f64 {
        figures
            .iter()
            .find(|(name, _)| name == "features_painted")
            .map_or(f64::INFINITY, |(_, value)| *value)
    }
}
