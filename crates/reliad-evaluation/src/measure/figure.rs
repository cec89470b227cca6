//! A measured figure with its interval.

use std::collections::BTreeMap;

use rand::RngExt as _;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use reliad_training::random;

/// Resamples of a bootstrap.
const RESAMPLES: u64 = 2000;
/// Quantiles that bound an interval: 95 % lie between them.
const BOUNDS: [f64; 2] = [0.025, 0.975];

/// A mean, the interval that holds it in 95 of 100 cases, and how many measurements it is of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The mean.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Number of pictures, or of pairs, that it is of.
    pub n: usize,
}

impl Figure {
    /// The mean of measurements, each given with the number of its group (of its product), with the percentile interval of
    /// the bootstrap over groups (Efron 1979; whole clusters, as pictures of one product are alike): means of 2,000
    /// resamples of groups with replacement, drawn from `seed`. `None` without measurements. Equal values give an
    /// interval without width, however few they are.
    pub fn mean(measured: &[(u64, f64)], seed: u64) -> Option<Self> {
        if measured.is_empty() {
            return None;
        }
        let mut groups: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
        for (group, value) in measured {
            let (sum, count) = groups.entry(*group).or_default();
            *sum += value;
            *count += 1.0;
        }
        let groups: Vec<(f64, f64)> = groups.into_values().collect();
        let mean = |of: &mut dyn Iterator<Item = (f64, f64)>| {
            let (sum, count) = of.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
            sum / count
        };
        let mut means: Vec<f64> = (0..RESAMPLES)
            .map(|resample| {
                let mut rng = random::generator(seed, "bootstrap", resample);
                let drawn = (0..groups.len()).map(|_| groups[rng.random_range(0..groups.len())]);
                mean(&mut { drawn })
            })
            .collect();
        means.sort_by(f64::total_cmp);
        let [low, high] = BOUNDS.map(|share| quantile(&means, share));
        Some(Self {
            value: mean(&mut groups.iter().copied()),
            low,
            high,
            n: measured.len(),
        })
    }

    /// The share of measurements that hold, as [`mean`](Self::mean). Where all or none of them hold, the bootstrap knows
    /// nothing, and the interval's other end is that of the rule of three: 3 / groups away.
    pub fn share(measured: &[(u64, bool)], seed: u64) -> Option<Self> {
        let values: Vec<(u64, f64)> = measured
            .iter()
            .map(|(group, holds)| (*group, f64::from(*holds)))
            .collect();
        let mut figure = Self::mean(&values, seed)?;
        let mut groups: Vec<u64> = measured.iter().map(|(group, _)| *group).collect();
        groups.sort_unstable();
        groups.dedup();
        let reach = (3.0 / groups.len() as f64).min(1.0);
        if figure.value == 0.0 {
            figure.high = reach;
        } else if figure.value == 1.0 {
            figure.low = 1.0 - reach;
        }
        Some(figure)
    }

    /// A statistic of samples, each given by the number of its group, with the percentile interval of the bootstrap over
    /// groups as in [`mean`](Self::mean). `statistic` is told which samples to count, some more than once; where a
    /// resample has no value it is left out. `None` where all samples together have none.
    pub fn of_samples(
        groups: &[u64],
        seed: u64,
        statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Option<Self> {
        let all: Vec<usize> = (0..groups.len()).collect();
        let value = statistic(&all)?;
        let mut members: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (sample, group) in groups.iter().enumerate() {
            members.entry(*group).or_default().push(sample);
        }
        let members: Vec<Vec<usize>> = members.into_values().collect();
        let mut values: Vec<f64> = (0..RESAMPLES)
            .into_par_iter()
            .filter_map(|resample| {
                let mut rng = random::generator(seed, "bootstrap", resample);
                let drawn = (0..members.len()).map(|_| rng.random_range(0..members.len()));
                let samples: Vec<usize> = drawn.flat_map(|group| members[group].clone()).collect();
                statistic(&samples)
            })
            .collect();
        values.sort_by(f64::total_cmp);
        let [low, high] = BOUNDS.map(|share| quantile(&values, share));
        Some(Self {
            value,
            low,
            high,
            n: groups.len(),
        })
    }

    /// The mean of repeated measurements of one thing on `n` pictures, and the interval that holds 95 % of them.
    /// `None` without measurements.
    pub fn of_repeats(repeats: &[f64], n: usize) -> Option<Self> {
        let mut sorted = repeats.to_vec();
        sorted.sort_by(f64::total_cmp);
        let [low, high] = BOUNDS.map(|share| quantile(&sorted, share));
        (!repeats.is_empty()).then(|| Self {
            value: repeats.iter().sum::<f64>() / repeats.len() as f64,
            low,
            high,
            n,
        })
    }
}

/// The quantile at `share` (0 to 1) of sorted values, linear between two neighbours, as numpy's default; 0 of none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    match (sorted.get(below), sorted.get((below + 1).min(last))) {
        (Some(low), Some(high)) => low + (high - low) * (place - below as f64),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn the_bootstraps_interval_of_a_share_is_the_binomials() {
        let values: Vec<(u64, bool)> = (0..400).map(|i| (i, i % 10 < 3)).collect();
        let figure = Figure::share(&values, 1).unwrap();
        assert!((figure.value - 0.3).abs() < 1e-12);
        // 1.96 standard errors of a share of 0.3 among 400; 2,000 resamples know it to about 0.003.
        let half = 1.96 * (0.3f64 * 0.7 / 400.0).sqrt();
        assert!((figure.low - (0.3 - half)).abs() < 0.006, "{figure:?}");
        assert!((figure.high - (0.3 + half)).abs() < 0.006, "{figure:?}");
        assert_eq!(figure.n, 400);
        assert_eq!(Figure::share(&values, 1), Figure::share(&values, 1));
        assert_ne!(Figure::share(&values, 1), Figure::share(&values, 2));
    }

    #[test]
    fn measurements_of_one_group_count_as_one() {
        // Each of 100 groups four times: as wide as 100 measurements, not as 400.
        let values: Vec<(u64, bool)> = (0..400).map(|i| (i / 4, (i / 4) % 10 < 3)).collect();
        let figure = Figure::share(&values, 1).unwrap();
        let half = 1.96 * (0.3f64 * 0.7 / 100.0).sqrt();
        assert!((figure.low - (0.3 - half)).abs() < 0.012, "{figure:?}");
        assert!((figure.high - (0.3 + half)).abs() < 0.012, "{figure:?}");
        assert_eq!(figure.n, 400);
    }

    #[test]
    fn a_statistics_interval_agrees_with_the_means() {
        let values: Vec<(u64, f64)> = (0..300).map(|i| (i / 3, f64::from(i as u32 % 7))).collect();
        let groups: Vec<u64> = values.iter().map(|(group, _)| *group).collect();
        let mean = |samples: &[usize]| {
            let sum: f64 = samples.iter().map(|&sample| values[sample].1).sum();
            Some(sum / samples.len() as f64)
        };
        let (figure, known) = (
            Figure::of_samples(&groups, 5, mean).unwrap(),
            Figure::mean(&values, 5).unwrap(),
        );
        // The same draws; only the order of summation differs.
        assert!((figure.low - known.low).abs() < 1e-9 && (figure.high - known.high).abs() < 1e-9);
        assert!((figure.value - known.value).abs() < 1e-9);
        assert_eq!(Figure::of_samples(&groups, 5, |_| None), None);
    }

    #[test]
    fn nothing_has_no_figure_and_none_of_many_leaves_room() {
        assert_eq!(Figure::mean(&[], 1), None);
        let one = Figure::mean(&[(7, 0.5)], 1).unwrap();
        assert_eq!((one.low, one.value, one.high), (0.5, 0.5, 0.5));
        let none: Vec<(u64, bool)> = (0..60).map(|i| (i / 2, false)).collect();
        let figure = Figure::share(&none, 1).unwrap();
        assert_eq!((figure.low, figure.value, figure.high), (0.0, 0.0, 0.1));
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let repeats = [5.0, 1.0, 3.0, 2.0, 4.0];
        let figure = Figure::of_repeats(&repeats, 9).unwrap();
        assert!((figure.low - 1.1).abs() < 1e-12 && (figure.high - 4.9).abs() < 1e-12);
        assert_eq!((figure.value, figure.n), (3.0, 9));
        assert_eq!(Figure::of_repeats(&[], 9), None);
    }
}
