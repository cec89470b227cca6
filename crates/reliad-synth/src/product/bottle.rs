//! Bottles: a turned body with shoulder, neck and cap.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Shape, fillets, v3};
use crate::material::Material;

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.log_range(12.0, 32.0);
    let pump = height < 24.0 && draw.chance(0.3);
    let r = height * draw.range(0.12, 0.2);
    let neck = r * draw.range(0.28, 0.5);
    let cap_height = height * draw.range(0.07, 0.16);
    let shoulder = height * draw.range(0.45, 0.68);
    let neck_at = (shoulder + height * draw.range(0.06, 0.2)).min(height - cap_height * 1.3);
    let make = match draw.below(10) {
        0..=3 => Make::glass(draw),
        4 | 5 => Make::metal(draw),
        6 => Make::ceramic(draw),
        _ => Make::plastic(draw),
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 30.0);
    let waist = if draw.chance(0.25) {
        draw.range(0.82, 0.95)
    } else {
        1.0
    };
    let base_r = r * draw.range(0.9, 1.0);

    let body_top = height - cap_height;
    let profile = fillets(
        &[
            (0.0, 0.0),
            (base_r, 0.0),
            (r, height * 0.06),
            (r * waist, shoulder * 0.55),
            (r, shoulder),
            (neck * 1.15, neck_at),
            (neck, neck_at + (body_top - neck_at) * 0.3),
            (neck, body_top),
            (0.0, body_top),
        ],
        r * draw.range(0.15, 0.5),
    );
    let metal_cap = draw.chance(0.2);
    let labelled = draw.chance(0.75);
    let (label, words) = if labelled {
        let low = shoulder * draw.range(0.18, 0.3);
        let high = shoulder * draw.range(0.68, 0.92);
        let width = if draw.chance(0.4) {
            r * 10.0
        } else {
            r * draw.range(0.6, 1.1)
        };
        let (label, words) = look::label(draw, color, low, high, width);
        (Some(label), words)
    } else {
        (
            None,
            format!(
                "with a {} cap",
                if metal_cap { "silver" } else { accent.name }
            ),
        )
    };
    let main = look::vary(draw, color.linear());
    let mut parts = vec![Part::new(
        Shape::Turned(Lathe::new(&profile)),
        make.labelled(main, label, true),
    )];
    let cap = if metal_cap {
        Material::metal(v3(0.75, 0.72, 0.66))
    } else {
        Material::glossy(accent.linear(), 0.5)
    };
    let cap_r = neck * draw.range(1.08, 1.35);
    if pump {
        let collar = cap_height * 0.45;
        parts.push(Part::new(
            Shape::Turned(Lathe::drum(
                cap_r,
                body_top,
                body_top + collar,
                cap_r * 0.15,
            )),
            cap.clone(),
        ));
        parts.push(Part::new(
            Shape::Turned(Lathe::drum(
                neck * 0.3,
                body_top + collar,
                height - cap_height * 0.2,
                0.0,
            )),
            cap.clone(),
        ));
        let spout = v3(neck * 1.1, cap_height * 0.16, neck * 0.5);
        parts.push(
            Part::new(
                Shape::Block {
                    half: spout,
                    round: cap_height * 0.1,
                },
                cap,
            )
            .at(v3(neck * 0.7, height - cap_height * 0.16, 0.0)),
        );
    } else {
        parts.push(Part::new(
            Shape::Turned(Lathe::drum(
                cap_r,
                body_top - cap_height * 0.05,
                height,
                cap_r * 0.18,
            )),
            cap,
        ));
    }
    let noun = match (pump, height) {
        (true, _) => *draw.pick(&["pump bottle", "soap dispenser", "lotion bottle"]),
        (false, h) if h < 18.0 => *draw.pick(&["bottle", "shampoo bottle", "perfume bottle"]),
        _ => *draw.pick(&["bottle", "water bottle", "oil bottle", "juice bottle"]),
    };
    let noun = make.of(noun);
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.5,
        material: make.material,
    }
}
