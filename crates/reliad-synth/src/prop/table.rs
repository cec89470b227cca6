//! Things for the table: cup, glass, candle, tea light.

use super::one_of;
use crate::color::{PALETTE, by_name};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, fillets, v3};
use crate::material::{Material, Pattern};

pub(super) fn cup(draw: &mut Draw) -> Model {
    let color = if draw.chance(0.5) {
        by_name("white").linear()
    } else {
        draw.pick(&PALETTE).linear()
    };
    let (r, foot) = (draw.range(3.8, 4.4), draw.range(2.6, 3.8));
    let mut profile = fillets(&[(0.0, 0.0), (foot, 0.0), (r, 5.0), (r, 9.0)], 1.2);
    profile.extend([
        (r - 0.2, 9.1),
        (r - 0.4, 9.0),
        (r - 0.45, 5.0),
        (foot * 0.9, 1.0),
        (0.0, 0.8),
    ]);
    let handle = Shape::Ring {
        major: 2.0,
        minor: 0.45,
        stretch: 0.4,
        cut: -0.4,
    };
    let turn = Rotation::about_y(
        draw.range(-0.7, 0.7)
            + if draw.chance(0.5) {
                std::f32::consts::PI
            } else {
                0.0
            },
    );
    let coffee = Lathe::new(&[(0.0, 7.6), (r - 0.42, 7.6)]);
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material::glossy(color, 0.7),
        ),
        Part::new(
            Shape::Turned(coffee),
            Material::glossy(v3(0.1, 0.045, 0.02), 0.7),
        ),
        Part::new(handle, Material::glossy(color, 0.7)).at(v3(r - 0.2, 4.9, 0.0)),
    ])
    .placed(turn, Vec3::ZERO)
}

pub(super) fn tea_light() -> Model {
    let wax = Lathe::drum(1.75, 0.1, 1.5, 0.1);
    let tin = [(0.0, 0.0), (1.9, 0.0), (1.95, 1.7), (1.8, 1.7), (1.8, 1.4)];
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::new(&tin)),
            Material::metal(v3(0.8, 0.8, 0.82)),
        ),
        Part::new(
            Shape::Turned(wax),
            Material::matte(by_name("cream").linear()),
        ),
        Part::new(
            Shape::Ellipsoid {
                radii: v3(0.3, 0.75, 0.3),
            },
            Material {
                glow: 3.0,
                ..Material::matte(v3(1.0, 0.7, 0.3))
            },
        )
        .at(v3(0.0, 2.3, 0.0)),
    ])
}

/// Clear glass looks pale and polished here: the renderer knows no refraction.
pub(super) fn glass(draw: &mut Draw) -> Model {
    let r = draw.range(3.2, 3.8);
    let water = draw.range(6.5, 8.5);
    let profile = fillets(
        &[
            (0.0, 0.0),
            (r * 0.82, 0.0),
            (r, 12.0),
            (r - 0.25, 12.0),
            (r * 0.85, 1.0),
        ],
        0.3,
    );
    let clear = Pattern::TwoTone {
        low: v3(0.5, 0.63, 0.68),
        high: v3(0.74, 0.78, 0.79),
        at: water,
    };
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material::of(clear, 0.95),
        ),
        Part::new(
            Shape::Turned(Lathe::new(&[(0.0, water), (r * 0.93, water)])),
            Material::glossy(v3(0.6, 0.72, 0.76), 0.9),
        ),
    ])
}

pub(super) fn candle(draw: &mut Draw) -> Model {
    let wax = one_of(draw, &["cream", "white", "blush pink", "terracotta"]).linear();
    let (r, high) = (draw.range(3.0, 3.8), draw.range(11.0, 12.6));
    let flame = Material {
        glow: 3.0,
        ..Material::matte(v3(1.0, 0.7, 0.3))
    };
    let wick = Shape::Ellipsoid {
        radii: v3(0.5, 1.2, 0.5),
    };
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::drum(r, 0.0, high, 0.4)),
            Material {
                glow: 0.12,
                ..Material::glossy(wax, 0.2)
            },
        ),
        Part::new(wick, flame).at(v3(0.0, high + 1.3, 0.0)),
    ])
}
