//! Backpacks: a domed body with a front pocket, a loop on top and straps.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Band, Loft, Model, Part, Rotation, Section, Shape, v3};
use crate::material::{Material, Pattern};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let body = draw.range(27.0, 42.0);
    let half = body * draw.range(0.32, 0.4);
    let deep = body * draw.range(0.16, 0.22);
    let make = if draw.chance(0.75) {
        Make::fabric(draw)
    } else {
        Make::leather(draw)
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 25.0);
    let main = look::vary(draw, color.linear());
    let dome = draw.range(0.62, 0.78);
    let square = draw.range(0.6, 1.15);
    let shape = Loft::new(
        &[
            Section::new(0.0, half * 0.9, deep * 0.85),
            Section::new(body * 0.04, half, deep),
            Section::new(body * dome, half * 0.97, deep * 0.88),
            Section::new(body * (0.35 + dome * 0.65), half * 0.84, deep * 0.68),
            Section::new(body * 0.97, half * 0.55, deep * 0.42),
            Section::new(body, half * 0.25, deep * 0.2),
        ],
        square,
    );
    let based = draw.chance(0.4);
    let paint = if based {
        make.over(Pattern::TwoTone {
            low: accent.linear(),
            high: main,
            at: body * draw.range(0.1, 0.22),
        })
    } else {
        make.paint(main)
    };
    let dark = Material::matte(v3(0.03, 0.03, 0.034));
    let tall = body * draw.range(0.34, 0.48);
    let wide = half * draw.range(0.72, 0.86);
    let ahead = deep * draw.range(0.28, 0.45);
    let pocket = Loft::new(
        &[
            Section::new(body * 0.05, wide * 0.95, ahead),
            Section::new(body * 0.08, wide, ahead * 1.1),
            Section::new(tall * 0.8, wide, ahead),
            Section::new(tall * 0.96, wide * 0.9, ahead * 0.7),
            Section::new(tall, wide * 0.75, ahead * 0.4),
        ],
        1.1,
    );
    let pocket_paint = if !based && draw.chance(0.45) {
        make.paint(accent.linear())
    } else {
        make.paint(main * 0.92)
    };
    let loop_on_top = Band {
        major: half * 0.2,
        thick: body * 0.012,
        wide: deep * 0.13,
        stretch: (half * 0.05, body * 0.02),
        cut: -body * 0.03,
    };
    // Zips: an arch along the dome and a bar over the pocket.
    let zip = Band {
        major: half * 0.62,
        thick: body * 0.007,
        wide: deep * 0.24,
        stretch: (half * 0.1, body * 0.05),
        cut: -body * 0.04,
    };
    let mut parts = vec![
        Part::new(Shape::Loft(shape), paint),
        Part::new(Shape::Loft(pocket), pocket_paint).at(v3(0.0, 0.0, deep * 0.85)),
        Part::new(Shape::Band(loop_on_top), dark.clone()).at(v3(0.0, body, -deep * 0.1)),
        Part::new(Shape::Band(zip), dark.clone()).at(v3(0.0, body * 0.55, deep * 0.66)),
    ];
    for side in [1.0, -1.0f32] {
        let strap = Band {
            major: deep * 0.62,
            thick: body * 0.018,
            wide: half * 0.13,
            stretch: (0.0, body * 0.2),
            cut: -body * 0.3,
        };
        // The straps hang behind, seen past the sides.
        parts.push(
            Part::new(Shape::Band(strap), make.paint(main * 0.8))
                .turned(Rotation::about_y(std::f32::consts::FRAC_PI_2))
                .at(v3(side * half * 0.6, body * 0.52, -deep * 0.75)),
        );
    }
    if draw.chance(0.5) {
        let patch = v3(half * 0.2, body * 0.03, deep * 0.06);
        parts.push(
            Part::new(
                Shape::Block {
                    half: patch,
                    round: patch.z * 0.6,
                },
                Make::leather(draw).paint(accent.linear()),
            )
            .at(v3(0.0, tall * 0.62, deep * 0.85 + ahead)),
        );
    }
    let model = Model::new(parts);
    let height = model.extent().1.y;
    let words = if based {
        format!("with a {} base", accent.name)
    } else if draw.chance(0.5) {
        "with a front pocket".to_string()
    } else {
        String::new()
    };
    let noun = make.of(draw.pick::<&str>(&["backpack", "school backpack", "travel backpack"]));
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model,
        title,
        color,
        turn: 0.6,
        material: make.material,
    }
}
