//! What is found in a picture that can't be published.

use std::fmt;

use reliad_generation::manifest::VerdictRecord;
use reliad_imaging::Class;
use serde::{Deserialize, Serialize};

/// One reason against a picture. Serde names it by `kind`; shares lie in 0 to 1 unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finding {
    /// The judge gives it a failing class.
    Judged {
        /// The class.
        class: Class,
    },
    /// The judge finds it available, but not certainly enough.
    Uncertain,
    /// The judge wouldn't publish it, and its head knows no reasons.
    Unpublishable,
    /// The product isn't where it was looked for.
    NotFound,
    /// The product's colours are others than the cut-out's.
    Altered {
        /// Mean distance of its solid pixels (CIE76).
        mean: f32,
        /// Share of them that are visibly off.
        share: f32,
    },
    /// Something that stands out is joined to the product.
    Grown {
        /// Its area as a share of the product's, 0 and up.
        share: f32,
    },
    /// The picture's edge cuts the product.
    CutOff {
        /// Longest run along the edge as a share of the product's side.
        share: f32,
    },
}

impl Finding {
    /// What a verdict says against a picture; `None` where it is available.
    pub fn of_verdict(verdict: &VerdictRecord) -> Option<Self> {
        if verdict.available {
            return None;
        }
        Some(match verdict.class {
            Some(class) if class.is_available() => Self::Uncertain,
            Some(class) => Self::Judged { class },
            None => Self::Unpublishable,
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Judged { class } => f.write_str(class.reason()),
            Self::Uncertain => f.write_str("The judge isn't certain enough."),
            Self::Unpublishable => f.write_str("The judge wouldn't publish it."),
            Self::NotFound => f.write_str("The product wasn't found in the picture."),
            Self::Altered { mean, share } => write!(
                f,
                "The product's colours are {mean:.1} off on average, {:.0} % of its pixels visibly.",
                100.0 * share
            ),
            Self::Grown { share } => write!(
                f,
                "Something of {:.0} % of its area is joined to the product.",
                100.0 * share
            ),
            Self::CutOff { share } => write!(
                f,
                "The picture's edge cuts {:.0} % of the product's side.",
                100.0 * share
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_against_a_picture_are_told_apart() {
        let of = |class, available, probabilities: &[f32]| {
            Finding::of_verdict(&VerdictRecord::new(class, available, probabilities))
        };
        let five = [0.4, 0.3, 0.1, 0.1, 0.1];
        assert_eq!(of(Class::Available, true, &five), None);
        assert_eq!(of(Class::Available, false, &five), Some(Finding::Uncertain));
        let class = Class::SizeMismatch;
        assert_eq!(of(class, false, &five), Some(Finding::Judged { class }));
        let two = [0.4, 0.6];
        assert_eq!(
            of(Class::Unsuitable, false, &two),
            Some(Finding::Unpublishable)
        );
    }
}
