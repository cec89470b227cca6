//! `manifest.jsonl`: one line per attempt, with everything needed to make its picture again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use reliad_imaging::Class;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::identity::ModelIdentity;
use crate::order::CatalogueRow;
use crate::product::Photograph;
use crate::recipe::Recipe;

/// The manifest's name in an output directory.
pub const FILE_NAME: &str = "manifest.jsonl";

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of reliad that made it.
    pub reliad: String,
    /// Name of the recipe: see [`Recipe::name`].
    pub name: String,
    /// The product's file, as an absolute path.
    pub product_path: PathBuf,
    /// What the judge was told the product is.
    pub title: String,
    /// Everything that decides the picture's bytes.
    pub recipe: Recipe,
    /// The model that painted.
    pub model: ModelIdentity,
    /// The model that judged, `None` when nothing judged.
    pub judge: Option<ModelIdentity>,
    /// The device that painted; other devices may round differently.
    pub device: String,
    /// The noise file, where one replaced the drawn noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_path: Option<PathBuf>,
    /// Where the prompt was cut, if it was too long for the text encoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_cut: Option<String>,
    /// What the product was cut out of, where reliad did that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photograph: Option<Photograph>,
    /// The row of the catalogue that asked for it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalogue: Option<CatalogueRow>,
    /// What the judge said, `None` when nothing judged.
    pub verdict: Option<VerdictRecord>,
    /// Whether the picture is kept among the results.
    pub kept: bool,
    /// The picture's file relative to the manifest, `None` for a rejected one that isn't kept.
    pub file: Option<String>,
    /// BLAKE3 of the picture's PNG bytes, also of one that isn't kept.
    pub png_blake3: String,
    /// Seconds of painting and of judging.
    pub seconds: Seconds,
}

/// What a head without reasons calls the pictures that it rejects.
const NOT_AVAILABLE: &str = "not_available";

/// The judge's verdict on one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// The class given; `None` where a head without reasons says "not available".
    pub class: Option<Class>,
    /// Whether the picture can be published.
    pub available: bool,
    /// Probability of each class of the judge's head, in its order.
    pub probabilities: Vec<ClassProbability>,
}

/// One class of the judge's head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassProbability {
    /// Slug of the class; `not_available` for the second class of a two-class head.
    pub class: String,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

impl VerdictRecord {
    /// A record of `probabilities` in the order of the head's classes.
    pub fn new(class: Class, available: bool, probabilities: &[f32]) -> Self {
        let coarse = probabilities.len() == 2;
        let probabilities = probabilities
            .iter()
            .enumerate()
            .map(|(id, &probability)| ClassProbability {
                class: match Class::from_id(id) {
                    Some(class) if !coarse || id == 0 => class.slug().to_owned(),
                    _ => NOT_AVAILABLE.to_owned(),
                },
                probability,
            })
            .collect();
        let class = (available || !coarse).then_some(class);
        Self {
            class,
            available,
            probabilities,
        }
    }

    /// The verdict as the probabilities name it.
    pub fn slug(&self) -> &'static str {
        self.class.map_or(NOT_AVAILABLE, Class::slug)
    }

    /// The verdict in words for people; "not certain enough" where Available is likeliest, but below the judge's threshold.
    pub fn label(&self) -> &'static str {
        match self.class {
            _ if self.available => Class::Available.name(),
            None => "Not available",
            Some(class) if class.is_available() => "Not certain enough",
            Some(class) => class.name(),
        }
    }
}

/// What an attempt took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Painting.
    pub paint: f64,
    /// Judging.
    pub judge: f64,
}

impl Record {
    /// What makes two records the same attempt: the picture, who judged it and as what.
    pub fn key(&self) -> AttemptKey {
        AttemptKey {
            name: self.name.clone(),
            judge: self.judge.as_ref().map(|judge| judge.digest.clone()),
            title: self.title.clone(),
        }
    }
}

/// What makes two attempts the same: see [`Record::key`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttemptKey {
    /// Name of the recipe.
    pub name: String,
    /// Digest of the judge's files.
    pub judge: Option<String>,
    /// What the judge is told.
    pub title: String,
}

/// An open manifest: the only writer of its output directory.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    file: File,
    records: Vec<Record>,
    by_key: HashMap<AttemptKey, usize>,
}

impl Manifest {
    /// Opens or creates the manifest in `directory`, and locks it until it is dropped.
    /// A last line that a kill tore is removed; one that only lacks its line break gets it.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it, [`Error::Content`] when a line other than
    /// the last isn't a record, [`Error::Read`] and [`Error::Write`].
    pub fn open(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE_NAME);
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(Error::write(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::Locked(directory.to_path_buf()));
            }
            // A file system without locks: nothing to protect with.
            Err(fs::TryLockError::Error(_)) => {}
        }
        let Parsed {
            records,
            whole,
            unended,
        } = parse(&path)?;
        file.set_len(whole).map_err(Error::write(&path))?;
        file.seek(SeekFrom::End(0)).map_err(Error::write(&path))?;
        if unended {
            file.write_all(b"\n").map_err(Error::write(&path))?;
        }
        let by_key = records
            .iter()
            .enumerate()
            .map(|(place, record)| (record.key(), place))
            .collect();
        Ok(Self {
            path,
            file,
            records,
            by_key,
        })
    }

    /// Every record, oldest first; of two records of one attempt only the newest.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .enumerate()
            .filter(|(place, record)| self.by_key.get(&record.key()) == Some(place))
            .map(|(_, record)| record)
    }

    /// The newest record of this attempt.
    pub fn find(&self, key: &AttemptKey) -> Option<&Record> {
        self.by_key.get(key).map(|&place| &self.records[place])
    }

    /// Appends one line.
    ///
    /// # Errors
    /// [`Error::Write`]; the file then ends with its last whole line again.
    pub fn append(&mut self, record: Record) -> Result<()> {
        let mut line = serde_json::to_vec(&record).map_err(|error| Error::Content {
            file: self.path.display().to_string(),
            message: error.to_string(),
        })?;
        line.push(b'\n');
        let before = self
            .file
            .stream_position()
            .map_err(Error::write(&self.path))?;
        if let Err(source) = self.file.write_all(&line).and_then(|()| self.file.flush()) {
            // Best effort: a torn line is also removed when the manifest is opened next.
            let _ = self.file.set_len(before);
            let _ = self.file.seek(SeekFrom::Start(before));
            return Err(Error::Write {
                path: self.path.clone(),
                source,
            });
        }
        self.by_key.insert(record.key(), self.records.len());
        self.records.push(record);
        Ok(())
    }
}

/// The records of a manifest file; a torn last line is left out.
///
/// # Errors
/// [`Error::Read`], and [`Error::Content`] for a line other than the last that isn't a record.
pub fn read(path: &Path) -> Result<Vec<Record>> {
    Ok(parse(path)?.records)
}

/// What a manifest file holds.
struct Parsed {
    records: Vec<Record>,
    /// Bytes of the file up to the end of its last whole record.
    whole: u64,
    /// Whether that record lacks its line break, as editors leave it.
    unended: bool,
}

fn parse(path: &Path) -> Result<Parsed> {
    let bytes = fs::read(path).map_err(Error::read(path))?;
    let mut parsed = Parsed {
        records: Vec::new(),
        whole: 0,
        unended: false,
    };
    for (number, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        if !line.trim_ascii().is_empty() {
            match serde_json::from_slice(line) {
                Ok(record) => parsed.records.push(record),
                // A kill tore it.
                Err(_) if !line.ends_with(b"\n") && !is_json(line) => break,
                Err(error) => {
                    return Err(Error::Content {
                        file: format!("{}, line {}", path.display(), number + 1),
                        message: format!("not a record of this version of reliad: {error}"),
                    });
                }
            }
        }
        parsed.whole += line.len() as u64;
        parsed.unended = !line.ends_with(b"\n");
    }
    Ok(parsed)
}

fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;
    use crate::recipe::tests::sampling;

    pub(crate) fn record(attempt: u32) -> Record {
        let recipe = Recipe {
            product: "p".into(),
            model: "m".into(),
            prompt: "on a beach".into(),
            negative_prompt: String::new(),
            sampling: sampling(),
            scale: 0.7321,
            seed: 3,
            item: "i".into(),
            picture: 0,
            attempt,
            noise: None,
        };
        Record {
            reliad: "0.1.0".into(),
            name: recipe.name(),
            product_path: "/products/a.png".into(),
            title: "a <b> chair".into(),
            recipe,
            model: ModelIdentity {
                name: "mini".into(),
                digest: "m".into(),
                files: Default::default(),
                components: Default::default(),
                adapters: Vec::new(),
            },
            judge: None,
            device: "cpu".into(),
            noise_path: None,
            prompt_cut: None,
            photograph: None,
            catalogue: None,
            verdict: Some(VerdictRecord::new(
                Class::SpaceMismatch,
                false,
                &[0.1, 0.7, 0.1, 0.05, 0.05],
            )),
            kept: false,
            file: None,
            png_blake3: "x".into(),
            seconds: Seconds {
                paint: 1.5,
                judge: 0.25,
            },
        }
    }

    #[test]
    fn records_survive_and_the_newest_of_an_attempt_counts() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::open(dir.path()).unwrap();
        manifest.append(record(0)).unwrap();
        manifest.append(record(1)).unwrap();
        let newer = Record {
            png_blake3: "y".into(),
            ..record(0)
        };
        manifest.append(newer.clone()).unwrap();
        drop(manifest);
        let manifest = Manifest::open(dir.path()).unwrap();
        assert_eq!(manifest.records().collect::<Vec<_>>(), [&record(1), &newer]);
        assert_eq!(manifest.find(&record(0).key()), Some(&newer));
        assert_eq!(read(&dir.path().join(FILE_NAME)).unwrap().len(), 3);
    }

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        Manifest::open(dir.path())
            .unwrap()
            .append(record(0))
            .unwrap();
        let path = dir.path().join(FILE_NAME);
        let mut bytes = fs::read(&path).unwrap();
        let line = bytes.clone();
        bytes.extend_from_slice(&line[..line.len() / 2]);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        Manifest::open(dir.path())
            .unwrap()
            .append(record(1))
            .unwrap();
        assert_eq!(read(&path).unwrap(), [record(0), record(1)]);
    }

    #[test]
    fn a_last_line_without_its_break_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::open(dir.path()).unwrap();
        manifest.append(record(0)).unwrap();
        manifest.append(record(1)).unwrap();
        drop(manifest);
        let path = dir.path().join(FILE_NAME);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.trim_end()).unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
        let mut manifest = Manifest::open(dir.path()).unwrap();
        assert!(manifest.find(&record(1).key()).is_some());
        manifest.append(record(2)).unwrap();
        assert_eq!(read(&path).unwrap(), [record(0), record(1), record(2)]);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, "{}\n").unwrap();
        let message = Manifest::open(dir.path()).unwrap_err().to_string();
        assert!(message.contains("manifest.jsonl, line 1"), "{message}");
    }

    #[test]
    fn a_second_writer_is_turned_away() {
        let dir = tempfile::tempdir().unwrap();
        let first = Manifest::open(dir.path()).unwrap();
        assert!(matches!(Manifest::open(dir.path()), Err(Error::Locked(_))));
        drop(first);
        assert!(Manifest::open(dir.path()).is_ok());
    }
}
