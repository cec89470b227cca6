//! Mugs: an open turned body with a handle.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Shape, fillets, v3};
use crate::material::{Material, Pattern};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.range(8.0, 12.0);
    let r = height * draw.range(0.36, 0.5);
    let foot = r * draw.range(0.72, 1.0);
    let wall = r * 0.07;
    let belly = r * draw.range(0.97, 1.1);
    let make = if draw.chance(0.2) {
        Make::metal(draw)
    } else {
        Make::ceramic(draw)
    };
    let color = look::color(draw);
    let inside = look::apart(draw, color, 25.0);
    let mut outer = fillets(
        &[(0.0, 0.0), (foot, 0.0), (belly, height * 0.45), (r, height)],
        height * draw.range(0.06, 0.25),
    );
    outer.extend([(r - wall * 0.5, height + wall * 0.2), (r - wall, height)]);
    let mut inner = fillets(
        &[
            (r - wall, height),
            (belly - wall, height * 0.45),
            (foot - wall, height * 0.08),
            (0.0, height * 0.08),
        ],
        height * 0.1,
    );
    // The rim's point is shared.
    inner.remove(0);
    let main = look::vary(draw, color.linear());
    let style = draw.below(3);
    let (material, words) = match style {
        0 => {
            let pattern = Pattern::TwoTone {
                low: inside.linear(),
                high: main,
                at: height * draw.range(0.2, 0.4),
            };
            (make.over(pattern), format!("with a {} base", inside.name))
        }
        1 => {
            let (label, words) = look::label(draw, color, height * 0.25, height * 0.78, r * 0.8);
            (make.labelled(main, Some(label), true), words)
        }
        _ => (make.paint(main), String::new()),
    };
    let ring = height * draw.range(0.2, 0.27);
    let minor = height * draw.range(0.045, 0.065);
    let stretch = height * draw.range(0.0, 0.1);
    let middle = height * draw.range(0.46, 0.54);
    // The handle meets the wall at its two ends, wherever the belly lies.
    let outside = Lathe::new(&outer);
    let reach = |y: f32| {
        outside
            .hit(v3(9.9 * r, y, 0.0), v3(-1.0, 0.0, 0.0), 1e-3, 99.0 * r)
            .map_or(r, |(t, _)| 9.9 * r - t)
    };
    let join = reach(middle + ring + stretch)
        .min(reach(middle - ring - stretch))
        .min(reach(middle + stretch));
    let handle = Shape::Ring {
        major: ring,
        minor,
        stretch,
        cut: -wall * 0.9,
    };
    let side = draw.sign();
    let turn_out = crate::geometry::Rotation::about_y(if side > 0.0 {
        0.0
    } else {
        std::f32::consts::PI
    });
    let parts = vec![
        Part::new(Shape::Turned(outside), material),
        Part::new(
            Shape::Turned(Lathe::new(&inner)),
            Material::glossy(inside.linear(), 0.5),
        ),
        Part::new(handle, make.paint(main))
            .turned(turn_out)
            .at(v3(side * join, middle, 0.0)),
    ];
    let noun = *draw.pick(&["mug", "coffee mug", "tea mug"]);
    let noun = make.of(noun);
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.45,
        material: make.material,
    }
}
