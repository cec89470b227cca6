//! Furniture, for floors: chair, cabinet, side table.

use crate::color::PALETTE;
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, v3};
use crate::material::Material;

pub(super) fn chair(draw: &mut Draw) -> Model {
    let color = if draw.chance(0.5) {
        v3(0.42, 0.25, 0.12)
    } else {
        draw.pick(&PALETTE).linear()
    };
    let paint = Material::glossy(color, 0.25);
    let mut parts = Vec::new();
    for (x, z) in [(-19.0, -18.0), (19.0, -18.0), (-19.0, 18.0), (19.0, 18.0)] {
        let high = if z < 0.0 { 84.0 } else { 44.0 };
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(1.8, high * 0.5, 1.8),
                    round: 0.6,
                },
                paint.clone(),
            )
            .at(v3(x, high * 0.5, z)),
        );
    }
    parts.push(
        Part::new(
            Shape::Block {
                half: v3(22.0, 1.8, 21.0),
                round: 1.2,
            },
            paint.clone(),
        )
        .at(v3(0.0, 45.0, 0.0)),
    );
    for y in [60.0, 76.0] {
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(19.0, 4.0, 1.0),
                    round: 0.6,
                },
                paint.clone(),
            )
            .at(v3(0.0, y, -18.0)),
        );
    }
    Model::new(parts).placed(Rotation::about_y(draw.range(-0.7, 0.7)), Vec3::ZERO)
}

pub(super) fn cabinet(draw: &mut Draw) -> Model {
    let color = *draw.pick(&[
        v3(0.45, 0.28, 0.14),
        v3(0.75, 0.73, 0.68),
        v3(0.3, 0.38, 0.33),
    ]);
    let paint = Material::glossy(color, 0.25);
    let mut parts = vec![
        Part::new(
            Shape::Block {
                half: v3(30.0, 34.0, 18.0),
                round: 0.8,
            },
            paint.clone(),
        )
        .at(v3(0.0, 41.0, 0.0)),
    ];
    for (x, z) in [(-26.0, 14.0), (26.0, 14.0), (-26.0, -14.0), (26.0, -14.0)] {
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(1.8, 4.0, 1.8),
                    round: 0.4,
                },
                paint.clone(),
            )
            .at(v3(x, 4.0, z)),
        );
    }
    for (y, h) in [(22.0, 13.0), (53.0, 15.0)] {
        parts.push(
            Part::new(
                Shape::Block {
                    half: v3(27.5, h, 0.7),
                    round: 0.5,
                },
                Material::glossy(color * 1.1, 0.25),
            )
            .at(v3(0.0, y, 18.2)),
        );
        parts.push(
            Part::new(
                Shape::Ellipsoid {
                    radii: v3(1.6, 1.6, 1.6),
                },
                Material::metal(v3(0.75, 0.6, 0.35)),
            )
            .at(v3(0.0, y + h * 0.5, 20.0)),
        );
    }
    Model::new(parts).placed(Rotation::about_y(draw.range(-0.35, 0.35)), Vec3::ZERO)
}

pub(super) fn side_table(draw: &mut Draw) -> Model {
    let top = match draw.below(3) {
        0 => Material::glossy(v3(0.45, 0.28, 0.14), 0.3),
        1 => Material::glossy(v3(0.8, 0.8, 0.79), 0.3),
        _ => Material::glossy(v3(0.05, 0.05, 0.055), 0.3),
    };
    let mut parts = vec![Part::new(
        Shape::Turned(Lathe::drum(22.0, 48.0, 50.5, 0.8)),
        top.clone(),
    )];
    for i in 0..3 {
        let (s, c) = (i as f32 * 2.094 + draw.range(0.0, 0.5)).sin_cos();
        let foot = v3(c * 19.0, 0.0, s * 19.0);
        let head = v3(c * 9.0, 48.0, s * 9.0);
        let along = (head - foot).normalized();
        let length = (head - foot).length();
        parts.push(
            Part::new(
                Shape::Turned(Lathe::drum(1.3, 0.3, length, 0.0)),
                top.clone(),
            )
            .turned(Rotation::up_to(along))
            .at(foot),
        );
    }
    Model::new(parts)
}
