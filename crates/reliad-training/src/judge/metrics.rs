//! Measures of a judge: confusion matrix, precision, recall, F1 and average precision of "available".

use serde::Serialize;

/// What a judge said of samples whose labels are known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeMetrics {
    /// Number of samples.
    pub samples: usize,
    /// `confusion[label][verdict]`, classes in their order.
    pub confusion: Vec<Vec<usize>>,
    /// Share of verdicts that are the label.
    pub accuracy: f64,
    /// Of what was called available, the share that is.
    pub precision: f64,
    /// Of what is available, the share that was called so.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Area under precision over recall as the threshold on p(available) falls.
    pub average_precision: f64,
}

impl JudgeMetrics {
    /// `available` is the class index that counts as positive; `verdicts` holds for each sample its
    /// label, the verdict and p(available).
    pub fn new(classes: usize, available: usize, verdicts: &[(usize, usize, f64)]) -> Self {
        let mut confusion = vec![vec![0; classes]; classes];
        for &(label, verdict, _) in verdicts {
            confusion[label][verdict] += 1;
        }
        let hits: usize = (0..classes).map(|class| confusion[class][class]).sum();
        let called: usize = confusion.iter().map(|row| row[available]).sum();
        let is: usize = confusion[available].iter().sum();
        let both = confusion[available][available];
        let ratio = |part: usize, whole: usize| {
            if whole == 0 {
                0.0
            } else {
                part as f64 / whole as f64
            }
        };
        let (precision, recall) = (ratio(both, called), ratio(both, is));
        Self {
            samples: verdicts.len(),
            accuracy: ratio(hits, verdicts.len()),
            precision,
            recall,
            f1: if both == 0 {
                0.0
            } else {
                2.0 * precision * recall / (precision + recall)
            },
            average_precision: average_precision(
                verdicts
                    .iter()
                    .map(|&(label, _, score)| (label == available, score))
                    .collect(),
            ),
            confusion,
        }
    }
}

/// The class with the largest probability, the first of equals.
pub fn most_probable(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (class, probability) in probabilities.iter().enumerate() {
        if *probability > probabilities[best] {
            best = class;
        }
    }
    best
}

/// Mean, over the positives, of the precision among all that score at least as high.
pub fn average_precision(mut scored: Vec<(bool, f64)>) -> f64 {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    let positives = scored.iter().filter(|(is, _)| *is).count();
    let (mut seen, mut found, mut sum) = (0, 0, 0.0);
    for group in scored.chunk_by(|a, b| a.1 == b.1) {
        let hits = group.iter().filter(|(is, _)| *is).count();
        seen += group.len();
        found += hits;
        sum += hits as f64 * found as f64 / seen as f64;
    }
    if positives == 0 {
        0.0
    } else {
        sum / positives as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_by_hand() {
        let scored = vec![(true, 0.9), (false, 0.8), (true, 0.7), (false, 0.1)];
        assert!((average_precision(scored) - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        // Ties count together: no order among equals may flatter.
        assert_eq!(average_precision(vec![(true, 0.5), (false, 0.5)]), 0.5);
        assert_eq!(average_precision(vec![(false, 0.5)]), 0.0);
    }

    #[test]
    fn confusion_and_f1_by_hand() {
        let verdicts = [(0, 0, 0.9), (0, 1, 0.4), (1, 0, 0.6), (2, 2, 0.1)];
        let metrics = JudgeMetrics::new(3, 0, &verdicts);
        assert_eq!(
            metrics.confusion,
            [vec![1, 1, 0], vec![1, 0, 0], vec![0, 0, 1]]
        );
        assert_eq!(
            (metrics.precision, metrics.recall, metrics.f1),
            (0.5, 0.5, 0.5)
        );
        assert_eq!(metrics.accuracy, 0.5);
    }
}
