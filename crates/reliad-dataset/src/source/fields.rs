//! From named values to a record.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use reliad_synth::Parameters;
use serde_json::Value;

use super::{Broken, Source};
use crate::record::product_of_text;
use crate::{Modality, Place, Record, Split};

/// What a data set calls the fields of a record, where it isn't what everybody calls them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(HashMap<String, String>);

/// Names that are understood without being told, for each field of a record.
const USUAL: [(&str, &[&str]); 9] = [
    (
        "image",
        &[
            "image",
            "file_name",
            "image.bytes",
            "jpg",
            "jpeg",
            "png",
            "webp",
        ],
    ),
    (
        "product",
        &[
            "product",
            "product.bytes",
            "product.png",
            "product.webp",
            "product.jpg",
        ],
    ),
    (
        "depth",
        &[
            "depth",
            "depth.bytes",
            "depth.png",
            "depth.webp",
            "depth.jpg",
        ],
    ),
    (
        "saliency",
        &[
            "saliency",
            "saliency.bytes",
            "saliency.png",
            "saliency.webp",
        ],
    ),
    ("title", &["title"]),
    ("prompt", &["prompt", "text", "caption", "txt"]),
    ("label", &["label", "cls"]),
    ("product_id", &["product_id", "sku"]),
    ("split", &["split"]),
];

impl Fields {
    /// Reads `title=name,label=verdict`: our field, then the data set's name of it.
    ///
    /// # Errors
    /// The piece that is no such pair, or names no field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pairs = text.split(',').map(|pair| {
            let (ours, theirs) = pair
                .split_once('=')
                .ok_or_else(|| format!("`{pair}` is not of the form field=name"))?;
            let ours = ours.trim();
            if USUAL.iter().all(|(field, _)| *field != ours) {
                let known = USUAL.map(|(field, _)| field).join(", ");
                return Err(format!("`{ours}` is no field; there are {known}"));
            }
            Ok((ours.to_owned(), theirs.trim().to_owned()))
        });
        pairs.collect::<Result<_, String>>().map(Self)
    }

    /// The data set's names of a field; the first that it has counts.
    pub(super) fn names(&self, field: &str) -> Vec<&str> {
        if let Some(told) = self.0.get(field) {
            return vec![told];
        }
        let usual = USUAL.iter().find(|(known, _)| *known == field);
        usual.map_or_else(Vec::new, |(_, names)| names.to_vec())
    }

    /// Whether somebody said what a field is called.
    pub(super) fn tells(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Whether a name is one of a record's fields.
    pub(super) fn know(&self, name: &str) -> bool {
        let of = |field: &&str| {
            self.names(field)
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        };
        USUAL.iter().any(|(field, _)| of(field))
    }

    /// Whether a name is a picture's.
    pub(super) fn is_picture(&self, name: &str) -> bool {
        let of = |kind: Modality| self.names(kind.name());
        let mut names = Modality::ALL.into_iter().flat_map(of);
        names.any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The value of a field; its name may be in another case where that leaves no doubt.
    pub(super) fn find<'a, T>(&self, field: &str, values: &'a HashMap<String, T>) -> Option<&'a T> {
        let exact = |name: &str| values.get(name);
        let like = |name: &str| {
            let mut found = values
                .iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value);
            let first = found.next()?;
            found.next().is_none().then_some(first)
        };
        let names = self.names(field);
        names
            .into_iter()
            .find_map(|name| exact(name).or_else(|| like(name)))
    }
}

/// What tells products apart in a data set without `product_id`. Splits go by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProductBy {
    /// Samples of one title show one product; the picture's name where there is no title.
    #[default]
    Title,
    /// Every picture shows its own product.
    Name,
    /// The picture's name up to its last `_` or `-`.
    Prefix,
}

impl ProductBy {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Title, Self::Name, Self::Prefix];

    /// The way's name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Name => "name",
            Self::Prefix => "prefix",
        }
    }

    /// The way of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    fn product(self, title: &str, name: &str) -> u64 {
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
        let stem = stem.unwrap_or(name);
        product_of_text(match self {
            Self::Title if !title.trim().is_empty() => title.trim(),
            Self::Title | Self::Name => stem,
            Self::Prefix => stem
                .rsplit_once(['_', '-'])
                .map_or(stem, |(start, _)| start),
        })
    }
}

/// The named values of one sample, by the data set's own names.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Texts and numbers, as words.
    pub words: HashMap<String, String>,
    /// Pictures.
    pub places: HashMap<String, Place>,
    /// What the sample is called; the picture's name where empty.
    pub key: String,
    /// The split that file names tell.
    pub split: Option<Split>,
    /// Names of the classes whose numbers labels are.
    pub classes: Option<Arc<[String]>>,
    /// What was drawn to make the scene.
    pub parameters: Option<Parameters>,
    /// Why the sample can't be used.
    pub wrong: Option<String>,
}

impl Values {
    /// Takes a JSON value of a sample: a word where it is one; a place of a picture relative to `folder`.
    pub fn add_json(&mut self, fields: &Fields, folder: &Path, name: String, value: Value) {
        let word = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null => return,
            Value::Array(_) | Value::Object(_) => {
                if fields.know(&name) {
                    self.wrong = Some(format!("field that is neither text nor number: {name}"));
                }
                return;
            }
        };
        self.add_word(fields, folder, name, word);
    }

    /// Takes a word of a sample; a place of a picture is relative to `folder`.
    pub fn add_word(&mut self, fields: &Fields, folder: &Path, name: String, word: String) {
        if !fields.is_picture(&name) {
            self.words.insert(name, word);
        } else if !word.trim().is_empty() {
            let place = Place::from(word.as_str()).with_file(|file| folder.join(file));
            self.places.insert(name, place);
        }
    }

    /// The record but for its label, and where it lies; or why there can't be one. `at` says where the sample lies when it
    /// has no picture.
    pub fn record(
        self,
        source: &Source,
        at: impl FnOnce() -> String,
    ) -> Result<(Record, String), Broken> {
        let fields = &source.fields;
        let place = |kind: Modality| fields.find(kind.name(), &self.places).cloned();
        let word = |field: &str| fields.find(field, &self.words).map(String::as_str);
        let image = place(Modality::Image);
        let sample = image.as_ref().map_or_else(at, Place::to_string);
        if let Some(reason) = self.wrong {
            return Err(Broken { sample, reason });
        }
        let Some(image) = image else {
            let reason = format!(
                "no picture: {} is missing",
                fields.names("image").join(", ")
            );
            return Err(Broken { sample, reason });
        };
        let split = word("split").filter(|name| !name.trim().is_empty());
        let split = match split.map(|name| (name, Split::from_name(name))) {
            Some((name, None)) => {
                let reason = format!("split that isn't train, validation or test: `{name}`");
                return Err(Broken { sample, reason });
            }
            Some((_, split)) => split,
            None => None,
        };
        let title = word("title").unwrap_or_default().trim().to_owned();
        let key = if self.key.is_empty() {
            image.name()
        } else {
            &self.key
        };
        let product_id = match word("product_id").filter(|id| !id.trim().is_empty()) {
            Some(id) => id.parse().unwrap_or_else(|_| product_of_text(id)),
            None => source.product_by.product(&title, key),
        };
        let record = Record {
            product: place(Modality::Product),
            depth: place(Modality::Depth),
            saliency: place(Modality::Saliency),
            image,
            title,
            prompt: word("prompt").unwrap_or_default().trim().to_owned(),
            label: None,
            product_id,
            split,
            parameters: self.parameters,
            others: serde_json::Map::new(),
        };
        Ok((record, sample))
    }
}
