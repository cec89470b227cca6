//! The painter behind the seam: a Stable Diffusion model with its ControlNet, from a model directory.

use std::ops::ControlFlow;

use burn::tensor::{Device, Tensor};
use image::RgbImage;
use reliad_diffusion::Sampling;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::painter::{ItemNoise, PaintRequest, Painter};
use reliad_diffusion::product::ProductConditions;
use reliad_pictures::rgb_image;
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
        ModelIdentity::require_painter(model)?;
        Ok(Self {
            // What doesn't fit is told before all files are hashed.
            painter: Painter::load(model, device)?,
            identity: ModelIdentity::of_painter(model)?,
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

    /// Checks that the model can be sampled so, where that doesn't depend on the picture.
    ///
    /// # Errors
    /// [`Error::Diffusion`] for settings that the sampler or the model's noise schedule can't take.
    pub fn check(&self, sampling: &Sampling) -> Result<()> {
        Ok(self.painter.plan(sampling).map(|_| ())?)
    }

    fn request(&self, drawing: &Drawing) -> Result<PaintRequest> {
        let Drawing { recipe, product } = drawing;
        let sampling = &recipe.sampling;
        let device = self.painter.device();
        let conditions =
            ProductConditions::new(product, sampling.canny, sampling.mask_kernel, device);
        Ok(PaintRequest {
            prompt: recipe.prompt.clone(),
            negative_prompt: recipe.negative_prompt.clone(),
            edges: conditions.edges,
            known: conditions.known,
            paint: conditions.paint,
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
    fn values_that_are_no_numbers_are_told() {
        let broken = Tensor::<4>::full([1, 3, 8, 8], f32::NAN, &Device::flex());
        let result = to_picture(broken, &record(0).recipe);
        assert!(matches!(result, Err(Error::NotFinite { count: 192, .. })));
    }
}
