//! The painter behind the seam: a Stable Diffusion model with its ControlNet, from a model directory.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor, TensorData};
use image::{GrayImage, RgbImage};
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::painter::{ItemNoise, PaintRequest, Painter};
use reliad_imaging::{background_mask, canny};
use reliad_rfnet::preprocess::rgb_image;
use reliad_weights::ModelDir;

use crate::adapters::AdapterFile;
use crate::error::{Error, Result};
use crate::identity::ModelIdentity;
use crate::noise_file::NoiseFile;
use crate::paint::{Drawing, Paint};
use crate::recipe::Recipe;

/// A loaded model that paints.
pub struct ModelPainter {
    painter: Painter,
    identity: ModelIdentity,
    device_name: String,
    noise: Option<NoiseFile>,
}

impl ModelPainter {
    /// Loads the painting parts of `model` onto `device`, which manifests call `device_name`.
    /// `noise` replaces the drawn noise of recipes that name it.
    ///
    /// # Errors
    /// [`Error::MissingPart`] when the directory isn't in diffusers layout with a ControlNet,
    /// [`Error::Diffusion`] when a part can't be loaded.
    pub fn load(
        model: &ModelDir,
        device: &Device,
        device_name: &str,
        noise: Option<NoiseFile>,
    ) -> Result<Self> {
        let identity = ModelIdentity::of_painter(model)?;
        Ok(Self {
            painter: Painter::load(model, device)?,
            identity,
            device_name: device_name.to_owned(),
            noise,
        })
    }

    /// The same painter under further adapters, laid on one after the other.
    ///
    /// # Errors
    /// [`Error::Diffusion`] when one doesn't fit the networks.
    pub fn with_adapters(mut self, files: Vec<AdapterFile>) -> Result<Self> {
        for AdapterFile { adapters, lora } in files {
            self.painter = self.painter.with_adapters(&lora, adapters.strength)?;
            self.identity = self.identity.with(adapters);
        }
        Ok(self)
    }

    fn request(&self, drawing: &Drawing) -> Result<PaintRequest> {
        let Drawing { recipe, product } = drawing;
        let sampling = &recipe.sampling;
        let device = self.painter.device();
        let [low, high] = sampling.canny;
        let edges = canny(&product.on_black(), low, high);
        let mask = background_mask(&product.alpha(), sampling.mask_kernel);
        Ok(PaintRequest {
            prompt: recipe.prompt.clone(),
            negative_prompt: recipe.negative_prompt.clone(),
            edges: channels(&edges, device).repeat_dim(1, 3),
            // Grey is 0 to the VAE: no colour leaks from outside the product.
            known: pixels(&product.over([127; 3]), device)
                .mul_scalar(2.0)
                .sub_scalar(1.0),
            paint: channels(&threshold(mask), device),
            noise: self.noise_of(recipe)?,
        })
    }

    fn noise_of(&self, recipe: &Recipe) -> Result<ItemNoise> {
        let Some(row) = &recipe.noise else {
            return Ok(ItemNoise::Seed(ItemSeed {
                run: recipe.seed,
                item: recipe.item.clone(),
                attempt: recipe.attempt,
            }));
        };
        match &self.noise {
            Some(file) if file.hash == row.file => file.row(row.row, self.painter.device()),
            _ => Err(Error::Content {
                file: recipe.name(),
                message: "its recipe names a noise file that isn't loaded".into(),
            }),
        }
    }
}

impl Paint for ModelPainter {
    fn paint(
        &self,
        drawings: &[Drawing],
        on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<Option<Vec<RgbImage>>> {
        let Some(first) = drawings.first() else {
            return Ok(Some(Vec::new()));
        };
        let sampling = &first.recipe.sampling;
        let plan = self.painter.plan(sampling)?;
        let requests = drawings
            .iter()
            .map(|drawing| self.request(drawing))
            .collect::<Result<Vec<_>>>()?;
        let conditions = self.painter.condition(&requests, &plan)?;
        let mut denoising = self.painter.denoise(conditions, plan, sampling);
        let steps = denoising.total();
        for step in denoising.by_ref() {
            if on_step(step.index + 1, steps).is_break() {
                return Ok(None);
            }
        }
        let painted = self.painter.decode(denoising.latents());
        drawings
            .iter()
            .enumerate()
            .map(|(row, drawing)| {
                let picture = painted.clone().narrow(0, row, 1);
                to_picture(picture, &drawing.recipe)
            })
            .collect::<Result<Vec<_>>>()
            .map(Some)
    }

    fn cut(&self, text: &str) -> Result<Option<String>> {
        Ok(self.painter.tokens(text)?.cut.map(|cut| {
            format!(
                "it was cut after its word {} (the rest, from \"{}\" on, is ignored)",
                cut.kept_words,
                shortened(&cut.first_dropped)
            )
        }))
    }

    fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    fn device(&self) -> &str {
        &self.device_name
    }
}

fn shortened(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// Masks are binary where latents are blended, as in diffusers' inpainting pipelines.
fn threshold(mut mask: GrayImage) -> GrayImage {
    for pixel in mask.pixels_mut() {
        pixel.0 = [if pixel.0[0] >= 128 { 255 } else { 0 }];
    }
    mask
}

/// `[1, 1, h, w]`, in `[0, 1]`.
fn channels(picture: &GrayImage, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = picture
        .as_raw()
        .iter()
        .map(|&value| f32::from(value) / 255.0)
        .collect();
    let shape = [1, 1, picture.height() as usize, picture.width() as usize];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// `[1, 3, h, w]`, in `[0, 1]`.
fn pixels(picture: &RgbImage, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = picture
        .as_raw()
        .iter()
        .map(|&value| f32::from(value) / 255.0)
        .collect();
    let shape = [1, picture.height() as usize, picture.width() as usize, 3];
    Tensor::<4>::from_data(TensorData::new(values, shape), device).permute([0, 3, 1, 2])
}

/// `[1, 3, h, w]` in `[0, 1]` to 8 bits, rounded to the nearest.
fn to_picture(picture: Tensor<4>, recipe: &Recipe) -> Result<RgbImage> {
    let data = picture.clone().into_data().convert::<f32>();
    let count = data
        .iter::<f32>()
        .filter(|value| !value.is_finite())
        .count();
    if count > 0 {
        return Err(Error::NotFinite {
            count,
            name: recipe.name(),
        });
    }
    rgb_image(&picture).map_err(|error| Error::Content {
        file: recipe.name(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::record;

    #[test]
    fn pictures_survive_the_way_through_tensors() -> Result<()> {
        let picture = RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8, y as u8 * 9, 251]));
        let tensor = pixels(&picture, &Device::flex());
        assert_eq!(to_picture(tensor, &record(0).recipe)?, picture);
        Ok(())
    }

    #[test]
    fn values_that_are_no_numbers_are_told() {
        let broken = Tensor::<4>::full([1, 3, 8, 8], f32::NAN, &Device::flex());
        let result = to_picture(broken, &record(0).recipe);
        assert!(matches!(result, Err(Error::NotFinite { count: 192, .. })));
    }
}
