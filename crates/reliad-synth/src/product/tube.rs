//! Tubes: round at the cap, flat at the crimped end, standing on the cap.

use super::make::{Make, trim};
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Loft, Model, Part, Section, Shape, v3};
use crate::material::Pattern;

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.log_range(9.0, 20.0);
    let r = height * draw.range(0.12, 0.19);
    let cap = height * draw.range(0.1, 0.2);
    let crimp = height * draw.range(0.03, 0.06);
    let make = if draw.chance(0.3) {
        Make::metal(draw)
    } else {
        Make::plastic(draw)
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 28.0);
    let main = look::vary(draw, color.linear());
    let flat = r * draw.range(1.18, 1.36);
    let top = height - crimp;
    let body = Loft::new(
        &[
            Section::new(cap * 0.96, r * 0.98, r * 0.98),
            Section::new(cap + (top - cap) * 0.25, r, r * 0.97),
            Section::new(cap + (top - cap) * 0.62, (r + flat) * 0.5, r * 0.6),
            Section::new(top, flat, r * 0.06),
            Section::new(height, flat, r * 0.055),
        ],
        0.0,
    );
    let (low, high) = (
        cap + height * draw.range(0.05, 0.15),
        height * draw.range(0.6, 0.8),
    );
    let (material, words) = if draw.chance(0.25) {
        let pattern = Pattern::TwoTone {
            low: accent.linear(),
            high: main,
            at: cap + height * draw.range(0.06, 0.2),
        };
        (make.over(pattern), format!("with a {} base", accent.name))
    } else {
        let wide = r * draw.range(0.6, 0.95);
        let (label, words) = look::label(draw, color, low, high, wide);
        (make.labelled(main, Some(label), false), words)
    };
    let (cap_material, cap_word) = if draw.chance(0.3) {
        trim(draw)
    } else {
        (Make::plastic(draw).paint(accent.linear()), accent.name)
    };
    let words = if draw.chance(0.35) {
        format!("with a {cap_word} cap")
    } else {
        words
    };
    let crimped = v3(flat * 1.01, crimp * 0.5, r * 0.075);
    let parts = vec![
        Part::new(Shape::Loft(body), material),
        Part::new(
            Shape::Turned(Lathe::drum(
                r * draw.range(0.86, 1.02),
                0.0,
                cap,
                cap * draw.range(0.06, 0.3),
            )),
            cap_material,
        ),
        Part::new(
            Shape::Block {
                half: crimped,
                round: 0.0,
            },
            make.paint(main * 0.92),
        )
        .at(v3(0.0, height - crimped.y, 0.0)),
    ];
    let noun = make.of(draw.pick::<&str>(&[
        "cream tube",
        "hand cream",
        "sunscreen tube",
        "toothpaste tube",
    ]));
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.45,
        material: make.material,
    }
}
