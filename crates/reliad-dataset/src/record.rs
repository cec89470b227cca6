//! One labelled sample: texts, label, and where its pictures lie.

use reliad_synth::Parameters;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{Label, Place};

/// A sample, whatever layout it came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The picture that was judged: the scene with the product.
    pub image: Place,
    /// The product on the same canvas, straight alpha.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Place>,
    /// Inverse depth of the picture, 255 nearest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<Place>,
    /// Saliency of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saliency: Option<Place>,
    /// What the product is, and how big; empty where nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The scene, as a designer writes it; empty where nobody said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt: String,
    /// The verdict on the picture; absent in what only painters learn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// Identity of the product, which splits go by. In a file it may be text, of which a hash is taken.
    #[serde(deserialize_with = "product_id")]
    pub product_id: u64,
    /// The part of the data that the sample belongs to; absent: [`Split::of_product`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// What was drawn to make the scene; absent in folders that don't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Fields that nothing here reads; kept when an index is written anew.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl Record {
    /// The part of the data that the sample belongs to.
    pub fn split(&self) -> Split {
        self.split
            .unwrap_or_else(|| Split::of_product(self.product_id))
    }

    /// Where the picture of this kind lies, if there is one.
    pub fn place(&self, kind: Modality) -> Option<&Place> {
        match kind {
            Modality::Image => Some(&self.image),
            Modality::Product => self.product.as_ref(),
            Modality::Depth => self.depth.as_ref(),
            Modality::Saliency => self.saliency.as_ref(),
        }
    }
}

/// A kind of picture that a sample may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// [`Record::image`].
    Image,
    /// [`Record::product`].
    Product,
    /// [`Record::depth`].
    Depth,
    /// [`Record::saliency`].
    Saliency,
}

impl Modality {
    /// All kinds, in the order of the record's fields.
    pub const ALL: [Self; 4] = [Self::Image, Self::Product, Self::Depth, Self::Saliency];

    /// The record's field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Product => "product",
            Self::Depth => "depth",
            Self::Saliency => "saliency",
        }
    }
}

/// The identity of a product that is known by a text: the first eight bytes of its BLAKE3 hash.
pub fn product_of_text(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn product_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(u64),
        Text(String),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Number(number) => number,
        Id::Text(text) => product_of_text(&text),
    })
}

/// The part of a data set that a product belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Networks learn from it (90 % of the products).
    Train,
    /// Choices and calibration are made on it (5 %).
    Validation,
    /// Only reported on (5 %).
    Test,
}

impl Split {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The part's name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The part of this name, in whatever case, or of what else people call it: `val`, `dev`, `eval`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.trim().to_lowercase().as_str() {
            "train" | "training" => Self::Train,
            "validation" | "valid" | "val" | "dev" => Self::Validation,
            "test" | "testing" | "eval" | "evaluation" => Self::Test,
            _ => return None,
        })
    }

    /// The part that a file's name tells, such as `train-00000-of-00001.parquet`: the one whose name is a word of it. The
    /// words are those of Hugging Face's `datasets` (`datasets/data_files.py`, `SPLIT_KEYWORDS`).
    pub fn in_name(name: &str) -> Option<Self> {
        let words = name.split(|c: char| !c.is_alphanumeric());
        let mut found = words.filter_map(Self::from_name);
        let first = found.next()?;
        found.all(|split| split == first).then_some(first)
    }

    /// The split of a product: a function of its identity alone, so that all its pictures stay together and adding
    /// samples moves none.
    pub fn of_product(product_id: u64) -> Self {
        let hash = blake3::hash(&product_id.to_le_bytes());
        match hash.as_bytes()[0] % 20 {
            0 => Self::Test,
            1 => Self::Validation,
            _ => Self::Train,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenes_parameters_are_read_where_there_are_any() -> serde_json::Result<()> {
        let plain = serde_json::json!({
            "image": "a.png", "product": "b.png", "depth": "c.png", "saliency": "d.png", "title": "A mug",
            "prompt": "on grass", "label": "available", "product_id": 1,
        });
        let record: Record = serde_json::from_value(plain.clone())?;
        assert_eq!(record.parameters, None);
        let mut told = plain;
        told["parameters"] = serde_json::json!({"scene_family": "garden", "main_color": null, "pitch": 0.1, "weather": "rain"});
        let record: Record = serde_json::from_value(told)?;
        let scene = record.parameters.unwrap_or_default();
        assert_eq!(scene.scene_family.as_deref(), Some("garden"));
        assert_eq!(scene.main_color, None);
        // What isn't read is written all the same: dividing a data set must not lose it.
        assert_eq!(scene.pitch, Some(0.1));
        assert_eq!(scene.others["weather"], "rain");
        Ok(())
    }

    #[test]
    fn products_may_be_known_by_text_and_pictures_may_be_missing() -> serde_json::Result<()> {
        let record: Record = serde_json::from_str(
            r#"{"image": "a.jpg", "label": "size_mismatch", "product_id": "SKU 17", "split": "test"}"#,
        )?;
        assert_eq!(record.product_id, product_of_text("SKU 17"));
        assert_ne!(record.product_id, product_of_text("SKU 18"));
        assert_eq!(record.split(), Split::Test);
        assert_eq!(record.place(Modality::Depth), None);
        let text = serde_json::to_string(&record)?;
        assert_eq!(serde_json::from_str::<Record>(&text)?, record);
        Ok(())
    }

    #[test]
    fn file_names_tell_their_split() {
        for (name, split) in [
            ("train-00000-of-00001.parquet", Some(Split::Train)),
            ("test_000.tar", Some(Split::Test)),
            ("VAL", Some(Split::Validation)),
            ("latest.parquet", None),
            ("train-test.parquet", None),
            ("retrain.tar", None),
        ] {
            assert_eq!(Split::in_name(name), split, "{name}");
        }
    }

    #[test]
    fn shares_are_near_ninety_five_five() {
        let mut counts = [0usize; 3];
        for id in 0..20_000 {
            counts[Split::of_product(id) as usize] += 1;
        }
        // 13 of 256 bytes fall to 0 and to 1: 5.08 %; five standard errors of 20,000 draws are 0.8 %.
        let near = |count: usize| count.abs_diff(1016) < 160;
        assert!(near(counts[1]) && near(counts[2]), "{counts:?}");
    }
}
