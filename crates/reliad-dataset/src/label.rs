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

    /// The label of this slug or name, in whatever case, its words parted by anything or nothing.
    pub fn from_name(name: &str) -> Option<Self> {
        let bare = |text: &str| -> String {
            let letters = text
                .chars()
                .filter(|c| !matches!(c, ' ' | '_' | '-' | '\t'));
            letters.flat_map(char::to_lowercase).collect()
        };
        let wanted = bare(name);
        Self::ALL
            .into_iter()
            .find(|label| bare(label.slug()) == wanted || bare(label.name()) == wanted)
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
pub struct LabelMap {
    /// What somebody said.
    told: BTreeMap<String, Label>,
    numbers: Numbers,
}

/// What numbers mean that nobody told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// The paper's classes from 0 on, if 0 occurs in the data: otherwise they may begin at 1.
    Undecided,
    /// 0 is [`Class::Available`].
    FromZero,
    /// 1 is [`Class::Available`].
    FromOne,
    /// Nothing.
    Nothing,
}

impl LabelMap {
    /// The paper's numbers: 0 available, 1 space, 2 size, 3 indistinct, 4 shape, and 5 for an unsuitable source, which
    /// the released label file has besides; names too. Whether numbers begin at 0 is decided by the data.
    pub fn numbered() -> Self {
        Self {
            told: BTreeMap::new(),
            numbers: Numbers::Undecided,
        }
    }

    /// Reads `0=available,1=unavailable,...`: the data set's own word, then the label; or `from-0` or `from-1`, what the
    /// paper's numbers begin at.
    ///
    /// # Errors
    /// The piece that is no such pair, names no label, or gives a word a second meaning.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut map = Self {
            told: BTreeMap::new(),
            numbers: Numbers::Nothing,
        };
        for piece in text.split(',') {
            let told = match piece.trim() {
                "from-0" => Some(Numbers::FromZero),
                "from-1" => Some(Numbers::FromOne),
                _ => None,
            };
            if let Some(numbers) = told {
                map.numbers = numbers;
                continue;
            }
            let (word, name) = piece.rsplit_once('=').ok_or_else(|| {
                format!("`{piece}` is not of the form word=label, and neither from-0 nor from-1")
            })?;
            let (word, name) = (word.trim(), name.trim());
            let label = Label::from_name(name).ok_or_else(|| {
                let known = Label::ALL.map(Label::slug).join(", ");
                format!("`{name}` is no label; there are {known}")
            })?;
            let before = map.told.insert(word.to_owned(), label);
            if before.is_some_and(|before| before != label) {
                return Err(format!("`{word}` is given two meanings"));
            }
        }
        Ok(map)
    }

    /// The label that the data set writes as `word`: as it was told, as the paper's number, or as our name in any writing
    /// (`space_mismatch`, `Space Mismatch`).
    pub fn get(&self, word: &str) -> Option<Label> {
        let word = word.trim();
        self.told(word)
            .or_else(|| self.number(word))
            .or_else(|| Label::from_name(word))
    }

    /// What somebody said that this word means; in whatever case, where that is one meaning.
    pub(crate) fn told(&self, word: &str) -> Option<Label> {
        if let Some(&label) = self.told.get(word) {
            return Some(label);
        }
        let lower = word.to_lowercase();
        let mut found = self
            .told
            .iter()
            .filter(|(told, _)| told.to_lowercase() == lower)
            .map(|(_, &label)| label);
        let first = found.next()?;
        found.all(|label| label == first).then_some(first)
    }

    fn number(&self, word: &str) -> Option<Label> {
        let number = word.parse::<usize>().ok()?;
        let id = match self.numbers {
            Numbers::Undecided | Numbers::FromZero => number,
            Numbers::FromOne => number.checked_sub(1)?,
            Numbers::Nothing => return None,
        };
        Class::from_id(id).map(Label::Class)
    }

    /// Whether somebody said what any label means.
    pub(crate) fn is_told(&self) -> bool {
        !self.told.is_empty()
    }

    pub(crate) fn numbers(&self) -> Numbers {
        self.numbers
    }

    /// The same, with numbers that mean this.
    pub(crate) fn with_numbers(&self, numbers: Numbers) -> Self {
        Self {
            told: self.told.clone(),
            numbers,
        }
    }
}

impl Default for LabelMap {
    fn default() -> Self {
        Self::numbered()
    }
}

/// A label as it is looked up: whole numbers without their decimals (`1.0`, as columns with gaps are written); `None` for
/// what stands where there is no label.
pub(crate) fn word(written: &str) -> Option<String> {
    let written = written.trim();
    if written.is_empty() || written.eq_ignore_ascii_case("nan") {
        return None;
    }
    // Beyond this, whole numbers of 64 bits have gaps.
    let whole = |number: &f64| number.fract() == 0.0 && number.abs() < (1u64 << 53) as f64;
    let number = written.parse::<f64>().ok().filter(whole);
    Some(number.map_or_else(|| written.to_owned(), |number| (number as i64).to_string()))
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
        let map = LabelMap::parse("from-1").expect("a map");
        assert_eq!(map.get("1"), Some(Class::Available.into()));
        assert_eq!(map.get("0"), None);
    }

    #[test]
    fn names_are_known_in_every_writing() {
        for name in [
            "SpaceMismatch",
            "space mismatch",
            " SPACE-MISMATCH",
            "space_mismatch",
        ] {
            assert_eq!(Label::from_name(name), Some(Class::SpaceMismatch.into()));
        }
        assert_eq!(Label::from_name("space"), None);
    }

    #[test]
    fn whole_numbers_lose_their_decimals_and_gaps_are_no_labels() {
        for (written, read) in [
            ("1.0", Some("1")),
            (" 01 ", Some("1")),
            ("-1", Some("-1")),
            ("1.5", Some("1.5")),
            ("inf", Some("inf")),
            ("NaN", None),
            (" ", None),
        ] {
            assert_eq!(word(written).as_deref(), read, "{written:?}");
        }
    }

    #[test]
    fn coarse_labels_are_mapped_as_told() {
        let map = LabelMap::parse("good=available, bad=unavailable").expect("a map");
        assert_eq!(map.get("bad"), Some(Label::Unavailable));
        assert_eq!(map.get("0"), None);
        assert_eq!(map.get("BAD"), Some(Label::Unavailable));
        // Our own names need not be told.
        assert_eq!(map.get("Space Mismatch"), Some(Class::SpaceMismatch.into()));
        assert!(LabelMap::parse("1").is_err());
        assert!(LabelMap::parse("a=available,a=unavailable").is_err());
        let error = LabelMap::parse("1=awful").expect_err("no label");
        assert!(error.contains("awful") && error.contains("unavailable"));
    }
}
