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
use reliad_rfnet::judge::Judge;
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
    judge: Judge,
    vae: AutoencoderKl,
    /// The autodiff device.
    pub device: Device,
}

/// An item as the networks take it.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is painted from, one row.
    pub conditions: Conditions,
    /// The product on its canvas, `[1, 4, H, W]` straight alpha.
    pub product: Tensor<4>,
    /// What the product is.
    pub title: String,
    /// What the scene shall show.
    pub prompt: String,
}

/// An item that waits at one of its steps.
#[derive(Debug, Clone)]
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
            rewards: Rewards::load(model, judge, config, &autodiff)?,
            judge: Judge::load(judge, device).map_err(Error::component("judge"))?,
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

    /// A brief as the networks take it, with the noise of `seed`.
    ///
    /// # Errors
    /// A prompt that the vocabulary can't spell.
    pub fn item(&self, brief: &Brief, seed: ItemSeed) -> Result<Item> {
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
        Ok(Item {
            conditions: conditions.map_err(Error::component("prompt"))?,
            product: rgba_tensor(brief.product.rgba(), self.painter.device()),
            title: brief.title.clone(),
            prompt: brief.prompt.clone(),
        })
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
    pub fn picture(&self, clean: Tensor<4>, item: &Item) -> Tensor<4> {
        let conditions = &item.conditions;
        let clean = match &conditions.inpainting {
            Some(known) => known.blend(clean, conditions.noise.clone(), &Level::CLEAN),
            None => clean,
        };
        let vae = match clean.is_autodiff() {
            true => &self.vae,
            false => &self.painter.vae,
        };
        let painted = unsigned(vae.decode(clean.div_scalar(vae.scaling_factor())));
        composite(item.product.clone(), painted)
    }

    /// The rewards of clean latents, as [`Rewards::of`].
    ///
    /// # Errors
    /// A title that the judge can't read.
    pub fn reward(
        &self,
        clean: Tensor<4>,
        item: &Item,
    ) -> Result<(Tensor<1>, Vec<(&'static str, f64)>)> {
        self.rewards.of(&Picture {
            picture: self.picture(clean, item),
            product: item.product.clone(),
            title: &item.title,
            prompt: &item.prompt,
        })
    }

    /// The sum of rewards of clean latents without gradients.
    ///
    /// # Errors
    /// As [`reward`](Self::reward).
    pub fn reward_plainly(&self, clean: Tensor<4>, item: &Item) -> Result<f64> {
        let (reward, _) = self.reward(clean, item)?;
        Ok(f64::from(reward.without_autodiff().into_scalar::<f32>()))
    }

    /// What the judge says of clean latents: the probability of availability, and whether the picture passes.
    ///
    /// # Errors
    /// A title that the judge can't read.
    pub fn verdict(&self, clean: Tensor<4>, item: &Item) -> Result<(f32, bool)> {
        let captions = self.judge.captions(&[&item.title]);
        let logs = self.judge.log_probabilities(
            self.picture(clean, item),
            item.product.clone(),
            captions.map_err(Error::component("title"))?,
            true,
        );
        let probabilities: Vec<f32> = logs.exp().into_data().iter::<f32>().collect();
        let classes = self.judge.config().classes();
        let class = self.judge.calibration().decide(&probabilities, classes);
        Ok((probabilities[0], class.is_available()))
    }
}
