//! Measures of a judge: precision, recall, F1 and average precision of every class, confusion, calibration error.

use serde::Serialize;

use super::Figure;
use reliad_training::judge::metrics::{average_precision, most_probable};

/// Bins of the reliability curve, as is usual (Guo et al., 1706.04599, use 15).
const BINS: usize = 15;
/// Points kept of a precision-recall curve.
const CURVE: usize = 200;

/// What a judge said of one sample whose label is known. Classes are places among the judge's logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The sample's place in its data set.
    pub sample: usize,
    /// Identity of its product; intervals are drawn over products.
    pub product: u64,
    /// The label.
    pub label: usize,
    /// The verdict.
    pub verdict: usize,
    /// The network's outputs.
    pub logits: Vec<f32>,
    /// Calibrated probabilities.
    pub probabilities: Vec<f32>,
}

/// Figures of one class against all others; absent where no sample decides them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Samples with this label.
    pub samples: usize,
    /// Of what was given this verdict, the share that has the label.
    pub precision: Option<Figure>,
    /// Of what has the label, the share that was given this verdict.
    pub recall: Option<Figure>,
    /// Harmonic mean of the two.
    pub f1: Option<Figure>,
    /// Area under precision over recall as the threshold on the class's probability falls.
    pub ap: Option<Figure>,
}

/// A bin of the reliability curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Samples in it.
    pub count: usize,
    /// Their mean p(available).
    pub confidence: f64,
    /// The share of them that is available.
    pub available: f64,
}

/// How far probabilities are from shares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Expected calibration error of the most probable class, over 15 equal bins (Guo et al.).
    pub ece: Option<Figure>,
    /// The same of p(available) against being available.
    pub ece_available: Option<Figure>,
    /// Mean negative log-probability of the label.
    pub loss: Option<Figure>,
    /// Bins of p(available), empty ones left out.
    pub bins: Vec<Bin>,
}

/// Of the verdicts with which a judge said "available".
fn is_available(class: usize) -> bool {
    class == 0
}

/// The figures of class `class`.
pub fn class_figures(judged: &[Judged], class: usize, seed: u64) -> ClassFigures {
    let products = products(judged);
    let is = |sample: &Judged| sample.label == class;
    let said = |sample: &Judged| sample.verdict == class;
    let count = |samples: &[usize], which: &dyn Fn(&Judged) -> bool| {
        samples.iter().filter(|&&at| which(&judged[at])).count() as f64
    };
    let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
    let figure =
        |of: &(dyn Fn(&[usize]) -> Option<f64> + Sync)| Figure::of_samples(&products, seed, of);
    let both = |sample: &Judged| is(sample) && said(sample);
    ClassFigures {
        samples: judged.iter().filter(|sample| is(sample)).count(),
        precision: figure(&|samples| ratio(count(samples, &both), count(samples, &said))),
        recall: figure(&|samples| ratio(count(samples, &both), count(samples, &is))),
        f1: figure(&|samples| {
            // 2PR / (P + R), which is 0 where nothing was found.
            let sum = count(samples, &is) + count(samples, &said);
            ratio(2.0 * count(samples, &both), sum)
        }),
        ap: figure(&|samples| {
            let scored: Vec<(bool, f64)> = samples
                .iter()
                .map(|&at| (is(&judged[at]), f64::from(judged[at].probabilities[class])))
                .collect();
            let any = scored.iter().any(|(is, _)| *is);
            any.then(|| average_precision(scored))
        }),
    }
}

/// The share of verdicts that are the label.
pub fn accuracy(judged: &[Judged], seed: u64) -> Option<Figure> {
    let right: Vec<(u64, bool)> = judged
        .iter()
        .map(|sample| (sample.product, sample.label == sample.verdict))
        .collect();
    Figure::share(&right, seed)
}

/// Of the pictures that can't be published, the share that was rejected.
pub fn rejected(judged: &[Judged], seed: u64) -> Option<Figure> {
    let bad: Vec<(u64, bool)> = judged
        .iter()
        .filter(|sample| !is_available(sample.label))
        .map(|sample| (sample.product, !is_available(sample.verdict)))
        .collect();
    Figure::share(&bad, seed)
}

/// F1 of "available" of a judge that calls everything available: what a judge must beat.
pub fn f1_of_yes(judged: &[Judged]) -> f64 {
    let available = judged.iter().filter(|sample| is_available(sample.label));
    let (good, all) = (available.count() as f64, judged.len() as f64);
    if all == 0.0 {
        0.0
    } else {
        2.0 * good / (good + all)
    }
}

/// `confusion[label][verdict]`.
pub fn confusion(judged: &[Judged], classes: usize) -> Vec<Vec<usize>> {
    let mut confusion = vec![vec![0; classes]; classes];
    for sample in judged {
        confusion[sample.label][sample.verdict] += 1;
    }
    confusion
}

/// Recall and precision of "available" as the threshold on its probability falls, from few to all; at most 200 points.
pub fn precision_recall(judged: &[Judged]) -> Vec<[f64; 2]> {
    let mut scored: Vec<(f32, bool)> = judged
        .iter()
        .map(|sample| (sample.probabilities[0], is_available(sample.label)))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let good = scored.iter().filter(|(_, is)| *is).count();
    if good == 0 {
        return Vec::new();
    }
    let (mut seen, mut found) = (0, 0);
    let mut points = Vec::new();
    for group in scored.chunk_by(|a, b| a.0 == b.0) {
        seen += group.len();
        found += group.iter().filter(|(_, is)| *is).count();
        points.push([found as f64 / good as f64, found as f64 / seen as f64]);
    }
    let step = points.len().div_ceil(CURVE).max(1);
    let last = points.len() - 1;
    let kept = points.iter().enumerate();
    kept.filter(|(place, _)| place % step == 0 || *place == last)
        .map(|(_, point)| *point)
        .collect()
}

/// How far the judge's probabilities are from shares.
pub fn reliability(judged: &[Judged], seed: u64) -> Reliability {
    let products = products(judged);
    let top = |sample: &Judged| {
        let most = most_probable(&sample.probabilities);
        (f64::from(sample.probabilities[most]), most == sample.label)
    };
    let available = |sample: &Judged| {
        let probability = f64::from(sample.probabilities[0]);
        (probability, is_available(sample.label))
    };
    let ece = |of: &(dyn Fn(&Judged) -> (f64, bool) + Sync)| {
        Figure::of_samples(&products, seed, |samples| {
            let told = samples.iter().map(|&at| of(&judged[at]));
            (!samples.is_empty()).then(|| calibration_error(&bins(told)))
        })
    };
    let loss: Vec<(u64, f64)> = judged
        .iter()
        .map(|sample| {
            let probability = f64::from(sample.probabilities[sample.label]);
            (sample.product, -probability.max(1e-12).ln())
        })
        .collect();
    Reliability {
        ece: ece(&top),
        ece_available: ece(&available),
        loss: Figure::mean(&loss, seed),
        bins: bins(judged.iter().map(available)),
    }
}

/// Equal bins of probabilities told with whether the thing was so; empty ones are left out.
fn bins(told: impl Iterator<Item = (f64, bool)>) -> Vec<Bin> {
    let mut sums = [(0usize, 0.0, 0.0); BINS];
    for (probability, holds) in told {
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        let (count, confidence, held) = &mut sums[bin];
        *count += 1;
        *confidence += probability;
        *held += f64::from(holds);
    }
    let filled = sums.into_iter().filter(|(count, _, _)| *count > 0);
    filled
        .map(|(count, confidence, held)| Bin {
            count,
            confidence: confidence / count as f64,
            available: held / count as f64,
        })
        .collect()
}

/// Mean distance of confidence and share, weighted by the bins' counts.
fn calibration_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    let sum: f64 = bins
        .iter()
        .map(|bin| bin.count as f64 * (bin.confidence - bin.available).abs())
        .sum();
    sum / all.max(1) as f64
}

fn products(judged: &[Judged]) -> Vec<u64> {
    judged.iter().map(|sample| sample.product).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    /// A sample of its own product with these probabilities, whose verdict is the most probable.
    pub(crate) fn judged(sample: usize, label: usize, probabilities: &[f32]) -> Judged {
        Judged {
            sample,
            product: sample as u64,
            label,
            verdict: most_probable(probabilities),
            logits: probabilities.iter().map(|p| p.ln()).collect(),
            probabilities: probabilities.to_vec(),
        }
    }

    #[test]
    fn figures_by_hand() {
        // As in scikit-learn 1.9 `precision_recall_fscore_support` and `average_precision_score`.
        let all = [
            judged(0, 0, &[0.9, 0.1]),
            judged(1, 0, &[0.3, 0.7]),
            judged(2, 1, &[0.6, 0.4]),
            judged(3, 1, &[0.2, 0.8]),
            judged(4, 0, &[0.8, 0.2]),
        ];
        let of = class_figures(&all, 0, 1);
        assert_eq!(of.samples, 3);
        let near = |figure: Option<Figure>, value: f64| {
            let figure = figure.unwrap();
            assert!((figure.value - value).abs() < 1e-6, "{figure:?} {value}");
            assert!(figure.low <= figure.value && figure.value <= figure.high);
        };
        near(of.precision, 2.0 / 3.0);
        near(of.recall, 2.0 / 3.0);
        near(of.f1, 2.0 / 3.0);
        // Positives rank first, second and fourth: (1 + 1 + 3/4) / 3.
        near(of.ap, 11.0 / 12.0);
        near(accuracy(&all, 1), 0.6);
        near(rejected(&all, 1), 0.5);
        assert!((f1_of_yes(&all) - 0.75).abs() < 1e-12);
        assert_eq!(confusion(&all, 2), [vec![2, 1], vec![1, 1]]);
        let curve = precision_recall(&all);
        assert_eq!(curve.first(), Some(&[1.0 / 3.0, 1.0]));
        assert_eq!(curve.last(), Some(&[1.0, 0.6]));
    }

    #[test]
    fn a_class_that_nobody_has_has_no_recall() {
        let all = [judged(0, 0, &[0.9, 0.1]), judged(1, 0, &[0.8, 0.2])];
        let of = class_figures(&all, 1, 1);
        assert_eq!((of.samples, of.recall, of.ap), (0, None, None));
        assert_eq!(rejected(&all, 1), None);
    }

    #[test]
    fn errors_of_calibration_by_hand() {
        // Ten at 0.9, of which 7 hold: off by 0.2; ten at 0.5 (the other class is no more probable), of which 5 hold.
        let sure = (0..10).map(|i| judged(i, usize::from(i >= 7), &[0.9, 0.1]));
        let unsure = (10..20).map(|i| judged(i, usize::from(i % 2 == 0), &[0.5, 0.5]));
        let all: Vec<Judged> = sure.chain(unsure).collect();
        let found = reliability(&all, 1);
        assert!((found.ece.unwrap().value - 0.1).abs() < 1e-6);
        assert!((found.ece_available.unwrap().value - 0.1).abs() < 1e-6);
        let counts: Vec<usize> = found.bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [10, 10]);
        let loss = (7.0 * -(0.9f64.ln()) - 3.0 * 0.1f64.ln() + 10.0 * 2f64.ln()) / 20.0;
        assert!((found.loss.unwrap().value - loss).abs() < 1e-6);
    }
}
