//! Photo cameras: a body with a leather front, a lens, a finder and dials.

use super::make::Make;
use super::{Made, look};
use crate::draw::Draw;
use crate::geometry::{Lathe, Model, Part, Rotation, Shape, Vec3, v3};
use crate::material::{Material, Pattern, Surface};

pub(super) fn draw(draw: &mut Draw) -> Made {
    let width = draw.range(10.0, 16.0);
    let tall = width * draw.range(0.5, 0.62);
    let depth = width * draw.range(0.26, 0.36);
    let color = look::color(draw);
    let main = look::vary(draw, color.linear());
    let retro = draw.chance(0.6);
    let make = if retro {
        Make::leather(draw)
    } else {
        Make::plastic(draw)
    };
    let silver = Material::metal(v3(0.72, 0.72, 0.74)).with(Surface::Brushed);
    let black = Material::glossy(v3(0.02, 0.02, 0.022), 0.35);
    let plates = if retro && draw.chance(0.7) {
        silver.clone()
    } else {
        black.clone()
    };
    let half = v3(width * 0.5, tall * 0.5, depth * 0.5);
    let round = depth * draw.range(0.12, 0.4);
    let mut parts = vec![
        Part::new(
            Shape::Block { half, round },
            if retro {
                plates.clone()
            } else {
                make.paint(main)
            },
        )
        .at(v3(0.0, half.y, 0.0)),
    ];
    if retro {
        // The leather wraps the body between the two plates.
        let wrap = v3(half.x * 1.006, tall * draw.range(0.33, 0.38), half.z * 1.02);
        parts.push(
            Part::new(Shape::Block { half: wrap, round }, make.paint(main)).at(v3(
                0.0,
                tall * 0.44,
                0.0,
            )),
        );
    } else {
        let grip = v3(width * 0.09, tall * 0.46, depth * 0.3);
        let bulge = width * 0.05;
        parts.push(
            Part::new(
                Shape::Block {
                    half: grip,
                    round: bulge,
                },
                make.paint(main),
            )
            .at(v3(-half.x + grip.x, tall * 0.47, half.z)),
        );
    }
    let aside = if retro { 0.0 } else { width * 0.06 };
    let r = tall * draw.range(0.34, 0.43);
    let long = width * draw.range(0.1, 0.3);
    let ring = if draw.chance(0.5) { &silver } else { &black };
    lens(
        &mut parts,
        v3(aside, tall * 0.47, half.z),
        (r, long),
        (&black, ring),
    );
    let hump = if draw.chance(0.65) {
        let finder = v3(width * 0.14, tall * draw.range(0.1, 0.15), depth * 0.42);
        parts.push(
            Part::new(
                Shape::Block {
                    half: finder,
                    round: finder.y * 0.5,
                },
                if retro {
                    plates.clone()
                } else {
                    make.paint(main)
                },
            )
            .at(v3(aside, tall + finder.y * 0.5, 0.0)),
        );
        finder.y * 1.5
    } else {
        // A finder's window in the upper corner.
        let window = v3(width * 0.06, tall * 0.06, depth * 0.03);
        parts.push(
            Part::new(
                Shape::Block {
                    half: window,
                    round: 0.0,
                },
                Material::glossy(v3(0.03, 0.04, 0.06), 0.95),
            )
            .at(v3(half.x * 0.62, tall * 0.88, half.z)),
        );
        0.0
    };
    for (x, size, at) in [(-0.68, 0.085, 0.07f32), (0.66, 0.11, 0.055)] {
        let dial = Lathe::drum(width * size * 0.5, -tall * 0.1, tall * at, tall * 0.008);
        parts.push(Part::new(Shape::Turned(dial), silver.clone()).at(v3(half.x * x, tall, 0.0)));
    }
    let height = (tall + hump).max(tall * 1.07);
    let words = *draw.pick(&["with a round lens", "with a black lens", ""]);
    let noun = match (retro, draw.below(2)) {
        (true, 0) => make.of("camera"),
        (true, _) => "retro camera".to_string(),
        (false, 0) => "digital camera".to_string(),
        (false, _) => "photo camera".to_string(),
    };
    let title = look::title(draw, make.finish, color.name, &noun, words, height);
    Made {
        model: Model::new(parts),
        title,
        color,
        turn: 0.65,
        material: make.material,
    }
}

/// A lens of (radius, length) whose mount is centred at a place of the front.
fn lens(
    parts: &mut Vec<Part>,
    at: Vec3,
    (r, long): (f32, f32),
    (barrel, ring): (&Material, &Material),
) {
    let to_front = Rotation::about_x(std::f32::consts::FRAC_PI_2);
    let mut push = |shape: Shape, material: &Material, ahead: f32| {
        parts.push(
            Part::new(shape, material.clone())
                .turned(to_front)
                .at(at + v3(0.0, 0.0, ahead)),
        );
    };
    push(
        Shape::Turned(Lathe::drum(r, -r * 0.2, long * 0.3, r * 0.04)),
        ring,
        0.0,
    );
    let tube = Lathe::new(&[
        (r * 0.92, 0.0),
        (r * 0.9, long),
        (r * 0.84, long * 1.04),
        (r * 0.76, long * 1.04),
        (r * 0.6, long * 0.86),
        (0.0, long * 0.86),
    ]);
    push(Shape::Turned(tube), barrel, 0.0);
    let grip = Pattern::Plain(v3(0.1, 0.1, 0.1));
    push(
        Shape::Turned(Lathe::drum(r * 0.96, long * 0.48, long * 0.8, r * 0.02)),
        &Material::of(grip, 0.1),
        0.0,
    );
    let front = Shape::Ellipsoid {
        radii: v3(r * 0.62, r * 0.2, r * 0.62),
    };
    push(
        front,
        &Material::glossy(v3(0.035, 0.03, 0.07), 1.0).with(Surface::Glaze),
        long * 0.84,
    );
}
