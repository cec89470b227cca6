//! An image folder with `metadata.jsonl`, which Hugging Face's tools read too.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Exported, Samples, Whole};
use crate::error::{Error, Result};
use crate::folder::{Lines, METADATA};
use crate::{Place, Record};

/// The folder's index, which gets its name when all pictures are there.
pub(super) struct Index {
    out: PathBuf,
    lines: Lines,
}

/// A line: our record, and the name by which Hugging Face's tools know the picture.
#[derive(Serialize)]
struct Line<'a> {
    file_name: String,
    #[serde(flatten)]
    record: &'a Record,
}

impl Index {
    pub fn create(out: &Path) -> Result<Self> {
        let pictures = out.join("images");
        reliad_files::prepare_directory(&pictures).map_err(Error::io(&pictures))?;
        Ok(Self {
            out: out.to_owned(),
            lines: Lines::create(&out.join(METADATA))?,
        })
    }

    pub fn write(&mut self, samples: &mut Samples<'_>) -> Result<Exported> {
        let mut exported = Exported::default();
        for sample in samples {
            let sample = match sample? {
                Ok(sample) => sample,
                Err(broken) => {
                    exported.broken.push(broken);
                    continue;
                }
            };
            let mut places = Vec::new();
            for (kind, bytes) in &sample.pictures {
                let name = format!("images/{}.{}", sample.key, Whole::extension(*kind, bytes));
                let path = self.out.join(&name);
                if !path.exists() {
                    reliad_files::write(&path, bytes).map_err(Error::io(&path))?;
                }
                places.push((*kind, Place::File(name.into())));
            }
            let record = sample.with_places(|kind| {
                let found = places.iter().find(|(known, _)| *known == kind);
                found.map(|(_, place)| place.clone())
            });
            self.lines.write(&Line {
                file_name: record.image.to_string(),
                record: &record,
            })?;
            exported.samples += 1;
        }
        Ok(exported)
    }

    pub fn finish(self) -> Result<()> {
        self.lines.finish().map(|_| ())
    }
}
