//! What the judge looks at, for every sample: computed once and kept beside the checkpoints.
//!
//! Depth and saliency are estimates, as they will be in use: those that `reliad data prepare` kept where the model's network made
//! them, else the network's own ([`MapNetworks`]). What the judge doesn't look at isn't kept. A part of the samples is seen a
//! second time as the trained painter repaints them.

mod kept;
mod packed;
mod room;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use reliad_dataset::{Modality, Record};
use reliad_diffusion::painter::Painter;
use reliad_imaging::PlacedProduct;
use reliad_pictures::{gray_tensor, planes, rgb_tensor, rgba_tensor};
use reliad_rfnet::depth_network::DepthNetwork;
use reliad_rfnet::detector::DetectorConfig;
use reliad_rfnet::preprocess::Preprocess;
use reliad_rfnet::rfnet::Inputs;
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_weights::ModelDir;

use crate::data::maps::{MapNetworks, Origin};
use crate::data::pictures::{Layout, Pictures};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fingerprint::{self, fingerprint};
use crate::fit::progress::{Control, Report};
use crate::painter::repaint::Repainter;
use crate::stage::Stage;
use crate::threads;

use kept::{Kept, Place, Shards};
use packed::{pack, unpack};
use room::{Need, size};

/// Views on disk at the judge's size, and the sample that each shows. Only the batch that is asked for is in memory.
#[derive(Debug, Clone, Default)]
pub struct Views {
    /// Sample of each view.
    pub samples: Vec<usize>,
    size: usize,
    looks: Looks,
    /// Key and place of each view. Samples with the same picture and product share one that isn't repainted.
    views: Vec<(u64, Place)>,
    shards: Shards,
}

/// Which pictures a view has: product, picture, depth, saliency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Looks([bool; 4]);

/// Planes of each of them.
const KINDS: [usize; 4] = [3, 3, 1, 1];

impl Looks {
    fn of(inputs: Inputs) -> Self {
        Self([
            inputs.product,
            inputs.generated,
            inputs.depth,
            inputs.saliency,
        ])
    }

    /// Planes of each picture that a view has.
    fn kinds(self) -> Vec<usize> {
        let kinds = KINDS.into_iter().zip(self.0);
        kinds.filter_map(|(kind, on)| on.then_some(kind)).collect()
    }

    fn planes(self) -> usize {
        self.kinds().iter().sum()
    }

    /// First plane of a picture and how many it has.
    fn part(self, which: usize) -> Option<(usize, usize)> {
        let before = KINDS.into_iter().zip(self.0).take(which);
        let first = before.filter_map(|(kind, on)| on.then_some(kind)).sum();
        self.0[which].then_some((first, KINDS[which]))
    }
}

/// The pictures of some views; none where the judge doesn't look at them.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Product on the judge's background.
    pub product: Option<Pictures>,
    /// The picture.
    pub generated: Option<Pictures>,
    /// Inverse depth.
    pub depth: Option<Pictures>,
    /// Saliency.
    pub saliency: Option<Pictures>,
}

impl Views {
    /// The views at `places`, in that order.
    ///
    /// # Errors
    /// A shard that is gone or damaged.
    ///
    /// # Panics
    /// When a place is not below the number of views.
    pub fn read(&self, places: &[usize]) -> Result<Seen> {
        let (plane, kinds) = (self.size * self.size, self.looks.kinds());
        let length = self.looks.planes() * plane;
        let mut bytes = vec![0u8; places.len() * length];
        places
            .par_iter()
            .zip(bytes.par_chunks_mut(length))
            .try_for_each(|(&place, out)| {
                let (view, shard) = self.shards.read(self.views[place].1)?;
                unpack(&view, self.size, &kinds, out).map_err(Error::io(shard))
            })?;
        let part = |which: usize| {
            let (first, count) = self.looks.part(which)?;
            let part: Vec<u8> = bytes
                .chunks_exact(length)
                .flat_map(|view| &view[first * plane..(first + count) * plane])
                .copied()
                .collect();
            let layout = if count == 3 {
                Layout::Rgb
            } else {
                Layout::Gray
            };
            Some(Pictures::from_bytes(layout, self.size, part))
        };
        Ok(Seen {
            product: part(0),
            generated: part(1),
            depth: part(2),
            saliency: part(3),
        })
    }

    /// Tells the views from others: by the networks, settings and pictures that made them.
    pub fn fingerprint(&self) -> u64 {
        let mut told = format!("{} {:?}", self.size, self.looks);
        for (key, _) in &self.views {
            told += &format!(" {key:016x}");
        }
        fingerprint(told.as_bytes())
    }
}

/// What makes the views of a data set.
#[derive(Debug)]
pub struct Viewer {
    maps: MapNetworks,
    depth: Option<DepthNetwork>,
    saliency: Option<SaliencyNetwork>,
    /// What repaints, and its key.
    repainter: Option<(Repainter, String)>,
    size: usize,
    looks: Looks,
    preprocess: Preprocess,
    device: Device,
    key: String,
}

/// A view that a judge is to be given.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    sample: usize,
    key: u64,
    repainted: bool,
}

/// Name of the cache, and of the work in reports.
const NAME: &str = "views";
/// How views are made: raised when that changes, so that none of before is taken for one of now.
const MADE: u32 = 3;
/// Views of one file of the cache: what a kill can cost.
const SHARD: usize = 128;

impl Viewer {
    /// Loads `depth/` and `saliency/` of the stage's model directory where they are there and `judge` looks at their maps, and
    /// the painter's components when views are repainted, up to `repaint_strength` (see [`Repainter::new`]).
    ///
    /// # Errors
    /// A damaged component, or one that is missing to repaint.
    pub fn load(
        stage: &Stage,
        judge: &DetectorConfig,
        repaint_strength: Option<f64>,
    ) -> Result<Self> {
        let (preprocess, inputs) = (judge.preprocess(), judge.inputs());
        let size = preprocess.image_size;
        let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
        let maps = MapNetworks::of(&model, [inputs.depth, inputs.saliency], size)?;
        let repainter = match repaint_strength {
            Some(strength) => {
                maps.required("repainted views")?;
                let painter = Painter::load(&model, &stage.device).map_err(Error::component(
                    "a painter repaints views; train it first, or set repaint_every to 0",
                ))?;
                let mut painting = String::new();
                for name in ["unet", "controlnet", "vae"] {
                    let weights = fingerprint::weights(&model.sub(name));
                    painting += &weights.map_err(Error::component(NAME))?;
                }
                let painting = fingerprint(painting.as_bytes());
                let key = format!("{painting:016x}-{strength}-{}", stage.seed);
                Some((Repainter::new(painter, strength, stage.seed), key))
            }
            None => None,
        };
        let [red, green, blue] = preprocess
            .product_background
            .map(|value| (value * 255.0).round() as u8);
        let rfnet = Error::component::<reliad_rfnet::Error>;
        let network = |name: &str, seen: bool| {
            let is_there = model.contains(&format!("{name}/config.json"));
            (seen && is_there).then(|| model.sub(name))
        };
        let looks = Looks::of(inputs);
        let letters = ["p", "g", "d", "s"].into_iter().zip(looks.0);
        let letters: String = letters
            .filter_map(|(name, on)| on.then_some(name))
            .collect();
        Ok(Self {
            depth: network("depth", inputs.depth)
                .map(|dir| DepthNetwork::load(&dir, &stage.device))
                .transpose()
                .map_err(rfnet("depth"))?,
            saliency: network("saliency", inputs.saliency)
                .map(|dir| SaliencyNetwork::load(&dir, &stage.device))
                .transpose()
                .map_err(rfnet("saliency"))?,
            key: format!(
                "{MADE}-{}-{size}-{letters}-{red:02x}{green:02x}{blue:02x}",
                maps.key()
            ),
            maps,
            repainter,
            size,
            looks,
            preprocess: preprocess.init().map_err(rfnet("preprocess"))?,
            device: stage.device.clone(),
        })
    }

    /// Views of the samples `indices`, and of every `repaint`-th of those with a product once more as repainted (0: none).
    /// `None` when the caller asked to stop.
    ///
    /// # Errors
    /// Samples without a map that no network estimates, views that don't fit the disk, pictures that cannot be read, or a failing
    /// disk.
    pub fn views(
        &self,
        stage: &Stage,
        world: &World,
        indices: &[usize],
        repaint: usize,
        control: &mut Control<'_>,
    ) -> Result<Option<Views>> {
        let records = world.records();
        for line in self
            .maps
            .told(indices.iter().map(|&index| &records[index]))?
        {
            tracing::warn!("{line}");
        }
        let (first, numbers) = once_each(world, indices);
        let plain: Vec<Wanted> = first
            .iter()
            .map(|&sample| {
                let shown = world.fingerprint([sample]);
                let told = format!("{shown:016x};{}", self.maps.shown(&records[sample]));
                Wanted {
                    sample,
                    key: fingerprint(told.as_bytes()),
                    repainted: false,
                }
            })
            .collect();
        let mut wanted: Vec<Wanted> = numbers.iter().map(|&number| plain[number]).collect();
        if let (Some((_, painter)), 1..) = (&self.repainter, repaint) {
            let has_product = |&&index: &&usize| records[index].product.is_some();
            let again = indices.iter().filter(has_product).step_by(repaint);
            wanted.extend(again.map(|&sample| {
                // Noise and prompt depend on the sample's number.
                let told = format!("{:016x};{painter};{sample}", world.fingerprint([sample]));
                Wanted {
                    sample,
                    key: fingerprint(told.as_bytes()),
                    repainted: true,
                }
            }));
        }
        let folder = stage.checkpoints(NAME).join(&self.key);
        let mut kept = Kept::open(&folder)?;
        if !self.make(&mut kept, &folder, world, &wanted, control)? {
            return Ok(None);
        }
        let views: Option<Vec<(u64, Place)>> = wanted
            .iter()
            .map(|wanted| Some((wanted.key, kept.place(wanted.key)?)))
            .collect();
        Ok(Some(Views {
            samples: wanted.iter().map(|wanted| wanted.sample).collect(),
            size: self.size,
            looks: self.looks,
            views: views.ok_or_else(|| Error::Data {
                path: folder,
                reason: "views are gone that were made a moment ago; run the command again"
                    .to_owned(),
            })?,
            shards: kept.shards(),
        }))
    }

    /// Makes those of `wanted` that aren't kept yet. `false` when the caller asked to stop.
    fn make(
        &self,
        kept: &mut Kept,
        folder: &std::path::Path,
        world: &World,
        wanted: &[Wanted],
        control: &mut Control<'_>,
    ) -> Result<bool> {
        let mut asked = HashSet::new();
        let mut missing: Vec<Wanted> = wanted
            .iter()
            .filter(|wanted| kept.place(wanted.key).is_none() && asked.insert(wanted.key))
            .copied()
            .collect();
        if missing.is_empty() {
            return Ok(true);
        }
        let plain = (self.looks.planes() * self.size * self.size) as u64;
        let need = Need {
            views: missing.len() as u64,
            each: plain,
        };
        let free = room::free(folder)?;
        tracing::info!(
            "views: {} to make in {}, at most {} ({} each), {} free",
            need.views,
            folder.display(),
            size(need.bytes()),
            size(need.each),
            size(free),
        );
        // What doesn't fit as it is may fit packed: the first shard, of views from everywhere, tells.
        let is_tight = need.bytes() > free;
        if is_tight {
            spread_first(&mut missing, SHARD);
        }
        let total = missing.len();
        let (start, mut done, mut bytes) = (Instant::now(), 0, 0);
        for wanted in missing.chunks(SHARD) {
            if control.stopped() {
                return Ok(false);
            }
            let kinds = self.looks.kinds();
            let views = threads::each(wanted.len(), threads::at_once(&self.device), |place| {
                let Wanted { key, .. } = wanted[place];
                let planes = self.see(world, wanted[place])?;
                let packed = pack(planes, self.size, &kinds).map_err(Error::io(folder))?;
                Ok::<_, Error>((key, packed))
            })?;
            bytes += views.iter().map(|(_, view)| view.len() as u64).sum::<u64>();
            if is_tight && done == 0 {
                let each = bytes / views.len().max(1) as u64;
                let need = Need { each, ..need };
                tracing::info!(
                    "views: about {} packed ({} each)",
                    size(need.bytes()),
                    size(each)
                );
                room::check(folder, need, free)?;
            }
            kept.add(&views)?;
            done += views.len();
            let repainted = wanted.iter().any(|wanted| wanted.repainted);
            (control.on_report)(
                if repainted { "repainted views" } else { NAME },
                &Report {
                    step: done as u64,
                    progress: done as f64 / total as f64,
                    elapsed_seconds: start.elapsed().as_secs_f64(),
                    ..Report::default()
                },
            );
        }
        tracing::info!(
            "views: {done} made, {} ({} each)",
            size(bytes),
            size(bytes / done.max(1) as u64)
        );
        Ok(true)
    }

    /// The planes of a view.
    fn see(&self, world: &World, wanted: Wanted) -> Result<Vec<u8>> {
        let Wanted {
            sample, repainted, ..
        } = wanted;
        let record = &world.records()[sample];
        let [sees_product, sees_picture, ..] = self.looks.0;
        let repainter = self.repainter.as_ref().filter(|_| repainted);
        let product = (sees_product || repainted)
            .then(|| world.picture(sample, Modality::Product))
            .transpose()?
            .map(image::DynamicImage::into_rgba8);
        let mut picture = world.picture(sample, Modality::Image)?.into_rgb8();
        if let (Some((repainter, _)), Some(product)) = (repainter, &product) {
            let unusable = |reason: String| Error::Data {
                path: record
                    .product
                    .as_ref()
                    .map_or_else(PathBuf::new, |place| place.file().to_owned()),
                reason,
            };
            if product.dimensions() != picture.dimensions() {
                return Err(unusable("differs in size from its picture".to_owned()));
            }
            let placed = PlacedProduct::from_canvas_rgba(product.clone())
                .map_err(|error| unusable(error.to_string()))?;
            picture = repainter.repaint(&picture, &placed, &record.prompt, sample)?;
        }
        let generated = rgb_tensor(&picture, &self.device);
        let see = &self.preprocess;
        let estimated = |kind: Modality| match kind {
            Modality::Depth => {
                let network = self.depth.as_ref();
                network.map(|network| network.estimate(generated.clone()))
            }
            _ => {
                let network = self.saliency.as_ref();
                network.map(|network| network.estimate(generated.clone()))
            }
        };
        let map = |kind: Modality| -> Result<Option<Tensor<4>>> {
            Ok(match self.maps.origin(record, kind) {
                Origin::Unseen => None,
                Origin::Sample if !repainted => {
                    let map = world.picture(sample, kind)?.into_luma8();
                    Some(gray_tensor(&map, &self.device))
                }
                _ => estimated(kind),
            })
        };
        let views = [
            product
                .filter(|_| sees_product)
                .map(|product| see.product_view(rgba_tensor(&product, &self.device))),
            sees_picture.then(|| see.view(generated.clone())),
            map(Modality::Depth)?.map(|map| see.view(map)),
            map(Modality::Saliency)?.map(|map| see.view(map)),
        ];
        let mut out = Vec::with_capacity(self.looks.planes() * self.size * self.size);
        for view in views.into_iter().flatten() {
            out.extend(planes(view).map_err(Error::component(NAME))?);
        }
        Ok(out)
    }
}

/// Puts `count` views from all over the list at its beginning.
fn spread_first(wanted: &mut [Wanted], count: usize) {
    let total = wanted.len();
    for place in 0..count.min(total) {
        // Never before `place`, as total is count or more.
        wanted.swap(place, place * total / count.min(total));
    }
}

/// The first of those samples in `indices` that show the same, in that order, and for each of `indices` which of them it is.
fn once_each(world: &World, indices: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut numbers_of = HashMap::new();
    let mut first = Vec::new();
    let numbers = indices
        .iter()
        .map(|&index| {
            let Record { image, product, .. } = &world.records()[index];
            *numbers_of.entry((image, product)).or_insert_with(|| {
                first.push(index);
                first.len() - 1
            })
        })
        .collect();
    (first, numbers)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn world(lines: &[&str]) -> World {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("metadata.jsonl"), lines.join("\n")).unwrap();
        World::open_to_test(dir.path()).unwrap()
    }

    const CUP: &str = r#"{"image":"0.png","product":"p.png","title":"Cup, 9 cm tall","label":"available","product_id":3,"split":"test"}"#;

    #[test]
    fn a_sample_that_is_listed_twice_has_one_view() {
        let other_label = CUP.replace("available", "size_mismatch");
        let other_product = CUP.replace("p.png", "q.png");
        let jar = CUP.replace("0.png", "1.png");
        let world = world(&[&jar, CUP, &other_product, &other_label, CUP]);
        let (first, numbers) = once_each(&world, &[1, 2, 0, 3, 4]);
        assert_eq!(first, [1, 2, 0]);
        assert_eq!(numbers, [0, 1, 2, 0, 0]);
    }

    #[test]
    fn the_first_ones_are_from_everywhere_and_none_is_lost() {
        let wanted = |sample| Wanted {
            sample,
            key: sample as u64,
            repainted: false,
        };
        let mut all: Vec<Wanted> = (0..1000).map(wanted).collect();
        spread_first(&mut all, 10);
        let mut samples: Vec<usize> = all.iter().map(|wanted| wanted.sample).collect();
        assert_eq!(
            samples[..10],
            [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]
        );
        samples.sort_unstable();
        assert_eq!(samples, (0..1000).collect::<Vec<_>>());
        spread_first(&mut all[..3], 10);
    }

    #[test]
    fn views_are_kept_for_what_is_shown() {
        let shown = |line: &str| world(&[line]).fingerprint([0]);
        let relabelled = CUP.replace("available", "size_mismatch");
        assert_eq!(shown(CUP), shown(&relabelled));
        // Another folder may have other pictures of the same names.
        for other in [
            CUP.replace("9 cm", "12 cm"),
            CUP.replace("\"product_id\":3", "\"product_id\":4"),
            CUP.replace("p.png", "q.png"),
            CUP.replace("0.png", "1.png"),
        ] {
            assert_ne!(shown(CUP), shown(&other), "{other}");
        }
    }
}
