//! `calibration.json`: from logits to probabilities that mean what they say, and from those to a verdict.
//!
//! ```json
//! { "version": 1, "mirrored": true, "temperature": 1.3, "thresholds": { "available": 0.62, "size_mismatch": 0.1 } }
//! ```
//! - With `mirrored` the logits are the mean of what the judge says of a picture and of its mirror image (ours).
//! - Probabilities are `softmax(logits / temperature)` (Guo et al., 1706.04599).
//! - A picture is available when p(available) reaches `thresholds.available`; without that threshold, when available
//!   is the most probable class. A threshold below or above one half trades availability against precision.
//! - The reason of a picture that isn't available is the failing class with the largest `p - threshold`
//!   (threshold 0 where none is given).
//!
//! A judge without the file uses temperature 1 and no thresholds. The order of ties is that of the classes.

use std::collections::BTreeMap;

use reliad_imaging::Class;
use reliad_weights::ModelDir;
use serde::{Deserialize, Serialize};

use crate::classes::Classes;
use crate::error::{Error, Result};

const FILE: &str = "calibration.json";
const VERSION: u32 = 1;

/// How a judge's logits become a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of the file's layout; 1.
    pub version: u32,
    /// Divides the logits; above 0.
    #[serde(default = "one")]
    pub temperature: f32,
    /// Whether pictures are looked at twice, the second time as a mirror shows them: the logits are the mean of both
    /// (ours). Maps are estimated once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
    /// Thresholds by class, each in [0, 1].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thresholds: BTreeMap<Class, f32>,
}

fn one() -> f32 {
    1.0
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            version: VERSION,
            temperature: 1.0,
            mirrored: false,
            thresholds: BTreeMap::new(),
        }
    }
}

impl Calibration {
    /// Reads `calibration.json` of a judge's directory; the identity where there is none.
    ///
    /// # Errors
    /// An unreadable file or a value out of its range.
    pub fn load(dir: &ModelDir) -> Result<Self> {
        if !dir.contains(FILE) {
            return Ok(Self::default());
        }
        let calibration: Self = dir.read_json(FILE)?;
        calibration.validate()?;
        Ok(calibration)
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Calibration`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        let bad = |field: String, got: String, expected: &str| {
            Err(Error::Calibration {
                field,
                got,
                expected: expected.to_owned(),
            })
        };
        if self.version != VERSION {
            return bad("version".to_owned(), self.version.to_string(), "1");
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            let got = self.temperature.to_string();
            return bad("temperature".to_owned(), got, "a positive number");
        }
        for (class, threshold) in &self.thresholds {
            if !(0.0..=1.0).contains(threshold) {
                let field = format!("thresholds.{}", class.slug());
                return bad(field, threshold.to_string(), "a number in 0 to 1");
            }
        }
        Ok(())
    }

    /// The probabilities of the classes, one for each logit, with sum 1.
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = logits
            .iter()
            .map(|logit| ((logit - largest) / self.temperature).exp())
            .collect();
        let total: f32 = powers.iter().sum();
        powers.into_iter().map(|power| power / total).collect()
    }

    /// The class a picture is given, from its probabilities in the order of [`Classes::class`].
    pub fn decide(&self, probabilities: &[f32], classes: Classes) -> Class {
        let available = probabilities.first().copied().unwrap_or(0.0);
        let accepted = match self.thresholds.get(&Class::Available) {
            Some(threshold) => available >= *threshold,
            None => probabilities.iter().all(|p| available >= *p),
        };
        if accepted {
            return Class::Available;
        }
        let margin = |(index, p): (usize, &f32)| {
            let class = classes.class(index);
            (class, p - self.thresholds.get(&class).unwrap_or(&0.0))
        };
        probabilities
            .iter()
            .enumerate()
            .skip(1)
            .map(margin)
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map_or(Class::Unsuitable, |(class, _)| class)
    }
}
