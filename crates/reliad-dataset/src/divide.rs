//! Dividing a folder into training, validation and test part, by product.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::check::{DUPLICATES, Duplicates};
use crate::duplicates::Sets;
use crate::error::{Error, Result};
use crate::folder::{Lines, METADATA, Records};
use crate::{Record, Split};

/// What part of the products goes where; the rest is trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Of the products, for choices and calibration.
    pub validation: f64,
    /// Of the products, for reports.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            validation: 0.05,
            test: 0.05,
        }
    }
}

impl Shares {
    /// # Errors
    /// Shares below 0, or which leave nothing to train on.
    pub fn check(self) -> std::result::Result<(), String> {
        let fits = |share: f64| (0.0..1.0).contains(&share);
        if fits(self.validation) && fits(self.test) && self.validation + self.test < 1.0 {
            return Ok(());
        }
        Err(format!(
            "shares of {} and {} leave nothing to train on, or are below 0",
            self.validation, self.test
        ))
    }

    /// The split of a group of products: a function of seed and name alone, so that adding samples moves none.
    fn split(self, seed: u64, group: u64) -> Split {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(&group.to_le_bytes());
        let [a, b, c, d, e, f, ..] = *hasher.finalize().as_bytes();
        // 48 bits are exact in an f64.
        let place = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) as f64 / (1u64 << 48) as f64;
        if place < self.test {
            Split::Test
        } else if place < self.test + self.validation {
            Split::Validation
        } else {
            Split::Train
        }
    }
}

/// Samples of each split, in the order of [`Split::ALL`].
pub type Counts = [u64; 3];

/// Writes every sample's split into `metadata.jsonl` of `dir`, by product; products that `duplicates.jsonl` says look the
/// same stay together. Samples that are in test already stay there if `keep_test`, with all of their product.
///
/// # Errors
/// [`Error::Io`], [`Error::Metadata`], [`Error::Stopped`].
pub fn divide(
    dir: &Path,
    shares: Shares,
    seed: u64,
    keep_test: bool,
    stop: &AtomicBool,
) -> Result<Counts> {
    let groups = Groups::read(dir)?;
    let mut tested = std::collections::HashSet::new();
    if keep_test {
        for record in Records::all(dir)? {
            let record = record?;
            if record.split == Some(Split::Test) {
                tested.insert(groups.of(record.product_id));
            }
        }
    }
    let mut counts = Counts::default();
    let mut lines = Lines::create(&dir.join(METADATA))?;
    for record in Records::all(dir)? {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let record = record?;
        let group = groups.of(record.product_id);
        let split = if tested.contains(&group) {
            Split::Test
        } else {
            shares.split(seed, group)
        };
        counts[split as usize] += 1;
        lines.write(&Record {
            split: Some(split),
            ..record
        })?;
    }
    lines.finish()?;
    Ok(counts)
}

/// Products that belong together.
struct Groups(HashMap<u64, u64>);

impl Groups {
    /// From `duplicates.jsonl`; every product by itself where there is none.
    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(DUPLICATES);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        let mut groups: Vec<Vec<u64>> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let group: Duplicates =
                serde_json::from_str(line).map_err(|source| Error::Metadata {
                    path: path.clone(),
                    line: number + 1,
                    source,
                })?;
            groups.push(group.products);
        }
        let mut products: Vec<u64> = groups.concat();
        products.sort_unstable();
        products.dedup();
        let place = |product: u64| products.binary_search(&product).unwrap_or_default();
        let mut sets = Sets::new(products.len());
        for pair in groups.iter().flat_map(|group| group.windows(2)) {
            sets.join(place(pair[0]), place(pair[1]));
        }
        let named = (0..products.len()).map(|index| (products[index], products[sets.first(index)]));
        Ok(Self(named.collect()))
    }

    fn of(&self, product: u64) -> u64 {
        self.0.get(&product).copied().unwrap_or(product)
    }
}
