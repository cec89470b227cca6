//! Depth and saliency of a data set's pictures, estimated once and kept in shards beside its index.
//!
//! The index says of each map which network made it and how large ([`maps`](crate::data::maps)).
//!
//! A shard is a tar file of `<sample>.depth.png` and `<sample>.saliency.png`; samples are numbered by their lines in
//! `metadata.jsonl`. What is held is one batch, however many samples there are. For a million samples at 384 px, maps
//! of about 60 kB a pair make about 60 GB in 1,000 shards.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use image::{GrayImage, ImageFormat, RgbImage};
use rayon::prelude::*;
use reliad_dataset::{
    Lines, METADATA, Modality, Place, Record, Records, ShardWriter, Store, members, quarantine,
};
use reliad_pictures::{gray_image, resize, rgb_tensor};
use reliad_rfnet::depth_network::DepthNetwork;
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_weights::ModelDir;

use crate::data::maps::{MAPS, network_of, note};
use crate::error::{Error, Result};
use crate::fingerprint::fingerprint;

/// Samples of a shard: what a kill can cost.
const SHARD: usize = 1000;
/// Pictures decoded together.
const TOGETHER: usize = 32;
/// The folder of maps in a data set's folder.
const FOLDER: &str = "maps";

/// What to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepare {
    /// Longest side of the maps in pixels; 0: as the pictures are.
    pub size: usize,
    /// Also where the data set has maps of its own, which are then no longer named by the index.
    pub replace: bool,
    /// This worker's part of the shards, from 0, and how many workers there are.
    pub part: (usize, usize),
}

/// How far it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Samples with both maps.
    pub samples: u64,
    /// Samples whose picture can't be read and that `reliad data check` hasn't set aside yet.
    pub broken: u64,
    /// Shards that other workers have still to make; the index is written when there are none.
    pub missing_shards: usize,
}

/// Computes the maps of the folder `dir` with `depth/` and `saliency/` of `model`, shard by shard; shards that are there
/// are kept. When all are there, `metadata.jsonl` is made to name them. `None` when `stopped` said so.
///
/// # Errors
/// A missing or damaged component, an index that can't be read, or a failing disk; a bad picture is none.
pub fn prepare(
    dir: &Path,
    model: &ModelDir,
    device: &Device,
    settings: Prepare,
    progress: &dyn Fn(u64),
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Prepared>> {
    let networks = Networks::load(model, device, settings.size)?;
    // A shard that left out what had maps of its own is no shard of all.
    let kind = if settings.replace { "all" } else { "missing" };
    let folder = dir.join(FOLDER).join(format!("{}-{kind}", networks.key));
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io {
        path: folder.clone(),
        source,
    })?;
    let store = Store::new(dir);
    let failed = Error::component::<reliad_dataset::Error>;
    let mut prepared = Prepared::default();
    let mut records = Records::all(dir).map_err(failed("data"))?;
    let (mut shards, mut first) = (Vec::new(), 0);
    loop {
        let batch: Vec<Record> = records
            .by_ref()
            .take(SHARD)
            .collect::<std::result::Result<_, _>>()
            .map_err(failed("data"))?;
        if batch.is_empty() {
            break;
        }
        let path = folder.join(shard_name(shards.len(), &batch));
        let (part, parts) = settings.part;
        let is_own = shards.len() % parts.max(1) == part;
        if is_own && !path.exists() {
            let made = networks.shard(
                &path,
                &store,
                &batch,
                settings.replace,
                first,
                progress,
                stopped,
            )?;
            if !made {
                return Ok(None);
            }
        }
        prepared.missing_shards += usize::from(!path.exists());
        shards.push(path);
        first += batch.len() as u64;
        progress(first);
    }
    if prepared.missing_shards == 0 {
        index(dir, &shards, &networks, settings.replace, &mut prepared)?;
    }
    Ok(Some(prepared))
}

/// A shard's file: named by its number and its pictures, so that an index that grew or changed finds none of its own.
fn shard_name(number: usize, records: &[Record]) -> String {
    let names: String = records
        .iter()
        .map(|record| format!("{};", record.image))
        .collect();
    format!("{number:06}-{:016x}.tar", fingerprint(names.as_bytes()))
}

struct Networks {
    depth: DepthNetwork,
    saliency: SaliencyNetwork,
    size: usize,
    device: Device,
    /// What the maps depend on.
    key: String,
    /// Names of the networks, in the order of [`MAPS`].
    names: [String; 2],
}

impl Networks {
    fn load(model: &ModelDir, device: &Device, size: usize) -> Result<Self> {
        let rfnet = Error::component::<reliad_rfnet::Error>;
        let [depth, saliency] = MAPS.map(|kind| network_of(model, kind));
        let names = [depth?, saliency?].map(Option::unwrap_or_default);
        Ok(Self {
            key: format!("{}-{size}", names.join("-")),
            names,
            depth: DepthNetwork::load(&model.sub("depth"), device).map_err(rfnet("depth"))?,
            saliency: SaliencyNetwork::load(&model.sub("saliency"), device)
                .map_err(rfnet("saliency"))?,
            size,
            device: device.clone(),
        })
    }

    /// Writes one shard; `false` when stopped, and then there is none.
    #[expect(
        clippy::too_many_arguments,
        reason = "one inner step of the loop above, split for reading"
    )]
    fn shard(
        &self,
        path: &Path,
        store: &Store,
        records: &[Record],
        replace: bool,
        first: u64,
        progress: &dyn Fn(u64),
        stopped: &dyn Fn() -> bool,
    ) -> Result<bool> {
        let failed = Error::component::<reliad_dataset::Error>;
        let mut shard = ShardWriter::create(path).map_err(failed("maps"))?;
        for (number, batch) in records.chunks(TOGETHER).enumerate() {
            if stopped() {
                return Ok(false);
            }
            let pictures: Vec<Option<RgbImage>> = batch
                .par_iter()
                .map(|record| {
                    let wanted = is_wanted(record, replace);
                    let picture = wanted.then(|| store.picture(&record.image).ok()).flatten();
                    picture.map(|picture| picture.into_rgb8())
                })
                .collect();
            let maps = pictures.iter().map(|picture| {
                picture
                    .as_ref()
                    .map(|picture| self.maps(picture))
                    .transpose()
            });
            let maps: Vec<Option<[GrayImage; 2]>> = maps.collect::<Result<_>>()?;
            let files: Vec<Option<[Vec<u8>; 2]>> = maps
                .into_par_iter()
                .map(|maps| maps.map(|maps| maps.map(png)))
                .collect();
            for (place, files) in files.into_iter().enumerate() {
                let sample = first + (number * TOGETHER + place) as u64;
                let Some([depth, saliency]) = files else {
                    continue;
                };
                for (kind, bytes) in [(Modality::Depth, depth), (Modality::Saliency, saliency)] {
                    shard
                        .add(&member(sample, kind), &bytes)
                        .map_err(failed("maps"))?;
                }
            }
            progress(first + (number * TOGETHER + batch.len()) as u64);
        }
        shard.finish().map_err(failed("maps"))?;
        Ok(true)
    }

    /// Depth and saliency of one picture.
    fn maps(&self, picture: &RgbImage) -> Result<[GrayImage; 2]> {
        let seen = rgb_tensor(picture, &self.device);
        let [_, _, height, width] = seen.dims();
        let scale = match self.size {
            0 => 1.0,
            size => (size as f64 / height.max(width) as f64).min(1.0),
        };
        let side = |pixels: usize| ((pixels as f64 * scale).round() as usize).max(1);
        let gray = |map| {
            let map = resize(map, side(height), side(width));
            gray_image(&map).map_err(Error::component("maps"))
        };
        Ok([
            gray(self.depth.estimate(seen.clone()))?,
            gray(self.saliency.estimate(seen))?,
        ])
    }
}

/// Whether maps of the sample are to be computed.
fn is_wanted(record: &Record, replace: bool) -> bool {
    replace || record.depth.is_none() || record.saliency.is_none()
}

/// A map's name in its shard.
fn member(sample: u64, kind: Modality) -> String {
    format!("{sample:09}.{}.png", kind.name())
}

fn png(map: GrayImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    // Memory takes any PNG.
    let _ = map.write_to(&mut bytes, ImageFormat::Png);
    bytes.into_inner()
}

/// Writes the index anew, with the maps' places.
fn index(
    dir: &Path,
    shards: &[PathBuf],
    networks: &Networks,
    replace: bool,
    prepared: &mut Prepared,
) -> Result<()> {
    let failed = Error::component::<reliad_dataset::Error>;
    let set_aside = quarantine(dir).map_err(failed("data"))?;
    let set_aside: HashSet<String> = set_aside.into_iter().map(|broken| broken.sample).collect();
    let mut lines = Lines::create(&dir.join(METADATA)).map_err(failed("data"))?;
    let mut known: HashMap<String, Place> = HashMap::new();
    for (number, record) in Records::all(dir).map_err(failed("data"))?.enumerate() {
        let mut record = record.map_err(failed("data"))?;
        if number % SHARD == 0 {
            known = match shards.get(number / SHARD) {
                Some(shard) => members(shard)
                    .map_err(failed("maps"))?
                    .into_iter()
                    .collect(),
                None => HashMap::new(),
            };
        }
        let mut made = |kind: Modality| {
            let place = known.remove(&member(number as u64, kind))?;
            Some(place.with_file(|file| {
                file.strip_prefix(dir)
                    .map_or_else(|_| file.to_owned(), Path::to_path_buf)
            }))
        };
        let maps = MAPS.map(&mut made);
        let is_wanted = is_wanted(&record, replace);
        let is_made = maps.iter().all(Option::is_some);
        for ((kind, made), network) in MAPS.into_iter().zip(maps).zip(&networks.names) {
            let own = match kind {
                Modality::Depth => &mut record.depth,
                _ => &mut record.saliency,
            };
            if is_wanted && is_made && (replace || own.is_none()) {
                own.clone_from(&made);
            }
            // Also of an earlier run that didn't note it.
            if made.is_some() && *own == made {
                note(&mut record, kind, network, networks.size);
            }
        }
        if is_made || !is_wanted {
            prepared.samples += 1;
        } else if !set_aside.contains(&record.image.to_string()) {
            prepared.broken += 1;
        }
        lines.write(&record).map_err(failed("data"))?;
    }
    lines.finish().map_err(failed("data"))?;
    Ok(())
}
