//! Labelled samples judged as `generate` judges its pictures, to measure and to calibrate a judge.

use std::path::Path;
use std::time::Instant;

use reliad_dataset::{Broken, Folder, Modality, Record, Split};
use reliad_rfnet::classes::Classes;
use reliad_rfnet::judge::{Judge, JudgeItem};

use reliad_training::judge::objective::logit;
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
    /// Samples whose pictures can't be read, or that have no product.
    pub broken: Vec<Broken>,
}

/// Judges the samples of the folder `data` that are in one of `splits` and whose labels `judge` can express.
/// `None` when the caller asked to stop.
///
/// # Errors
/// An index that can't be read; a bad sample is none.
pub fn judge_folder(
    judge: &Judge,
    data: &Path,
    splits: &[Split],
    control: &mut Control<'_>,
) -> Result<Option<Judgement>> {
    let folder = Folder::open(data)?;
    let classes = judge.config().classes();
    let wanted: Vec<(usize, usize)> = folder
        .records()
        .iter()
        .enumerate()
        .filter(|(_, record)| splits.contains(&record.split()))
        .filter_map(|(sample, record)| Some((sample, logit(classes, record.label)?)))
        .collect();
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
        match judge_one(judge, &folder, record) {
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
    }))
}

fn judge_one(
    judge: &Judge,
    folder: &Folder,
    record: &Record,
) -> std::result::Result<reliad_rfnet::judge::Verdict, String> {
    let picture = |kind| {
        let read = folder.picture(record, kind);
        read.map_err(|error| error.to_string())
    };
    let item = JudgeItem {
        picture: &picture(Modality::Image)?.into_rgb8(),
        product: &picture(Modality::Product)?.into_rgba8(),
        title: &record.title,
    };
    let verdicts = judge.judge(&[item]).map_err(|error| error.to_string())?;
    verdicts
        .into_iter()
        .next()
        .ok_or_else(|| "no verdict".to_owned())
}
