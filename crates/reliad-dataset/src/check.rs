//! Looking at every sample of a folder: what can't be used goes to quarantine, copies and leaks are told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use image::GenericImageView as _;
use rayon::prelude::*;
use reliad_imaging::Opened;
use serde::Serialize;

use crate::duplicates::{Look, Looker, groups};
use crate::error::{Error, Result};
use crate::folder::{Lines, METADATA, QUARANTINE, Records, quarantine};
use crate::source::Broken;
use crate::{Label, Modality, Record, Split, Store};

/// Where groups of copies are listed in a data set's folder.
pub const DUPLICATES: &str = "duplicates.jsonl";

/// Samples looked at together: enough for all cores, few enough to hold.
const TOGETHER: usize = 256;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Samples looked at.
    pub samples: u64,
    /// Samples that can't be used, those that importing set aside included; in `quarantine.jsonl`.
    pub quarantined: u64,
    /// Reasons, without their particulars, and how often.
    pub reasons: BTreeMap<String, u64>,
    /// Groups of pictures that look the same; in `duplicates.jsonl`.
    pub duplicate_groups: u64,
    /// Pictures in these groups but the first of each.
    pub duplicates: u64,
    /// Groups whose pictures were given different labels.
    pub conflicting_labels: u64,
    /// Products with samples in several splits, or whose cut-outs or pictures look the same as another split's.
    pub leaks: u64,
    /// Usable samples with a colour profile that can't be used, whose colours are taken as sRGB.
    pub unusable_profiles: u64,
}

impl Findings {
    /// Whether nothing needs a person's eye.
    pub fn is_clean(&self) -> bool {
        self.quarantined == 0 && self.conflicting_labels == 0 && self.leaks == 0
    }
}

/// A group of pictures that look the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Duplicates {
    /// Which kind of picture: the whole one or the cut-out.
    pub kind: Modality,
    /// Where they lie.
    pub pictures: Vec<String>,
    /// Products that they show.
    pub products: Vec<u64>,
    /// Their labels.
    pub labels: Vec<Label>,
    /// Splits that they are in.
    pub splits: Vec<Split>,
}

/// What is kept of a sample: 56 bytes.
struct Kept {
    /// Line of the index, from 0, to find its name again.
    line: u64,
    image: Look,
    product: Option<Look>,
    product_id: u64,
    label: Option<Label>,
    split: Split,
}

/// Decodes every picture of the folder `dir` and writes `quarantine.jsonl` and `duplicates.jsonl`. Two pictures are
/// copies when neither of two 64-bit hashes differs in more than `distance` bits (3 at most).
///
/// What is held grows by about 100 bytes a sample.
///
/// # Errors
/// [`Error::Io`], [`Error::Metadata`], [`Error::Empty`], [`Error::Stopped`]; a bad picture is none.
pub fn check(
    dir: &Path,
    distance: u32,
    progress: &dyn Fn(u64),
    stop: &AtomicBool,
) -> Result<Findings> {
    let mut findings = Findings::default();
    let store = Store::new(dir);
    let looker = Looker::default();
    let mut kept = Vec::new();
    let mut broken: Vec<Broken> = Vec::new();
    let before = quarantine(dir)?;
    let mut elsewhere: HashSet<&str> = before.iter().map(|old| old.sample.as_str()).collect();
    let mut records = Records::all(dir)?;
    loop {
        let batch: Vec<Record> = records.by_ref().take(TOGETHER).collect::<Result<_>>()?;
        if batch.is_empty() {
            break;
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Stopped);
        }
        let seen: Vec<_> = batch
            .par_iter()
            .map(|record| look_at(record, &store, &looker))
            .collect();
        for (record, seen) in batch.iter().zip(seen) {
            let line = findings.samples;
            findings.samples += 1;
            if !elsewhere.is_empty() {
                elsewhere.remove(record.image.to_string().as_str());
            }
            match seen {
                Ok(seen) => {
                    findings.unusable_profiles += u64::from(seen.is_doubtful);
                    kept.push(Kept {
                        line,
                        image: seen.image,
                        product: seen.product,
                        product_id: record.product_id,
                        label: record.label,
                        split: record.split(),
                    });
                }
                Err(reason) => broken.push(Broken {
                    sample: record.image.to_string(),
                    reason,
                }),
            }
        }
        progress(findings.samples);
    }
    if findings.samples == 0 {
        return Err(Error::Empty {
            path: dir.join(METADATA),
        });
    }
    // What importing set aside has no line in the index and stays; the rest was looked at again.
    let stay = before
        .iter()
        .filter(|old| elsewhere.contains(old.sample.as_str()));
    let broken: Vec<Broken> = stay.cloned().chain(broken).collect();
    write_quarantine(dir, &broken, &mut findings)?;
    write_duplicates(dir, &kept, distance, &mut findings)?;
    Ok(findings)
}

/// What a usable sample looks like.
struct Seen {
    image: Look,
    product: Option<Look>,
    /// A colour profile can't be used.
    is_doubtful: bool,
}

/// Decodes a sample's pictures; says what is wrong with it.
fn look_at(record: &Record, store: &Store, looker: &Looker) -> std::result::Result<Seen, String> {
    let opened = |kind: Modality| -> std::result::Result<Option<Opened>, String> {
        let opened = record.place(kind).map(|place| store.opened(place));
        let opened = opened.transpose();
        opened.map_err(|error| format!("{}: {error}", kind.name()))
    };
    let image = opened(Modality::Image)?.ok_or("image: missing")?;
    let product = opened(Modality::Product)?;
    let is_doubtful = [Some(&image), product.as_ref()]
        .into_iter()
        .flatten()
        .any(|opened| opened.warning.is_some());
    let (image, product) = (image.picture, product.map(|opened| opened.picture));
    if let Some(product) = &product {
        if product.dimensions() != image.dimensions() {
            let ((a, b), (c, d)) = (product.dimensions(), image.dimensions());
            return Err(format!("product: {a}x{b} pixels, its picture has {c}x{d}"));
        }
        let alpha = product.to_rgba8();
        let mut opaque = alpha.pixels().map(|pixel| pixel[3]);
        let first = opaque.next();
        if opaque.all(|value| Some(value) == first) {
            return Err(match first {
                Some(0) => "product: nothing but transparent pixels".to_owned(),
                _ => "product: not one transparent pixel".to_owned(),
            });
        }
    }
    for kind in [Modality::Depth, Modality::Saliency] {
        let map = record.place(kind).map(|place| store.map(place));
        let map = map.transpose();
        if let Some(map) = map.map_err(|error| format!("{}: {error}", kind.name()))? {
            let ((a, b), (c, d)) = (map.dimensions(), image.dimensions());
            // Maps may be smaller, as networks make them, but of the same shape to a pixel.
            if (u64::from(a) * u64::from(d)).abs_diff(u64::from(b) * u64::from(c))
                > u64::from(a.max(b).max(c).max(d))
            {
                let name = kind.name();
                return Err(format!("{name}: {a}x{b} pixels, its picture has {c}x{d}"));
            }
        }
    }
    Ok(Seen {
        image: looker.look(&image),
        product: product.as_ref().map(|product| looker.look(product)),
        is_doubtful,
    })
}

fn write_quarantine(dir: &Path, broken: &[Broken], findings: &mut Findings) -> Result<()> {
    let mut lines = Lines::create(&dir.join(QUARANTINE))?;
    for sample in broken {
        let kind = sample.kind().to_owned();
        *findings.reasons.entry(kind).or_default() += 1;
        lines.write(sample)?;
    }
    findings.quarantined = lines.finish()?;
    Ok(())
}

fn write_duplicates(
    dir: &Path,
    kept: &[Kept],
    distance: u32,
    findings: &mut Findings,
) -> Result<()> {
    let images: Vec<Look> = kept.iter().map(|sample| sample.image).collect();
    let with_product: Vec<usize> = (0..kept.len())
        .filter(|&index| kept[index].product.is_some())
        .collect();
    let products: Vec<Look> = with_product
        .iter()
        .filter_map(|&index| kept[index].product)
        .collect();
    let images = groups(&images, distance)
        .into_iter()
        .map(|group| (Modality::Image, group));
    // Many pictures show one product; what counts is one cut-out under several identities.
    let products = groups(&products, distance)
        .into_iter()
        .map(|group| group.into_iter().map(|place| with_product[place]).collect())
        .filter(|group: &Vec<usize>| {
            let first = kept[group[0]].product_id;
            group.iter().any(|&index| kept[index].product_id != first)
        })
        .map(|group| (Modality::Product, group));
    let found: Vec<(Modality, Vec<usize>)> = images.chain(products).collect();
    let mut wanted: HashMap<u64, (String, String)> = found
        .iter()
        .flat_map(|(_, group)| group)
        .map(|&index| (kept[index].line, Default::default()))
        .collect();
    if !wanted.is_empty() {
        for (line, record) in Records::all(dir)?.enumerate() {
            let record = record?;
            if let Some(names) = wanted.get_mut(&(line as u64)) {
                let product = record.product.as_ref().map(ToString::to_string);
                *names = (record.image.to_string(), product.unwrap_or_default());
            }
        }
    }
    let mut leaking: HashSet<u64> = several_splits(kept);
    let mut lines = Lines::create(&dir.join(DUPLICATES))?;
    for (kind, group) in found {
        let of = |index: usize| &kept[index];
        let group_record = Duplicates {
            kind,
            pictures: group
                .iter()
                .filter_map(|&index| wanted.get(&of(index).line))
                .map(|(image, product)| match kind {
                    Modality::Product => product.clone(),
                    _ => image.clone(),
                })
                .collect(),
            products: distinct(group.iter().map(|&index| of(index).product_id)),
            labels: distinct(group.iter().filter_map(|&index| of(index).label)),
            splits: distinct(group.iter().map(|&index| of(index).split)),
        };
        if kind == Modality::Image {
            findings.duplicate_groups += 1;
            findings.duplicates += group.len() as u64 - 1;
            findings.conflicting_labels += u64::from(group_record.labels.len() > 1);
        }
        if group_record.splits.len() > 1 {
            leaking.extend(&group_record.products);
        }
        lines.write(&group_record)?;
    }
    lines.finish()?;
    findings.leaks = leaking.len() as u64;
    Ok(())
}

/// Products that explicit splits part.
fn several_splits(kept: &[Kept]) -> HashSet<u64> {
    let mut splits: HashMap<u64, Split> = HashMap::new();
    kept.iter()
        .filter(|sample| *splits.entry(sample.product_id).or_insert(sample.split) != sample.split)
        .map(|sample| sample.product_id)
        .collect()
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values.dedup();
    values
}
