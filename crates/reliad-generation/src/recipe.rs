//! Everything that decides a picture's bytes, the name that follows from it, and an item's seed.

use reliad_diffusion::Sampling;
use reliad_diffusion::noise::ItemSeed;
use serde::{Deserialize, Serialize};

use crate::files;

/// Smallest and largest part of the canvas a product takes when no placement is given.
pub const PLACEMENT: (f32, f32) = (0.70, 0.78);

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
    /// What the scene shall show.
    pub prompt: String,
    /// What it shall not show.
    pub negative_prompt: String,
    /// How it is sampled.
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
    use reliad_diffusion::scheduler::Sampler;

    use super::*;

    pub(crate) fn sampling() -> Sampling {
        Sampling {
            width: 64,
            height: 48,
            steps: 3,
            guidance: 2.5,
            guidance_rescale: 0.8,
            ..Sampling::default()
        }
    }

    fn recipe() -> Recipe {
        Recipe {
            product: "p".into(),
            model: "m".into(),
            prompt: "on a beach".into(),
            negative_prompt: String::new(),
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
    fn a_name_survives_the_way_through_json() -> Result<(), serde_json::Error> {
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
        let mut others = vec![base.clone(); 11];
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
        others[9].sampling.sampler = Sampler::Euler;
        others[10].prompt = "in a desert".into();
        let mut names: Vec<_> = others.iter().chain([&base]).map(Recipe::name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 12);
    }

    #[test]
    fn item_ids_separate_their_parts() {
        assert_ne!(item_id("p", "ab", "c", 0), item_id("p", "a", "bc", 0));
        assert_ne!(item_id("p", "a", "", 0), item_id("p", "a", "", 1));
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
}
