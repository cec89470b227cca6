//! Taking over a data set: its index is written in our own layout, its pictures stay where they are.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::folder::{Lines, METADATA, QUARANTINE};
use crate::source::Source;
use crate::{Place, Record};

/// How many samples were taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Usable ones, in `metadata.jsonl`.
    pub records: u64,
    /// Others, in `quarantine.jsonl` with the reason.
    pub broken: u64,
}

/// Writes `metadata.jsonl` and `quarantine.jsonl` of `sources`, one after another, into `out`, which may be the own folder of
/// one; both take their names when all is read. A source that is listed twice counts twice. `progress` is told the number of
/// samples so far.
///
/// # Errors
/// [`Error::Io`], [`Error::Layout`] when a source can't be opened, [`Error::Empty`] when one has no usable sample,
/// [`Error::Stopped`].
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
    let mut records = Lines::create(&out.join(METADATA))?;
    let mut broken = Lines::create(&out.join(QUARANTINE))?;
    for source in sources {
        let before = records.count();
        source.read(&mut |sample| {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Stopped);
            }
            match sample {
                Ok(record) => records.write(&home.record(record))?,
                Err(reason) => broken.write(&reason)?,
            }
            progress(records.count() + broken.count());
            Ok(())
        })?;
        if records.count() == before {
            // The list tells why; an index without this source would only hide it.
            broken.finish()?;
            return Err(Error::Empty {
                path: source.path.clone(),
            });
        }
    }
    Ok(Imported {
        broken: broken.finish()?,
        records: records.finish()?,
    })
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
