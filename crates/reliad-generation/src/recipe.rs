//! Everything that decides a picture's bytes, the name that follows from it, and an item's seed.

use reliad_diffusion::denoise::GuidanceInterval;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::perturbed::UnetParts;
use reliad_imaging::Canvas;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;

/// Smallest and largest part of the canvas a product takes when no placement is given.
pub const PLACEMENT: (f32, f32) = (0.70, 0.78);

/// How a picture is painted: the same for every attempt of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// What the scene shall show.
    pub prompt: String,
    /// What it shall not show.
    pub negative_prompt: String,
    /// Width of the picture in pixels, divisible by 8.
    pub width: u32,
    /// Height of the picture in pixels, divisible by 8.
    pub height: u32,
    /// Denoising steps, at least 1.
    pub steps: usize,
    /// Classifier-free guidance; 1 switches it off.
    pub guidance: f64,
    /// How far the guided prediction is rescaled to the deviation of the unguided one, 0 to 1.
    pub guidance_rescale: f64,
    /// Scale of perturbed-attention guidance; 0 switches it off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub perturbed_attention: f64,
    /// The parts of the UNet in which it perturbs; the default where it is off.
    #[serde(default, skip_serializing_if = "is_default")]
    pub perturbed_parts: UnetParts,
    /// The part of the steps that is guided.
    #[serde(default, skip_serializing_if = "GuidanceInterval::is_whole")]
    pub guidance_interval: GuidanceInterval,
    /// Strength of the ControlNet's residuals.
    pub control_scale: f64,
    /// Noise added per step: 0 is DDIM, 1 is DDPM's amount.
    pub eta: f64,
    /// Canny's lower and upper threshold on the product over black.
    pub canny: [f32; 2],
    /// Side of the square the background mask is dilated with, in pixels.
    pub mask_kernel: u32,
}

// Recipes from before these settings keep their names.

fn is_zero(scale: &f64) -> bool {
    *scale == 0.0
}

fn is_default(parts: &UnetParts) -> bool {
    *parts == UnetParts::default()
}

impl Sampling {
    /// The canvas.
    ///
    /// # Errors
    /// [`Error::Imaging`] when its sides aren't multiples of 8 in range.
    pub fn canvas(&self) -> Result<Canvas> {
        Ok(Canvas::new(self.width, self.height)?)
    }

    /// The same without inpainting: the mask is grown over the whole canvas, so nothing of the product is put back
    /// between steps, and only text and ControlNet tell the painter where it is. For measuring the ControlNet; a picture
    /// painted so needs no product pasted back.
    pub fn without_inpainting(&self) -> Self {
        Self {
            mask_kernel: 2 * self.width.max(self.height),
            ..self.clone()
        }
    }

    /// How it is guided, in words for people: `guidance 7.5 in 0:1 of the steps`.
    pub fn guidance_words(&self) -> String {
        let perturbed = match self.perturbed_attention {
            0.0 => String::new(),
            scale => format!(
                " and perturbed attention {scale} ({})",
                self.perturbed_parts
            ),
        };
        format!(
            "guidance {}{perturbed} in {} of the steps",
            self.guidance, self.guidance_interval
        )
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Imaging`] for the canvas, [`Error::Setting`] with the first other setting outside
    /// its range.
    pub fn check(&self) -> Result<()> {
        let setting = |name, got: String, expected| {
            Err(Error::Setting {
                name,
                got,
                expected,
            })
        };
        self.canvas()?;
        if self.steps == 0 {
            return setting("steps", "0".into(), "at least 1");
        }
        for (name, value) in [
            ("guidance", self.guidance),
            ("perturbed-attention", self.perturbed_attention),
            ("control-scale", self.control_scale),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return setting(name, value.to_string(), "a finite number, 0 or more");
            }
        }
        for (name, value) in [
            ("guidance-rescale", self.guidance_rescale),
            ("eta", self.eta),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return setting(name, value.to_string(), "between 0 and 1");
            }
        }
        if !self.guidance_interval.is_valid() {
            let got = self.guidance_interval.to_string();
            return setting("guidance-interval", got, "two shares in order, 0 to 1");
        }
        Ok(())
    }
}

/// The row of a noise file that an attempt starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseRow {
    /// BLAKE3 of the noise file.
    pub file: String,
    /// Row of its tensors.
    pub row: usize,
}

/// Everything that decides the bytes of one attempt's picture.
///
/// The judge isn't part of it: it decides what is kept, not what is painted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// BLAKE3 of the product's file.
    pub product: String,
    /// Digest of the painter's model files.
    pub model: String,
    /// How it is painted.
    #[serde(flatten)]
    pub sampling: Sampling,
    /// Part of the canvas the product takes, 0 to 1.
    pub scale: f32,
    /// The run's seed.
    pub seed: u64,
    /// The item's id: see [`item_id`].
    pub item: String,
    /// Which picture of the product, from 0.
    pub picture: u32,
    /// Which attempt at that picture, from 0.
    pub attempt: u32,
    /// Noise from a file instead of drawn noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseRow>,
}

impl Recipe {
    /// The name of the picture's file without its ending: 128 bits of the recipe's hash, in
    /// hexadecimal. Equal recipes have equal names on every machine.
    pub fn name(&self) -> String {
        let canonical = serde_json::to_vec(self).unwrap_or_default();
        let mut name = files::hash(&canonical);
        name.truncate(32);
        name
    }
}

/// The id of an item: a hash of the product's bytes, of the prompts and of the picture's index.
/// It depends neither on the other items of a run nor on their order.
pub fn item_id(product_hash: &str, prompt: &str, negative_prompt: &str, picture: u32) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [
        product_hash.as_bytes(),
        prompt.as_bytes(),
        negative_prompt.as_bytes(),
    ] {
        hasher
            .update(&(part.len() as u64).to_le_bytes())
            .update(part);
    }
    hasher.update(&picture.to_le_bytes());
    let mut id = hasher.finalize().to_hex().to_string();
    id.truncate(32);
    id
}

/// The part of the canvas an item's product takes, drawn evenly from [`PLACEMENT`] by the item's
/// seed, in steps of a ten-thousandth so that it reads well in the manifest.
pub fn drawn_placement(seed: u64, item: &str) -> f32 {
    let seed = ItemSeed {
        run: seed,
        item: item.to_owned(),
        attempt: 0,
    };
    let draw = seed.uniform("placement");
    let (low, high) = (f64::from(PLACEMENT.0), f64::from(PLACEMENT.1));
    (((low + (high - low) * draw) * 10_000.0).round() / 10_000.0) as f32
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sampling() -> Sampling {
        Sampling {
            prompt: "on a beach".into(),
            negative_prompt: String::new(),
            width: 64,
            height: 48,
            steps: 3,
            guidance: 2.5,
            guidance_rescale: 0.8,
            perturbed_attention: 0.0,
            perturbed_parts: UnetParts::MID,
            guidance_interval: GuidanceInterval::WHOLE,
            control_scale: 1.0,
            eta: 0.0,
            canny: [100.0, 200.0],
            mask_kernel: 20,
        }
    }

    fn recipe() -> Recipe {
        Recipe {
            product: "p".into(),
            model: "m".into(),
            sampling: sampling(),
            scale: 0.7321,
            seed: u64::MAX,
            item: item_id("p", "on a beach", "", 0),
            picture: 0,
            attempt: 1,
            noise: None,
        }
    }

    #[test]
    fn a_name_survives_the_way_through_json() -> std::result::Result<(), serde_json::Error> {
        let recipe = recipe();
        let read: Recipe = serde_json::from_str(&serde_json::to_string(&recipe)?)?;
        assert_eq!(read, recipe);
        assert_eq!(read.name(), recipe.name());
        assert_eq!(recipe.name().len(), 32);
        Ok(())
    }

    #[test]
    fn every_part_of_a_recipe_changes_its_name() {
        let base = recipe();
        let mut others = vec![base.clone(); 9];
        others[0].attempt = 2;
        others[1].sampling.guidance = 2.6;
        others[2].model = "n".into();
        others[3].scale = 0.7;
        others[4].seed = 0;
        others[5].noise = Some(NoiseRow {
            file: "f".into(),
            row: 0,
        });
        others[6].sampling.guidance_interval.stop = 0.7;
        others[7].sampling.perturbed_attention = 3.0;
        others[8].sampling.perturbed_attention = 3.0;
        others[8].sampling.perturbed_parts.up = true;
        let mut names: Vec<_> = others.iter().chain([&base]).map(Recipe::name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 10);
    }

    #[test]
    fn item_ids_separate_their_parts() {
        assert_ne!(item_id("p", "ab", "c", 0), item_id("p", "a", "bc", 0));
        assert_ne!(item_id("p", "a", "", 0), item_id("p", "a", "", 1));
    }

    #[test]
    fn without_inpainting_the_whole_canvas_is_painted() {
        use image::{GrayImage, Luma};
        let free = sampling().without_inpainting();
        // A product that leaves one corner pixel of the canvas.
        let mut alpha = GrayImage::from_pixel(64, 48, Luma([255]));
        alpha.put_pixel(63, 47, Luma([0]));
        let held = reliad_imaging::background_mask(&alpha, sampling().mask_kernel);
        assert!(held.pixels().any(|pixel| pixel.0[0] == 0));
        let mask = reliad_imaging::background_mask(&alpha, free.mask_kernel);
        assert!(mask.pixels().all(|pixel| pixel.0[0] == 255));
        assert_eq!(free.prompt, sampling().prompt);
    }

    #[test]
    fn placements_fill_their_range() {
        let drawn: Vec<f32> = (0..2000)
            .map(|i| drawn_placement(7, &i.to_string()))
            .collect();
        let (low, high) = drawn
            .iter()
            .fold((1f32, 0f32), |(l, h), &d| (l.min(d), h.max(d)));
        assert!(
            (0.70..0.702).contains(&low) && (0.778..=0.78).contains(&high),
            "{low} {high}"
        );
    }

    #[test]
    fn settings_outside_their_range_are_named() {
        type Break = fn(&mut Sampling);
        let broken: [(&str, Break); 6] = [
            ("steps", |s| s.steps = 0),
            ("guidance", |s| s.guidance = f64::NAN),
            ("control-scale", |s| s.control_scale = f64::INFINITY),
            ("guidance-rescale", |s| s.guidance_rescale = 1.5),
            ("guidance-interval", |s| s.guidance_interval.start = 1.5),
            ("perturbed-attention", |s| s.perturbed_attention = -1.0),
        ];
        assert!(sampling().check().is_ok());
        for (expected, change) in broken {
            let mut sampling = sampling();
            change(&mut sampling);
            match sampling.check() {
                Err(Error::Setting { name, .. }) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }
}
