//! Loudspeakers: upright cabinets with drivers, or small ones with a grille.

use super::make::{Make, wood};
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, v3};
use crate::material::{Material, Pattern};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let shelf = draw.chance(0.55);
    let height = if shelf {
        draw.log_range(20.0, 38.0)
    } else {
        draw.log_range(9.0, 20.0)
    };
    let width = height
        * if shelf {
            draw.range(0.52, 0.68)
        } else {
            draw.range(0.7, 1.25)
        };
    let depth = width * draw.range(0.5, 0.85);
    let color = look::color(draw);
    let make = Make::plastic(draw);
    let accent = look::apart(draw, color, 28.0);
    let main = look::vary(draw, color.linear());
    let half = v3(width * 0.5, height * 0.5, depth * 0.5);
    let round = width * draw.range(0.03, 0.18);
    let wooden = shelf && draw.chance(0.25);
    let (grain, grain_name) = wood(draw, width * 0.25);
    let body = if wooden { grain } else { make.paint(main) };
    let mut parts = vec![Part::new(Shape::Block { half, round }, body).at(v3(0.0, half.y, 0.0))];
    let front = depth * 0.5;
    // The plate stays on the flat part between the rounded edges.
    let rim = (round * 0.85).max(half.x.min(half.y) * 0.12);
    let plate = v3(half.x - rim, half.y - rim, depth * 0.02);
    let words = if shelf {
        let plate_color = if wooden { color.linear() } else { main * 0.7 };
        parts.push(
            Part::new(
                Shape::Block {
                    half: plate,
                    round: depth * 0.018,
                },
                Material::glossy(plate_color, 0.25),
            )
            .at(v3(0.0, half.y, front)),
        );
        let big = plate.x * draw.range(0.72, 0.88);
        let small = big * draw.range(0.38, 0.55);
        let low_at = big * 1.12 + height * 0.07;
        let high_at = (low_at + big + small * 1.3).min(height * 0.92 - small);
        driver(
            &mut parts,
            big,
            low_at,
            front + depth * 0.02,
            accent.linear(),
        );
        driver(
            &mut parts,
            small,
            high_at,
            front + depth * 0.02,
            accent.linear(),
        );
        format!("with {} drivers", accent.name)
    } else {
        let grille = Pattern::Grille {
            base: accent.linear(),
            hole: accent.linear() * 0.25,
            pitch: height * 0.045,
        };
        parts.push(
            Part::new(
                Shape::Block {
                    half: plate,
                    round: depth * 0.018,
                },
                Material::of(grille, 0.2),
            )
            .at(v3(0.0, half.y, front)),
        );
        if draw.chance(0.5) {
            let knob = Lathe::drum(
                height * 0.06,
                height * 0.99,
                height * 1.0 + height * 0.035,
                height * 0.01,
            );
            parts.push(Part::new(
                Shape::Turned(knob),
                Material::metal(v3(0.78, 0.78, 0.8)),
            ));
        }
        format!("with a {} grille", accent.name)
    };
    let noun = if wooden {
        "wooden speaker"
    } else if shelf {
        *draw.pick(&["bookshelf speaker", "speaker", "studio speaker"])
    } else {
        *draw.pick(&["portable speaker", "radio", "smart speaker"])
    };
    let total = Model::new(parts);
    let stated = total.extent().1.y;
    let title = look::title(draw, make.finish, color.name, noun, &words, stated);
    // A wooden cabinet's colour is the wood's.
    let color = if wooden {
        crate::color::by_name(grain_name)
    } else {
        color
    };
    Made {
        model: total,
        title,
        color,
        turn: 0.6,
        material: if wooden { "wood" } else { make.material },
    }
}

fn driver(parts: &mut Vec<Part>, r: f32, at: f32, front: f32, color: crate::geometry::Vec3) {
    let to_front = Rotation::about_x(std::f32::consts::FRAC_PI_2);
    let ring = Lathe::new(&[
        (r, -0.02 * r),
        (r, 0.07 * r),
        (r * 0.9, 0.11 * r),
        (r * 0.84, 0.03 * r),
    ]);
    let cone = Lathe::new(&[
        (r * 0.86, 0.04 * r),
        (r * 0.78, 0.07 * r),
        (r * 0.72, 0.02 * r),
        (r * 0.3, -0.22 * r),
    ]);
    let dome = Shape::Ellipsoid {
        radii: v3(r * 0.31, r * 0.16, r * 0.31),
    };
    let place = v3(0.0, at, front);
    parts.push(
        Part::new(Shape::Turned(ring), Material::metal(v3(0.7, 0.7, 0.72)))
            .turned(to_front)
            .at(place),
    );
    parts.push(
        Part::new(Shape::Turned(cone), Material::glossy(color, 0.3))
            .turned(to_front)
            .at(place),
    );
    parts.push(
        Part::new(dome, Material::glossy(color * 0.6, 0.5))
            .turned(to_front)
            .at(place - v3(0.0, 0.0, r * 0.04)),
    );
}
