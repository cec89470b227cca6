//! Soft and soapy things: soap bar, towels, cushion.

use super::one_of;
use crate::color::PALETTE;
use crate::draw::Draw;
use crate::geometry::{Model, Part, Rotation, Shape, Vec3, v3};
use crate::material::Material;

pub(super) fn soap(draw: &mut Draw) -> Model {
    let color = one_of(
        draw,
        &["cream", "blush pink", "sage green", "lavender", "white"],
    );
    let bar = Shape::Block {
        half: v3(4.2, 1.3, 2.8),
        round: 1.1,
    };
    Model::new(vec![
        Part::new(bar, Material::glossy(color.linear(), 0.45)).at(v3(0.0, 1.3, 0.0)),
    ])
    .placed(Rotation::about_y(draw.range(-0.9, 0.9)), Vec3::ZERO)
}

pub(super) fn towels(draw: &mut Draw) -> Model {
    let color = one_of(
        draw,
        &[
            "white",
            "cream",
            "light grey",
            "teal",
            "blush pink",
            "sky blue",
        ],
    )
    .linear();
    let mut parts = Vec::new();
    for i in 0..3 {
        let half = v3(15.0 - i as f32 * 0.4, 2.4, 10.0);
        let tint = if i == 1 { 0.88 } else { 1.0 };
        parts.push(
            Part::new(
                Shape::Block { half, round: 2.2 },
                Material::matte(color * tint),
            )
            .turned(Rotation::about_y(draw.range(-0.05, 0.05)))
            .at(v3(0.0, 2.4 + i as f32 * 4.6, 0.0)),
        );
    }
    Model::new(parts).placed(Rotation::about_y(draw.range(-0.4, 0.4)), Vec3::ZERO)
}

pub(super) fn cushion(draw: &mut Draw) -> Model {
    let color = draw.pick(&PALETTE).linear();
    // Leaning back a little, as a cushion stands against a wall.
    let lean = Rotation::about_y(draw.range(-0.5, 0.5)).after(&Rotation::about_x(-0.3));
    let plump = Shape::Ellipsoid {
        radii: v3(19.5, 19.5, 8.5),
    };
    let flat = Shape::Block {
        half: v3(22.0, 22.0, 4.2),
        round: 4.0,
    };
    let paint = Material::matte(color);
    let up = v3(0.0, 21.3, 0.0);
    Model::new(vec![
        Part::new(flat, paint.clone()).turned(lean).at(up),
        Part::new(plump, paint).turned(lean).at(up),
    ])
}
