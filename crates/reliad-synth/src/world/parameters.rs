//! Everything that was drawn and measured, as a sample records it.

use serde_json::{Value, json};

use super::Plan;
use super::check::Measured;
use crate::words::ends;

impl Plan {
    /// The parameters of the sample; names and units are those of the documentation.
    pub(super) fn parameters(&self, measured: &Measured) -> Value {
        let side = format!("{:?}", self.choice.side).to_lowercase();
        let kinds: Vec<String> = self.kinds.iter().map(|kind| kind.name()).collect();
        let mut parameters = json!({
            "product_family": self.product.family.name(),
            "product_cm": [self.product.size_cm.x, self.product.size_cm.y, self.product.size_cm.z],
            "product_color": self.product.color_name,
            "product_material": self.product.material,
            "share": self.share,
            "turn": self.turn,
            "pitch": self.pitch,
            "distance": self.choice.view.distance,
            "aperture": self.choice.view.aperture,
            "scene_family": self.choice.family.name(),
            "surface": self.choice.surface(),
            "background": self.choice.background(true),
            "main_color": self.choice.main_color(),
            "light_side": side,
            "light_warmth": self.choice.warmth,
            "light_height": self.scene.light.direction.y.asin(),
            "light_spread": self.scene.light.spread,
            "light_pattern": self.scene.light.gobo.name(),
            "window": self.choice.window(),
            "surface_level": self.level / self.height(),
            "shadow_offset": self.scene.shadow_offset.length() / self.height(),
            "props": kinds,
            "prop_scale": self.scale,
            "clutter": measured.clutter,
            "clutter_cover": measured.cover,
            "shadow_change": measured.shadow_change,
            "spoilt": measured.spoilt,
            "failure": self.failure,
            "severity": self.failure.severity(&measured.seen()),
            "separation": measured.separation.median,
            "separation_upper": measured.separation.upper,
        });
        if self.choice.family.is_studio() {
            let colors = self
                .told
                .iter()
                .map(|prop| prop.color.map(|color| color.name));
            let spots = self.told.iter().map(|prop| prop.spot.name());
            parameters["prop_colors"] = colors.collect();
            parameters["prop_spots"] = spots.collect();
            parameters["ground_ends"] = json!(self.horizon.map(ends));
            parameters["light_hard"] = json!(self.choice.hard);
        }
        parameters
    }
}
