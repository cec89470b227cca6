//! Rendered pictures as the trained painter would give them, so that the judge knows its hand.

use burn::tensor::Tensor;
use image::RgbImage;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_diffusion::Sampling;
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::painter::Painter;
use reliad_diffusion::product::edges;
use reliad_diffusion::scheduler::{Level, Plan, Sampler};
use reliad_diffusion::vae::signed;
use reliad_imaging::canny::THRESHOLDS;
use reliad_imaging::{PlacedProduct, paste_back};
use reliad_pictures::{rgb_image, rgb_tensor};

use crate::error::{Error, Result};
use crate::random;

/// Steps of the whole schedule; a repainting takes the last few of them.
const STEPS: usize = 10;

/// Noises a picture's latents part of the way and lets the painter take the noise away (SDEdit, Meng et al.
/// 2022, under the ControlNet and without guidance); the product's own pixels are pasted back. Ours, meant to keep the
/// scene's layout, and with it its label, and to give it the painter's textures and faults.
#[derive(Debug)]
pub struct Repainter {
    painter: Painter,
    strength: f64,
    seed: u64,
}

impl Repainter {
    /// `strength`: the farthest timestep from which the painter starts, as a share of the schedule, 0 to 1; 0 is the
    /// autoencoder alone.
    pub fn new(painter: Painter, strength: f64, seed: u64) -> Self {
        Self {
            painter,
            strength,
            seed,
        }
    }

    /// Repaints `picture`, sample `index`, around `product`, which lies on a canvas of the same size.
    ///
    /// # Errors
    /// A prompt that the vocabulary cannot spell.
    ///
    /// # Panics
    /// When picture and canvas differ in size.
    pub fn repaint(
        &self,
        picture: &RgbImage,
        product: &PlacedProduct,
        prompt: &str,
        index: usize,
    ) -> Result<RgbImage> {
        let device = self.painter.device();
        let mut rng = random::generator(self.seed, "repaint", index as u64);
        let vae = &self.painter.vae;
        let clean = vae
            .encode(signed(rgb_tensor(picture, device)))
            .mean
            .mul_scalar(vae.scaling_factor());
        let noise = random::normal(&mut rng, clean.dims(), device);
        let plan = self.plan(&mut rng)?;
        let painted = match plan.steps.first() {
            Some(first) => {
                let Level {
                    signal,
                    noise: spread,
                    ..
                } = first.level;
                let noised = clean.mul_scalar(signal) + noise.clone().mul_scalar(spread);
                self.denoised(noised, noise, plan, product, prompt)?
            }
            None => clean,
        };
        let painted = rgb_image(&self.painter.decode(painted))
            .map_err(Error::component("repainted picture"))?;
        Ok(paste_back(&painted, product))
    }

    /// The last few steps of a run, or none; how many is drawn.
    fn plan(&self, rng: &mut ChaCha8Rng) -> Result<Plan> {
        let scheduler = self.painter.scheduler.with(Sampler::Ddim);
        let scheduler = scheduler.map_err(Error::component("scheduler"))?;
        let plan = |begin| {
            let plan = scheduler.plan_from(STEPS, 0.0, begin);
            plan.map_err(Error::component("scheduler"))
        };
        let farthest = self.strength * scheduler.schedule().alphas().len() as f64;
        let steps = plan(0)?.steps;
        let near = steps.iter().filter(|step| step.timestep < farthest).count();
        plan(STEPS - near + rng.random_range(0..=near))
    }

    fn denoised(
        &self,
        noised: Tensor<4>,
        noise: Tensor<4>,
        plan: Plan,
        product: &PlacedProduct,
        prompt: &str,
    ) -> Result<Tensor<4>> {
        let text = self
            .painter
            .embed(prompt)
            .map_err(Error::component("tokenizer"))?;
        let conditions = Conditions {
            negative: text.clone(),
            text,
            control: edges(product, THRESHOLDS, self.painter.device()),
            noise,
            step_noise: Vec::new(),
            inpainting: None,
        };
        let sampling = Sampling {
            guidance: 1.0,
            ..Sampling::default()
        };
        let mut run = self
            .painter
            .denoise_from(noised, conditions, plan, &sampling);
        run.by_ref().for_each(drop);
        Ok(run.latents())
    }
}
