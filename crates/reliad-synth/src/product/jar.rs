//! Jars: low turned bodies with a lid.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Shape, fillets, v3};
use crate::material::{Material, Pattern};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.log_range(4.0, 10.0);
    let r = height * draw.range(0.45, 0.75);
    let lid = height * draw.range(0.22, 0.42);
    let make = match draw.below(10) {
        0..=3 => Make::glass(draw),
        4 => Make::metal(draw),
        5 | 6 => Make::ceramic(draw),
        _ => Make::plastic(draw),
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 28.0);
    let top = height - lid;
    let round = height * draw.range(0.04, 0.22);
    let belly = r * draw.range(0.96, 1.06);
    let profile = fillets(
        &[
            (0.0, 0.0),
            (r * draw.range(0.86, 0.99), 0.0),
            (belly, top * 0.5),
            (r * 0.98, top),
            (0.0, top),
        ],
        round,
    );
    let main = look::vary(draw, color.linear());
    let (lid_material, lid_word) = match draw.below(4) {
        0 => (Material::metal(v3(0.85, 0.56, 0.22)), "golden"),
        1 => {
            let pattern = Pattern::Wood {
                light: v3(0.55, 0.36, 0.18),
                dark: v3(0.32, 0.18, 0.08),
                scale: r * 0.5,
                plank: 0.0,
            };
            (Material::of(pattern, 0.1), "wooden")
        }
        _ => (
            Material::glossy(accent.linear(), draw.range(0.1, 0.8)),
            accent.name,
        ),
    };
    let (label, words) = if draw.chance(0.65) {
        let width = if draw.chance(0.5) {
            r * 10.0
        } else {
            r * draw.range(0.6, 1.0)
        };
        let (label, words) = look::label(draw, color, top * 0.2, top * 0.82, width);
        (Some(label), words)
    } else {
        (None, format!("with a {lid_word} lid"))
    };
    let lid_r = r * draw.range(0.99, 1.06);
    let parts = vec![
        Part::new(
            Shape::Turned(Lathe::new(&profile)),
            make.labelled(main, label, true),
        ),
        Part::new(
            Shape::Turned(Lathe::drum(
                lid_r,
                top + height * 0.01,
                height,
                lid * draw.range(0.08, 0.4),
            )),
            lid_material,
        ),
    ];
    let noun = *draw.pick(&[
        "cream jar",
        "cosmetic jar",
        "candle jar",
        "honey jar",
        "sugar jar",
    ]);
    let noun = make.of(noun);
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.4,
        material: make.material,
    }
}
