//! What doesn't keep a picture from being used, but may not be as its maker meant it.

use std::collections::HashSet;
use std::fmt;
use std::mem::discriminant;
use std::path::{Path, PathBuf};

/// One such thing, each in one line that says what to do; whoever tells it names the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The colour profile can't be used; colours are taken as sRGB.
    Profile {
        /// What is wrong with it.
        reason: String,
    },
    /// Faint pixels reach further than a soft edge does.
    Faint {
        /// How far they lay outside the product's box at most, in pixels of the file.
        distance: u32,
        /// How many were left out, because they don't touch the product.
        dropped: u64,
    },
    /// An area that is nearly white, on white, was kept as a part of the product.
    WhiteKept {
        /// Its part of the picture, in per cent, rounded up.
        percent: u32,
    },
    /// An area that is nearly white, on white, was taken for the ground or its shadow.
    WhiteLifted {
        /// Its part of the picture, in per cent, rounded up.
        percent: u32,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile { reason } => write!(
                f,
                "its colour profile can't be used ({reason}): colours are taken as sRGB; if they look wrong, convert the picture to sRGB"
            ),
            Self::Faint { distance, dropped } => write!(
                f,
                "faint pixels (alpha below {solid}) lie up to {distance} pixels outside the product: its size is measured without them, and {dropped} that don't touch it are left out; erase them, or make them opaque if they belong to it",
                solid = crate::cutout::SOLID
            ),
            Self::WhiteKept { percent } => write!(
                f,
                "{percent} % of it are nearly as white as its ground and were kept as product: see whether the edge is right, or give it with alpha"
            ),
            Self::WhiteLifted { percent } => write!(
                f,
                "{percent} % of it are nearly as white as its ground and were taken for a shadow on it: if they belong to the product, give it with alpha"
            ),
        }
    }
}

/// Warnings of many pictures, to be told in one line a kind.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Vec<Kind>);

#[derive(Clone, Debug)]
struct Kind {
    first: (PathBuf, Warning),
    pictures: HashSet<PathBuf>,
}

impl Warnings {
    /// Adds what is told of a picture; a picture counts once however often it is added.
    pub fn add(&mut self, picture: &Path, warnings: &[Warning]) {
        for warning in warnings {
            let of_kind = self
                .0
                .iter_mut()
                .find(|kind| discriminant(&kind.first.1) == discriminant(warning));
            match of_kind {
                Some(kind) => {
                    kind.pictures.insert(picture.to_owned());
                }
                None => self.0.push(Kind {
                    first: (picture.to_owned(), warning.clone()),
                    pictures: HashSet::from([picture.to_owned()]),
                }),
            }
        }
    }

    /// Adds what others were told of.
    pub fn join(&mut self, others: &Self) {
        for kind in &others.0 {
            for picture in &kind.pictures {
                let warning = std::slice::from_ref(&kind.first.1);
                self.add(picture, warning);
            }
        }
    }

    /// The lines: the first picture of each kind with all that is told of it, and how many more there are.
    pub fn lines(&self) -> Vec<String> {
        let line = |kind: &Kind| {
            let (picture, warning) = &kind.first;
            let more = match kind.pictures.len() - 1 {
                0 => String::new(),
                1 => " (and another picture like it)".to_owned(),
                more => format!(" (and {more} other pictures like it)"),
            };
            format!("{}: {warning}{more}", picture.display())
        };
        self.0.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_warnings_of_a_kind_are_one_line() {
        let profile = |reason: &str| Warning::Profile {
            reason: reason.to_owned(),
        };
        let mut warnings = Warnings::default();
        warnings.add(Path::new("a.png"), &[profile("one")]);
        let white = Warning::WhiteKept { percent: 3 };
        warnings.add(Path::new("b.png"), &[profile("other"), white]);
        warnings.add(Path::new("b.png"), &[profile("other")]);
        let lines = warnings.lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("a.png: its colour profile can't be used (one)"));
        assert!(lines[0].ends_with("(and another picture like it)"));
        assert!(lines[1].starts_with("b.png: 3 %"));
    }
}
