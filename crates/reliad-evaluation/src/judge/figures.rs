//! What is measured of a judge.

use std::collections::BTreeMap;

use reliad_imaging::Class;
use reliad_rfnet::calibration::Calibration;
use reliad_rfnet::classes::Classes;
use serde::Serialize;

use super::judging::Judgement;
use crate::measure::Figure;
use crate::measure::verdicts::{
    self, ClassFigures, Judged, Reliability, class_figures, reliability,
};

/// Everything; a figure is absent where no sample decides it.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// What the user calls the judge.
    pub judge: String,
    /// Names of the parts that were judged.
    pub split: String,
    /// Seed of the intervals' resamples.
    pub seed: u64,
    /// Samples judged.
    pub samples: usize,
    /// Products among them.
    pub products: usize,
    /// Of "available", as all figures without a class are.
    pub precision: Option<Figure>,
    /// Of what is available, the share that was called so.
    pub recall: Option<Figure>,
    /// Harmonic mean of the two.
    pub f1: Option<Figure>,
    /// Average precision.
    pub ap: Option<Figure>,
    /// F1 of a judge that calls everything available.
    pub f1_of_yes: f64,
    /// Of what can't be published, the share that was rejected.
    pub rejected: Option<Figure>,
    /// Over all classes.
    pub accuracy: Option<Figure>,
    /// Figures of every class, by its slug.
    pub classes: BTreeMap<String, ClassFigures>,
    /// The classes' names for people, in the order of `confusion`.
    pub names: Vec<String>,
    /// `confusion[label][verdict]`.
    pub confusion: Vec<Vec<usize>>,
    /// With the judge's calibration.
    pub calibrated: Reliability,
    /// With its bare outputs.
    pub uncalibrated: Reliability,
    /// `[recall, precision]` as the threshold falls.
    pub precision_recall: Vec<[f64; 2]>,
    /// Samples left out because they couldn't be read.
    pub broken: usize,
    /// What else should be known of the samples, one line each.
    pub notes: Vec<String>,
}

impl Figures {
    /// The figures of a judgement of the parts `split`; `judge` is what the user calls the judge.
    pub fn of(judgement: &Judgement, judge: &str, split: &str, seed: u64) -> Self {
        let judged = &judgement.judged;
        let told = judgement.classes;
        let classes: BTreeMap<String, ClassFigures> = (0..told.count())
            .map(|class| (slug(told, class), class_figures(judged, class, seed)))
            .collect();
        let available = classes.get(Class::Available.slug());
        let of = |field: fn(&ClassFigures) -> Option<Figure>| available.and_then(field);
        let mut products: Vec<u64> = judged.iter().map(|sample| sample.product).collect();
        products.sort_unstable();
        products.dedup();
        Self {
            judge: judge.to_owned(),
            split: split.to_owned(),
            seed,
            samples: judged.len(),
            products: products.len(),
            precision: of(|figures| figures.precision),
            recall: of(|figures| figures.recall),
            f1: of(|figures| figures.f1),
            ap: of(|figures| figures.ap),
            f1_of_yes: verdicts::f1_of_yes(judged),
            rejected: verdicts::rejected(judged, seed),
            accuracy: verdicts::accuracy(judged, seed),
            names: (0..told.count()).map(|class| name(told, class)).collect(),
            confusion: verdicts::confusion(judged, told.count()),
            calibrated: reliability(judged, seed),
            uncalibrated: reliability(&bare(judged), seed),
            precision_recall: verdicts::precision_recall(judged),
            broken: judgement.broken.len(),
            notes: judgement.notes.clone(),
            classes,
        }
    }

    /// The confusion matrix, a row a label, and the figures under it; Markdown.
    pub fn text(&self) -> String {
        let mut text = format!("| label \\ verdict | {} |\n|---|", self.names.join(" | "));
        text += &"---|".repeat(self.names.len());
        text.push('\n');
        for (name, row) in self.names.iter().zip(&self.confusion) {
            let cells: Vec<String> = row.iter().map(usize::to_string).collect();
            text += &format!("| {name} | {} |\n", cells.join(" | "));
        }
        text += "\n| | | 95 % |\n|---|---|---|\n";
        for (name, words, figure) in self.lines() {
            let name = format!("{name} ({words})");
            text += &match figure {
                Some(Figure {
                    value, low, high, ..
                }) => format!("| {name} | {value:.3} | {low:.3} to {high:.3} |\n"),
                None => format!("| {name} | – | |\n"),
            };
        }
        text + &format!(
            "\n{} samples of {} products. A judge that calls everything available has F1 {:.3}.\n",
            self.samples, self.products, self.f1_of_yes
        )
    }

    /// The figures that have one value: name, what it is, and the value.
    pub fn lines(&self) -> [(&'static str, &'static str, Option<Figure>); 8] {
        [
            (
                "precision",
                "of what it calls available, is",
                self.precision,
            ),
            ("recall", "of what is available, it says so", self.recall),
            ("F1", "of available", self.f1),
            ("AP", "of available", self.ap),
            ("rejected", "of what can't be published", self.rejected),
            ("accuracy", "over all classes", self.accuracy),
            (
                "ECE",
                "calibration error of the likeliest class",
                self.calibrated.ece,
            ),
            (
                "ECE, bare",
                "the same without calibration",
                self.uncalibrated.ece,
            ),
        ]
    }
}

/// The same samples with the softmax of the bare outputs. Verdicts stay.
fn bare(judged: &[Judged]) -> Vec<Judged> {
    let identity = Calibration::default();
    judged
        .iter()
        .map(|sample| Judged {
            probabilities: identity.probabilities(&sample.logits),
            ..sample.clone()
        })
        .collect()
}

fn is_coarse(classes: Classes, class: usize) -> bool {
    classes.count() == 2 && class == 1
}

fn slug(classes: Classes, class: usize) -> String {
    match is_coarse(classes, class) {
        true => "unavailable".to_owned(),
        false => classes.class(class).slug().to_owned(),
    }
}

fn name(classes: Classes, class: usize) -> String {
    match is_coarse(classes, class) {
        true => "Not available".to_owned(),
        false => classes.class(class).name().to_owned(),
    }
}
