//! Things that grow or are found: plants, fruit, shell, pebble.

use super::one_of;
use crate::color::by_name;
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, fillets, v3};
use crate::material::{Material, Pattern};

pub(super) fn plant(draw: &mut Draw) -> Model {
    let pot = *draw.pick(&["terracotta", "white", "charcoal", "beige"]);
    let profile = fillets(
        &[
            (0.0, 0.0),
            (4.6, 0.0),
            (6.2, 10.5),
            (6.7, 10.5),
            (6.8, 12.0),
            (6.0, 12.0),
            (5.8, 11.0),
        ],
        0.5,
    );
    let soil = Lathe::new(&[(0.0, 11.0), (6.0, 11.0)]);
    let mut parts = vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material::glossy(by_name(pot).linear(), 0.15),
        ),
        Part::new(Shape::Turned(soil), Material::matte(v3(0.05, 0.032, 0.02))),
    ];
    let leaves = draw.integer(12, 17);
    for i in 0..leaves {
        let around = i as f32 * 2.4 + draw.range(-0.3, 0.3);
        let lift = draw.range(0.5, 1.35);
        let length = draw.range(6.0, 9.5);
        let (s, c) = around.sin_cos();
        let along = v3(c * lift.cos(), lift.sin(), s * lift.cos());
        let green = v3(0.05, 0.17, 0.045).mix(v3(0.16, 0.34, 0.09), draw.unit());
        let leaf = Shape::Ellipsoid {
            radii: v3(length * 0.3, length * 0.56, length * 0.06),
        };
        parts.push(
            Part::new(leaf, Material::glossy(green, 0.3))
                .turned(Rotation::up_to(along).after(&Rotation::about_y(draw.range(-0.8, 0.8))))
                .at(v3(0.0, 11.5, 0.0) + along * (length * 0.75 + 1.0)),
        );
    }
    Model::new(parts)
}

pub(super) fn apple(draw: &mut Draw) -> Model {
    let color = *draw.pick(&[
        v3(0.55, 0.04, 0.04),
        v3(0.35, 0.5, 0.08),
        v3(0.62, 0.25, 0.05),
    ]);
    let profile = [
        (0.0, 0.5),
        (1.2, 0.05),
        (2.3, 0.3),
        (3.4, 1.8),
        (3.8, 3.6),
        (3.5, 5.2),
        (2.4, 6.5),
        (1.2, 6.8),
        (0.5, 6.3),
        (0.0, 5.8),
    ];
    let stalk = Lathe::drum(0.16, 5.8, 7.6, 0.05);
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::new(&fillets(&profile, 0.5))),
            Material::glossy(color, 0.5),
        ),
        Part::new(Shape::Turned(stalk), Material::matte(v3(0.12, 0.07, 0.03))),
    ])
}

pub(super) fn lemon(draw: &mut Draw) -> Model {
    let turn = Rotation::about_y(draw.range(-1.0, 1.0)).after(&Rotation::about_z(1.5));
    let profile = [
        (0.0, -4.0),
        (0.5, -3.7),
        (1.4, -2.9),
        (2.4, -1.6),
        (2.8, 0.0),
        (2.4, 1.6),
        (1.4, 2.9),
        (0.5, 3.7),
        (0.0, 4.0),
    ];
    let skin = Pattern::Speckle {
        base: v3(0.8, 0.58, 0.06),
        speck: v3(0.7, 0.48, 0.03),
        scale: 0.3,
    };
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::new(&fillets(&profile, 0.6))),
            Material::of(skin, 0.4),
        )
        .turned(turn)
        .at(v3(0.0, 2.8, 0.0)),
    ])
}

pub(super) fn tree(draw: &mut Draw) -> Model {
    let pot = one_of(draw, &["white", "charcoal", "terracotta", "beige"]).linear();
    let high = draw.range(112.0, 128.0);
    let profile = fillets(&[(0.0, 0.0), (13.0, 0.0), (17.0, 30.0), (15.5, 30.0)], 1.0);
    let soil = Lathe::new(&[(0.0, 28.0), (15.5, 28.0)]);
    let trunk = Lathe::drum(1.6, 28.0, high * 0.62, 0.0);
    let mut parts = vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material::glossy(pot, 0.15),
        ),
        Part::new(Shape::Turned(soil), Material::matte(v3(0.05, 0.032, 0.02))),
        Part::new(Shape::Turned(trunk), Material::matte(v3(0.14, 0.09, 0.05))),
    ];
    for i in 0..12 {
        let around = i as f32 * 2.4 + draw.range(-0.2, 0.2);
        let up = 0.5 + i as f32 * 0.07;
        let (s, c) = around.sin_cos();
        let along = v3(c * up.cos(), up.sin(), s * up.cos());
        let green = v3(0.05, 0.17, 0.045).mix(v3(0.14, 0.3, 0.08), draw.unit());
        let leaf = Shape::Ellipsoid {
            radii: v3(8.0, 16.0, 1.4),
        };
        parts.push(
            Part::new(leaf, Material::glossy(green, 0.3))
                .turned(Rotation::up_to(along).after(&Rotation::about_y(draw.range(-0.8, 0.8))))
                .at(v3(0.0, high - 52.0 + i as f32 * 1.5, 0.0) + along * 17.0),
        );
    }
    Model::new(parts)
}

pub(super) fn shell(draw: &mut Draw) -> Model {
    let color = *draw.pick(&[v3(0.82, 0.66, 0.52), v3(0.86, 0.8, 0.7), v3(0.8, 0.56, 0.5)]);
    // A turned spire, lying: whorls that grow from the tip.
    let profile = fillets(
        &[
            (0.0, -3.6),
            (0.5, -3.0),
            (0.45, -2.7),
            (1.0, -1.9),
            (0.95, -1.6),
            (1.7, -0.4),
            (1.6, 0.0),
            (2.3, 1.4),
            (1.6, 2.6),
            (0.5, 3.6),
            (0.0, 3.7),
        ],
        0.35,
    );
    let turn = Rotation::about_y(draw.range(-1.2, 1.2))
        .after(&Rotation::about_z(std::f32::consts::FRAC_PI_2));
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material::glossy(color, 0.35),
        )
        .turned(turn)
        .at(v3(0.0, 2.2, 0.0)),
    ])
}

pub(super) fn pebble(draw: &mut Draw) -> Model {
    let grey = draw.range(0.12, 0.5);
    let color = v3(grey * 1.04, grey, grey * 0.95);
    let radii = v3(2.5, draw.range(1.1, 1.6), draw.range(1.7, 2.2));
    Model::new(vec![
        Part::new(
            Shape::Ellipsoid { radii },
            Material::of(
                Pattern::Speckle {
                    base: color,
                    speck: color * 0.8,
                    scale: 0.8,
                },
                0.2,
            ),
        )
        .turned(Rotation::about_y(draw.range(-1.5, 1.5)))
        .at(v3(0.0, radii.y * 0.96, 0.0)),
    ])
}
