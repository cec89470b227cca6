//! Headphones: two padded cups under a band.

use super::make::{Make, trim};
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Band, Lathe, Model, Part, Rotation, Shape, fillets, v3};
use crate::material::Material;

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.range(17.0, 20.0);
    let cup = height * draw.range(0.2, 0.26);
    let deep = cup * draw.range(0.4, 0.6);
    let make = if draw.chance(0.3) {
        Make::metal(draw)
    } else {
        Make::plastic(draw)
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 28.0);
    let main = look::vary(draw, color.linear());
    let pads = if draw.chance(0.5) {
        Make::leather(draw).paint(accent.linear())
    } else {
        Material::glossy(v3(0.025, 0.025, 0.028), 0.35)
    };
    let (ring, _) = trim(draw);
    let span = height * draw.range(0.36, 0.42);
    let thick = height * draw.range(0.014, 0.024);
    let wide = height * draw.range(0.045, 0.08);
    // The arch springs from the cups' middles.
    let legs = ((height - cup - span - thick) * 0.5).max(0.0);
    let crown = v3(0.0, cup + legs, 0.0);
    let mut parts = Vec::new();
    let shell = fillets(
        &[
            (0.0, deep * 0.3),
            (cup * 0.97, deep * 0.3),
            (cup, deep * 0.7),
            (cup * 0.7, deep),
            (0.0, deep),
        ],
        deep * 0.3,
    );
    let pad = Lathe::drum(cup * 0.99, -deep * 0.5, deep * 0.32, deep * 0.35);
    let plate = Lathe::drum(
        cup * draw.range(0.35, 0.6),
        deep * 0.9,
        deep * 1.06,
        deep * 0.05,
    );
    for side in [1.0, -1.0f32] {
        let out = Rotation::about_z(-side * std::f32::consts::FRAC_PI_2);
        let place = v3(side * span, cup, 0.0);
        for (lathe, material) in [
            (Lathe::new(&shell), make.paint(main)),
            (pad.clone(), pads.clone()),
            (plate.clone(), ring.clone()),
        ] {
            parts.push(
                Part::new(Shape::Turned(lathe), material)
                    .turned(out)
                    .at(place),
            );
        }
    }
    parts.push(
        Part::new(
            Shape::Band(Band {
                major: span,
                thick,
                wide,
                stretch: (0.0, legs),
                cut: cup * 0.2 - legs,
            }),
            make.paint(main),
        )
        .at(crown),
    );
    // Padding under the crown.
    parts.push(
        Part::new(
            Shape::Band(Band {
                major: span - thick * 1.8,
                thick: thick * 1.5,
                wide: wide * 1.15,
                stretch: (0.0, legs),
                cut: legs + span * 0.35,
            }),
            pads,
        )
        .at(crown),
    );
    let words = if draw.chance(0.5) {
        "with padded ear cups"
    } else {
        ""
    };
    let noun =
        make.of(draw.pick::<&str>(&["headphones", "wireless headphones", "studio headphones"]));
    let model = Model::new(parts);
    let stated = model.extent().1.y;
    let title = look::title(draw, make.finish, color.name, &noun, words, stated);
    Made {
        model,
        title,
        color,
        turn: 0.9,
        material: make.material,
    }
}
