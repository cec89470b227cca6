//! What is measured of a detector, over several seeds.

use serde::{Deserialize, Serialize};

/// How a detector trained with one seed did on the test part. Positive is "available".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Seed of weights, data order and augmentation.
    pub seed: u64,
    /// Of what was called available, the share that is.
    pub precision: f64,
    /// Of what is available, the share that was called so.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Average precision.
    pub ap: f64,
    /// Share of right verdicts over all classes of this detector.
    pub accuracy: f64,
    /// Samples judged.
    pub samples: usize,
    /// Steps trained.
    pub steps: u64,
    /// Minutes trained.
    pub minutes: f64,
}

/// A detector and its scores, one a seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The detector's name.
    pub name: String,
    /// Scores in the order of the seeds.
    pub scores: Vec<Score>,
}

impl Row {
    /// Mean and sample standard deviation of a figure over the seeds; no deviation of one seed.
    pub fn mean(&self, figure: impl Fn(&Score) -> f64) -> (f64, Option<f64>) {
        let count = self.scores.len() as f64;
        let mean = self.scores.iter().map(&figure).sum::<f64>() / count;
        let squares: f64 = self
            .scores
            .iter()
            .map(|score| (figure(score) - mean).powi(2))
            .sum();
        (
            mean,
            (count > 1.0).then(|| (squares / (count - 1.0)).sqrt()),
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn spread_is_the_sample_deviation() {
        let score = |f1: f64| Score {
            seed: 1,
            precision: 0.0,
            recall: 0.0,
            f1,
            ap: 0.0,
            accuracy: 0.0,
            samples: 1,
            steps: 1,
            minutes: 0.0,
        };
        let row = |scores: Vec<Score>| Row {
            name: String::new(),
            scores,
        };
        let (mean, spread) = row(vec![score(0.5), score(0.7), score(0.9)]).mean(|s| s.f1);
        assert!((mean - 0.7).abs() < 1e-12);
        assert!((spread.unwrap() - 0.2).abs() < 1e-12);
        assert_eq!(row(vec![score(0.5)]).mean(|s| s.f1), (0.5, None));
    }
}
