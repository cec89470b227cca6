//! The frozen networks around what trains, and the way of an item through them: noise, steps, decoder, the product's pixels.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::denoise::Denoising;
use reliad_diffusion::guidance::Guidance;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::painter::{ItemNoise, PaintRequest, Painter};
use reliad_diffusion::predictor::Predictor;
use reliad_diffusion::product::ProductConditions;
use reliad_diffusion::scheduler::{Level, Plan, PlanStep};
use reliad_diffusion::vae::unsigned;
use reliad_diffusion::{AutoencoderKl, Sampling};
use reliad_pictures::{composite, rgba_tensor};
use reliad_training::error::{Error, Result};
use reliad_weights::ModelDir;

use crate::briefs::Brief;
use crate::config::TuningConfig;
use crate::query::Query;
use crate::reward::{Picture, Rewards};

/// The frozen networks.
pub struct Networks {
    /// The painter as it was, without gradients: its predictor is the reference.
    pub painter: Painter,
    /// UNet and ControlNet of the painter on an autodiff device, frozen.
    pub base: Predictor,
    /// How pictures are sampled while tuning.
    pub sampling: Sampling,
    /// The steps of that.
    pub plan: Plan,
    /// What pictures are rewarded for, with gradients.
    pub rewards: Rewards,
    vae: AutoencoderKl,
    /// The autodiff device.
    pub device: Device,
}

/// An item that waits at one of its steps.
pub struct Moment {
    /// The latents before the step, `[1, channels, h, w]`.
    pub latents: Tensor<4>,
    /// The step.
    pub step: PlanStep,
}

impl Networks {
    /// Loads painter and rewards onto the plain `device` and its twin with gradients.
    ///
    /// # Errors
    /// A part that can't be loaded, or sampling settings out of range.
    pub fn load(
        model: &ModelDir,
        judge: &ModelDir,
        mut sampling: Sampling,
        config: &TuningConfig,
        device: &Device,
    ) -> Result<Self> {
        let failed = Error::component::<reliad_diffusion::Error>;
        sampling.steps = config.sampling_steps.unwrap_or(sampling.steps);
        sampling.guidance = config.guidance.unwrap_or(sampling.guidance);
        sampling.check().map_err(failed("sampling"))?;
        let painter = Painter::load(model, device).map_err(failed("painter"))?;
        let plan = painter.plan(&sampling).map_err(failed("sampling"))?;
        let autodiff = device.clone().autodiff();
        Ok(Self {
            base: painter.predictor.clone().train().freeze(),
            vae: painter.vae.clone().train().freeze(),
            rewards: Rewards::load(judge, config, &autodiff)?,
            painter,
            sampling,
            plan,
            device: autodiff,
        })
    }

    /// How predictions are guided.
    pub fn guidance(&self) -> Guidance {
        self.sampling.guidance()
    }

    /// What an item is painted from, with the noise of `seed`.
    ///
    /// # Errors
    /// A prompt that the vocabulary can't spell.
    pub fn conditions(&self, brief: &Brief, seed: ItemSeed) -> Result<Conditions> {
        let product = ProductConditions::new(
            &brief.product,
            self.sampling.canny,
            self.sampling.mask_kernel,
            self.painter.device(),
        );
        let request = PaintRequest {
            prompt: brief.prompt.clone(),
            negative_prompt: brief.negative_prompt.clone(),
            edges: product.edges,
            known: product.known,
            paint: product.paint,
            noise: ItemNoise::Seed(seed),
        };
        let conditions = self.painter.condition(&[request], &self.plan);
        conditions.map_err(Error::component("prompt"))
    }

    /// A whole run of `predictor`, of one item.
    pub fn denoise(&self, predictor: Predictor, conditions: Conditions) -> Denoising {
        let latents = match self.plan.start {
            1.0 => conditions.noise.clone(),
            start => conditions.noise.clone().mul_scalar(start),
        };
        Denoising::new(
            predictor,
            conditions,
            self.plan.clone(),
            self.guidance(),
            self.sampling.control_scale,
            latents,
        )
    }

    /// Runs `predictor`, which has no gradients, up to the step `index`.
    pub fn roll_out(&self, predictor: &Predictor, conditions: &Conditions, index: usize) -> Moment {
        let mut run = self.denoise(predictor.clone(), conditions.clone());
        run.by_ref().take(index).for_each(drop);
        Moment {
            latents: run.latents(),
            step: self.plan.steps[index].clone(),
        }
    }

    /// The question that the step of `moment` asks the networks, with the unconditional part also where guidance doesn't
    /// use it if `always` says so.
    pub fn query(&self, moment: &Moment, conditions: &Conditions, always: bool) -> Query {
        let mut parts = self.guidance().parts(moment.step.index, self.plan.total);
        parts.unconditional |= always;
        let sample = match moment.step.level.spread {
            1.0 => moment.latents.clone(),
            spread => moment.latents.clone().div_scalar(spread),
        };
        Query {
            sample,
            timestep: moment.step.timestep,
            conditions: conditions.clone(),
            control_scale: self.sampling.control_scale,
            parts,
        }
    }

    /// The finished picture `[1, 3, H, W]` of clean latents, which may carry gradients: what is known of them put back, decoded,
    /// and the product's own pixels laid on it (as `paste_back` does, without rounding).
    pub fn picture(&self, clean: Tensor<4>, conditions: &Conditions, brief: &Brief) -> Tensor<4> {
        let clean = match &conditions.inpainting {
            Some(known) => known.blend(clean, conditions.noise.clone(), &Level::CLEAN),
            None => clean,
        };
        let vae = match clean.is_autodiff() {
            true => &self.vae,
            false => &self.painter.vae,
        };
        let painted = unsigned(vae.decode(clean.div_scalar(vae.scaling_factor())));
        composite(self.product(brief), painted)
    }

    /// The product of an item, `[1, 4, H, W]`.
    pub fn product(&self, brief: &Brief) -> Tensor<4> {
        rgba_tensor(brief.product.rgba(), self.painter.device())
    }

    /// The rewards of clean latents, as [`Rewards::of`].
    ///
    /// # Errors
    /// A title that the judge can't read.
    pub fn reward(
        &self,
        clean: Tensor<4>,
        conditions: &Conditions,
        brief: &Brief,
    ) -> Result<(Tensor<1>, Vec<(&'static str, f64)>)> {
        self.rewards.of(&Picture {
            picture: self.picture(clean, conditions, brief),
            product: self.product(brief),
            title: &brief.title,
            prompt: &brief.prompt,
        })
    }
}
