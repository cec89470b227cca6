//! The Fréchet distance between two sets of features, each taken for a Gaussian.
//!
//! What FID computes (Heusel et al. 2017, equation 6; Dowson and Landau 1982):
//! `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1^(1/2) C2 C1^(1/2))^(1/2))`. With the features of a network trained on the
//! rendered world it is like FID, but isn't FID: its numbers compare only with others of the same network and count.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rayon::prelude::*;

use super::Figure;
use reliad_training::random;

/// Random halves over which a distance is averaged. Ours.
const REPEATS: u64 = 100;

/// Mean and covariance of a set of features.
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Gaussian {
    /// Fits features of equal length; the covariance is divided by n - 1. `None` for fewer than two, or empty ones.
    pub fn fit(features: &[&[f32]]) -> Option<Self> {
        let (n, width) = (features.len(), features.first()?.len());
        if n < 2 || width == 0 {
            return None;
        }
        // A sample a column, as nalgebra stores them.
        let values = features
            .iter()
            .copied()
            .flatten()
            .map(|&value| f64::from(value));
        let mut centred = DMatrix::from_iterator(width, n, values);
        let mean = centred.column_mean();
        for mut sample in centred.column_iter_mut() {
            sample -= &mean;
        }
        let covariance = &centred * centred.transpose() / (n as f64 - 1.0);
        Some(Self { mean, covariance })
    }

    /// The squared Fréchet distance to `other`, at least 0; no number where a feature is none.
    ///
    /// The last trace is the sum of the roots of the eigenvalues of C1 C2, and those other than 0 are the eigenvalues
    /// of L' C2 L for any L with C1 = L L': eigenvectors of C1 times the roots of their values.
    pub fn distance(&self, other: &Self) -> f64 {
        let spread = self.covariance.trace() + other.covariance.trace();
        // Eigenvalues of what is no number are searched for without end.
        if !spread.is_finite() {
            return f64::NAN;
        }
        let SymmetricEigen {
            eigenvalues,
            mut eigenvectors,
        } = SymmetricEigen::new(self.covariance.clone());
        for (mut vector, value) in eigenvectors.column_iter_mut().zip(&eigenvalues) {
            vector *= value.max(0.0).sqrt();
        }
        let between = eigenvectors.tr_mul(&(&other.covariance * &eigenvectors));
        let roots = between
            .symmetric_eigenvalues()
            .map(|value| value.max(0.0).sqrt());
        let shift = (&self.mean - &other.mean).norm_squared();
        (shift + spread - 2.0 * roots.sum()).max(0.0)
    }
}

/// How far painted features lie from rendered ones, and how far two halves of the rendered ones from one another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distances {
    /// Half of the painted against the other half of the rendered.
    pub painted: Figure,
    /// The rendered half of the painted samples against that other half: what chance alone gives.
    pub floor: Figure,
}

/// Distances over 100 random halvings of the samples, `painted[i]` and `rendered[i]` being of the same sample. The
/// painted half and the rendered half never share a sample, in either distance, and all sets are equally large.
/// `None` for fewer than four samples.
///
/// The interval holds 95 % of the halvings. They share pictures, so it tells how much halving matters rather than what
/// other pictures would give.
///
/// # Panics
/// When there are more painted than rendered features.
pub fn halves(painted: &[Vec<f32>], rendered: &[Vec<f32>], seed: u64) -> Option<Distances> {
    let half = painted.len() / 2;
    let fit = |features: &[Vec<f32>], places: &[usize]| {
        let rows: Vec<&[f32]> = places.iter().map(|&at| features[at].as_slice()).collect();
        Gaussian::fit(&rows)
    };
    let pairs: Vec<(f64, f64)> = (0..REPEATS)
        .into_par_iter()
        .map(|repeat| {
            let mut rng = random::generator(seed, "halves", repeat);
            let order = random::shuffled(painted.len(), &mut rng);
            let (first, second) = (&order[..half], &order[half..2 * half]);
            let other = fit(rendered, second)?;
            Some((
                other.distance(&fit(painted, first)?),
                other.distance(&fit(rendered, first)?),
            ))
        })
        .collect::<Option<_>>()?;
    let (painted, floor): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    Some(Distances {
        painted: Figure::of_repeats(&painted, half)?,
        floor: Figure::of_repeats(&floor, half)?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;
    use rand::RngExt as _;
    use serde_json::Value;

    fn rows(value: &Value) -> Vec<Vec<f32>> {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn fit(rows: &[Vec<f32>]) -> Gaussian {
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        Gaussian::fit(&rows).unwrap()
    }

    /// numpy's mean and covariance and the eigenvalues of C1 C2 (`parity/measure/frechet.py`).
    #[test]
    fn distances_are_numpys() {
        let golden: Value =
            serde_json::from_str(include_str!("../../tests/fixtures/frechet.json")).unwrap();
        for case in golden.as_array().unwrap() {
            let (a, b) = (fit(&rows(&case["a"])), fit(&rows(&case["b"])));
            let expected = case["distance"].as_f64().unwrap();
            // Both in f64 on the same f32 values; roots of eigenvalues near 0 leave about 1e-7.
            let near = |got: f64| (got - expected).abs() < 1e-6 * expected.max(1.0);
            assert!(near(a.distance(&b)), "{} {expected}", a.distance(&b));
            assert!(near(b.distance(&a)), "{} {expected}", b.distance(&a));
            assert!(a.distance(&a) < 1e-6);
        }
        let whole = vec![vec![1.0, 2.0]; 3];
        let mut broken = whole.clone();
        broken[1][0] = f32::NAN;
        assert!(fit(&broken).distance(&fit(&whole)).is_nan());
    }

    #[test]
    fn halves_of_one_set_lie_at_the_floor_and_a_shifted_set_beyond() {
        let mut rng = random::generator(3, "test", 0);
        let mut draw = |shift: f32| -> Vec<Vec<f32>> {
            (0..60)
                .map(|_| (0..4).map(|_| rng.random::<f32>() + shift).collect())
                .collect()
        };
        let (rendered, same, shifted) = (draw(0.0), draw(0.0), draw(1.0));
        let alike = halves(&same, &rendered, 1).unwrap();
        let apart = halves(&shifted, &rendered, 1).unwrap();
        assert!(alike.painted.value < 3.0 * alike.floor.value, "{alike:?}");
        // The means differ by 1 in each of 4 directions.
        assert!((apart.painted.value - 4.0).abs() < 0.6, "{apart:?}");
        assert!(apart.painted.low > apart.floor.high);
        assert_eq!((apart.painted.n, apart.floor), (30, alike.floor));
        assert_eq!(halves(&same[..3], &rendered[..3], 1), None);
    }
}
