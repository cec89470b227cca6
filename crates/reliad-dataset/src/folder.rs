//! Our own layout: a folder with `metadata.jsonl`, one record a line, and `quarantine.jsonl`, the samples not to use.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use image::DynamicImage;
use reliad_files::Partial;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::source::Broken;
use crate::store::Store;
use crate::text::TextLines;
use crate::{Modality, Place, Record, Split};

/// The file of records in a data set's folder.
pub const METADATA: &str = "metadata.jsonl";
/// The file of samples that are not to be used, with the reason.
pub const QUARANTINE: &str = "quarantine.jsonl";

/// A folder of labelled samples; records are held (about 0.7 kB each), pictures are read when asked for.
#[derive(Debug)]
pub struct Folder {
    store: Store,
    records: Vec<Record>,
}

impl Folder {
    /// Reads `metadata.jsonl` of `dir`, less what `quarantine.jsonl` names.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Metadata`] naming the line, [`Error::Empty`].
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self> {
        let dir = dir.into();
        let records = Records::open(&dir)?.collect::<Result<Vec<_>>>()?;
        match records.is_empty() {
            true => Err(Error::Empty {
                path: dir.join(METADATA),
            }),
            false => Ok(Self {
                store: Store::new(dir),
                records,
            }),
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.store.dir()
    }

    /// All samples, in the order of the file.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Indices of the samples of one split.
    pub fn split(&self, split: Split) -> Vec<usize> {
        (0..self.records.len())
            .filter(|&index| self.records[index].split() == split)
            .collect()
    }

    /// Reads pictures of these samples.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Decodes a picture or map of a sample.
    ///
    /// # Errors
    /// [`Error::Missing`] when the sample has none of this kind; what [`Store::picture`] says.
    pub fn picture(&self, record: &Record, kind: Modality) -> Result<DynamicImage> {
        let place = required(record, kind)?;
        match kind {
            Modality::Image | Modality::Product => self.store.picture(place),
            Modality::Depth | Modality::Saliency => self.store.map(place),
        }
    }
}

/// Where a sample's picture of this kind lies.
///
/// # Errors
/// [`Error::Missing`], saying what to do.
pub fn required(record: &Record, kind: Modality) -> Result<&Place> {
    record.place(kind).ok_or_else(|| Error::Missing {
        image: record.image.to_string(),
        kind: kind.name(),
        hint: match kind {
            Modality::Depth | Modality::Saliency => "; `reliad data prepare` computes it",
            Modality::Image | Modality::Product => "",
        },
    })
}

/// The records of a folder, one by one, in constant memory but for the names in quarantine.
pub struct Records {
    path: PathBuf,
    lines: TextLines,
    quarantine: HashSet<String>,
}

impl Records {
    /// Opens `metadata.jsonl` of `dir`; what `quarantine.jsonl` names is left out.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(dir: &Path) -> Result<Self> {
        let quarantine = quarantine(dir)?;
        let names = quarantine.into_iter().map(|broken| broken.sample).collect();
        Self::of(dir, names)
    }

    /// The same, with what `quarantine.jsonl` names.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn all(dir: &Path) -> Result<Self> {
        Self::of(dir, HashSet::new())
    }

    fn of(dir: &Path, quarantine: HashSet<String>) -> Result<Self> {
        let path = dir.join(METADATA);
        Ok(Self {
            lines: TextLines::open(&path)?,
            path,
            quarantine,
        })
    }
}

impl Iterator for Records {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, line) = match self.lines.next()? {
                Ok(line) => (line.number, line.text),
                Err(error) => return Some(Err(Error::io(&self.path)(error))),
            };
            let line = match line {
                Ok(line) if line.trim().is_empty() => continue,
                Ok(line) => line,
                Err(reason) => {
                    let reason = format!("line {number}: {reason}");
                    return Some(Err(Error::layout(&self.path)(reason)));
                }
            };
            match serde_json::from_str::<Record>(&line) {
                Ok(record) if self.is_quarantined(&record) => {}
                Ok(record) => return Some(Ok(record)),
                Err(source) => {
                    return Some(Err(Error::Metadata {
                        path: self.path.clone(),
                        line: number,
                        source,
                    }));
                }
            }
        }
    }
}

impl Records {
    fn is_quarantined(&self, record: &Record) -> bool {
        // Most data sets have no such list, and then no name need be written out.
        !self.quarantine.is_empty() && self.quarantine.contains(&record.image.to_string())
    }
}

/// The samples of a folder that are not to be used; none where there is no list.
///
/// # Errors
/// [`Error::Io`], [`Error::Metadata`].
pub fn quarantine(dir: &Path) -> Result<Vec<Broken>> {
    let path = dir.join(QUARANTINE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io(&path)(error)),
    };
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|source| Error::Metadata {
                path: path.clone(),
                line: number + 1,
                source,
            })
        })
        .collect()
}

/// A file of one JSON value a line, which takes its name when it is whole.
pub struct Lines {
    file: Partial,
    count: u64,
}

impl Lines {
    /// Begins the file; the one of that name stays until [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self {
            file: Partial::create(path).map_err(Error::io(path))?,
            count: 0,
        })
    }

    /// Writes one line.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).map_err(|error| Error::Io {
            path: self.file.path().to_owned(),
            source: error.into(),
        })?;
        line.push(b'\n');
        self.count += 1;
        let written = self.file.write_all(&line);
        written.map_err(Error::io(self.file.path()))
    }

    /// Number of lines so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<u64> {
        let path = self.file.path().to_owned();
        self.file.finish().map_err(Error::io(&path))?;
        Ok(self.count)
    }
}
