//! Sneakers: a lofted upper on a sole, with laces and a padded collar, seen from the side.

use super::make::Make;
use super::{Made, look};
use crate::color::by_name;
use crate::draw::Draw;
use crate::geometry::{Loft, Model, Part, Rotation, Section, Shape, Vec3, v3};
use crate::material::{Label, Material, Pattern, Print};

/// Along the shoe from heel to toe: (place, top, half width), as shares of the length.
const LOW_TOP: [(f32, f32, f32); 11] = [
    (0.01, 0.16, 0.03),
    (0.03, 0.29, 0.065),
    (0.07, 0.345, 0.09),
    (0.2, 0.325, 0.104),
    (0.36, 0.305, 0.108),
    (0.46, 0.262, 0.12),
    (0.6, 0.21, 0.14),
    (0.74, 0.162, 0.152),
    (0.88, 0.138, 0.135),
    (0.955, 0.115, 0.09),
    (0.985, 0.08, 0.03),
];
const HIGH_TOP: [(f32, f32, f32); 11] = [
    (0.01, 0.2, 0.03),
    (0.03, 0.4, 0.06),
    (0.07, 0.5, 0.085),
    (0.2, 0.525, 0.1),
    (0.34, 0.5, 0.102),
    (0.43, 0.385, 0.112),
    (0.56, 0.24, 0.135),
    (0.74, 0.162, 0.15),
    (0.88, 0.14, 0.135),
    (0.955, 0.118, 0.09),
    (0.985, 0.08, 0.03),
];

pub(super) fn draw(draw: &mut Draw) -> Made {
    let long = draw.range(26.0, 31.0);
    let sole = long * draw.range(0.06, 0.11);
    let high = draw.chance(0.35);
    let make = if draw.chance(0.55) {
        Make::canvas(draw)
    } else {
        Make::leather(draw)
    };
    let color = look::color(draw);
    let accent = look::apart(draw, color, 30.0);
    let main = look::vary(draw, color.linear());
    let pale = by_name(draw.pick::<&str>(&["white", "cream", "white", "charcoal"]));
    // The loft's own axis runs from heel to toe; `up` is the sign of height in its x.
    let up = draw.sign();
    let lay = Rotation::about_z(up * std::f32::consts::FRAC_PI_2);
    let place = v3(up * long * 0.5, 0.0, 0.0);
    let rise = draw.range(0.94, 1.08);
    let shape = if high { HIGH_TOP } else { LOW_TOP };
    let lift = sole * 0.55;
    let sections = shape.map(|(at, top, half)| {
        let tall = top * long * rise;
        // Sections sink into the sole, so that the wall meets it nearly upright.
        let low = -sole * 0.45;
        Section::new(at * long, (tall - low) * 0.5, half * long)
            .around(up * (lift + (tall + low) * 0.5), 0.0)
    });
    let (pattern, words) = match draw.below(4) {
        0 => (
            Pattern::TwoTone {
                low: main,
                high: accent.linear(),
                at: long * draw.range(0.78, 0.84),
            },
            format!("with a {} toe cap", accent.name),
        ),
        1 => (
            Pattern::TwoTone {
                low: accent.linear(),
                high: main,
                at: long * draw.range(0.1, 0.2),
            },
            format!("with a {} heel", accent.name),
        ),
        2 => (
            stripes(draw, main, accent.linear(), long),
            format!("with {} stripes", accent.name),
        ),
        _ => (Pattern::Plain(main), format!("with a {} sole", pale.name)),
    };
    let mut parts = vec![
        Part::new(Shape::Loft(Loft::new(&sections, 0.25)), make.over(pattern))
            .turned(lay)
            .at(place),
        Part::new(
            Shape::Loft(sole_of(long, sole, up)),
            Material::glossy(pale.linear(), 0.2),
        )
        .turned(lay)
        .at(place),
    ];
    if draw.chance(0.5) {
        // The outsole, in a colour of its own.
        let ground = if draw.chance(0.5) {
            accent.linear()
        } else {
            v3(0.2, 0.11, 0.05)
        };
        parts.push(
            Part::new(
                Shape::Loft(sole_of(long * 1.006, sole * 0.36, up)),
                Material::matte(ground),
            )
            .turned(lay)
            .at(place * 1.006),
        );
    }
    collar(
        &mut parts,
        long,
        lift,
        rise,
        high,
        up,
        &make.paint(main * 0.9),
    );
    laces(
        &mut parts,
        &shape,
        long,
        lift,
        rise,
        high,
        up,
        &Material::matte(pale.linear()),
    );
    let model = Model::new(parts);
    let height = model.extent().1.y;
    let noun = make.of(match (high, draw.below(2)) {
        (true, _) => "high-top sneaker",
        (false, 0) => "running shoe",
        (false, _) => "sneaker",
    });
    let title = look::title(draw, make.finish, color.name, &noun, &words, height);
    Made {
        model,
        title,
        color,
        turn: 0.55,
        material: make.material,
    }
}

fn stripes(draw: &mut Draw, base: Vec3, ink: Vec3, long: f32) -> Pattern {
    Pattern::Labelled {
        base,
        label: Label {
            paper: base,
            ink,
            print: Print::Stripes,
            middle: long * draw.range(0.44, 0.5),
            half_height: long * draw.range(0.07, 0.11),
            half_width: long,
        },
        around: false,
    }
}

/// The sole: a flat outline a little wider than the upper.
fn sole_of(long: f32, thick: f32, up: f32) -> Loft {
    let outline = [
        (0.0, 0.55, 0.03),
        (0.012, 0.85, 0.065),
        (0.05, 1.0, 0.1),
        (0.15, 1.0, 0.12),
        (0.4, 0.95, 0.118),
        (0.6, 0.88, 0.142),
        (0.76, 0.86, 0.165),
        (0.9, 0.9, 0.145),
        (0.97, 0.92, 0.095),
        (0.993, 0.9, 0.06),
        (1.0, 0.75, 0.03),
    ];
    let sections = outline.map(|(at, tall, half)| {
        let half_tall = thick * tall * 0.5;
        Section::new(at * long, half_tall, half * long).around(up * half_tall, 0.0)
    });
    Loft::new(&sections, 1.0)
}

/// The padded rim of the opening and the dark inside.
fn collar(
    parts: &mut Vec<Part>,
    long: f32,
    lift: f32,
    rise: f32,
    high: bool,
    up: f32,
    paint: &Material,
) {
    let top = lift + long * rise * if high { 0.515 } else { 0.325 };
    let centre = v3(up * long * 0.5 - up * long * 0.195, top, 0.0);
    let flat = Rotation::about_x(std::f32::consts::FRAC_PI_2)
        .after(&Rotation::about_z(std::f32::consts::FRAC_PI_2));
    let ring = Shape::Ring {
        major: long * 0.072,
        minor: long * 0.019,
        stretch: long * 0.075,
        cut: -long,
    };
    parts.push(Part::new(ring, paint.clone()).turned(flat).at(centre));
    let inside = Shape::Ellipsoid {
        radii: v3(long * 0.14, long * 0.016, long * 0.066),
    };
    parts.push(Part::new(inside, Material::matte(v3(0.03, 0.03, 0.032))).at(centre));
    // The tongue rises out of the opening above the laces.
    let tongue = v3(long * 0.012, long * 0.07, long * 0.05);
    parts.push(
        Part::new(
            Shape::Block {
                half: tongue,
                round: tongue.x,
            },
            paint.clone(),
        )
        .turned(Rotation::about_z(-up * 0.75))
        .at(centre - v3(up * long * 0.15, long * 0.01, 0.0)),
    );
}

/// The tongue and short bars across the instep.
#[expect(clippy::too_many_arguments, reason = "the measures of one shoe")]
fn laces(
    parts: &mut Vec<Part>,
    shape: &[(f32, f32, f32)],
    long: f32,
    lift: f32,
    rise: f32,
    high: bool,
    up: f32,
    lace: &Material,
) {
    let top = |at: f32| {
        let next = shape.iter().position(|s| s.0 >= at).unwrap_or(1).max(1);
        let (a, b) = (shape[next - 1], shape[next]);
        lift + rise * long * (a.1 + (b.1 - a.1) * (at - a.0) / (b.0 - a.0))
    };
    let count = if high { 6 } else { 4 };
    for i in 0..count {
        let from = if high { 0.36 } else { 0.4 };
        let at = from + (0.66 - from) * (i as f32 + 0.5) / count as f32;
        let slope = (top(at + 0.03) - top(at - 0.03)) / (0.06 * long);
        let half = v3(long * 0.012, long * 0.01, long * 0.062);
        parts.push(
            Part::new(
                Shape::Block {
                    half,
                    round: half.y,
                },
                lace.clone(),
            )
            .turned(Rotation::about_z(-up * slope.atan()))
            .at(v3(up * long * (0.5 - at), top(at) + long * 0.002, 0.0)),
        );
    }
}
