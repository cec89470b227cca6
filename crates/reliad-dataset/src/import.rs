//! Taking over a data set: its index is written in our own layout, its pictures stay where they are.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::error::{Error, Result};
use crate::folder::{Lines, METADATA, QUARANTINE};
use crate::source::{Source, Surroundings};
use crate::tally::Tally;
use crate::{Place, Record};

/// What was taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Usable samples, in `metadata.jsonl`.
    pub records: u64,
    /// Others, in `quarantine.jsonl` with the reason.
    pub broken: u64,
    /// Those others by the kind of reason.
    pub aside: Tally,
    /// What was passed over that is no sample, by kind.
    pub passed: Tally,
    /// What else should be known.
    pub notices: Vec<String>,
    /// Samples whose split the names of files tell, in the order of [`Split::ALL`](crate::Split::ALL).
    pub named_splits: [u64; 3],
    /// Samples of each split.
    pub splits: [u64; 3],
    /// Samples with a product picture.
    pub with_product: u64,
}

/// Writes `metadata.jsonl` and `quarantine.jsonl` of `sources`, one after another, into `out`, which may be the own folder of
/// one; both take their names when all is read. A source that is listed twice counts twice. `progress` is told the number of
/// samples so far.
///
/// # Errors
/// [`Error::Labels`] where nothing tells what labels mean; [`Error::Io`], [`Error::Layout`] when a source can't be opened,
/// [`Error::Empty`] when one has no usable sample, [`Error::Stopped`].
pub fn import(
    sources: &[Source],
    out: &Path,
    progress: &dyn Fn(u64),
    stop: &AtomicBool,
) -> Result<Imported> {
    reliad_files::prepare_directory(out).map_err(Error::io(out))?;
    let home = Home {
        out: absolute(out)?,
        working: absolute(Path::new("."))?,
    };
    let around = Surroundings {
        among_others: sources.len() > 1,
        out: Some(out),
        stop: Some(stop),
    };
    // Before anything is written: a data set whose labels mean nothing leaves no trace.
    let meanings = sources.iter().map(|source| source.meaning(around));
    let meanings = meanings.collect::<Result<Vec<_>>>()?;
    let mut imported = Imported::default();
    let mut records = Lines::create(&out.join(METADATA))?;
    let mut broken = Lines::create(&out.join(QUARANTINE))?;
    for (source, meaning) in sources.iter().zip(meanings) {
        let before = records.count();
        let mut reasons = Tally::default();
        let told = source.read_as(&meaning, around, &mut |sample| {
            match sample {
                Ok(record) => {
                    imported.splits[record.split() as usize] += 1;
                    imported.with_product += u64::from(record.product.is_some());
                    records.write(&home.record(record))?;
                }
                Err(reason) => {
                    broken.write(&reason)?;
                    reasons.add(reason.kind(), || reason.example());
                }
            }
            progress(records.count() + broken.count());
            Ok(())
        })?;
        if records.count() == before {
            // The list tells why; an index without this source would only hide it.
            broken.finish()?;
            return Err(Error::Unusable {
                path: source.path.clone(),
                reasons: reasons.lines().join("; "),
            });
        }
        imported.aside.join(reasons);
        imported.passed.join(told.passed);
        imported.notices.extend(meaning.notice);
        for (sum, count) in imported.named_splits.iter_mut().zip(told.named_splits) {
            *sum += count;
        }
    }
    imported.broken = broken.finish()?;
    imported.records = records.finish()?;
    Ok(imported)
}

/// From where the index names its files.
struct Home {
    out: PathBuf,
    working: PathBuf,
}

impl Home {
    fn record(&self, record: Record) -> Record {
        let place = |place: Option<Place>| place.map(|place| self.place(&place));
        Record {
            image: self.place(&record.image),
            product: place(record.product),
            depth: place(record.depth),
            saliency: place(record.saliency),
            ..record
        }
    }

    /// Files in the index's own folder by their relative path, so that the folder can be moved; others by the full one.
    fn place(&self, place: &Place) -> Place {
        place.with_file(|file| {
            let full = self.working.join(file);
            full.strip_prefix(&self.out)
                .map_or_else(|_| full.clone(), Path::to_path_buf)
        })
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(Error::io(path))
}
