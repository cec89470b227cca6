//! Cartons: boxes with printed fronts, upright or wide.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Model, Part, Shape, v3};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let flat = draw.chance(0.35);
    let height = if flat {
        draw.log_range(7.0, 16.0)
    } else {
        draw.log_range(10.0, 30.0)
    };
    let width = if flat {
        height * draw.range(1.15, 1.75)
    } else {
        height * draw.range(0.42, 0.8)
    };
    let depth = width.min(height) * draw.range(0.35, 0.8);
    let color = look::color(draw);
    let make = Make::card(draw);
    let accent = look::apart(draw, color, 30.0);
    let main = look::vary(draw, color.linear());
    let half = v3(width * 0.5, height * 0.5, depth * 0.5);
    let round = height.min(width) * draw.range(0.006, 0.02);
    // The label's coordinates are the box's own: its origin is the middle.
    let (low, high, wide) = (
        -height * draw.range(0.28, 0.4),
        height * draw.range(0.25, 0.4),
        width * draw.range(0.32, 0.43),
    );
    let (mut label, mut words) = look::label(draw, color, low, high, wide);
    label.middle = height * draw.range(-0.06, 0.06);
    let mut parts = vec![
        Part::new(
            Shape::Block { half, round },
            make.labelled(main, Some(label), false),
        )
        .at(v3(0.0, half.y, 0.0)),
    ];
    if draw.chance(0.45) {
        // A coloured lid or sleeve, hardly larger than the box.
        let lid = height * draw.range(0.12, 0.28);
        let grown = v3(half.x * 1.012, lid * 0.5, half.z * 1.02);
        let (at, word) = if draw.chance(0.6) {
            (height - lid * 0.5, "lid")
        } else {
            (lid * 0.5, "base")
        };
        parts.push(
            Part::new(
                Shape::Block { half: grown, round },
                make.paint(accent.linear()),
            )
            .at(v3(0.0, at, 0.0)),
        );
        words = format!("with a {} {word}", accent.name);
    }
    let noun = if flat {
        *draw.pick(&["gift box", "chocolate box", "shoe box", "storage box"])
    } else {
        *draw.pick(&["tea carton", "cereal box", "milk carton", "gift box"])
    };
    let title = look::title(draw, make.finish, color.name, noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.7,
        material: make.material,
    }
}
