//! Things that decorate: vase, small lamp, alarm clock.

use super::one_of;
use crate::color::{PALETTE, by_name};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, fillets, v3};
use crate::material::Material;

pub(super) fn vase(draw: &mut Draw) -> Model {
    let paint = one_of(
        draw,
        &["white", "cream", "terracotta", "charcoal", "sage green"],
    );
    let (belly, neck) = (draw.range(4.4, 6.2), draw.range(1.4, 2.2));
    let profile = fillets(
        &[
            (0.0, 0.0),
            (belly * 0.6, 0.0),
            (belly, 6.0),
            (belly * 0.8, 11.0),
            (neck, 14.0),
            (neck * 1.2, 17.0),
            (neck * 0.8, 17.0),
            (neck * 0.7, 14.0),
        ],
        1.2,
    );
    let mut parts = vec![Part::new(
        Shape::Turned(Lathe::new(&profile)),
        Material::glossy(paint.linear(), draw.range(0.1, 0.6)),
    )];
    let side = draw.sign();
    let along = v3(side * draw.range(0.25, 0.45), 1.0, 0.1).normalized();
    let stem = Rotation::up_to(along);
    parts.push(
        Part::new(
            Shape::Turned(Lathe::drum(0.22, 0.0, 20.0, 0.0)),
            Material::matte(v3(0.16, 0.1, 0.05)),
        )
        .turned(stem)
        .at(v3(0.0, 15.0, 0.0)),
    );
    let green = *draw.pick(&[
        v3(0.2, 0.32, 0.2),
        v3(0.12, 0.26, 0.1),
        v3(0.55, 0.42, 0.22),
    ]);
    for i in 0..7 {
        let up = 4.0 + i as f32 * 2.6;
        let out = if i % 2 == 0 { 1.0 } else { -1.0 };
        let leaf = v3(out * 0.75 + along.x * 0.6, 0.7, draw.range(-0.4, 0.4)).normalized();
        let shape = Shape::Ellipsoid {
            radii: v3(1.1, 2.6, 0.35),
        };
        parts.push(
            Part::new(shape, Material::glossy(green, 0.2))
                .turned(Rotation::up_to(leaf))
                .at(v3(0.0, 15.0, 0.0) + along * up + leaf * 2.4),
        );
    }
    Model::new(parts)
}

pub(super) fn lamp(draw: &mut Draw) -> Model {
    let metal = match draw.below(3) {
        0 => Material::metal(v3(0.78, 0.62, 0.36)),
        1 => Material::glossy(v3(0.05, 0.05, 0.055), 0.3),
        _ => Material::glossy(by_name("white").linear(), 0.3),
    };
    let shade = one_of(draw, &["cream", "white", "beige"]).linear();
    let profile = [(8.5, 21.0), (5.6, 35.0), (5.2, 35.0), (8.1, 21.0)];
    Model::new(vec![
        Part::new(
            Shape::Turned(Lathe::drum(6.5, 0.0, 1.6, 0.5)),
            metal.clone(),
        ),
        Part::new(
            Shape::Turned(Lathe::drum(0.6, 1.0, 30.0, 0.0)),
            metal.clone(),
        ),
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            Material {
                glow: 0.55,
                ..Material::matte(shade * v3(1.0, 0.93, 0.8))
            },
        ),
    ])
}

pub(super) fn clock(draw: &mut Draw) -> Model {
    let paint = Material::glossy(draw.pick(&PALETTE).linear(), 0.5);
    let dial = Material::matte(by_name("white").linear());
    let black = Material::matte(v3(0.02, 0.02, 0.02));
    let upright = Rotation::about_x(std::f32::consts::FRAC_PI_2);
    let drum = |r: f32, low: f32, high: f32, material: Material| {
        Part::new(Shape::Turned(Lathe::drum(r, low, high, 0.15)), material)
            .turned(upright)
            .at(v3(0.0, 5.6, 0.0))
    };
    let hand = |half: Vec3, lean: f32, material: Material| {
        let turn = Rotation::about_z(lean);
        Part::new(Shape::Block { half, round: 0.0 }, material)
            .turned(turn)
            .at(v3(0.0, 5.6, 2.1) + turn.apply(v3(0.0, half.y, 0.0)))
    };
    let mut parts = vec![
        drum(5.0, -1.9, 1.9, paint.clone()),
        drum(4.3, 1.8, 2.0, dial),
        hand(v3(0.2, 1.3, 0.06), draw.range(0.4, 1.6), black.clone()),
        hand(v3(0.15, 1.8, 0.06), -draw.range(0.3, 1.8), black),
    ];
    for side in [-1.0, 1.0] {
        let bell = Shape::Ellipsoid {
            radii: v3(1.7, 1.2, 1.7),
        };
        let foot = Shape::Ellipsoid {
            radii: v3(0.5, 1.1, 0.5),
        };
        parts.push(Part::new(bell, paint.clone()).at(v3(side * 2.6, 10.6, 0.0)));
        parts.push(Part::new(foot, paint.clone()).at(v3(side * 3.0, 1.1, 0.0)));
    }
    Model::new(parts).placed(Rotation::about_y(draw.range(-0.5, 0.5)), Vec3::ZERO)
}
