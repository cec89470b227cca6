//! A painter: the diffusion components of one model directory, and the steps from prompt to picture.

use burn::tensor::{Device, Int, Tensor, TensorData};
use reliad_weights::ModelDir;
use reliad_weights::lora::Lora;

use crate::components::Components;
use crate::conditions::Conditions;
use crate::denoise::Denoising;
use crate::inpaint::{Inpainting, mask_to_latents};
use crate::noise::ItemSeed;
use crate::predictor::Predictor;
use crate::scheduler::{self, Plan, Scheduler};
use crate::vae::unsigned;
use crate::{
    AutoencoderKl, ClipTextModel, ClipTokenizer, ControlNetModel, Error, Sampling, Tokens,
    UNet2DConditionModel,
};

/// Component directories that a painter needs, in diffusers' layout.
pub const COMPONENTS: [&str; 6] = [
    "tokenizer",
    "text_encoder",
    "unet",
    "vae",
    "scheduler",
    "controlnet",
];

/// The directory of adapters that a painter may have besides ([`reliad_weights::lora::FILE`]): `unet/` and `text_encoder/`
/// are meant with them.
pub const ADAPTERS: &str = "lora";

/// The diffusion components of one model directory.
#[derive(Debug)]
pub struct Painter {
    /// Splits prompts.
    pub tokenizer: ClipTokenizer,
    /// Encodes prompts.
    pub text_encoder: ClipTextModel,
    /// UNet and ControlNet.
    pub predictor: Predictor,
    /// Between pictures and latents.
    pub vae: AutoencoderKl,
    /// The noise schedule, and the model's own sampler.
    pub scheduler: Scheduler,
    device: Device,
}

/// The UNet of `model` on a plain device, its own adapters merged where there are any.
///
/// # Errors
/// A file that is missing, damaged or doesn't fit.
pub fn unet(model: &ModelDir, device: &Device) -> Result<UNet2DConditionModel, Error> {
    let unet = UNet2DConditionModel::load(&model.sub("unet"), device)?;
    match own_adapters(model)? {
        Some(lora) => adapted_unet(unet, &lora, 1.0),
        None => Ok(unet),
    }
}

/// The text encoder of `model` on a plain device, its own adapters merged where there are any.
///
/// # Errors
/// As [`unet`].
pub fn text_encoder(model: &ModelDir, device: &Device) -> Result<ClipTextModel, Error> {
    let text_encoder = ClipTextModel::load(&model.sub("text_encoder"), device)?;
    match own_adapters(model)? {
        Some(lora) => adapted_text_encoder(text_encoder, &lora, 1.0),
        None => Ok(text_encoder),
    }
}

/// The noise schedule and sampler of `model`.
///
/// # Errors
/// A `scheduler_config.json` that is missing, isn't JSON, or asks for what isn't supported.
pub fn scheduler(model: &ModelDir) -> Result<Scheduler, Error> {
    Scheduler::from_json(&scheduler::config(model)?)
}

fn own_adapters(model: &ModelDir) -> Result<Option<Lora>, Error> {
    if !model.contains(ADAPTERS) {
        return Ok(None);
    }
    Ok(Some(Lora::of_dir(&model.sub(ADAPTERS))?))
}

fn adapted_unet(
    unet: UNet2DConditionModel,
    lora: &Lora,
    strength: f64,
) -> Result<UNet2DConditionModel, Error> {
    Ok(lora.merge(unet, "unet", &UNet2DConditionModel::key_map(), strength)?)
}

fn adapted_text_encoder(
    text_encoder: ClipTextModel,
    lora: &Lora,
    strength: f64,
) -> Result<ClipTextModel, Error> {
    let keys = ClipTextModel::key_map();
    Ok(lora.merge(text_encoder, "text_encoder", &keys, strength)?)
}

/// One picture to paint.
#[derive(Debug, Clone)]
pub struct PaintRequest {
    /// What the scene shows.
    pub prompt: String,
    /// What it shall not show; may be empty.
    pub negative_prompt: String,
    /// Edges of the placed product `[1, 3, H, W]`, in `[0, 1]`.
    pub edges: Tensor<4>,
    /// The known picture `[1, 3, H, W]`, in `[-1, 1]`: the placed product over grey.
    pub known: Tensor<4>,
    /// `[1, 1, H, W]`: 1 where the scene may be painted, 0 where the product stays.
    pub paint: Tensor<4>,
    /// Noise of this item.
    pub noise: ItemNoise,
}

/// Where an item's noise comes from.
#[expect(
    clippy::large_enum_variant,
    reason = "one value a picture; a box would only hide the tensors"
)]
#[derive(Debug, Clone)]
pub enum ItemNoise {
    /// Drawn from the item's seed.
    Seed(ItemSeed),
    /// Given, so that a run can be held against another program.
    Given {
        /// Starting noise `[1, channels, H/8, W/8]`.
        latents: Tensor<4>,
        /// Fresh noise `[steps, channels, H/8, W/8]`, where `eta` is above 0.
        steps: Option<Tensor<4>>,
    },
}

impl Painter {
    /// Loads the components of `model`, and adapters of its own where it has them.
    ///
    /// # Errors
    /// [`Error`] naming the component or file that is missing, damaged or not supported.
    pub fn load(model: &ModelDir, device: &Device) -> Result<Self, Error> {
        let missing: Vec<&str> = COMPONENTS
            .into_iter()
            .filter(|component| !model.contains(component))
            .collect();
        if !missing.is_empty() {
            return Err(Error::Incomplete {
                dir: model.display(""),
                missing: missing.join(", "),
            });
        }
        let components = Components::read(model)?.check()?;
        let scheduler = scheduler(model)?;
        let painter = Self {
            tokenizer: components.into_tokenizer(),
            text_encoder: ClipTextModel::load(&model.sub("text_encoder"), device)?,
            predictor: Predictor {
                unet: UNet2DConditionModel::load(&model.sub("unet"), device)?,
                controlnet: Some(ControlNetModel::load(&model.sub("controlnet"), device)?),
            },
            vae: AutoencoderKl::load(&model.sub("vae"), device)?,
            scheduler,
            device: device.clone(),
        };
        match own_adapters(model)? {
            Some(lora) => painter.with_adapters(&lora, 1.0),
            None => Ok(painter),
        }
    }

    /// The same painter under further adapters, `strength` times.
    ///
    /// # Errors
    /// [`Error::Weights`] when one doesn't fit the networks.
    pub fn with_adapters(mut self, lora: &Lora, strength: f64) -> Result<Self, Error> {
        self.text_encoder = adapted_text_encoder(self.text_encoder, lora, strength)?;
        self.predictor.unet = adapted_unet(self.predictor.unet, lora, strength)?;
        Ok(self)
    }

    /// The device on which the components stand.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The tokens of a prompt, and where it was cut.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when the vocabulary cannot spell the text.
    pub fn tokens(&self, prompt: &str) -> Result<Tokens, Error> {
        self.tokenizer.encode(prompt)
    }

    /// Embeddings of a prompt `[1, tokens, width]`.
    ///
    /// # Errors
    /// As [`Painter::tokens`].
    pub fn embed(&self, prompt: &str) -> Result<Tensor<3>, Error> {
        let ids = self.tokens(prompt)?.ids;
        let shape = [1, ids.len()];
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &self.device);
        Ok(self.text_encoder.forward(ids))
    }

    /// The steps of a whole run.
    ///
    /// # Errors
    /// [`Error::Setting`] for a number of steps that the sampler can't take or an eta that it doesn't heed, [`Error::Config`]
    /// when it can't use the model's noise schedule.
    pub fn plan(&self, sampling: &Sampling) -> Result<Plan, Error> {
        let scheduler = self.scheduler.with(sampling.sampler)?;
        if sampling.eta > 0.0 && !scheduler.heeds_eta() {
            return Err(Error::Setting {
                name: "eta",
                got: sampling.eta.to_string(),
                expected: format!(
                    "0 under the sampler {}, which doesn't heed it; --sampler ddim and tcd do",
                    sampling.sampler
                ),
            });
        }
        scheduler.plan(sampling.steps, sampling.eta)
    }

    /// Encodes prompts and known pictures, draws the noise that `plan` needs: everything that stays fixed during a run.
    ///
    /// # Errors
    /// [`Error::Tokenizer`], or [`Error::Noise`] when given noise has another shape.
    pub fn condition(&self, requests: &[PaintRequest], plan: &Plan) -> Result<Conditions, Error> {
        let items = requests
            .iter()
            .map(|request| self.condition_one(request, plan))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Conditions::stack(items))
    }

    fn condition_one(&self, request: &PaintRequest, plan: &Plan) -> Result<Conditions, Error> {
        let known = self
            .vae
            .encode(request.known.clone())
            .mean
            .mul_scalar(self.vae.scaling_factor());
        let [_, channels, height, width] = known.dims();
        let factor = request.paint.dims()[2] / height;
        let shape = [1, channels, height, width];
        let drawn = |seed: &ItemSeed, purpose: &str| {
            let numbers = seed.normal(purpose, channels * height * width);
            Tensor::<4>::from_data(TensorData::new(numbers, shape), &self.device)
        };
        let fresh = plan.fresh_noise();
        let (noise, step_noise) = match &request.noise {
            ItemNoise::Seed(seed) => (
                drawn(seed, "latents"),
                (0..fresh)
                    .map(|step| drawn(seed, &format!("step {step}")))
                    .collect(),
            ),
            ItemNoise::Given { latents, steps } => {
                expect_shape("latents", latents.dims(), shape)?;
                let wanted = [fresh, channels, height, width];
                let step_noise = match steps {
                    Some(steps) if fresh > 0 => {
                        expect_shape("step_noise", steps.dims(), wanted)?;
                        (0..fresh)
                            .map(|step| steps.clone().narrow(0, step, 1))
                            .collect()
                    }
                    None if fresh > 0 => {
                        expect_shape("step_noise", [0; 4], wanted)?;
                        vec![]
                    }
                    _ => vec![],
                };
                (latents.clone(), step_noise)
            }
        };
        Ok(Conditions {
            text: self.embed(&request.prompt)?,
            negative: self.embed(&request.negative_prompt)?,
            control: request.edges.clone(),
            noise,
            step_noise,
            inpainting: Some(Inpainting {
                known,
                paint: mask_to_latents(request.paint.clone(), factor),
            }),
        })
    }

    /// Starts a whole run from the conditions' noise.
    pub fn denoise(&self, conditions: Conditions, plan: Plan, sampling: &Sampling) -> Denoising {
        let latents = match plan.start {
            1.0 => conditions.noise.clone(),
            start => conditions.noise.clone().mul_scalar(start),
        };
        self.denoise_from(latents, conditions, plan, sampling)
    }

    /// Starts a run from `latents`, which hold the noise that the first step of `plan` takes them to hold; such as one that
    /// begins part-way.
    pub fn denoise_from(
        &self,
        latents: Tensor<4>,
        conditions: Conditions,
        plan: Plan,
        sampling: &Sampling,
    ) -> Denoising {
        Denoising::new(
            self.predictor.clone(),
            conditions,
            plan,
            sampling.guidance(),
            sampling.control_scale,
            latents,
        )
    }

    /// Latents to pictures, item by item.
    ///
    /// # Shapes
    /// - latents: `[n, channels, h, w]`; output: `[n, 3, 8h, 8w]`, in `[0, 1]`
    pub fn decode(&self, latents: Tensor<4>) -> Tensor<4> {
        let pictures = (0..latents.dims()[0])
            .map(|item| {
                let latents = latents.clone().narrow(0, item, 1);
                self.vae
                    .decode(latents.div_scalar(self.vae.scaling_factor()))
            })
            .collect();
        unsigned(Tensor::cat(pictures, 0))
    }
}

fn expect_shape(name: &'static str, found: [usize; 4], expected: [usize; 4]) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Noise {
            name,
            expected,
            found,
        })
    }
}
