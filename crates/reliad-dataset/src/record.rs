//! One labelled sample, as text and file names.

use reliad_imaging::Class;
use serde::{Deserialize, Serialize};

/// A sample: texts, label, and where its pictures lie, relative to the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The scene with the product.
    pub image: String,
    /// The product on the same canvas, straight alpha.
    pub product: String,
    /// Inverse depth of the picture, 255 nearest.
    pub depth: String,
    /// Saliency of the picture.
    pub saliency: String,
    /// What the product is, and how big.
    pub title: String,
    /// The scene, as a designer writes it.
    pub prompt: String,
    /// The verdict on the picture.
    pub label: Class,
    /// Identity of the product; splits go by it.
    pub product_id: u64,
    /// What was drawn to make the scene; absent in folders that don't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<SceneParameters>,
}

/// What a rendered sample tells of its scene; the other parameters of the file are not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneParameters {
    /// The kind of scene, such as `wood` or `garden`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene_family: Option<String>,
    /// The word for the colour of what lies behind, such as `sky blue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_color: Option<String>,
    /// What the product stands on, in the prompt's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<String>,
}

/// The part of a data set that a product belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        told["parameters"] =
            serde_json::json!({"scene_family": "garden", "main_color": null, "pitch": 0.1});
        let record: Record = serde_json::from_value(told)?;
        let scene = record.parameters.unwrap_or_default();
        assert_eq!(scene.scene_family.as_deref(), Some("garden"));
        assert_eq!(scene.main_color, None);
        Ok(())
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
