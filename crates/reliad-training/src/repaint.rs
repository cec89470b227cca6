//! Rendered pictures as the trained painter would give them, so that the judge knows its hand.

use burn::tensor::Tensor;
use image::{Rgb, RgbImage, RgbaImage};
use rand::RngExt as _;
use reliad_diffusion::denoise::{Conditions, DenoiseSettings, Denoising};
use reliad_diffusion::painter::Painter;
use reliad_imaging::{PlacedProduct, canny, paste_back};
use reliad_rfnet::preprocess::rgb_tensor;

use crate::error::{Error, Result};
use crate::random;
use crate::vae::signed;

/// Steps of the whole schedule; a repainting takes the last few of them.
const STEPS: usize = 10;
/// Canny thresholds, as in the ControlNet's training.
const CANNY: [f32; 2] = [100.0, 200.0];

/// Noises a picture's latents part of the way and lets the painter take the noise away (SDEdit, Meng et al.
/// 2022, under the ControlNet and without guidance); the product's own pixels are pasted back. Ours: the scene keeps its layout,
/// and with it its label, and gets the painter's textures and faults.
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
    /// A product without a visible pixel, or a prompt that the vocabulary cannot spell.
    pub fn repaint(
        &self,
        picture: &RgbImage,
        product: &RgbaImage,
        prompt: &str,
        index: usize,
    ) -> Result<RgbImage> {
        let product = PlacedProduct::from_canvas_rgba(product.clone())
            .map_err(Error::component("product"))?;
        let device = self.painter.device();
        let mut rng = random::generator(self.seed, "repaint", index as u64);
        let vae = &self.painter.vae;
        let clean = vae
            .encode(signed(rgb_tensor(picture, device)))
            .mean
            .mul_scalar(vae.scaling_factor());
        let noise = random::normal(&mut rng, clean.dims(), device);
        let scheduler = &self.painter.scheduler;
        let mut steps = scheduler.steps(STEPS, 0.0);
        let farthest = self.strength * scheduler.alphas().len() as f64;
        steps.retain(|step| (step.timestep as f64) < farthest);
        steps.drain(..rng.random_range(0..=steps.len()));
        let Some(first) = steps.first() else {
            return Ok(paste_back(&self.decoded(clean), &product));
        };
        let (of_clean, of_noise) = scheduler.add_noise(first.timestep);
        let text = self
            .painter
            .embed(prompt)
            .map_err(Error::component("tokenizer"))?;
        let edges = canny(&product.on_black(), CANNY[0], CANNY[1]);
        let edges = RgbImage::from_fn(edges.width(), edges.height(), |x, y| {
            Rgb([edges.get_pixel(x, y).0[0]; 3])
        });
        let conditions = Conditions {
            negative: text.clone(),
            text,
            control: rgb_tensor(&edges, device),
            noise: clean.mul_scalar(of_clean) + noise.mul_scalar(of_noise),
            step_noise: Vec::new(),
            inpainting: None,
        };
        let settings = DenoiseSettings {
            steps: steps.len(),
            guidance: 1.0,
            guidance_rescale: 0.0,
            control_scale: 1.0,
            eta: 0.0,
        };
        let predictor = self.painter.predictor.clone();
        let mut run = Denoising::new(predictor, conditions, settings, steps, None);
        run.by_ref().for_each(drop);
        Ok(paste_back(&self.decoded(run.latents()), &product))
    }

    fn decoded(&self, latents: Tensor<4>) -> RgbImage {
        let picture = self.painter.decode(latents);
        let [_, _, h, w] = picture.dims();
        let values: Vec<f32> = picture.into_data().iter::<f32>().collect();
        RgbImage::from_fn(w as u32, h as u32, |x, y| {
            let at = y as usize * w + x as usize;
            Rgb(std::array::from_fn(|channel| {
                (values[channel * h * w + at] * 255.0).round() as u8
            }))
        })
    }
}
