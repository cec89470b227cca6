//! What is painted for an evaluation: items of the rendered world, and the pictures wanted of each.

use std::path::Path;

use image::RgbImage;
use reliad_dataset::{Folder, Modality, Record, required};
use reliad_diffusion::Sampling;
use reliad_generation::files;
use reliad_generation::paint::Drawing;
use reliad_generation::recipe::{Recipe, item_id};
use reliad_imaging::PlacedProduct;

use crate::error::{Error, Result};

/// Why a picture is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The item's product with the item's own prompt.
    Own,
    /// The item's product with another item's prompt.
    Swapped,
    /// The same as `Own` once more, with other noise.
    Again,
    /// Text and ControlNet only: nothing of the product is put back between steps or afterwards.
    Free,
    /// The same with the ControlNet at 0.
    Uncontrolled,
}

/// One picture to paint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Whose product.
    pub item: usize,
    /// Whose prompt.
    pub prompt_of: usize,
    /// Which picture of product and prompt, from 0.
    pub picture: u32,
    /// Why.
    pub purpose: Purpose,
}

/// Further pictures of the same product and prompt, of those items that diversity is measured on.
const AGAIN: u32 = 2;

/// The pictures wanted of `count` items: one of each; of a fifth one with the next one's prompt; of a tenth two more,
/// and two without inpainting, with and without the ControlNet. The parts are the first items, at least one (two for
/// prompts to be exchanged), as samples of the world are in no order.
pub fn jobs(count: usize) -> Vec<Job> {
    let part = |of: usize, least: usize| (count / of).max(least).min(count);
    let own = |item| Job {
        item,
        prompt_of: item,
        picture: 0,
        purpose: Purpose::Own,
    };
    let swapped = part(5, 2);
    // A rotation is a permutation without fixed points from two items on.
    let swap = |item| Job {
        prompt_of: (item + 1) % swapped,
        purpose: Purpose::Swapped,
        ..own(item)
    };
    let again = |item| {
        (1..=AGAIN).map(move |picture| Job {
            picture,
            purpose: Purpose::Again,
            ..own(item)
        })
    };
    let free = |item| {
        [Purpose::Free, Purpose::Uncontrolled].map(move |purpose| Job {
            purpose,
            ..own(item)
        })
    };
    let swaps = if swapped < 2 { 0 } else { swapped };
    (0..count)
        .map(own)
        .chain((0..swaps).map(swap))
        .chain((0..part(10, 1)).flat_map(again))
        .chain((0..part(10, 1)).flat_map(free))
        .collect()
}

/// The rendered samples of an evaluation, and how pictures of them are painted.
pub struct Series {
    folder: Folder,
    records: Vec<Record>,
    sampling: Sampling,
    model: String,
    seed: u64,
}

impl Series {
    /// The first `count` samples of the rendered folder `dir`, painted by the model with the digest `model`.
    ///
    /// # Errors
    /// A folder that can't be read, or holds fewer.
    pub fn open(
        dir: &Path,
        count: usize,
        sampling: Sampling,
        model: &str,
        seed: u64,
    ) -> Result<Self> {
        let folder = Folder::open(dir)?;
        let mut records = folder.records().to_vec();
        // A render that was stopped and continued may have written them in another order.
        records.sort_by_cached_key(|record| record.image.to_string());
        records.truncate(count);
        if records.len() != count {
            return Err(Error::FewSamples {
                dir: dir.to_owned(),
                found: records.len(),
                wanted: count,
            });
        }
        Ok(Self {
            folder,
            records,
            sampling,
            model: model.to_owned(),
            seed,
        })
    }

    /// The samples, one an item.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The run's seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The rendered picture of an item.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn rendered(&self, item: usize) -> Result<RgbImage> {
        let picture = self.folder.picture(&self.records[item], Modality::Image)?;
        Ok(picture.into_rgb8())
    }

    /// Recipe and product of a job.
    ///
    /// # Errors
    /// A product that can't be read.
    pub fn drawing(&self, job: Job) -> Result<Drawing> {
        let record = &self.records[job.item];
        let path = self
            .folder
            .store()
            .path(required(record, Modality::Product)?);
        let product = self.folder.picture(record, Modality::Product)?.into_rgba8();
        let product =
            PlacedProduct::from_canvas_rgba(product).map_err(|source| Error::Product {
                path: path.clone(),
                source,
            })?;
        let hash = files::hash_file(&path)?;
        let prompt = &self.records[job.prompt_of].prompt;
        let mut sampling = self.sampling.clone();
        if matches!(job.purpose, Purpose::Free | Purpose::Uncontrolled) {
            sampling = sampling.without_inpainting();
        }
        if job.purpose == Purpose::Uncontrolled {
            sampling.control_scale = 0.0;
        }
        let bounds = product.bounds();
        let scale = (bounds.width as f32 / sampling.width as f32)
            .max(bounds.height as f32 / sampling.height as f32);
        Ok(Drawing {
            recipe: Recipe {
                item: item_id(&hash, prompt, "", job.picture),
                product: hash,
                model: self.model.clone(),
                prompt: prompt.clone(),
                negative_prompt: String::new(),
                sampling,
                scale,
                seed: self.seed,
                picture: job.picture,
                attempt: 0,
                noise: None,
            },
            product,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(jobs: &[Job], purpose: Purpose) -> usize {
        jobs.iter().filter(|job| job.purpose == purpose).count()
    }

    #[test]
    fn parts_have_their_sizes_and_prompts_are_all_exchanged() {
        let jobs = jobs(100);
        let counts = [
            Purpose::Own,
            Purpose::Swapped,
            Purpose::Again,
            Purpose::Free,
            Purpose::Uncontrolled,
        ]
        .map(|purpose| count(&jobs, purpose));
        assert_eq!(counts, [100, 20, 20, 10, 10]);
        let mut prompts: Vec<usize> = jobs
            .iter()
            .filter(|job| job.purpose == Purpose::Swapped)
            .map(|job| {
                assert_ne!(job.item, job.prompt_of);
                job.prompt_of
            })
            .collect();
        prompts.sort_unstable();
        assert_eq!(prompts, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn few_items_still_have_every_part_and_one_item_no_other_prompt() {
        assert_eq!(count(&jobs(2), Purpose::Swapped), 2);
        assert_eq!(count(&jobs(2), Purpose::Again), 2);
        assert_eq!(count(&jobs(1), Purpose::Swapped), 0);
        assert_eq!(count(&jobs(1), Purpose::Free), 1);
    }
}
