//! What was drawn and measured, as a sample records it.

use super::Plan;
use super::check::Measured;
use crate::parameters::Parameters;
use crate::words::ends;

impl Plan {
    /// The parameters of the sample but for its number and attempts.
    pub(super) fn parameters(&self, measured: &Measured) -> Parameters {
        let text = |word: &str| Some(word.to_owned());
        let size = self.product.size_cm;
        let view = self.choice.view;
        let light = &self.scene.light;
        let studio = self.choice.family.is_studio();
        Parameters {
            product_family: text(self.product.family.name()),
            product_cm: Some([size.x, size.y, size.z]),
            product_color: text(self.product.color_name),
            product_material: text(self.product.material),
            share: Some(self.share),
            turn: Some(self.turn),
            pitch: Some(self.pitch),
            distance: Some(view.distance),
            aperture: Some(view.aperture),
            scene_family: text(self.choice.family.name()),
            surface: text(self.choice.surface()),
            background: Some(self.choice.background(true)),
            main_color: text(self.choice.main_color()),
            light_side: Some(format!("{:?}", self.choice.side).to_lowercase()),
            light_warmth: Some(self.choice.warmth),
            light_height: Some(light.direction.y.asin()),
            light_spread: Some(light.spread),
            light_pattern: text(light.gobo.name()),
            light_hard: self.choice.hard,
            window: Some(self.choice.window()),
            surface_level: Some(self.level / self.height()),
            ground_ends: self.horizon.filter(|_| studio).and_then(|v| text(ends(v))),
            shadow_offset: Some(self.scene.shadow_offset.length() / self.height()),
            props: Some(self.kinds.iter().map(|kind| kind.name()).collect()),
            prop_colors: studio.then(|| {
                let props = self.told.iter();
                props
                    .map(|prop| prop.color.and_then(|color| text(color.name)))
                    .collect()
            }),
            prop_spots: studio.then(|| {
                let props = self.told.iter();
                props.map(|prop| prop.spot.name().to_owned()).collect()
            }),
            prop_scale: Some(self.scale),
            clutter: Some(measured.clutter),
            clutter_cover: Some(measured.cover),
            shadow_change: Some(measured.shadow_change),
            spoilt: Some(measured.spoilt),
            failure: Some(self.failure),
            severity: self.failure.severity(&measured.seen()),
            separation: Some(measured.separation.median),
            separation_upper: Some(measured.separation.upper),
            ..Parameters::default()
        }
    }
}
