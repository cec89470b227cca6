//! Handbags: a body that narrows upwards, a flap or a clasp, and arched handles.

use super::make::{Make, trim};
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Band, Loft, Model, Part, Section, Shape, v3};
use crate::material::Pattern;

pub(super) fn draw(draw: &mut Draw) -> Made {
    let body = draw.range(16.0, 24.0);
    let half = body * draw.range(0.55, 0.78);
    let deep = half * draw.range(0.3, 0.45);
    let make = if draw.chance(0.7) {
        Make::leather(draw)
    } else {
        Make::fabric(draw)
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 25.0);
    let main = look::vary(draw, color.linear());
    let narrow = draw.range(0.66, 1.02);
    let square = draw.range(0.75, 1.3);
    let shape = Loft::new(
        &[
            Section::new(0.0, half * 0.95, deep * 0.9),
            Section::new(body * 0.05, half, deep),
            Section::new(body * 0.5, half * (1.0 + narrow) * 0.5, deep * 0.8),
            Section::new(body * 0.95, half * narrow, deep * 0.42),
            Section::new(body, half * narrow * 0.98, deep * 0.36),
        ],
        square,
    );
    let flap = draw.chance(0.45);
    let (metal, metal_word) = trim(draw);
    let two_tone = !flap && draw.chance(0.35);
    let paint = if two_tone {
        make.over(Pattern::TwoTone {
            low: accent.linear(),
            high: main,
            at: body * draw.range(0.15, 0.3),
        })
    } else {
        make.paint(main)
    };
    let straps = if draw.chance(0.6) {
        make.paint(main * 0.92)
    } else {
        Make::leather(draw).paint(accent.linear())
    };
    let mut parts = vec![Part::new(Shape::Loft(shape), paint)];
    let clasp_at = if flap {
        let low = body * draw.range(0.42, 0.58);
        // The flap hugs the front from its edge up to the rim.
        let share = |y: f32| 1.0 + (narrow - 1.0) * y / body;
        let section = |y: f32, z: f32, grown: f32| {
            Section::new(y, half * share(y) * grown, deep * z).around(0.0, deep * 0.06)
        };
        let cover = Loft::new(
            &[
                section(low, 0.7, 0.55),
                section(low + body * 0.04, 0.83, 0.85),
                section(low + body * 0.12, 0.83, 0.99),
                section(body * 0.95, 0.47, 1.02),
                section(body * 1.015, 0.36, 1.0),
            ],
            square,
        );
        let cover_paint = if draw.chance(0.35) {
            make.paint(accent.linear())
        } else {
            make.paint(main * 0.94)
        };
        parts.push(Part::new(Shape::Loft(cover), cover_paint));
        v3(0.0, low + body * 0.05, deep * 0.89)
    } else {
        v3(0.0, body * 0.86, deep * 0.56)
    };
    let size = v3(half * 0.1, body * 0.05, deep * 0.08);
    parts.push(
        Part::new(
            Shape::Block {
                half: size,
                round: size.z * 0.5,
            },
            metal,
        )
        .at(clasp_at),
    );
    let rise = body * draw.range(0.2, 0.45);
    let major = (half * narrow * draw.range(0.45, 0.62)).min(rise * 0.95);
    let handle = Band {
        major,
        thick: body * draw.range(0.016, 0.026),
        wide: body * draw.range(0.022, 0.04),
        stretch: (
            half * narrow * draw.range(0.02, 0.12),
            (rise - major).max(0.0),
        ),
        cut: -(rise - major).max(0.0) - body * 0.12,
    };
    let pair = draw.chance(0.5) && !flap;
    let offsets: &[f32] = if pair { &[0.3, -0.3] } else { &[0.0] };
    for z in offsets {
        parts.push(Part::new(Shape::Band(handle), straps.clone()).at(v3(
            0.0,
            body + (rise - major).max(0.0) - handle.thick,
            deep * z,
        )));
    }
    let model = Model::new(parts);
    let height = model.extent().1.y;
    let words = match (two_tone, draw.below(2)) {
        (true, _) => format!("with a {} base", accent.name),
        (false, 0) => format!("with a {metal_word} clasp"),
        (false, _) => String::new(),
    };
    let noun = make.of(draw.pick::<&str>(&["handbag", "tote bag", "shoulder bag"]));
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model,
        title,
        color,
        turn: 0.6,
        material: make.material,
    }
}
