//! What a tuning is watched by: whole pictures of fixed items with fixed noise, painted to the end and held against those of
//! the start.
//!
//! The training loss misleads, since it is of predictions half-way. The judge that gives the reward says what it was asked
//! for. So there are further views: a held-out judge, whether scenes are those that were asked for, whether products still
//! have different scenes, and whether pictures are as sharp.

mod seen;

use std::path::{Path, PathBuf};

use crate::briefs::{Brief, Briefs};
use crate::networks::Networks;
use burn::tensor::{Device, Tensor};
use image::{GrayImage, RgbImage, imageops};
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::predictor::Predictor;
use reliad_evaluation::measure::agreement::Asked;
use reliad_evaluation::measure::diversity;
use reliad_imaging::paste_back;
use reliad_pictures::{rgb_image, rgb_tensor};
use reliad_rewards::clip::Clip;
use reliad_rfnet::judge::{Judge, JudgeItem};
use reliad_rfnet::scene_network::SceneClassifier;
use reliad_training::error::{Error, Result};
use reliad_training::threads;
use reliad_weights::ModelDir;

pub use seen::{GuardConfig, Seen};

/// Who looks, and at what.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Items that nothing is tuned on; the first [`GuardConfig::items`] of them are painted.
    pub briefs: &'a Briefs,
    /// The judge that rewards.
    pub judge: &'a ModelDir,
    /// Another judge, which only looks.
    pub held_out: Option<&'a ModelDir>,
    /// The model whose scene network tells what a picture shows.
    pub scene: Option<&'a ModelDir>,
    /// A CLIP, which tells it of any scene.
    pub clip: Option<&'a ModelDir>,
    /// Seed of the pictures' noise.
    pub seed: u64,
    /// Where sheets of the first pictures go.
    pub sheets: &'a Path,
}

/// Looks at a painter again and again.
pub struct Guard {
    briefs: Vec<Brief>,
    asked: Vec<Option<Asked>>,
    judge: Judge,
    held_out: Option<Judge>,
    scene: Option<SceneClassifier>,
    clip: Option<Clip>,
    seed: u64,
    device: Device,
    sheets: PathBuf,
}

/// Pictures on a sheet.
const ON_SHEET: usize = 24;
/// And in its rows.
const COLUMNS: u32 = 8;

/// A painted item, as the guard saw it.
struct Look {
    picture: RgbImage,
    cover: GrayImage,
    judged: [f64; 2],
    held_out: Option<[f64; 2]>,
    agreement: Option<f64>,
    clip: Option<f64>,
    stages: Option<[Tensor<4>; 4]>,
    /// CLIP's vector.
    vector: Option<Vec<f32>>,
    sharpness: f64,
}

impl Guard {
    /// Reads the items and loads who looks at them.
    ///
    /// # Errors
    /// A product that can't be read or a network that can't be loaded.
    pub fn load(watch: &Watch<'_>, config: &GuardConfig, device: &Device) -> Result<Self> {
        let count = config.items.min(watch.briefs.len());
        let briefs = (0..count).map(|index| watch.briefs.get(index));
        let briefs = briefs.collect::<Result<Vec<_>>>()?;
        let judge = |dir: &ModelDir| Judge::load(dir, device).map_err(Error::component("judge"));
        let scene = watch
            .scene
            .filter(|dir| dir.contains("scene/config.json"))
            .map(|dir| SceneClassifier::load(dir, device).map_err(Error::component("scene")))
            .transpose()?;
        let asked = briefs.iter().map(|brief| {
            let record = brief.record.as_ref()?;
            Asked::of(record, scene.as_ref()?.config()).ok()
        });
        Ok(Self {
            asked: asked.collect(),
            judge: judge(watch.judge)?,
            held_out: watch.held_out.map(judge).transpose()?,
            scene,
            clip: watch
                .clip
                .map(|dir| Clip::load(dir, device).map_err(Error::component("clip")))
                .transpose()?,
            seed: watch.seed,
            device: device.clone(),
            sheets: watch.sheets.to_owned(),
            briefs,
        })
    }

    /// What it can't see, in words for the user.
    pub fn blind(&self) -> Vec<&'static str> {
        let mut blind = Vec::new();
        if self.held_out.is_none() {
            blind.push("no held-out judge is given, so a painter that learns to please the judge isn't noticed by one");
        }
        if self.asked.iter().all(Option::is_none) && self.clip.is_none() {
            blind.push(
                "no network tells whether scenes show what prompts ask for (give a CLIP by --clip)",
            );
        }
        if self.scene.is_none() && self.clip.is_none() {
            blind.push("no network measures variety across products (give a CLIP by --clip)");
        }
        blind
    }

    /// Names of the items that a look paints.
    pub fn ids(&self) -> Vec<String> {
        self.briefs.iter().map(|brief| brief.id.clone()).collect()
    }

    /// How many pictures a look paints.
    pub fn items(&self) -> usize {
        self.briefs.len()
    }

    /// Paints all items by `predictor`, which has no gradients, and looks; the first pictures go to a sheet named by `step`.
    ///
    /// # Errors
    /// A text that can't be read, a picture that holds no numbers, or a sheet that can't be written.
    pub fn look(&self, networks: &Networks, predictor: &Predictor, step: u64) -> Result<Seen> {
        let looks = threads::each(self.briefs.len(), threads::at_once(&self.device), |index| {
            self.look_at(networks, predictor, index)
        })?;
        self.sheet(&looks, step)?;
        let mean = |values: Vec<f64>| -> Option<f64> {
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let all =
            |value: &dyn Fn(&Look) -> f64| mean(looks.iter().map(value).collect()).unwrap_or(0.0);
        let held_out = |place: usize| {
            let values = looks.iter().filter_map(|look| Some(look.held_out?[place]));
            mean(values.collect())
        };
        Ok(Seen {
            available: all(&|look| look.judged[0]),
            available_probability: all(&|look| look.judged[1]),
            held_out: held_out(0)
                .zip(held_out(1))
                .map(|(share, probability)| [share, probability]),
            agreement: mean(looks.iter().filter_map(|look| look.agreement).collect()),
            clip: mean(looks.iter().filter_map(|look| look.clip).collect()),
            variety: variety(&looks),
            sharpness: all(&|look| look.sharpness),
        })
    }

    fn look_at(&self, networks: &Networks, predictor: &Predictor, index: usize) -> Result<Look> {
        let brief = &self.briefs[index];
        let seed = ItemSeed {
            run: self.seed,
            item: brief.id.clone(),
            attempt: 0,
        };
        let item = networks.item(brief, seed)?;
        let mut run = networks.denoise(predictor.clone(), item.conditions);
        run.by_ref().for_each(drop);
        let painted = rgb_image(&networks.painter.decode(run.latents()));
        let painted = painted.map_err(Error::component("painting"))?;
        let picture = paste_back(&painted, &brief.product);
        let judge = |judge: &Judge| -> Result<[f64; 2]> {
            let item = JudgeItem {
                picture: &picture,
                product: brief.product.rgba(),
                title: &brief.title,
            };
            let verdicts = judge.judge(&[item]).map_err(Error::component("judge"))?;
            let verdict = &verdicts[0];
            Ok([
                f64::from(u8::from(verdict.available)),
                f64::from(verdict.probabilities[0]),
            ])
        };
        let judged = judge(&self.judge)?;
        let held_out = self.held_out.as_ref().map(judge).transpose()?;
        let alpha = brief.product.alpha();
        let (mut agreement, mut stages) = (None, None);
        let mut cover = alpha.clone();
        if let Some(scene) = &self.scene {
            cover = scene.config().cover(&alpha);
            let failed = Error::component::<reliad_rfnet::Error>;
            if let Some(asked) = &self.asked[index] {
                let seen = scene.classify(&picture, &cover).map_err(failed("scene"))?;
                agreement = Some(f64::from(asked.probability(&seen)));
            }
            stages = Some(scene.stages(&picture, &cover).map_err(failed("scene"))?);
        }
        let (mut clip, mut vector) = (None, None);
        if let Some(network) = &self.clip {
            let seen = network.pictures(rgb_tensor(&picture, &self.device));
            let text = network
                .texts(&[&brief.prompt])
                .map_err(Error::component("clip"))?;
            let cosine = (seen.clone() * text).sum().into_scalar::<f64>();
            clip = Some(100.0 * cosine);
            vector = Some(seen.into_data().iter::<f32>().collect());
        }
        Ok(Look {
            clip,
            vector,
            sharpness: sharpness(&picture, &cover),
            picture,
            cover,
            judged,
            held_out,
            agreement,
            stages,
        })
    }

    fn sheet(&self, looks: &[Look], step: u64) -> Result<()> {
        let shown = &looks[..looks.len().min(ON_SHEET)];
        let Some(first) = shown.first() else {
            return Ok(());
        };
        let side = 128;
        let (width, height) = first.picture.dimensions();
        let tall = side * height / width;
        let rows = (shown.len() as u32).div_ceil(COLUMNS);
        let mut sheet = RgbImage::new(COLUMNS.min(shown.len() as u32) * side, rows * (tall + 4));
        for (place, look) in shown.iter().enumerate() {
            let (column, row) = (place as u32 % COLUMNS, place as u32 / COLUMNS);
            let small = reliad_imaging::resize::rgb(&look.picture, side, tall);
            let (x, y) = (column * side, row * (tall + 4));
            imageops::replace(&mut sheet, &small, i64::from(x), i64::from(y));
            // Green under what the judge passes, red under the rest.
            let colour = match look.judged[0] > 0.5 {
                true => image::Rgb([60, 160, 90]),
                false => image::Rgb([200, 60, 60]),
            };
            for (dx, dy) in (0..side).flat_map(|dx| (0..4).map(move |dy| (dx, dy))) {
                sheet.put_pixel(x + dx, y + tall + dy, colour);
            }
        }
        let failed = Error::component::<reliad_generation::Error>;
        let jpeg = reliad_generation::files::encode_jpeg(&sheet).map_err(failed("sheet"))?;
        let path = self.sheets.join(sheet_name(step));
        reliad_files::write(&path, &jpeg).map_err(Error::io(&path))
    }
}

/// Name of the sheet of the look after `step` steps.
pub fn sheet_name(step: u64) -> String {
    format!("step-{step:06}.jpg")
}

/// Pairs of pictures that variety is measured on, at most.
const PAIRS: usize = 96;

/// Mean distance between pictures of different items, outside both products: each item with those that follow it.
fn variety(looks: &[Look]) -> Option<f64> {
    let count = looks.len();
    let pairs = (1..count).flat_map(|gap| (0..count - gap).map(move |first| (first, first + gap)));
    let distances: Vec<f64> = pairs
        .take(PAIRS)
        .filter_map(|(a, b)| {
            let (a, b) = (&looks[a], &looks[b]);
            let (Some(first), Some(second)) = (&a.stages, &b.stages) else {
                let (first, second) = (a.vector.as_ref()?, b.vector.as_ref()?);
                let cosine: f32 = first.iter().zip(second).map(|(a, b)| a * b).sum();
                return Some(f64::from(1.0 - cosine));
            };
            let cover = GrayImage::from_fn(a.cover.width(), a.cover.height(), |x, y| {
                image::Luma([a.cover.get_pixel(x, y).0[0].max(b.cover.get_pixel(x, y).0[0])])
            });
            Some(diversity::distance(first, second, &cover))
        })
        .collect();
    (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / distances.len() as f64)
}

/// Mean absolute difference of brightness to the right and lower neighbour where `cover` is 0, 0 to 255.
fn sharpness(picture: &RgbImage, cover: &GrayImage) -> f64 {
    let gray = imageops::grayscale(picture);
    let (width, height) = gray.dimensions();
    let at = |x: u32, y: u32| f64::from(gray.get_pixel(x, y).0[0]);
    let free = |x: u32, y: u32| cover.get_pixel(x, y).0[0] == 0;
    let (mut sum, mut count) = (0.0, 0u32);
    for y in 0..height - 1 {
        for x in 0..width - 1 {
            if free(x, y) && free(x + 1, y) && free(x, y + 1) {
                sum += (at(x, y) - at(x + 1, y)).abs() + (at(x, y) - at(x, y + 1)).abs();
                count += 2;
            }
        }
    }
    if count == 0 {
        0.0
    } else {
        sum / f64::from(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharpness_is_of_the_scene_alone() {
        let stripes = RgbImage::from_fn(9, 9, |x, _| {
            image::Rgb([if x % 2 == 0 { 0 } else { 200 }; 3])
        });
        let free = GrayImage::new(9, 9);
        // Every step to the right is 200, every step down 0.
        assert!((sharpness(&stripes, &free) - 100.0).abs() < 1.0);
        let covered = GrayImage::from_fn(9, 9, |x, _| image::Luma([if x > 0 { 255 } else { 0 }]));
        assert_eq!(sharpness(&stripes, &covered), 0.0);
        assert_eq!(sharpness(&RgbImage::new(9, 9), &free), 0.0);
    }
}
