//! Suitcases: a ribbed shell on four wheels, with a handle.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Band, Model, Part, Shape, v3};
use crate::material::{Material, Surface};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let body = draw.range(44.0, 58.0);
    let wheel = body * draw.range(0.045, 0.065);
    let half = v3(
        body * draw.range(0.3, 0.37),
        body * 0.5,
        body * draw.range(0.17, 0.22),
    );
    let make = match draw.below(5) {
        0 => Make::fabric(draw),
        1 => Make::metal(draw),
        _ => Make::plastic(draw),
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 25.0);
    let main = look::vary(draw, color.linear());
    let round = half.z * draw.range(0.25, 0.6);
    let shell = make.paint(main);
    let black = Material::glossy(v3(0.025, 0.025, 0.028), 0.3);
    let trim = if draw.chance(0.5) {
        black.clone()
    } else {
        Material::glossy(accent.linear(), 0.3)
    };
    let middle = wheel * 1.5 + half.y;
    let mut parts =
        vec![Part::new(Shape::Block { half, round }, shell.clone()).at(v3(0.0, middle, 0.0))];
    // The seam runs around the shell's narrow side.
    let seam = Band {
        major: round,
        thick: half.z * 0.03,
        wide: half.z * 0.06,
        stretch: (half.x - round, half.y - round),
        cut: -body,
    };
    parts.push(Part::new(Shape::Band(seam), trim.clone()).at(v3(0.0, middle, 0.0)));
    let lying = draw.chance(0.3);
    let soft = make.material == "fabric";
    let ribs = if soft { 0 } else { draw.integer(4, 7) };
    let proud = half.z * 1.035;
    for rib in 0..ribs {
        let at = (rib as f32 + 0.5) / ribs as f32 * 2.0 - 1.0;
        let (along, thin, place) = if lying {
            let y = half.y - round * 0.8;
            (half.x * 0.97, y / ribs as f32 * 0.5, v3(0.0, at * y, 0.0))
        } else {
            let x = half.x - round * 0.8;
            (half.y * 0.975, x / ribs as f32 * 0.5, v3(at * x, 0.0, 0.0))
        };
        let size = if lying {
            v3(along, thin, proud)
        } else {
            v3(thin, along, proud)
        };
        parts.push(
            Part::new(
                Shape::Block {
                    half: size,
                    round: thin * 0.45,
                },
                shell.clone(),
            )
            .at(v3(0.0, middle, 0.0) + place),
        );
    }
    if soft {
        for (low, high) in [(0.1, 0.5), (0.6, 0.86)] {
            let pocket = v3(half.x * 0.82, half.y * (high - low), half.z * 0.18);
            parts.push(
                Part::new(
                    Shape::Block {
                        half: pocket,
                        round: pocket.z * 0.8,
                    },
                    shell.clone(),
                )
                .at(v3(0.0, middle - half.y + half.y * (low + high), half.z)),
            );
        }
    }
    let reach = half.x - wheel * 1.1;
    for (x, z) in [(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)] {
        let size = v3(wheel * 0.55, wheel, wheel);
        let place = v3(x * reach, wheel, z * (half.z - wheel * 1.15));
        parts.push(
            Part::new(
                Shape::Block {
                    half: size,
                    round: size.x,
                },
                black.clone(),
            )
            .at(place),
        );
    }
    let top = middle + half.y;
    let grip = Band {
        major: half.y * 0.05,
        thick: half.y * 0.025,
        wide: half.z * 0.12,
        stretch: (half.x * draw.range(0.25, 0.35), half.y * 0.02),
        cut: -half.y * 0.06,
    };
    parts.push(Part::new(Shape::Band(grip), trim.clone()).at(v3(0.0, top, 0.0)));
    let pulled = draw.chance(0.4);
    if pulled {
        let bow = Band {
            major: half.y * 0.05,
            thick: half.y * 0.022,
            wide: half.z * 0.07,
            stretch: (half.x * 0.4, body * 0.09),
            cut: -body * 0.09,
        };
        parts.push(
            Part::new(
                Shape::Band(bow),
                Material::metal(v3(0.7, 0.7, 0.72)).with(Surface::Coat),
            )
            .at(v3(0.0, top + body * 0.08, -half.z * 0.7)),
        );
    }
    let model = Model::new(parts);
    let height = model.extent().1.y;
    let words = match (pulled, draw.below(2)) {
        (true, _) => "with a pulled handle",
        (false, 0) => "with four wheels",
        (false, _) => "",
    };
    let noun = make.of(draw.pick::<&str>(&["suitcase", "travel suitcase", "trolley case"]));
    let title = look::title(draw, make.finish, color.name, &noun, words, height);
    Made {
        model,
        title,
        color,
        turn: 0.65,
        material: make.material,
    }
}
