//! What a person (or the rendered world) said of a picture, and the numbers that data sets write for it.

use std::collections::BTreeMap;
use std::fmt;

use reliad_imaging::Class;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A verdict on a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// Available, or the reason why not.
    Class(Class),
    /// Not available, for a reason that nobody noted: the label of coarse data.
    Unavailable,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 7] = [
        Self::Class(Class::Available),
        Self::Class(Class::SpaceMismatch),
        Self::Class(Class::SizeMismatch),
        Self::Class(Class::Indistinctiveness),
        Self::Class(Class::ShapeHallucination),
        Self::Class(Class::Unsuitable),
        Self::Unavailable,
    ];

    /// The class, where the label tells it.
    pub const fn class(self) -> Option<Class> {
        match self {
            Self::Class(class) => Some(class),
            Self::Unavailable => None,
        }
    }

    /// Whether the picture can be published.
    pub const fn is_available(self) -> bool {
        matches!(self, Self::Class(Class::Available))
    }

    /// The label's name in files: a class's slug, or `unavailable`.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Class(class) => class.slug(),
            Self::Unavailable => "unavailable",
        }
    }

    /// The label's name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Class(class) => class.name(),
            Self::Unavailable => "Unavailable",
        }
    }

    /// The label of this slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.slug() == slug)
    }
}

impl From<Class> for Label {
    fn from(class: Class) -> Self {
        Self::Class(class)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.slug())
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let slug = String::deserialize(deserializer)?;
        Self::from_slug(&slug)
            .ok_or_else(|| serde::de::Error::custom(format!("`{slug}` is no label")))
    }
}

/// What each label of a data set means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMap(BTreeMap<String, Label>);

impl LabelMap {
    /// The paper's numbers: 0 available, 1 space, 2 size, 3 indistinct, 4 shape, and 5 for an unsuitable source, which
    /// the released label file has besides; slugs too.
    pub fn numbered() -> Self {
        let classes = Class::ALL.map(|class| (class.id().to_string(), class.into()));
        let slugs = Label::ALL.map(|label| (label.slug().to_owned(), label));
        Self(classes.into_iter().chain(slugs).collect())
    }

    /// Reads `0=available,1=unavailable,...`: the data set's own word, then the label's slug.
    ///
    /// # Errors
    /// The piece that is no such pair, or names no label.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pairs = text.split(',').map(|pair| {
            let (word, slug) = pair
                .split_once('=')
                .ok_or_else(|| format!("`{pair}` is not of the form word=label"))?;
            let slug = slug.trim();
            let label = Label::from_slug(slug).ok_or_else(|| {
                let known = Label::ALL.map(Label::slug).join(", ");
                format!("`{slug}` is no label; there are {known}")
            })?;
            Ok((word.trim().to_owned(), label))
        });
        pairs.collect::<Result<_, String>>().map(Self)
    }

    /// The label that the data set writes as `word`.
    pub fn get(&self, word: &str) -> Option<Label> {
        self.0.get(word).copied()
    }
}

impl Default for LabelMap {
    fn default() -> Self {
        Self::numbered()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_the_papers_classes() {
        let map = LabelMap::default();
        assert_eq!(map.get("0"), Some(Class::Available.into()));
        assert_eq!(map.get("4"), Some(Class::ShapeHallucination.into()));
        assert_eq!(map.get("5"), Some(Class::Unsuitable.into()));
        assert_eq!(map.get("6"), None);
        assert_eq!(map.get("size_mismatch"), Some(Class::SizeMismatch.into()));
    }

    #[test]
    fn coarse_labels_are_mapped_as_told() {
        let map = LabelMap::parse("good=available, bad=unavailable").expect("a map");
        assert_eq!(map.get("bad"), Some(Label::Unavailable));
        assert_eq!(map.get("0"), None);
        assert!(LabelMap::parse("1").is_err());
        let error = LabelMap::parse("1=awful").expect_err("no label");
        assert!(error.contains("awful") && error.contains("unavailable"));
    }
}
