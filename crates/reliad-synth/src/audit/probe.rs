//! Leak probes: how well a linear model tells the label without looking at the picture.
//!
//! Multinomial logistic regression with an L2 penalty and balanced classes, trained on the samples of
//! half of the products and tested on those of the other half.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::observe::Observation;
use crate::draw::Draw;

/// Gradient steps, their size and momentum, and the penalty on squared weights.
const STEPS: usize = 300;
const RATE: f64 = 0.3;
const MOMENTUM: f64 = 0.9;
const PENALTY: f64 = 0.02;
/// Resamples behind an interval.
const RESAMPLES: usize = 400;
/// Words that fewer samples have are left out.
const RARE: usize = 4;

/// What one probe reached.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// What it was given.
    pub name: &'static str,
    /// Number of features.
    pub features: usize,
    /// Mean over the labels of the share that is told rightly, on products not trained on.
    pub balanced_accuracy: f64,
    /// The middle 95 % of it when the tested samples are drawn again and again.
    pub interval: [f64; 2],
    /// What guessing reaches: one over the number of labels.
    pub chance: f64,
}

impl Probe {
    /// Whether the probe can't be told from guessing.
    pub fn is_at_chance(&self) -> bool {
        self.interval[0] <= self.chance
    }
}

type Row = Vec<f64>;

/// Runs every probe.
pub fn all(seen: &[Observation]) -> Vec<Probe> {
    let numbers = |row: &dyn Fn(&Observation) -> Row| seen.iter().map(row).collect::<Vec<Row>>();
    let number = |value: Option<f32>| f64::from(value.unwrap_or_default());
    let families: BTreeSet<&str> = seen
        .iter()
        .filter_map(|one| one.parameters.product_family.as_deref())
        .collect();
    let product = |one: &Observation| {
        let mut row = vec![
            number(one.parameters.share),
            number(one.parameters.turn),
            number(one.parameters.turn).abs(),
            number(one.parameters.pitch),
        ];
        let own = one.parameters.product_family.as_deref();
        row.extend(families.iter().map(|f| f64::from(u8::from(own == Some(f)))));
        row
    };
    let inputs: Vec<(&'static str, Vec<Row>)> = vec![
        ("picture file size", numbers(&|one| vec![one.bytes[0]])),
        ("product file size", numbers(&|one| vec![one.bytes[1]])),
        ("product colour", numbers(&|one| one.product_color.to_vec())),
        ("picture colour", numbers(&|one| one.picture_color.to_vec())),
        ("title words", words(seen, |one| &one.title)),
        ("prompt words", words(seen, |one| &one.prompt)),
        ("product parameters", numbers(&product)),
    ];
    inputs
        .into_par_iter()
        .filter_map(|(name, rows)| run(name, &rows, seen))
        .collect()
}

/// Which words a text has, one feature a word.
fn words(seen: &[Observation], text: impl Fn(&Observation) -> &str) -> Vec<Row> {
    let split = |one: &Observation| -> BTreeSet<String> {
        text(one)
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    let texts: Vec<BTreeSet<String>> = seen.iter().map(split).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in texts.iter().flatten() {
        *counts.entry(word).or_default() += 1;
    }
    let known: Vec<&str> = counts
        .into_iter()
        .filter(|(_, count)| *count >= RARE)
        .map(|(word, _)| word)
        .collect();
    texts
        .iter()
        .map(|text| {
            let has = |word: &&str| f64::from(u8::from(text.contains(*word)));
            known.iter().map(has).collect()
        })
        .collect()
}

/// Which half a product belongs to.
fn tested(product_id: u64) -> bool {
    Draw::new(0x7072_6f62, product_id, 0).chance(0.5)
}

/// `None` where a half lacks labels to tell apart.
fn run(name: &'static str, rows: &[Row], seen: &[Observation]) -> Option<Probe> {
    let mut rows = rows.to_vec();
    let (test, train): (Vec<usize>, Vec<usize>) =
        (0..seen.len()).partition(|&i| tested(seen[i].product_id));
    let present =
        |half: &[usize]| -> BTreeSet<usize> { half.iter().map(|&i| seen[i].class.id()).collect() };
    let labels: Vec<usize> = present(&train)
        .intersection(&present(&test))
        .copied()
        .collect();
    if labels.len() < 2 {
        return None;
    }
    let label = |i: usize| labels.iter().position(|&l| l == seen[i].class.id());
    standardize(&mut rows, &train);
    let own: Vec<(&Row, usize)> = train
        .iter()
        .filter_map(|&i| Some((&rows[i], label(i)?)))
        .collect();
    let weights = fit(&own, labels.len());
    let mut outcomes: Vec<Vec<bool>> = vec![Vec::new(); labels.len()];
    for &i in &test {
        if let Some(right) = label(i) {
            outcomes[right].push(guess(&weights, &rows[i]) == right);
        }
    }
    let mean = |of: &dyn Fn(&Vec<bool>) -> f64| {
        outcomes.iter().map(of).sum::<f64>() / outcomes.len() as f64
    };
    let share = |one: &Vec<bool>| one.iter().filter(|x| **x).count() as f64 / one.len() as f64;
    let mut draw = Draw::new(0x626f_6f74, 1, 0);
    let mut again: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let mut sum = 0.0;
            for one in &outcomes {
                let hits = (0..one.len())
                    .filter(|_| one[draw.below(one.len())])
                    .count();
                sum += hits as f64 / one.len() as f64;
            }
            sum / outcomes.len() as f64
        })
        .collect();
    again.sort_by(f64::total_cmp);
    Some(Probe {
        name,
        features: rows.first().map_or(0, Vec::len),
        balanced_accuracy: mean(&share),
        interval: [again[RESAMPLES / 40], again[RESAMPLES - 1 - RESAMPLES / 40]],
        chance: 1.0 / labels.len() as f64,
    })
}

/// Zero mean and unit deviation on the trained half; a constant feature becomes 0.
fn standardize(rows: &mut [Row], train: &[usize]) {
    let count = train.len().max(1) as f64;
    for f in 0..rows.first().map_or(0, Vec::len) {
        let mean = train.iter().map(|&i| rows[i][f]).sum::<f64>() / count;
        let square = |i: &usize| (rows[*i][f] - mean).powi(2);
        let deviation = (train.iter().map(square).sum::<f64>() / count).sqrt();
        for row in rows.iter_mut() {
            row[f] = if deviation > 1e-9 {
                (row[f] - mean) / deviation
            } else {
                0.0
            };
        }
    }
}

/// Class probabilities of a row; the last weight is the bias.
fn probabilities(weights: &[Row], row: &Row) -> Row {
    let mut out: Row = weights
        .iter()
        .map(|w| row.iter().zip(w).map(|(x, w)| x * w).sum::<f64>() + w[row.len()])
        .collect();
    let top = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    out.iter_mut().for_each(|x| *x = (*x - top).exp());
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|x| *x /= sum);
    out
}

fn guess(weights: &[Row], row: &Row) -> usize {
    let likely = probabilities(weights, row);
    (0..likely.len())
        .max_by(|&a, &b| likely[a].total_cmp(&likely[b]))
        .unwrap_or(0)
}

/// Full-batch gradient descent on the balanced cross-entropy.
fn fit(samples: &[(&Row, usize)], labels: usize) -> Vec<Row> {
    let features = samples.first().map_or(0, |(row, _)| row.len());
    let mut counts = vec![0.0; labels];
    for (_, label) in samples {
        counts[*label] += 1.0;
    }
    let mut weights = vec![vec![0.0; features + 1]; labels];
    let mut speed = weights.clone();
    for _ in 0..STEPS {
        let mut gradient = vec![vec![0.0; features + 1]; labels];
        for (row, label) in samples {
            let likely = probabilities(&weights, row);
            let share = 1.0 / (counts[*label] * labels as f64);
            for (k, of) in gradient.iter_mut().enumerate() {
                let error = (likely[k] - f64::from(u8::from(k == *label))) * share;
                of.iter_mut()
                    .zip(row.iter())
                    .for_each(|(g, x)| *g += error * x);
                of[features] += error;
            }
        }
        for ((w, v), g) in weights.iter_mut().zip(&mut speed).zip(&gradient) {
            for f in 0..=features {
                let penalty = if f < features { PENALTY * w[f] } else { 0.0 };
                v[f] = v[f] * MOMENTUM - RATE * (1.0 - MOMENTUM) * (g[f] + penalty);
                w[f] += v[f];
            }
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_between_two_clouds_is_found() {
        let mut draw = Draw::new(1, 2, 3);
        let rows: Vec<Row> = (0..80)
            .map(|i| {
                let side = if i % 2 == 0 { 1.0 } else { -1.0 };
                vec![
                    side + f64::from(draw.range(-0.5, 0.5)),
                    f64::from(draw.unit()),
                ]
            })
            .collect();
        let samples: Vec<(&Row, usize)> =
            rows.iter().enumerate().map(|(i, r)| (r, i % 2)).collect();
        let weights = fit(&samples, 2);
        assert!(
            samples
                .iter()
                .all(|(row, label)| guess(&weights, row) == *label)
        );
    }
}
