//! What the judge looks at, for every sample: computed once by the trained networks and kept beside
//! the checkpoints.
//!
//! Depth and saliency are estimates, as they will be in use, not the rendered world's exact maps; those that the judge
//! doesn't look at are left black. A part of the samples is seen a second time as the trained painter repaints them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rayon::prelude::*;
use reliad_dataset::{Modality, Record};
use reliad_diffusion::painter::Painter;
use reliad_imaging::PlacedProduct;
use reliad_pictures::{planes, rgb_tensor, rgba_tensor};
use reliad_rfnet::depth_network::DepthNetwork;
use reliad_rfnet::detector::DetectorConfig;
use reliad_rfnet::preprocess::Preprocess;
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_weights::ModelDir;

use crate::data::pictures::{Layout, Pictures};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fingerprint::{self, fingerprint};
use crate::fit::progress::{Control, Report};
use crate::painter::repaint::Repainter;
use crate::stage::Stage;
use crate::threads;

/// Views on disk at the judge's size, and the sample that each shows. Only the batch that is asked for is in memory.
#[derive(Debug, Clone, Default)]
pub struct Views {
    /// Sample of each view.
    pub samples: Vec<usize>,
    size: usize,
    /// Folders of shards, one after another.
    folders: Vec<Kept>,
}

/// Views in a folder of shards. Samples with the same picture and product share one that isn't repainted.
#[derive(Debug, Clone)]
struct Kept {
    folder: PathBuf,
    /// Which of the folder's views each sample has.
    numbers: Vec<usize>,
}

/// The four pictures of some views.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Product on the judge's background.
    pub product: Pictures,
    /// The picture.
    pub generated: Pictures,
    /// Estimated inverse depth; black where the judge doesn't look at it.
    pub depth: Pictures,
    /// Estimated saliency; black where the judge doesn't look at it.
    pub saliency: Pictures,
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
        let plane = self.size * self.size;
        let mut bytes = vec![0u8; places.len() * PLANES * plane];
        places
            .par_iter()
            .zip(bytes.par_chunks_mut(PLANES * plane))
            .try_for_each(|(&place, out)| {
                let (file, offset) = self.lies(place, out.len() as u64);
                let mut shard = File::open(&file).map_err(Error::io(&file))?;
                shard
                    .seek(SeekFrom::Start(offset))
                    .and_then(|_| shard.read_exact(out))
                    .map_err(Error::io(&file))
            })?;
        let part = |from: usize, planes: usize, layout: Layout| {
            let part: Vec<u8> = bytes
                .chunks_exact(PLANES * plane)
                .flat_map(|view| &view[from * plane..(from + planes) * plane])
                .copied()
                .collect();
            Pictures::from_bytes(layout, self.size, part)
        };
        Ok(Seen {
            product: part(0, 3, Layout::Rgb),
            generated: part(3, 3, Layout::Rgb),
            depth: part(6, 1, Layout::Gray),
            saliency: part(7, 1, Layout::Gray),
        })
    }

    /// The shard that holds a view of `length` bytes, and where it begins in there.
    fn lies(&self, place: usize, length: u64) -> (PathBuf, u64) {
        let mut at = place;
        for Kept { folder, numbers } in &self.folders {
            if let Some(number) = numbers.get(at) {
                let offset = (number % SHARD) as u64 * length;
                return (shard(folder, number / SHARD), offset);
            }
            at -= numbers.len();
        }
        panic!("view {place} of {}", self.samples.len());
    }
}

fn shard(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:05}.bin"))
}

/// What makes the views of a data set.
#[derive(Debug)]
pub struct Viewer {
    depth: Option<DepthNetwork>,
    saliency: Option<SaliencyNetwork>,
    /// What repaints, and its key.
    repainter: Option<(Repainter, String)>,
    size: usize,
    preprocess: Preprocess,
    device: Device,
    key: String,
}

/// Name of the cache, and of the work in reports.
const NAME: &str = "views";
/// How views are made: raised when that changes, so that none of before is taken for one of now.
const MADE: u32 = 2;
/// Views of one file of the cache: what a kill can cost.
const SHARD: usize = 128;
/// Planes of a view: product, picture, depth, saliency.
const PLANES: usize = 3 + 3 + 1 + 1;

impl Viewer {
    /// Loads `depth/` and `saliency/` of the stage's model directory where `judge` looks at their maps, and the painter's
    /// components when views are repainted, up to `repaint_strength` (see [`Repainter::new`]).
    ///
    /// # Errors
    /// A missing or damaged component.
    pub fn load(
        stage: &Stage,
        judge: &DetectorConfig,
        repaint_strength: Option<f64>,
    ) -> Result<Self> {
        let (preprocess, inputs) = (judge.preprocess(), judge.inputs());
        let size = preprocess.image_size;
        let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
        let weights =
            |name: &str| fingerprint::weights(&model.sub(name)).map_err(Error::component(NAME));
        let repainter = match repaint_strength {
            Some(strength) => {
                let painter = Painter::load(&model, &stage.device).map_err(Error::component(
                    "a painter repaints views; train it first, or set repaint_every to 0",
                ))?;
                let mut painting = Vec::new();
                for name in ["unet", "controlnet", "vae"] {
                    painting.extend(weights(name)?);
                }
                let key = format!("{:016x}-{strength}-{}", fingerprint(&painting), stage.seed);
                Some((Repainter::new(painter, strength, stage.seed), key))
            }
            None => None,
        };
        let mut maps = Vec::new();
        for (name, seen) in [("depth", inputs.depth), ("saliency", inputs.saliency)] {
            if seen {
                let config = model.read(&format!("{name}/config.json"));
                maps.extend_from_slice(&config.map_err(Error::component(NAME))?);
                maps.extend(weights(name)?);
            }
        }
        let [red, green, blue] = preprocess
            .product_background
            .map(|value| (value * 255.0).round() as u8);
        let rfnet = Error::component::<reliad_rfnet::Error>;
        let depth = || DepthNetwork::load(&model.sub("depth"), &stage.device);
        let saliency = || SaliencyNetwork::load(&model.sub("saliency"), &stage.device);
        Ok(Self {
            depth: inputs
                .depth
                .then(depth)
                .transpose()
                .map_err(rfnet("depth"))?,
            saliency: inputs
                .saliency
                .then(saliency)
                .transpose()
                .map_err(rfnet("saliency"))?,
            repainter,
            size,
            preprocess: preprocess.init().map_err(rfnet("preprocess"))?,
            device: stage.device.clone(),
            key: format!(
                "{MADE}-{:016x}-{size}-{red:02x}{green:02x}{blue:02x}",
                fingerprint(&maps)
            ),
        })
    }

    /// Views of the samples `indices`, and of every `repaint`-th of them once more as repainted (0: none).
    /// `None` when the caller asked to stop.
    ///
    /// # Errors
    /// Pictures that cannot be read, or a failing disk.
    pub fn views(
        &self,
        stage: &Stage,
        world: &World,
        indices: &[usize],
        repaint: usize,
        control: &mut Control<'_>,
    ) -> Result<Option<Views>> {
        let Some(kept) = self.prepare(stage, world, indices, None, control)? else {
            return Ok(None);
        };
        let mut views = Views {
            samples: indices.to_vec(),
            size: self.size,
            folders: vec![kept],
        };
        if let (Some(repainter), 1..) = (&self.repainter, repaint) {
            let again: Vec<usize> = indices.iter().step_by(repaint).copied().collect();
            let Some(kept) = self.prepare(stage, world, &again, Some(repainter), control)? else {
                return Ok(None);
            };
            views.folders.push(kept);
            views.samples.extend(again);
        }
        Ok(Some(views))
    }

    /// The views of `indices`, repainted or as they are, in shards; those of an earlier run stay.
    fn prepare(
        &self,
        stage: &Stage,
        world: &World,
        indices: &[usize],
        repainter: Option<&(Repainter, String)>,
        control: &mut Control<'_>,
    ) -> Result<Option<Kept>> {
        // Repainted ones differ, as their noise and prompts do.
        let (indices, numbers) = match repainter {
            None => once_each(world, indices),
            Some(_) => (indices.to_vec(), (0..indices.len()).collect()),
        };
        let shown = world.fingerprint(indices.iter().copied());
        let key = match repainter {
            Some((_, painter)) => format!("{}-{painter}-{shown:016x}", self.key),
            None => format!("{}-{shown:016x}", self.key),
        };
        let folder = stage.checkpoints(NAME).join(key);
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let start = std::time::Instant::now();
        for (number, samples) in indices.chunks(SHARD).enumerate() {
            if control.stopped() {
                return Ok(None);
            }
            let file = shard(&folder, number);
            if file.exists() {
                continue;
            }
            let repainter = repainter.map(|(repainter, _)| repainter);
            let views = threads::each(samples.len(), threads::at_once(&self.device), |place| {
                self.see(world, samples[place], repainter)
            })?;
            reliad_files::write(&file, &views.concat()).map_err(Error::io(&file))?;
            (control.on_report)(
                if repainter.is_some() {
                    "repainted views"
                } else {
                    NAME
                },
                &Report {
                    step: number as u64 + 1,
                    progress: (number * SHARD + samples.len()) as f64 / indices.len() as f64,
                    elapsed_seconds: start.elapsed().as_secs_f64(),
                    ..Report::default()
                },
            );
        }
        Ok(Some(Kept { folder, numbers }))
    }

    /// The planes of the view of sample `index`.
    fn see(&self, world: &World, index: usize, repainter: Option<&Repainter>) -> Result<Vec<u8>> {
        let product = world.picture(index, Modality::Product)?.into_rgba8();
        let mut picture = world.picture(index, Modality::Image)?.into_rgb8();
        if let Some(repainter) = repainter {
            let unusable = |reason: String| Error::Data {
                path: world.records()[index]
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
            let prompt = &world.records()[index].prompt;
            picture = repainter.repaint(&picture, &placed, prompt, index)?;
        }
        let generated = rgb_tensor(&picture, &self.device);
        let product = rgba_tensor(&product, &self.device);
        let depth = self.depth.as_ref();
        let saliency = self.saliency.as_ref();
        let see = &self.preprocess;
        let views = [
            Some(see.product_view(product)),
            Some(see.view(generated.clone())),
            depth.map(|network| see.view(network.estimate(generated.clone()))),
            saliency.map(|network| see.view(network.estimate(generated))),
        ];
        let plane = self.size * self.size;
        let mut out = Vec::with_capacity(PLANES * plane);
        for view in views {
            match view {
                Some(view) => out.extend(planes(view).map_err(Error::component(NAME))?),
                None => out.resize(out.len() + plane, 0),
            }
        }
        Ok(out)
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
