//! The samples that networks learn from and those that are held out.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use reliad_dataset::{Folder, Modality, Place, Record, Split, required};

use crate::data::pictures::{Layout, Pictures, Shape};
use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;

/// A folder of samples, split by product.
#[derive(Debug)]
pub struct World {
    folder: Folder,
    count: usize,
}

impl World {
    /// Reads the texts and labels of the folder `dir`, of its first `samples` samples if given.
    ///
    /// # Errors
    /// A missing or damaged `metadata.jsonl`, or too few products for both parts.
    pub fn open(dir: &Path, samples: Option<usize>) -> Result<Self> {
        let world = Self::read(dir, samples)?;
        let (train, held_out) = world.split();
        if train.is_empty() || held_out.is_empty() {
            return Err(Error::Data {
                path: dir.to_owned(),
                reason: format!(
                    "{} samples to train on and {} held out; divide them by `reliad data split`, or render more products",
                    train.len(),
                    held_out.len()
                ),
            });
        }
        Ok(world)
    }

    /// As [`open`](Self::open) for a training that needs nothing held out, as small sets of pictures leave it.
    ///
    /// # Errors
    /// A missing or damaged `metadata.jsonl`, or no sample to train on.
    pub fn open_to_train(dir: &Path, samples: Option<usize>) -> Result<Self> {
        let world = Self::read(dir, samples)?;
        if world.part(Split::Train).is_empty() {
            return Err(Error::Data {
                path: dir.to_owned(),
                reason: format!("no sample of the {} part", Split::Train.name()),
            });
        }
        Ok(world)
    }

    /// As [`open`](Self::open), to be tested on: only the test part must be there.
    ///
    /// # Errors
    /// A missing or damaged `metadata.jsonl`, or no sample of the test part.
    pub fn open_to_test(dir: &Path) -> Result<Self> {
        let world = Self::read(dir, None)?;
        if world.test().is_empty() {
            return Err(Error::Data {
                path: dir.to_owned(),
                reason: format!("no sample of the {} part", Split::Test.name()),
            });
        }
        Ok(world)
    }

    fn read(dir: &Path, samples: Option<usize>) -> Result<Self> {
        let folder = Folder::open(dir).map_err(Error::component("data"))?;
        let count = folder.records().len().min(samples.unwrap_or(usize::MAX));
        Ok(Self { folder, count })
    }

    /// For what learns to paint from prompts: that there are any. One warning tells how many samples have none.
    ///
    /// # Errors
    /// [`Error::Data`] when no sample to train on has one.
    pub fn require_prompts(&self) -> Result<()> {
        let train = self.part(Split::Train);
        let has_none = |&&index: &&usize| self.records()[index].prompt.trim().is_empty();
        let without = train.iter().filter(has_none).count();
        if without == train.len() {
            return Err(Error::Data {
                path: self.folder.dir().to_owned(),
                reason: "no sample to train on has a prompt, from which painters learn; `reliad data import` takes them from \
                         the fields prompt, text and caption, or from another by `--fields prompt=NAME`"
                    .to_owned(),
            });
        }
        if without > 0 {
            tracing::warn!(
                "{without} of {} samples to train on have no prompt: they are learned from as with an empty one",
                train.len()
            );
        }
        Ok(())
    }

    /// All samples, in the order of the file.
    pub fn records(&self) -> &[Record] {
        &self.folder.records()[..self.count]
    }

    /// Tells what is shown by the samples `indices` from what others show, whose files may have the same names: by the files,
    /// how long they are and when they were written, the texts and what was drawn, not by the labels. No file is read for it.
    pub(crate) fn fingerprint(&self, indices: impl IntoIterator<Item = usize>) -> u64 {
        let mut shown = Fingerprint::default();
        let mut files: HashMap<PathBuf, String> = HashMap::new();
        let store = self.folder.store();
        let mut version = |place: &Place| {
            let path = store.path(place);
            let version = files.entry(path).or_insert_with_key(|path| {
                let version = |file: Metadata| (file.len(), file.modified().ok());
                format!("{:?}", std::fs::metadata(path).map(version).ok())
            });
            version.clone()
        };
        for index in indices {
            let Record {
                image,
                product,
                title,
                prompt,
                product_id,
                parameters,
                ..
            } = &self.records()[index];
            let _ = write!(
                shown,
                "{image};{product:?};{title};{prompt};{product_id};{parameters:?};{};{:?};",
                version(image),
                product.as_ref().map(&mut version),
            );
        }
        shown.finish()
    }

    /// One kind of picture of the samples `indices`, as [`Pictures::read`] does.
    ///
    /// # Errors
    /// A sample without such a picture, and what [`Pictures::read`] says.
    pub fn pictures(
        &self,
        indices: &[usize],
        kind: Modality,
        layout: Layout,
        size: usize,
    ) -> Result<Pictures> {
        let places = indices
            .iter()
            .map(|&index| {
                let record = &self.records()[index];
                let alone = kind == Modality::Image
                    && [Modality::Product, Modality::Depth, Modality::Saliency]
                        .iter()
                        .all(|&other| record.place(other).is_none());
                let shape = if alone { Shape::Any } else { Shape::Square };
                required(record, kind).map(|place| (place, shape))
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(Error::component("data"))?;
        Pictures::read(self.folder.store(), &places, layout, size)
    }

    /// One picture of a sample, as it lies there.
    ///
    /// # Errors
    /// A sample without such a picture, or one that can't be decoded.
    pub fn picture(&self, index: usize, kind: Modality) -> Result<image::DynamicImage> {
        let record = &self.records()[index];
        self.folder
            .picture(record, kind)
            .map_err(Error::component("data"))
    }

    /// Indices of the samples to train on and of those held out (the validation products).
    pub fn split(&self) -> (Vec<usize>, Vec<usize>) {
        (self.part(Split::Train), self.part(Split::Validation))
    }

    /// Indices of the samples that no training may see.
    pub fn test(&self) -> Vec<usize> {
        self.part(Split::Test)
    }

    fn part(&self, split: Split) -> Vec<usize> {
        let mut indices = self.folder.split(split);
        indices.retain(|&index| index < self.count);
        indices
    }
}
