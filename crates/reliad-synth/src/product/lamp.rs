//! Table lamps: foot, stem or vase, and a shade.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Shape, fillets, v3};
use crate::material::{Material, Surface};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.range(28.0, 58.0);
    let shade_height = height * draw.range(0.32, 0.45);
    let shade_r = height * draw.range(0.2, 0.32);
    let shade_top = shade_r * draw.range(0.55, 0.98);
    let foot_r = height * draw.range(0.12, 0.2);
    let shade_low = height - shade_height;
    let color = look::color(draw);
    let shade_color = look::apart(draw, color, 22.0);
    let vase = draw.chance(0.5);
    let make = match (vase, draw.below(3)) {
        (true, 0) => Make::glass(draw),
        (true, _) => Make::ceramic(draw),
        (false, 0) => Make::plastic(draw),
        (false, _) => Make::metal(draw),
    };
    let main = look::vary(draw, color.linear());
    let brass = !vase && draw.chance(0.3);
    let stem_material = if brass {
        Material::metal(v3(0.78, 0.58, 0.3))
    } else {
        make.paint(main)
    };
    let mut parts = Vec::new();
    if vase {
        let neck = foot_r * 0.28;
        let belly = foot_r * draw.range(0.95, 1.25);
        let profile = fillets(
            &[
                (0.0, 0.0),
                (foot_r * 0.75, 0.0),
                (belly, shade_low * draw.range(0.3, 0.55)),
                (neck, shade_low * 0.9),
                (neck, shade_low + shade_height * 0.2),
                (0.0, shade_low + shade_height * 0.2),
            ],
            foot_r * 0.55,
        );
        parts.push(Part::new(
            Shape::Turned(Lathe::new(&profile)),
            stem_material,
        ));
    } else {
        let foot = height * 0.045;
        parts.push(Part::new(
            Shape::Turned(Lathe::drum(foot_r, 0.0, foot, foot * 0.35)),
            make.paint(main),
        ));
        let stem = Lathe::drum(height * 0.018, foot, shade_low + shade_height * 0.3, 0.0);
        parts.push(Part::new(Shape::Turned(stem), stem_material));
    }
    let profile = [
        (shade_r, shade_low),
        (shade_top, height),
        (shade_top * 0.97, height),
        (shade_r * 0.97, shade_low),
    ];
    let mut shade = if draw.chance(0.5) {
        Material::matte(shade_color.linear()).with(Surface::Fabric)
    } else {
        Material::matte(shade_color.linear())
    };
    shade.glow = 0.12;
    parts.push(Part::new(Shape::Turned(Lathe::new(&profile)), shade));
    // Closes the shade against the view from above.
    let lid = Lathe::new(&[(0.0, height * 0.985), (shade_top * 0.97, height * 0.985)]);
    parts.push(Part::new(
        Shape::Turned(lid),
        Material::matte(shade_color.linear()),
    ));
    let words = format!("with a {} shade", shade_color.name);
    let noun = if vase {
        *draw.pick(&["table lamp", "bedside lamp"])
    } else {
        *draw.pick(&["table lamp", "desk lamp", "bedside lamp"])
    };
    let noun = make.of(noun);
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color: shade_color,
        turn: 0.5,
        material: make.material,
    }
}
