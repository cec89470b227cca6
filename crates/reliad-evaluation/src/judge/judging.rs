//! Labelled samples judged as `generate` judges its pictures, to measure and to calibrate a judge.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use image::GrayImage;
use reliad_dataset::{Broken, Folder, Modality, Record, Split};
use reliad_rfnet::classes::Classes;
use reliad_rfnet::judge::{Judge, JudgeSample};
use reliad_weights::ModelDir;

use reliad_training::data::maps::{MapNetworks, Origin};
use reliad_training::judge::objective::logit;
use reliad_training::judge::samples::LeftOut;
use reliad_training::{Control, Report};

use crate::error::Result;
use crate::measure::verdicts::Judged;

/// Samples between two reports.
const SPOKEN: usize = 100;

/// What a judge said of a data set.
#[derive(Debug)]
pub struct Judgement {
    /// The data set.
    pub folder: Folder,
    /// What the judge's logits stand for.
    pub classes: Classes,
    /// Samples that were judged.
    pub judged: Vec<Judged>,
    /// Samples whose pictures can't be read.
    pub broken: Vec<Broken>,
    /// What else should be known: samples that the judge can't take, maps that aren't its networks'; one line each.
    pub notes: Vec<String>,
}

impl Judgement {
    /// Everything that should be known of samples that were left out or seen otherwise than they lie there, one line a reason.
    pub fn told(&self) -> Vec<String> {
        let mut lines = self.notes.clone();
        if let Some(first) = self.broken.first() {
            lines.push(format!(
                "{} samples are left out, as their pictures can't be read, the first {}: {}; `reliad data check` sets such samples aside",
                self.broken.len(),
                first.sample,
                first.reason
            ));
        }
        lines
    }
}

/// A judge that reads a data set, and the networks of its model by which it knows whose maps the samples have.
#[derive(Debug)]
pub struct Reader {
    judge: Judge,
    maps: MapNetworks,
}

impl Reader {
    /// Loads the judge of `model`; `depth/` and `saliency/` needn't be there if the samples have maps. With `mirrored` it looks twice,
    /// or once; absent: as its calibration says.
    ///
    /// # Errors
    /// As [`Judge::load_for_samples`].
    pub fn load(model: &ModelDir, device: &Device, mirrored: Option<bool>) -> Result<Self> {
        let judge = Judge::load_for_samples(model, device)?;
        let judge = match mirrored {
            Some(mirrored) => judge.looking(mirrored),
            None => judge,
        };
        let inputs = judge.config().inputs();
        let size = judge.config().preprocess().image_size;
        let maps = MapNetworks::of(model, [inputs.depth, inputs.saliency], size)?;
        Ok(Self { judge, maps })
    }
}

/// Judges the samples of the folder `data` that are in one of `splits` and that the judge can take: with labels that it can
/// express, and product pictures if it looks at these. Maps are the samples' own where the model's networks made them.
/// `None` when the caller asked to stop.
///
/// # Errors
/// An index that can't be read, or samples with neither map nor network; a bad sample is none.
pub fn judge_folder(
    reader: &Reader,
    data: &Path,
    splits: &[Split],
    control: &mut Control<'_>,
) -> Result<Option<Judgement>> {
    let folder = Folder::open(data)?;
    let config = reader.judge.config();
    let classes = config.classes();
    let mut left_out = LeftOut::default();
    let wanted: Vec<(usize, usize)> = folder
        .records()
        .iter()
        .enumerate()
        .filter(|(_, record)| splits.contains(&record.split()) && left_out.takes(config, record))
        .filter_map(|(sample, record)| Some((sample, logit(classes, record.label)?)))
        .collect();
    let records = wanted.iter().map(|&(sample, _)| &folder.records()[sample]);
    let mut notes = reader.maps.told(records)?;
    notes.extend(left_out.lines());
    let (mut judged, mut broken) = (Vec::new(), Vec::new());
    let start = Instant::now();
    for (done, &(sample, label)) in wanted.iter().enumerate() {
        if control.stopped() {
            return Ok(None);
        }
        if done % SPOKEN == SPOKEN - 1 {
            let report = Report {
                step: done as u64 + 1,
                progress: (done + 1) as f64 / wanted.len() as f64,
                elapsed_seconds: start.elapsed().as_secs_f64(),
                ..Report::default()
            };
            (control.on_report)("judging", &report);
        }
        let record = &folder.records()[sample];
        match judge_one(reader, &folder, record) {
            Ok(verdict) => judged.push(Judged {
                sample,
                product: record.product_id,
                label,
                verdict: classes.index(verdict.class).unwrap_or(0),
                logits: verdict.logits,
                probabilities: verdict.probabilities,
            }),
            Err(reason) => broken.push(Broken {
                sample: record.image.to_string(),
                reason,
            }),
        }
    }
    Ok(Some(Judgement {
        folder,
        classes,
        judged,
        broken,
        notes,
    }))
}

fn judge_one(
    reader: &Reader,
    folder: &Folder,
    record: &Record,
) -> std::result::Result<reliad_rfnet::judge::Verdict, String> {
    let picture = |kind| {
        let read = folder.picture(record, kind);
        read.map_err(|error| error.to_string())
    };
    let map = |kind| -> std::result::Result<Option<GrayImage>, String> {
        let is_own = reader.maps.origin(record, kind) == Origin::Sample;
        let map = is_own.then(|| picture(kind)).transpose()?;
        Ok(map.map(|map| map.into_luma8()))
    };
    let looks_at_product = reader.judge.config().inputs().product;
    let product = looks_at_product
        .then(|| picture(Modality::Product))
        .transpose()?;
    let product = product.map(|product| product.into_rgba8());
    let (depth, saliency) = (map(Modality::Depth)?, map(Modality::Saliency)?);
    let sample = JudgeSample {
        picture: &picture(Modality::Image)?.into_rgb8(),
        product: product.as_ref(),
        depth: depth.as_ref(),
        saliency: saliency.as_ref(),
        title: &record.title,
    };
    let verdict = reader.judge.judge_sample(&sample);
    verdict.map_err(|error| error.to_string())
}
