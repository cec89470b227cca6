//! What a sample tells of how it was made: written by the renderer, read by whoever learns from it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// What was drawn and measured to make a sample. A folder of before a field existed, or of another source, lacks it.
///
/// Lengths are shares of the product's height where nothing else is said, angles radians.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parameters {
    /// The seed of the sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Redraws before a draw kept its margins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u64>,
    /// Whether the sample is the mirror image of the one that the other parameters describe; absent: it isn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<bool>,
    /// Whether all margins of the label hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margins_kept: Option<bool>,
    /// The word for the product's kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_family: Option<String>,
    /// Its width, height and depth in centimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_cm: Option<[f32; 3]>,
    /// The palette's word for its colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_color: Option<String>,
    /// The word for what most of it is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_material: Option<String>,
    /// Share of the canvas that its larger side fills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f32>,
    /// How far it is turned from its front.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<f32>,
    /// How far the camera looks down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pitch: Option<f32>,
    /// The camera's distance in product lengths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<f32>,
    /// Lens blur at infinity, as a share of the canvas times the focus distance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aperture: Option<f32>,
    /// The word for the kind of scene.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scene_family: Option<String>,
    /// What the product stands on, in the prompt's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surface: Option<String>,
    /// What lies behind, with its colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// The palette's word for the colour of what lies behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub main_color: Option<String>,
    /// The word for the side that the key light comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub light_side: Option<String>,
    /// -1 cool, 0 neutral, 1 warm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub light_warmth: Option<i32>,
    /// The key light's height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub light_height: Option<f32>,
    /// Tangent of its angular radius.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub light_spread: Option<f32>,
    /// The word for the shadow pattern in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub light_pattern: Option<String>,
    /// Whether it is hard, in a studio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub light_hard: Option<bool>,
    /// Whether a window stands in the wall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<bool>,
    /// The surface's height against the product's base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surface_level: Option<f32>,
    /// The word for where the ground ends in the picture, in a studio where a line shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ground_ends: Option<String>,
    /// How far the product's shadow is moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_offset: Option<f32>,
    /// The words for the named props.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub props: Option<Vec<String>>,
    /// The words for their colours, in a studio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prop_colors: Option<Vec<Option<String>>>,
    /// The words for their places, in a studio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prop_spots: Option<Vec<String>>,
    /// How many times too large they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prop_scale: Option<f32>,
    /// Unnamed things in sight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clutter: Option<usize>,
    /// Share of the picture that they cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clutter_cover: Option<f32>,
    /// Share of the pixels around the base in which the shadow differs from that of the standing product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_change: Option<f32>,
    /// Share of the product's pixels that the damage to its picture changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spoilt: Option<f32>,
    /// What is wrong with the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// How bad it is, 0 to 1; `None` for nothing.
    pub severity: Option<f32>,
    /// Median Lab distance (CIE 1976) along the silhouette.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separation: Option<f32>,
    /// Its upper quartile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separation_upper: Option<f32>,
    /// Fields that nothing here reads; kept when an index is written anew.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

impl Parameters {
    /// The larger of the product's width and height in centimetres: what fills the canvas.
    pub fn largest_cm(&self) -> Option<f32> {
        self.product_cm.map(|[width, height, _]| width.max(height))
    }

    /// The words for the named props, none where they aren't told.
    pub fn props(&self) -> &[String] {
        self.props.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_of_an_older_world_is_read_and_written_without_loss() {
        let old = json!({
            "scene_family": "garden", "product_cm": [8.0, 10.5, 8.0], "props": ["book"], "prop_scale": 2.5,
            "failure": { "kind": "extends", "part": "base", "length": 0.25 }, "severity": null,
            "weather": { "wind": 3 }
        });
        let read: Parameters = serde_json::from_value(old.clone()).expect("parameters");
        assert_eq!(read.scene_family.as_deref(), Some("garden"));
        assert_eq!(read.largest_cm(), Some(10.5));
        assert_eq!(read.props(), ["book"]);
        assert_eq!((read.share, read.light_hard), (None, None));
        assert!(matches!(
            read.failure,
            Some(Failure::Extends { length: 0.25, .. })
        ));
        assert_eq!(json!(read), old);
    }

    #[test]
    fn what_the_renderer_writes_is_what_is_read() {
        for index in 0..12 {
            let written = crate::sample(9, index, 16).parameters;
            assert_eq!(written.others, Map::new());
            let line = json!(written).to_string();
            let read: Parameters = serde_json::from_str(&line).expect("parameters");
            assert_eq!(read, written);
        }
    }
}
