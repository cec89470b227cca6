//! Fitting a judge's calibration on samples that it did not learn from: a temperature, then thresholds.

use reliad_rfnet::calibration::Calibration;
use reliad_rfnet::classes::Classes;

use reliad_training::judge::metrics::most_probable;

use crate::measure::Figure;
use crate::measure::verdicts::{Judged, class_figures, rejected, reliability};

/// Where the threshold of "available" is put.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operating {
    /// Where F1 of "available" is largest on the fitting samples: a threshold, or none where the most probable class
    /// says it better than any.
    BestF1,
    /// As low as it may be while at least this share, 0 to 1, of the pictures that can't be published is rejected.
    Reject(f64),
    /// As high as it may be while at least this share, 0 to 1, of the available pictures is kept.
    Keep(f64),
}

/// Range of ln(temperature) that is searched, and steps of the golden section: to 1e-8 of the range.
const LOG_TEMPERATURE: f64 = 4.0;
const STEPS: usize = 40;
/// Rounds over the failing classes' thresholds, and the values tried for each.
const ROUNDS: usize = 2;
const TRIED: usize = 20;
/// Samples of a failing class below which its threshold is left at 0.
const LEAST: usize = 20;

/// Fits a calibration to the logits and labels of `judged`.
///
/// The temperature minimises the mean negative log-probability of the labels (Guo et al., 1706.04599). The threshold of
/// "available" is where `operating` puts it. Thresholds of the failing classes (ours) maximise the mean F1 of those classes among the samples that are rejected, by
/// coordinate ascent; classes with fewer than 20 samples keep 0.
pub fn fit(judged: &[Judged], classes: Classes, operating: Operating) -> Calibration {
    let mut calibration = Calibration {
        temperature: temperature(judged) as f32,
        ..Calibration::default()
    };
    let told: Vec<(usize, Vec<f32>)> = judged
        .iter()
        .map(|sample| (sample.label, calibration.probabilities(&sample.logits)))
        .collect();
    if let Some(threshold) = available_threshold(&told, operating) {
        calibration
            .thresholds
            .insert(classes.class(0), threshold as f32);
    }
    fit_reasons(&told, classes, &mut calibration);
    calibration
}

/// The temperature with the least loss. The loss is convex in 1 / temperature, so the golden section finds it.
fn temperature(judged: &[Judged]) -> f64 {
    let loss = |log: f64| -> f64 {
        let inverse = (-log).exp();
        judged
            .iter()
            .map(|sample| {
                let logits = sample
                    .logits
                    .iter()
                    .map(|&logit| f64::from(logit) * inverse);
                let largest = logits.clone().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = logits.map(|logit| (logit - largest).exp()).sum();
                largest + sum.ln() - f64::from(sample.logits[sample.label]) * inverse
            })
            .sum()
    };
    if judged.is_empty() {
        return 1.0;
    }
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (-LOG_TEMPERATURE, LOG_TEMPERATURE);
    for _ in 0..STEPS {
        let reach = ratio * (high - low);
        if loss(high - reach) < loss(low + reach) {
            high = low + reach;
        } else {
            low = high - reach;
        }
    }
    ((low + high) / 2.0).exp()
}

/// The threshold on p(available); `None` where no sample decides it.
fn available_threshold(told: &[(usize, Vec<f32>)], operating: Operating) -> Option<f64> {
    let of = |available: bool| -> Vec<f64> {
        let kind = told.iter().filter(|(label, _)| (*label == 0) == available);
        let mut scores: Vec<f64> = kind.map(|(_, p)| f64::from(p[0])).collect();
        scores.sort_by(f64::total_cmp);
        scores
    };
    let (good, bad) = (of(true), of(false));
    match operating {
        Operating::Reject(share) => {
            // Above the score of the first that may pass: it must be among the rejected itself.
            let rejected = (share * bad.len() as f64).ceil() as usize;
            let last = *bad.get(rejected.checked_sub(1)?)?;
            let next = bad.iter().find(|&&score| score > last);
            Some(next.map_or((last + 1.0) / 2.0, |next| (last + next) / 2.0))
        }
        Operating::Keep(share) => {
            let lost = ((1.0 - share) * good.len() as f64).floor() as usize;
            let first = *good.get(lost)?;
            let below = good.iter().rev().find(|&&score| score < first);
            Some(below.map_or(first / 2.0, |below| (below + first) / 2.0))
        }
        Operating::BestF1 => {
            let mut scores: Vec<f64> = good.iter().chain(&bad).copied().collect();
            scores.sort_by(f64::total_cmp);
            scores.dedup();
            let f1 = |threshold: f64| {
                let above =
                    |scores: &[f64]| scores.len() - scores.partition_point(|&s| s < threshold);
                let (hits, wrong) = (above(&good) as f64, above(&bad) as f64);
                2.0 * hits / (good.len() as f64 + hits + wrong)
            };
            let between = scores.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
            let best = between.map(|threshold| (f1(threshold), threshold));
            // Of equals the one nearest to one half: the least surprising.
            let best = best.reduce(|best, next| {
                let closer = (next.1 - 0.5).abs() < (best.1 - 0.5).abs();
                if next.0 > best.0 || (next.0 == best.0 && closer) {
                    next
                } else {
                    best
                }
            });
            best.filter(|(f1, _)| !good.is_empty() && *f1 > f1_of_the_most_probable(told))
                .map(|(_, threshold)| threshold)
        }
    }
}

/// F1 of "available" where it is said when no class is more probable.
fn f1_of_the_most_probable(told: &[(usize, Vec<f32>)]) -> f64 {
    let (mut good, mut said, mut hits) = (0usize, 0usize, 0usize);
    for (label, probabilities) in told {
        let says = most_probable(probabilities) == 0;
        good += usize::from(*label == 0);
        said += usize::from(says);
        hits += usize::from(*label == 0 && says);
    }
    2.0 * hits as f64 / (good + said).max(1) as f64
}

/// Thresholds of the failing classes.
fn fit_reasons(told: &[(usize, Vec<f32>)], classes: Classes, calibration: &mut Calibration) {
    let failing: Vec<&(usize, Vec<f32>)> = told
        .iter()
        .filter(|(label, p)| *label > 0 && !calibration.decide(p, classes).is_available())
        .collect();
    let count = |class: usize| failing.iter().filter(|(label, _)| *label == class).count();
    let fitted: Vec<usize> = (1..classes.count())
        .filter(|&class| count(class) >= LEAST)
        .collect();
    if fitted.len() < 2 {
        return;
    }
    let score = |calibration: &Calibration| {
        let mut sums = vec![[0usize; 3]; classes.count()];
        for (label, p) in &failing {
            let verdict = classes.index(calibration.decide(p, classes)).unwrap_or(0);
            sums[*label][0] += 1;
            sums[verdict][1] += 1;
            sums[*label][2] += usize::from(verdict == *label);
        }
        let f1 = |class: usize| {
            let [is, said, both] = sums[class];
            2.0 * both as f64 / (is + said).max(1) as f64
        };
        fitted.iter().map(|&class| f1(class)).sum::<f64>()
    };
    let mut best = score(calibration);
    for _ in 0..ROUNDS {
        for &class in &fitted {
            for tried in 0..TRIED {
                let mut other = calibration.clone();
                let threshold = 0.95 * tried as f32 / TRIED as f32;
                other.thresholds.insert(classes.class(class), threshold);
                let reached = score(&other);
                if reached > best + 1e-9 {
                    best = reached;
                    *calibration = other;
                }
            }
        }
    }
}

/// Figures of the bare outputs and with `calibration`, on the samples that it was fitted to; Markdown.
pub fn table(judged: &[Judged], classes: Classes, calibration: &Calibration) -> String {
    let with = |calibration: &Calibration| -> Vec<Judged> {
        judged
            .iter()
            .map(|sample| {
                let probabilities = calibration.probabilities(&sample.logits);
                let class = calibration.decide(&probabilities, classes);
                Judged {
                    verdict: classes.index(class).unwrap_or(0),
                    probabilities,
                    ..sample.clone()
                }
            })
            .collect()
    };
    let (before, after) = (with(&Calibration::default()), with(calibration));
    let count = judged.len();
    let mut text = format!("| {count} validation samples | before | after |\n|---|---|---|\n");
    let figures = |judged: &[Judged]| -> [(&str, Option<Figure>); 6] {
        let available = class_figures(judged, 0, 0);
        let told = reliability(judged, 0);
        [
            ("precision of available", available.precision),
            ("recall of available", available.recall),
            ("F1 of available", available.f1),
            ("rejected of what can't be published", rejected(judged, 0)),
            ("calibration error (ECE)", told.ece),
            ("negative log-probability of the label", told.loss),
        ]
    };
    let value =
        |figure: Option<Figure>| figure.map_or("–".to_owned(), |f| format!("{:.3}", f.value));
    for ((name, before), (_, after)) in figures(&before).into_iter().zip(figures(&after)) {
        text += &format!("| {name} | {} | {} |\n", value(before), value(after));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt as _;
    use reliad_imaging::Class;
    use serde_json::json;

    use reliad_training::random;

    /// Samples whose labels are drawn from the softmax of their logits, and whose judge says `scale` times these logits.
    fn drawn(count: usize, classes: usize, scale: f32) -> Vec<Judged> {
        let mut rng = random::generator(3, "calibrate", 0);
        (0..count)
            .map(|sample| {
                let logits: Vec<f32> = (0..classes).map(|_| rng.random_range(-2.0..2.0)).collect();
                let probabilities = Calibration::default().probabilities(&logits);
                let mut left: f32 = rng.random();
                let mut label = 0;
                while label + 1 < classes && left > probabilities[label] {
                    left -= probabilities[label];
                    label += 1;
                }
                Judged {
                    sample,
                    product: sample as u64,
                    label,
                    verdict: most_probable(&probabilities),
                    logits: logits.iter().map(|logit| logit * scale).collect(),
                    probabilities,
                }
            })
            .collect()
    }

    #[test]
    fn the_temperature_undoes_overconfidence() {
        for scale in [0.5, 1.0, 3.0] {
            let found = temperature(&drawn(20_000, 5, scale));
            // The standard error of the fitted scale on 20,000 samples of such logits is below 1 %.
            assert!(
                (found / f64::from(scale) - 1.0).abs() < 0.04,
                "{scale}: {found}"
            );
        }
    }

    #[test]
    fn operating_points_hold_on_what_they_were_fitted_to() {
        let judged = drawn(3000, 5, 2.0);
        let classes = Classes(5);
        let shares = |operating| {
            let calibration = fit(&judged, classes, operating);
            let passes = |sample: &&Judged| {
                let p = calibration.probabilities(&sample.logits);
                calibration.decide(&p, classes).is_available()
            };
            let part = |available: bool| {
                let all: Vec<&Judged> = judged
                    .iter()
                    .filter(|s| (s.label == 0) == available)
                    .collect();
                all.iter().copied().filter(passes).count() as f64 / all.len() as f64
            };
            (part(true), part(false))
        };
        let (kept, passed) = shares(Operating::Reject(0.95));
        assert!(passed <= 0.05 && passed > 0.04, "{passed}");
        let (more, _) = shares(Operating::Keep(0.9));
        assert!((0.9..0.91).contains(&more), "{more}");
        assert!(kept < more);
        let f1 = |(kept, passed): (f64, f64)| {
            let good = judged.iter().filter(|s| s.label == 0).count() as f64;
            let bad = judged.len() as f64 - good;
            2.0 * kept * good / (good + kept * good + passed * bad)
        };
        let best = f1(shares(Operating::BestF1));
        assert!(
            best >= f1(shares(Operating::Reject(0.95))) && best >= f1(shares(Operating::Keep(0.9)))
        );
        assert!(best >= f1(shares(Operating::Reject(0.5))));
    }

    #[test]
    fn reasons_get_thresholds_when_the_judge_prefers_one() {
        // Class 1 is said twice as loud as it should be.
        let mut judged = drawn(4000, 4, 1.0);
        for sample in &mut judged {
            sample.logits[1] += 1.0;
        }
        let classes = Classes(4);
        let calibration = fit(&judged, classes, Operating::BestF1);
        let (loud, quiet) = (classes.class(1), classes.class(2));
        let threshold = |class| calibration.thresholds.get(&class).copied().unwrap_or(0.0);
        assert!(
            threshold(loud) > threshold(quiet),
            "{:?}",
            json!(calibration.thresholds)
        );
        assert!(calibration.validate().is_ok());
    }

    #[test]
    fn no_threshold_is_set_where_the_most_probable_class_says_it_better() {
        // p(available) is larger where it is wrong, but only there another class is larger still.
        let sample = |label: usize, p: [f32; 3]| Judged {
            sample: 0,
            product: 0,
            label,
            verdict: 0,
            logits: p.map(f32::ln).to_vec(),
            probabilities: p.to_vec(),
        };
        let good = std::iter::repeat_with(|| sample(0, [0.4, 0.3, 0.3])).take(50);
        let bad = std::iter::repeat_with(|| sample(1, [0.45, 0.5, 0.05])).take(50);
        let judged: Vec<Judged> = good.chain(bad).collect();
        let calibration = fit(&judged, Classes(3), Operating::BestF1);
        assert!(!calibration.thresholds.contains_key(&Class::Available));
    }

    #[test]
    fn few_samples_fit_little() {
        let calibration = fit(&[], Classes(5), Operating::BestF1);
        assert_eq!(calibration, Calibration::default());
    }
}
