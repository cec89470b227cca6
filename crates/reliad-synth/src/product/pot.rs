//! Cooking pots, kettles and teapots: a round body, a lid with a knob, handles, a spout.

use super::make::{Make, trim};
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Band, Lathe, Model, Part, Rotation, Shape, Vec3, fillets, v3};
use crate::material::Material;

pub(super) fn draw(draw: &mut Draw) -> Made {
    let make = if draw.chance(0.25) {
        Make::ceramic(draw)
    } else {
        Make::metal(draw)
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 25.0);
    let main = look::vary(draw, color.linear());
    let (knob, knob_word) = if draw.chance(0.4) {
        trim(draw)
    } else {
        (Make::plastic(draw).paint(accent.linear()), accent.name)
    };
    let paint = make.paint(main);
    let (parts, noun);
    if draw.chance(0.5) {
        let r = draw.range(7.0, 11.5);
        let wall = r * draw.range(0.7, 1.25);
        parts = casserole(draw, r, wall, &paint, &knob);
        noun = make.of(draw.pick::<&str>(&["cooking pot", "casserole", "stock pot"]));
    } else {
        let r = draw.range(7.0, 10.5);
        let rise = r * draw.range(1.25, 1.7);
        let teapot = draw.chance(0.45);
        parts = kettle(draw, r, rise, teapot, &paint, &knob);
        noun = make.of(if teapot {
            "teapot"
        } else {
            draw.pick::<&str>(&["kettle", "tea kettle"])
        });
    }
    let model = Model::new(parts);
    let height = model.extent().1.y;
    let words = format!("with a {knob_word} knob");
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model,
        title,
        color,
        turn: 0.5,
        material: make.material,
    }
}

/// A straight-walled pot of this radius and wall with a lid and two ears or one long handle.
fn casserole(draw: &mut Draw, r: f32, wall: f32, paint: &Material, knob: &Material) -> Vec<Part> {
    let body = fillets(
        &[
            (0.0, 0.0),
            (r * draw.range(0.86, 0.99), 0.0),
            (r, wall),
            (0.0, wall),
        ],
        r * draw.range(0.06, 0.2),
    );
    let dome = r * draw.range(0.1, 0.28);
    let lid = fillets(
        &[
            (0.0, wall),
            (r * 1.03, wall),
            (r * 1.03, wall + r * 0.05),
            (r * 0.6, wall + dome * 0.85),
            (0.0, wall + dome),
        ],
        r * 0.25,
    );
    let tall = r * draw.range(0.14, 0.24);
    let mut parts = vec![
        Part::new(Shape::Turned(Lathe::new(&body)), paint.clone()),
        Part::new(Shape::Turned(Lathe::new(&lid)), paint.clone()),
        Part::new(
            Shape::Turned(Lathe::new(&fillets(
                &[
                    (r * 0.07, wall + dome * 0.9),
                    (r * 0.07, wall + dome + tall * 0.4),
                    (r * 0.17, wall + dome + tall * 0.6),
                    (r * 0.15, wall + dome + tall),
                    (0.0, wall + dome + tall),
                ],
                tall * 0.15,
            ))),
            knob.clone(),
        ),
    ];
    if draw.chance(0.6) {
        let ear = Band {
            major: r * 0.22,
            thick: r * 0.05,
            wide: r * draw.range(0.06, 0.1),
            stretch: (r * draw.range(0.05, 0.2), 0.0),
            cut: -r * 0.1,
        };
        for side in [1.0, -1.0f32] {
            // The arch lies flat, its crown outwards.
            let out = Rotation::about_z(-side * std::f32::consts::FRAC_PI_2)
                .after(&Rotation::about_y(std::f32::consts::FRAC_PI_2));
            parts.push(
                Part::new(Shape::Band(ear), paint.clone())
                    .turned(out)
                    .at(v3(side * r * 0.96, wall * 0.78, 0.0)),
            );
        }
    } else {
        let side = draw.sign();
        let long = r * draw.range(1.1, 1.5);
        let half = v3(long * 0.5, r * 0.06, r * 0.12);
        parts.push(
            Part::new(
                Shape::Block {
                    half,
                    round: r * 0.05,
                },
                knob.clone(),
            )
            .turned(Rotation::about_z(side * 0.12))
            .at(v3(side * (r * 0.9 + half.x), wall * 0.82, 0.0)),
        );
    }
    parts
}

/// A bellied pot with a spout on one side and an arch above or a ring at the other side.
fn kettle(
    draw: &mut Draw,
    r: f32,
    rise: f32,
    ring: bool,
    paint: &Material,
    knob: &Material,
) -> Vec<Part> {
    let side = draw.sign();
    let mouth = r * draw.range(0.4, 0.55);
    let body = fillets(
        &[
            (0.0, 0.0),
            (r * draw.range(0.7, 0.95), 0.0),
            (r, rise * draw.range(0.3, 0.45)),
            (mouth * 1.1, rise * 0.95),
            (mouth, rise),
            (0.0, rise),
        ],
        r * draw.range(0.3, 0.6),
    );
    let lid = fillets(
        &[
            (mouth * 1.04, rise * 0.985),
            (mouth, rise * 1.02),
            (mouth * 0.3, rise * 1.06),
            (r * 0.06, rise * 1.08),
            (r * 0.06, rise * 1.12),
            (r * 0.13, rise * 1.16),
            (r * 0.1, rise * 1.22),
            (0.0, rise * 1.22),
        ],
        r * 0.05,
    );
    let spout = Lathe::new(&[
        (r * 0.26, 0.0),
        (r * 0.15, r * 0.55),
        (r * 0.1, r * 0.95),
        (r * 0.075, r * 0.95),
        (r * 0.08, r * 0.8),
        (0.0, r * 0.8),
    ]);
    let lean = v3(side * draw.range(0.7, 1.0), 0.9, 0.0).normalized();
    let mut parts = vec![
        Part::new(Shape::Turned(Lathe::new(&body)), paint.clone()),
        Part::new(Shape::Turned(Lathe::new(&lid)), knob.clone()),
        Part::new(Shape::Turned(spout), paint.clone())
            .turned(Rotation::up_to(lean))
            .at(v3(side * r * 0.72, rise * 0.38, 0.0)),
    ];
    if ring {
        let major = rise * draw.range(0.24, 0.3);
        let handle = Shape::Ring {
            major,
            minor: r * draw.range(0.07, 0.1),
            stretch: rise * draw.range(0.02, 0.1),
            cut: -major * 0.35,
        };
        let turn = Rotation::about_y(if side < 0.0 {
            0.0
        } else {
            std::f32::consts::PI
        });
        parts.push(Part::new(handle, paint.clone()).turned(turn).at(v3(
            -side * r * 0.82,
            rise * 0.52,
            0.0,
        )));
    } else {
        let major = r * draw.range(0.45, 0.66);
        let across = major + r * 0.12;
        // The legs end on the shoulder.
        let foot = Lathe::new(&body)
            .hit(v3(across, rise * 2.0, 0.0), -Vec3::UP, 1e-3, rise * 2.0)
            .map_or(rise * 0.7, |(t, _)| rise * 2.0 - t);
        let crown = rise * draw.range(1.05, 1.25);
        let legs = (crown - foot) * 0.5;
        let arch = Band {
            major,
            thick: r * 0.06,
            wide: r * draw.range(0.07, 0.14),
            stretch: (r * 0.12, legs),
            cut: -legs - r * 0.1,
        };
        parts.push(Part::new(Shape::Band(arch), knob.clone()).at(v3(0.0, foot + legs, 0.0)));
    }
    parts
}
