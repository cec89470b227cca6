//! Things for reading, writing and working: book, notebook, pen, laptop.

use crate::color::{PALETTE, by_name};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, fillets, v3};
use crate::material::Material;

pub(super) fn book(draw: &mut Draw) -> Model {
    let cover = draw.pick(&PALETTE).linear();
    let pages = by_name("cream").linear();
    let (w, h, t) = (14.5, 21.0, draw.range(2.0, 3.6));
    let standing = draw.chance(0.45);
    let turn = Rotation::about_y(draw.range(-0.5, 0.5));
    let half = if standing {
        v3(t * 0.5, h * 0.5, w * 0.5)
    } else {
        v3(h * 0.5, t * 0.5, w * 0.5)
    };
    let mut inner = half * 0.985;
    if standing {
        inner.x = half.x * 0.82;
    } else {
        inner.y = half.y * 0.82;
    }
    let centre = v3(0.0, half.y, 0.0);
    // Two covers and a spine around a block of pages.
    let mut parts = vec![
        Part::new(
            Shape::Block {
                half: inner,
                round: 0.0,
            },
            Material::matte(pages),
        )
        .at(centre),
    ];
    let board = if standing {
        v3(half.x * 0.09, half.y, half.z)
    } else {
        v3(half.x, half.y * 0.09, half.z)
    };
    for side in [-1.0, 1.0] {
        let shift = if standing {
            v3(side * half.x * 0.91, 0.0, 0.0)
        } else {
            v3(0.0, side * half.y * 0.91, 0.0)
        };
        parts.push(
            Part::new(
                Shape::Block {
                    half: board,
                    round: 0.0,
                },
                Material::glossy(cover, 0.3),
            )
            .at(centre + shift),
        );
    }
    let spine = v3(half.x, half.y, half.z * 0.03);
    parts.push(
        Part::new(
            Shape::Block {
                half: spine,
                round: 0.0,
            },
            Material::glossy(cover, 0.3),
        )
        .at(centre + v3(0.0, 0.0, half.z * 0.97)),
    );
    Model::new(parts).placed(turn, Vec3::ZERO)
}

pub(super) fn pen(draw: &mut Draw) -> Model {
    let color = draw.pick(&PALETTE).linear();
    let body = Lathe::new(&fillets(
        &[
            (0.0, 0.0),
            (0.15, 1.2),
            (0.45, 2.4),
            (0.5, 14.0),
            (0.0, 14.0),
        ],
        0.3,
    ));
    let cap = Lathe::drum(0.56, 9.0, 13.2, 0.1);
    let lie = Rotation::about_y(draw.range(-0.6, 0.6))
        .after(&Rotation::about_z(std::f32::consts::FRAC_PI_2));
    let lying = |shape| {
        Part::new(shape, Material::glossy(color, 0.6))
            .turned(lie)
            .at(lie.apply(v3(0.0, -7.0, 0.0)) + v3(0.0, 0.56, 0.0))
    };
    let mut parts = vec![lying(Shape::Turned(body)), lying(Shape::Turned(cap))];
    parts[1].material = Material::metal(v3(0.75, 0.75, 0.78));
    Model::new(parts)
}

pub(super) fn notebook(draw: &mut Draw) -> Model {
    let cover = draw.pick(&PALETTE).linear();
    let (half, thick) = (v3(7.4, 0.0, 10.5), 1.6);
    let slab = |low: f32, high: f32, inset: f32, material| {
        let half = v3(half.x - inset, (high - low) * 0.5, half.z - inset);
        Part::new(Shape::Block { half, round: 0.0 }, material).at(v3(0.0, (low + high) * 0.5, 0.0))
    };
    let paint = Material::glossy(cover, 0.15);
    let band = Shape::Block {
        half: v3(0.35, thick * 0.5 + 0.06, half.z + 0.06),
        round: 0.0,
    };
    let parts = vec![
        slab(0.0, 0.2, 0.0, paint.clone()),
        slab(
            0.2,
            thick - 0.2,
            0.3,
            Material::matte(by_name("cream").linear()),
        ),
        slab(thick - 0.2, thick, 0.0, paint),
        Part::new(band, Material::matte(cover * 0.4)).at(v3(4.6, thick * 0.5, 0.0)),
    ];
    let turn = Rotation::about_y(draw.range(0.5, 1.1) * draw.sign());
    Model::new(parts).placed(turn, Vec3::ZERO)
}

pub(super) fn laptop(draw: &mut Draw) -> Model {
    let body = Material::metal(*draw.pick(&[v3(0.72, 0.73, 0.75), v3(0.3, 0.31, 0.33)]));
    let open = Rotation::about_x(-draw.range(0.2, 0.42));
    let hinge = v3(0.0, 1.2, -10.5);
    let lid = |half: Vec3, z: f32, material| {
        Part::new(Shape::Block { half, round: 0.0 }, material)
            .turned(open)
            .at(hinge + open.apply(v3(0.0, 10.5, z)))
    };
    let screen = Material {
        glow: 0.7,
        ..Material::glossy(*draw.pick(&[v3(0.5, 0.62, 0.72), v3(0.7, 0.68, 0.64)]), 0.2)
    };
    let keys = Shape::Block {
        half: v3(13.4, 0.06, 4.4),
        round: 0.0,
    };
    let base = Shape::Block {
        half: v3(16.0, 0.6, 11.0),
        round: 0.4,
    };
    Model::new(vec![
        Part::new(base, body.clone()).at(v3(0.0, 0.6, 0.0)),
        Part::new(keys, Material::matte(v3(0.05, 0.05, 0.055))).at(v3(0.0, 1.2, -3.2)),
        lid(v3(16.0, 10.5, 0.35), 0.0, body),
        lid(v3(15.0, 9.6, 0.05), 0.36, screen),
    ])
    .placed(Rotation::about_y(draw.range(-0.5, 0.5)), Vec3::ZERO)
}
