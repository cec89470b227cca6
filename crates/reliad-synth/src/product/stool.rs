//! Stools: a seat on three or four legs, or an upholstered drum.

use super::make::{Make, wood};
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, v3};
use crate::material::Material;

pub(super) fn draw(draw: &mut Draw) -> Made {
    let height = draw.range(42.0, 60.0);
    let r = height * draw.range(0.3, 0.42);
    let color = look::color(draw);
    let main = look::vary(draw, color.linear());
    let mut parts = Vec::new();
    let (noun, words, make);
    if draw.chance(0.35) {
        let accent = look::apart(draw, color, 28.0);
        let band = height * draw.range(0.06, 0.14);
        parts.push(Part::new(
            Shape::Turned(Lathe::drum(r * 0.94, 0.0, band, band * 0.1)),
            Material::matte(accent.linear()),
        ));
        make = Make::fabric(draw);
        let drum = Lathe::drum(r, band, height, height * draw.range(0.06, 0.14));
        parts.push(Part::new(Shape::Turned(drum), make.paint(main)));
        noun = *draw.pick(&["pouf", "round stool", "ottoman"]);
        words = format!("with a {} base", accent.name);
    } else {
        let seat = height * draw.range(0.07, 0.16);
        let legs = if draw.chance(0.4) { 3 } else { 4 };
        let wooden = draw.chance(0.5);
        let accent = look::apart(draw, color, 25.0);
        let leg_material = if wooden {
            wood(draw, height * 0.05).0
        } else {
            Material::glossy(accent.linear(), 0.4)
        };
        let thick = height * draw.range(0.025, 0.038);
        let phase = draw.range(0.2, 0.7);
        for leg in 0..legs {
            let angle = phase + leg as f32 / legs as f32 * std::f32::consts::TAU;
            let (s, c) = angle.sin_cos();
            let foot = v3(c * r * 0.85, 0.0, s * r * 0.85);
            let head = v3(c * r * 0.6, height - seat * 0.8, s * r * 0.6);
            let along = head - foot;
            let leg = Lathe::new(&[
                (0.0, 0.0),
                (thick * 0.8, 0.0),
                (thick, along.length()),
                (0.0, along.length()),
            ]);
            // The slanted leg's lower rim would dip below the ground.
            let lift = Vec3::UP
                * (thick * 0.8 * (along.x * along.x + along.z * along.z).sqrt() / along.length());
            parts.push(
                Part::new(Shape::Turned(leg), leg_material.clone())
                    .turned(Rotation::up_to(along.normalized()))
                    .at(foot + lift),
            );
        }
        make = match draw.below(4) {
            0 => Make::metal(draw),
            1 => Make::leather(draw),
            _ => Make::plastic(draw),
        };
        let drum = Lathe::drum(r, height - seat, height, seat * draw.range(0.2, 0.48));
        parts.push(Part::new(Shape::Turned(drum), make.paint(main)));
        noun = *draw.pick(&["stool", "round stool", "side table"]);
        words = if wooden {
            "with wooden legs".to_string()
        } else {
            format!("with {} legs", accent.name)
        };
    }
    let noun = make.of(noun);
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.6,
        material: make.material,
    }
}
