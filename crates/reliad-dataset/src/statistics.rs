//! What a folder holds, in numbers.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use reliad_imaging::open;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::folder::{METADATA, Records, quarantine};
use crate::{Label, Modality, Place, Record, Split, Store};

/// Samples whose sizes are read together.
const TOGETHER: usize = 1024;

/// Samples of each split, in the order of [`Split::ALL`].
type BySplit = [u64; 3];

/// The numbers of a data set.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Statistics {
    /// Usable samples.
    pub samples: u64,
    /// Samples set aside.
    pub quarantined: u64,
    /// Usable samples of each split: train, validation, test.
    pub splits: BySplit,
    /// Products of each split.
    pub products: BySplit,
    /// Products that several splits share.
    pub shared_products: u64,
    /// Most and median number of samples of one product.
    pub samples_per_product: (u64, u64),
    /// Samples of each label and split, by slug.
    pub labels: BTreeMap<&'static str, BySplit>,
    /// Samples without a label, or without this kind of picture or text.
    pub missing: BTreeMap<&'static str, u64>,
    /// Sizes of the judged pictures in pixels, such as `512x512`, and how often.
    pub sizes: BTreeMap<String, u64>,
    /// Samples whose picture couldn't be opened or has no known size; `check` says why.
    pub unreadable: u64,
    /// Words in a title: how many titles have 0, 1, 2, ... of them; the last counts longer ones too.
    pub title_words: Vec<u64>,
}

/// Longest title that is counted by itself, in words.
const LONGEST_TITLE: usize = 40;

/// Counts. `progress` is told the number of samples so far. What is held grows with the number of products only, by
/// about 50 bytes each.
///
/// # Errors
/// [`Error::Io`], [`Error::Metadata`], [`Error::Empty`], [`Error::Stopped`].
pub fn statistics(dir: &Path, progress: &dyn Fn(u64), stop: &AtomicBool) -> Result<Statistics> {
    let mut counted = Statistics {
        quarantined: quarantine(dir)?.len() as u64,
        title_words: vec![0; LONGEST_TITLE + 1],
        ..Statistics::default()
    };
    let store = Store::new(dir);
    let mut products: HashMap<u64, BySplit> = HashMap::new();
    let mut records = Records::open(dir)?;
    loop {
        let batch: Vec<Record> = records.by_ref().take(TOGETHER).collect::<Result<_>>()?;
        if batch.is_empty() {
            break;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let sizes: Vec<_> = batch
            .par_iter()
            .map(|record| size(&store, &record.image))
            .collect();
        for (record, size) in batch.iter().zip(sizes) {
            counted.add(record, size);
            products.entry(record.product_id).or_default()[record.split() as usize] += 1;
        }
        progress(counted.samples);
    }
    if counted.samples == 0 {
        return Err(Error::Empty {
            path: dir.join(METADATA),
        });
    }
    counted.add_products(&products);
    Ok(counted)
}

impl Statistics {
    fn add(&mut self, record: &Record, size: Option<(u32, u32)>) {
        let split = record.split() as usize;
        self.samples += 1;
        self.splits[split] += 1;
        if let Some(label) = record.label {
            self.labels.entry(label.slug()).or_default()[split] += 1;
        }
        *self.missing.entry("label").or_default() += u64::from(record.label.is_none());
        let texts = [("title", &record.title), ("prompt", &record.prompt)];
        let texts = texts.map(|(name, text)| (name, text.trim().is_empty()));
        let pictures = Modality::ALL.map(|kind| (kind.name(), record.place(kind).is_none()));
        for (name, is_missing) in pictures.into_iter().chain(texts) {
            *self.missing.entry(name).or_default() += u64::from(is_missing);
        }
        match size {
            Some((width, height)) => {
                *self.sizes.entry(format!("{width}x{height}")).or_default() += 1;
            }
            None => self.unreadable += 1,
        }
        let words = record.title.split_whitespace().count();
        self.title_words[words.min(LONGEST_TITLE)] += 1;
    }

    fn add_products(&mut self, products: &HashMap<u64, BySplit>) {
        for by_split in products.values() {
            for split in Split::ALL {
                self.products[split as usize] += u64::from(by_split[split as usize] > 0);
            }
            let several = by_split.iter().filter(|&&count| count > 0).count() > 1;
            self.shared_products += u64::from(several);
        }
        let mut samples: Vec<u64> = products
            .values()
            .map(|counts| counts.iter().sum())
            .collect();
        samples.sort_unstable();
        let most = samples.last().copied().unwrap_or(0);
        let median = samples.get(samples.len() / 2).copied().unwrap_or(0);
        self.samples_per_product = (most, median);
    }

    /// Samples of a label over all splits.
    pub fn of_label(&self, label: Label) -> u64 {
        let found = self.labels.get(label.slug());
        found.map_or(0, |by_split| by_split.iter().sum())
    }
}

/// Width and height as the picture's head tells them.
fn size(store: &Store, place: &Place) -> Option<(u32, u32)> {
    if let Place::File(_) = place {
        let file = File::open(store.path(place)).ok()?;
        return open::size(BufReader::new(file)).ok();
    }
    let bytes = store.bytes(place).ok()?;
    open::size(Cursor::new(bytes)).ok()
}
