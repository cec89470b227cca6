//! Handing a data set on: as an image folder, WebDataset shards or parquet files, pictures and all.

mod folder;
mod parquet;
mod webdataset;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::folder::{METADATA, Records};
use crate::{Broken, Layout, Modality, Place, Record, Split, Store};

/// What to write.
#[derive(Debug, Clone)]
pub struct Export {
    /// [`Layout::Folder`], [`Layout::WebDataset`] or [`Layout::Parquet`].
    pub layout: Layout,
    /// Only this part; absent: everything.
    pub split: Option<Split>,
    /// Samples of one shard or file.
    pub shard_samples: usize,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Samples that are there now, those of an earlier run included.
    pub samples: u64,
    /// Samples that couldn't be read and were left out.
    pub broken: Vec<Broken>,
}

/// A sample with the bytes of its pictures.
pub(crate) struct Whole {
    /// Its number among all that are written, as text: what its files are called.
    key: String,
    record: Record,
    pictures: Vec<(Modality, Vec<u8>)>,
}

/// What an export was made from; another one must not go on in its folder.
#[derive(Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
struct Made {
    layout: String,
    split: Option<Split>,
    shard_samples: usize,
    metadata: String,
}

/// Name of the file that holds [`Made`].
const MADE: &str = "export.json";

impl Export {
    /// Writes the folder `dir` out into the folder `out`. Shards that are there already are kept, so that a stopped
    /// export goes on. `progress` is told the number of samples so far.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Metadata`], [`Error::Layout`] when `out` holds another export, [`Error::Empty`],
    /// [`Error::Stopped`].
    pub fn write(
        &self,
        dir: &Path,
        out: &Path,
        progress: &dyn Fn(u64),
        stop: &AtomicBool,
    ) -> Result<Exported> {
        std::fs::create_dir_all(out).map_err(Error::io(out))?;
        self.claim(dir, out)?;
        reliad_files::prepare_directory(out).map_err(Error::io(out))?;
        let store = Store::new(dir);
        let mut exported = Exported::default();
        let mut folder = match self.layout {
            Layout::Folder => Some(folder::Index::create(out)?),
            _ => None,
        };
        let wanted = |record: &Result<Record>| match (record, self.split) {
            (Ok(record), Some(split)) => record.split() == split,
            _ => true,
        };
        let mut records = Records::open(dir)?.filter(wanted);
        for number in 0.. {
            let shard: Vec<Record> = records
                .by_ref()
                .take(self.shard_samples.max(1))
                .collect::<Result<_>>()?;
            if shard.is_empty() {
                break;
            }
            let first = exported.samples + exported.broken.len() as u64;
            let mut samples = shard.into_iter().enumerate().map(|(place, record)| {
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::Stopped);
                }
                progress(first + place as u64 + 1);
                Ok(whole(&store, first + place as u64, record))
            });
            let written = match (&mut folder, self.layout) {
                (Some(index), _) => index.write(&mut samples)?,
                (None, Layout::Parquet) => keep(
                    &out.join(format!("data-{number:05}.parquet")),
                    &mut samples,
                    parquet::write,
                )?,
                (None, _) => keep(
                    &out.join(format!("shard-{number:06}.tar")),
                    &mut samples,
                    webdataset::write,
                )?,
            };
            exported.samples += written.samples;
            exported.broken.extend(written.broken);
        }
        if exported.samples == 0 {
            return Err(Error::Empty {
                path: dir.join(METADATA),
            });
        }
        if let Some(index) = folder {
            index.finish()?;
        }
        Ok(exported)
    }

    /// Marks `out` as this export's, unless it is another's.
    fn claim(&self, dir: &Path, out: &Path) -> Result<()> {
        let metadata = dir.join(METADATA);
        let mut hasher = blake3::Hasher::new();
        let file = File::open(&metadata).map_err(Error::io(&metadata))?;
        hasher.update_reader(file).map_err(Error::io(&metadata))?;
        let made = Made {
            layout: self.layout.name().to_owned(),
            split: self.split,
            shard_samples: self.shard_samples,
            metadata: hasher.finalize().to_hex().to_string(),
        };
        let path = out.join(MADE);
        match std::fs::read(&path) {
            Ok(bytes) if serde_json::from_slice::<Made>(&bytes).is_ok_and(|old| old == made) => {
                Ok(())
            }
            Ok(_) => Err(Error::Layout {
                path: out.to_owned(),
                reason: "it holds an export of other samples or settings; give another folder"
                    .to_owned(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let json = serde_json::to_vec_pretty(&made).unwrap_or_default();
                reliad_files::write(&path, &json).map_err(Error::io(&path))
            }
            Err(error) => Err(Error::io(&path)(error)),
        }
    }
}

/// Reads a sample's pictures.
fn whole(store: &Store, number: u64, record: Record) -> std::result::Result<Whole, Broken> {
    let places = Modality::ALL
        .into_iter()
        .filter_map(|kind| record.place(kind).map(|place| (kind, place)));
    let pictures: Result<Vec<_>> = places
        .map(|(kind, place)| Ok((kind, store.bytes(place)?)))
        .collect();
    match pictures {
        Ok(pictures) => Ok(Whole {
            key: format!("{number:08}"),
            pictures,
            record,
        }),
        Err(error) => Err(Broken {
            sample: record.image.to_string(),
            reason: error.to_string(),
        }),
    }
}

type Samples<'a> = dyn Iterator<Item = Result<std::result::Result<Whole, Broken>>> + 'a;

/// Writes one shard; one that is there is only counted.
fn keep(
    path: &Path,
    samples: &mut Samples<'_>,
    write: fn(&Path, &mut Samples<'_>) -> Result<Exported>,
) -> Result<Exported> {
    if path.exists() {
        // The pictures are read once more, so that the count and the broken ones are told as before.
        return count(samples);
    }
    write(path, samples)
}

/// Counts samples without writing them.
fn count(samples: &mut Samples<'_>) -> Result<Exported> {
    let mut exported = Exported::default();
    for sample in samples {
        match sample? {
            Ok(_) => exported.samples += 1,
            Err(broken) => exported.broken.push(broken),
        }
    }
    Ok(exported)
}

impl Whole {
    /// What a picture's file is called: its format, after its kind where it isn't the judged one.
    fn extension(kind: Modality, bytes: &[u8]) -> String {
        let format = image::guess_format(bytes).ok();
        let format = format.and_then(|format| format.extensions_str().first().copied());
        let format = format.unwrap_or("bin");
        match kind {
            Modality::Image => format.to_owned(),
            kind => format!("{}.{format}", kind.name()),
        }
    }

    /// The record with other places.
    fn with_places(&self, place: impl Fn(Modality) -> Option<Place>) -> Record {
        let mut record = self.record.clone();
        // An exported folder's own name of the picture, when it is exported again.
        record.others.remove("file_name");
        record.image = place(Modality::Image).unwrap_or(record.image);
        record.product = place(Modality::Product);
        record.depth = place(Modality::Depth);
        record.saliency = place(Modality::Saliency);
        // Other layouts have no rule of their own for it.
        record.split = Some(record.split());
        record
    }
}
