//! What is painted for a comparison: the same products, prompts and noise for every painter.

use std::path::{Path, PathBuf};

use reliad_dataset::{Folder, Modality, Record, Split, required};
use reliad_diffusion::Sampling;
use reliad_generation::files;
use reliad_generation::paint::Drawing;
use reliad_generation::phrases::Phrases;
use reliad_generation::recipe::{Recipe, drawn_placement, item_id};
use reliad_imaging::{Class, Cutout, PlacedProduct};
use reliad_synth::{Pool, RenderConfig, SceneFamily, Scenes, Sizes, World};

use super::people::picture_id;
use crate::error::{Error, Result};
use crate::progress::Watch;
use crate::rendered;

/// Samples rendered for one that is wanted, at most, where only some scene families are.
const RENDERED_FOR_ONE: usize = 64;

/// Where products and prompts come from.
#[derive(Debug, Clone)]
pub enum Products {
    /// Available samples of the rendered world: each product with its own sample's prompt.
    Rendered {
        /// The pool of products.
        pool: Pool,
        /// Scene families that prompts ask for; empty: all.
        families: Vec<String>,
        /// Sizes of the products.
        sizes: Sizes,
        /// Which families there are.
        scenes: Scenes,
    },
    /// Samples of a folder with products and prompts: the first one of each product.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Parts of the data that are used.
        splits: Vec<Split>,
    },
}

impl Products {
    /// What figures call them.
    pub fn words(&self) -> String {
        match self {
            Self::Rendered {
                pool,
                families,
                sizes,
                scenes,
            } => {
                let families = match (families.as_slice(), scenes) {
                    ([], Scenes::Rich) => "all scenes".to_owned(),
                    ([], Scenes::Studio) => "all scenes of the studio".to_owned(),
                    (families, _) => families.join(", "),
                };
                let sizes = match sizes {
                    Sizes::Usual => "usual sizes",
                    Sizes::Any => "any size",
                };
                format!("rendered, pool {}, {families}, {sizes}", pool.slug())
            }
            Self::Folder { dir, splits } => {
                let splits: Vec<&str> = splits.iter().map(|split| split.name()).collect();
                format!("{}, {}", dir.display(), splits.join(", "))
            }
        }
    }

    /// Checks the names of scene families.
    ///
    /// # Errors
    /// [`Error::Setting`] for one that there isn't.
    pub fn check(&self) -> Result<()> {
        let Self::Rendered {
            families, scenes, ..
        } = self
        else {
            return Ok(());
        };
        let known = SceneFamily::of(*scenes).iter().map(|family| family.name());
        let known: Vec<&str> = known.collect();
        match families.iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Error::Setting {
                name: "families",
                reason: format!("there is no {name}; there are {}", known.join(", ")),
            }),
        }
    }

    /// Samples, rendered where they are to be. `None` when the caller asked to stop.
    fn records(
        &self,
        wanted: usize,
        seed: u64,
        sampling: &Sampling,
        work: &Path,
        watch: &Watch<'_>,
    ) -> Result<Option<(Folder, Vec<Record>)>> {
        let (pool, families, sizes, scenes) = match self {
            Self::Folder { dir, splits } => {
                let folder = Folder::open(dir)?;
                let mut records = sorted(&folder);
                records.retain(|record| {
                    let usable = record.product.is_some() && !record.prompt.is_empty();
                    usable && splits.contains(&record.split())
                });
                let mut seen = std::collections::BTreeSet::new();
                records.retain(|record| seen.insert(record.product_id));
                return enough(folder, records, wanted, dir).map(Some);
            }
            Self::Rendered {
                pool,
                families,
                sizes,
                scenes,
            } => (pool, families, sizes, scenes),
        };
        let out = work.join("rendered");
        let mut count = wanted;
        loop {
            let config = RenderConfig {
                count: count as u64,
                seed,
                size: sampling.width,
                world: World {
                    // What merchants ask for: no prompt asks for a wall in the product's own colour.
                    class: Some(Class::Available),
                    products: Some(pool.identities().collect()),
                    sizes: *sizes,
                    scenes: *scenes,
                    ..World::default()
                },
                out: out.clone(),
            };
            if !rendered::render(&config, watch)? {
                return Ok(None);
            }
            let folder = Folder::open(&out)?;
            let mut records = sorted(&folder);
            records.retain(|record| {
                let told = record.parameters.as_ref();
                let family = told.and_then(|told| told.scene_family.as_ref());
                families.is_empty() || family.is_some_and(|family| families.contains(family))
            });
            if records.len() >= wanted || count >= RENDERED_FOR_ONE * wanted {
                return enough(folder, records, wanted, &out).map(Some);
            }
            count = (2 * count).min(RENDERED_FOR_ONE * wanted);
        }
    }
}

/// The samples in the order of their pictures' names: a render that was stopped and continued may have written another.
fn sorted(folder: &Folder) -> Vec<Record> {
    let mut records = folder.records().to_vec();
    records.sort_by_cached_key(|record| record.image.to_string());
    records
}

fn enough(
    folder: Folder,
    mut records: Vec<Record>,
    wanted: usize,
    dir: &Path,
) -> Result<(Folder, Vec<Record>)> {
    if records.len() < wanted {
        return Err(Error::FewSamples {
            dir: dir.to_owned(),
            found: records.len(),
            wanted,
        });
    }
    records.truncate(wanted);
    Ok((folder, records))
}

/// A painter's part of a recipe.
#[derive(Debug, Clone)]
pub struct Hand {
    /// Digest of its model.
    pub model: String,
    /// Phrases that it adds to prompts.
    pub phrases: Option<Phrases>,
}

/// One painting of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// Which item.
    pub item: usize,
    /// Which picture of product and prompt, from 0.
    pub picture: u32,
    /// Which attempt at it, from 0.
    pub attempt: u32,
}

impl Try {
    /// The first attempt at an item's picture.
    pub fn first(item: usize) -> Self {
        Self {
            item,
            picture: 0,
            attempt: 0,
        }
    }
}

/// The items of a comparison.
#[derive(Debug)]
pub struct Items {
    folder: Folder,
    records: Vec<Record>,
    /// BLAKE3 of each product's file.
    hashes: Vec<String>,
    sampling: Sampling,
    seed: u64,
}

impl Items {
    /// `count` items of `products`. `None` when the caller asked to stop.
    ///
    /// # Errors
    /// Too few samples, or products that can't be read.
    pub fn open(
        products: &Products,
        count: usize,
        seed: u64,
        sampling: &Sampling,
        work: &Path,
        watch: &Watch<'_>,
    ) -> Result<Option<Self>> {
        let Some((folder, records)) = products.records(count, seed, sampling, work, watch)? else {
            return Ok(None);
        };
        let hash = |record: &Record| -> Result<String> {
            let place = required(record, Modality::Product)?;
            Ok(files::hash(&folder.store().bytes(place)?))
        };
        let hashes = records.iter().map(hash).collect::<Result<Vec<_>>>()?;
        Ok(Some(Self {
            folder,
            records,
            hashes,
            sampling: sampling.clone(),
            seed,
        }))
    }

    /// The samples, one an item.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Products of the items: what intervals resample.
    pub fn groups(&self) -> Vec<u64> {
        let records = self.records.iter();
        records.map(|record| record.product_id).collect()
    }

    /// How they are sampled.
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// Recipe and product of a painting by `hand`.
    ///
    /// # Errors
    /// A product that can't be read or placed.
    pub fn drawing(&self, hand: &Hand, of: Try) -> Result<Drawing> {
        let recipe = self.recipe(hand, of);
        let product = self.product(of.item, recipe.scale)?;
        let (bounds, canvas) = (product.bounds(), product.canvas());
        let scale = (bounds.width as f32 / canvas.width as f32)
            .max(bounds.height as f32 / canvas.height as f32);
        Ok(Drawing {
            recipe: Recipe { scale, ..recipe },
            product,
        })
    }

    /// The id of an item's first attempt by `hand`, as it stands on sheets.
    ///
    /// # Errors
    /// As [`drawing`](Self::drawing).
    pub fn picture_id(&self, hand: &Hand, item: usize) -> Result<String> {
        Ok(picture_id(&self.drawing(hand, Try::first(item))?.recipe))
    }

    /// The recipe of a painting, but for how much of its canvas a product takes that stands there already.
    ///
    /// Noise is drawn from seed, item and attempt. The item is that of the bare prompt, so that painters who add phrases to
    /// it begin with the same noise as the others.
    pub fn recipe(&self, hand: &Hand, of: Try) -> Recipe {
        let record = &self.records[of.item];
        let hash = &self.hashes[of.item];
        let item = item_id(hash, &record.prompt, "", of.picture);
        let (prompt, negative_prompt) = match &hand.phrases {
            Some(phrases) => phrases.apply(&record.prompt, ""),
            None => (record.prompt.clone(), String::new()),
        };
        Recipe {
            scale: drawn_placement(self.seed, &item_id(hash, &record.prompt, "", 0)),
            product: hash.clone(),
            model: hand.model.clone(),
            prompt,
            negative_prompt,
            sampling: self.sampling.clone(),
            seed: self.seed,
            item,
            picture: of.picture,
            attempt: of.attempt,
            noise: None,
        }
    }

    /// The product as it stands on its canvas; where that is of another size, placed anew at `scale`.
    fn product(&self, item: usize, scale: f32) -> Result<PlacedProduct> {
        let record = &self.records[item];
        let canvas = self.sampling.canvas();
        let canvas = canvas.map_err(reliad_generation::Error::from)?;
        let product = self.folder.picture(record, Modality::Product)?.into_rgba8();
        let placed = match product.dimensions() == (canvas.width, canvas.height) {
            true => PlacedProduct::from_canvas_rgba(product),
            false => Cutout::from_rgba(product)
                .map(|cutout| PlacedProduct::place(&cutout, canvas, scale)),
        };
        let path = || required(record, Modality::Product).map(|at| self.folder.store().path(at));
        placed.or_else(|source| {
            Err(Error::Product {
                path: path()?,
                source,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use std::sync::atomic::AtomicBool;

    use image::{Rgba, RgbaImage};
    use serde_json::json;

    use super::*;

    fn items(dir: &Path, count: usize) -> Result<Items> {
        let sampling = Sampling {
            width: 64,
            height: 64,
            ..Sampling::default()
        };
        let watch = Watch {
            on_event: &|_| {},
            stop: &AtomicBool::new(false),
        };
        let products = Products::Folder {
            dir: dir.to_owned(),
            splits: vec![Split::Test],
        };
        Items::open(&products, count, 3, &sampling, dir, &watch).map(Option::unwrap)
    }

    fn write(dir: &Path) {
        let side = |side: u32| {
            RgbaImage::from_fn(side, side, |x, y| {
                let inside = x > side / 4 && x < side / 2 && y > side / 4 && y < side / 2;
                Rgba([200, 30, 40, if inside { 255 } else { 0 }])
            })
        };
        side(64).save(dir.join("small.png")).unwrap();
        side(96).save(dir.join("large.png")).unwrap();
        let line = |image: &str, product: &str, id: u64, prompt: &str, split: &str| {
            let line = json!({"image": image, "product": product, "product_id": id, "prompt": prompt,
                              "label": "available", "split": split, "title": "a box"});
            format!("{line}\n")
        };
        let text = [
            line("b.png", "small.png", 1, "on a table", "test"),
            line("a.png", "large.png", 2, "on sand", "test"),
            line("c.png", "small.png", 1, "on a shelf", "test"),
            line("d.png", "small.png", 3, "", "test"),
            line("e.png", "small.png", 4, "on grass", "train"),
        ];
        std::fs::write(dir.join("metadata.jsonl"), text.concat()).unwrap();
    }

    #[test]
    fn a_folder_gives_each_product_of_its_parts_once() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path());
        let items = items(dir.path(), 2).unwrap();
        let prompts: Vec<&str> = items
            .records()
            .iter()
            .map(|record| record.prompt.as_str())
            .collect();
        assert_eq!(prompts, ["on sand", "on a table"]);
        assert_eq!(items.groups(), [2, 1]);
        let error = self::items(dir.path(), 3).unwrap_err().to_string();
        assert!(error.contains("2 samples of 3"), "{error}");
        let hand = Hand {
            model: "m".into(),
            phrases: None,
        };
        // On its own canvas, a product stays where it is; on another's it is placed as `generate` does.
        let kept = items.drawing(&hand, Try::first(1)).unwrap();
        assert_eq!(
            (kept.product.bounds().x, kept.product.bounds().width),
            (17, 15)
        );
        let placed = items.drawing(&hand, Try::first(0)).unwrap();
        let share = placed.product.bounds().width as f32 / 64.0;
        assert!((0.68..0.8).contains(&share), "{share}");
    }

    #[test]
    fn painters_differ_in_recipe_but_not_in_noise() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path());
        let items = items(dir.path(), 2).unwrap();
        let phrases =
            json!({"size_mismatch": {"prompt": ["true to scale"], "negative_prompt": ["toys"]}});
        let hands = [
            Hand {
                model: "original".into(),
                phrases: None,
            },
            Hand {
                model: "tuned".into(),
                phrases: None,
            },
            Hand {
                model: "original".into(),
                phrases: Some(Phrases::try_from(phrases).unwrap()),
            },
        ];
        let of = |hand: &Hand, of| items.recipe(hand, of);
        let first = hands.each_ref().map(|hand| of(hand, Try::first(0)));
        let noise = |recipe: &Recipe| (recipe.seed, recipe.item.clone(), recipe.attempt);
        for other in &first[1..] {
            assert_ne!(first[0].name(), other.name());
            assert_eq!(noise(&first[0]), noise(other));
            assert_eq!(first[0].scale, other.scale);
        }
        assert_eq!(first[2].prompt, "on sand, true to scale");
        assert_eq!(first[2].negative_prompt, "toys");
        for other in [
            Try::first(1),
            Try {
                attempt: 1,
                ..Try::first(0)
            },
            Try {
                picture: 1,
                ..Try::first(0)
            },
        ] {
            assert_ne!(noise(&first[0]), noise(&of(&hands[0], other)));
        }
    }
}
