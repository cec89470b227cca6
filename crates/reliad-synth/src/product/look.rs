//! Draws that all product families share: colours that go apart, labels, titles.

use crate::color::{Named, PALETTE, by_name, delta_e, lab_of_linear};
use crate::draw::Draw;
use crate::geometry::Vec3;
use crate::material::{Label, Print};

/// A colour of the palette.
pub fn color(draw: &mut Draw) -> Named {
    *draw.pick(&PALETTE)
}

/// A palette colour at least `distance` (CIE 1976) from `other`.
pub fn apart(draw: &mut Draw, other: Named, distance: f32) -> Named {
    let lab = lab_of_linear(other.linear());
    for _ in 0..40 {
        let candidate = color(draw);
        if delta_e(lab, lab_of_linear(candidate.linear())) >= distance {
            return candidate;
        }
    }
    if lab.x > 60.0 {
        by_name("charcoal")
    } else {
        by_name("white")
    }
}

/// A small deviation of a colour, so that two things of one name differ a little.
pub fn vary(draw: &mut Draw, color: Vec3) -> Vec3 {
    color * draw.range(0.93, 1.05)
}

/// A printed label in `paper` (or straight on the body) between two heights, with its title words.
pub fn label(
    draw: &mut Draw,
    base: Named,
    low: f32,
    high: f32,
    half_width: f32,
) -> (Label, String) {
    let print = *draw.pick(&Print::ALL);
    let on_body = draw.chance(0.3);
    let paper = if on_body {
        base
    } else {
        apart(draw, base, 30.0)
    };
    let ink = apart(draw, paper, 40.0);
    let label = Label {
        paper: paper.linear(),
        ink: ink.linear(),
        print,
        middle: (low + high) * 0.5,
        half_height: (high - low) * 0.5,
        half_width,
    };
    let words = match (print, on_body) {
        (Print::Emblem, true) => format!("with a {} emblem", ink.name),
        (Print::Stripes, true) => format!("with {} stripes", ink.name),
        (Print::Dots, true) => format!("with {} dots", ink.name),
        (Print::Block, true) => format!("with {} print", ink.name),
        (Print::Emblem, false) => format!("with a {} label", paper.name),
        (_, false) => format!("with a {} {} label", print.word(), paper.name),
    };
    (label, words)
}

/// A title with a gap for the size.
#[derive(Clone, Debug)]
pub struct Title {
    before: String,
    /// Of the thing as its family draws it, in centimetres.
    height: f32,
    after: &'static str,
}

impl Title {
    /// The title of the thing when it is `factor` times as big.
    pub fn at(&self, factor: f32) -> String {
        let height = self.height * factor;
        let rounded = height.round();
        let cm = if height < 9.95 && (height - rounded).abs() > 0.3 {
            format!("{height:.1} cm")
        } else {
            format!("{rounded:.0} cm")
        };
        format!("{}{cm}{}", self.before, self.after)
    }
}

/// The title of a thing: finish, colour, noun, extra words, size.
pub fn title(
    draw: &mut Draw,
    finish: &str,
    color: &str,
    noun: &str,
    extra: &str,
    height: f32,
) -> Title {
    let extra = if extra.is_empty() {
        String::new()
    } else {
        format!(" {extra}")
    };
    let (text, after) = match draw.below(4) {
        0 => (format!("{finish} {color} {noun}{extra}, "), " tall"),
        1 => (format!("{color} {noun}{extra}, {finish}, "), " high"),
        2 => (format!("{noun} in {finish} {color}{extra}, height "), ""),
        _ => (format!("{color} {noun}{extra}, "), " tall"),
    };
    let text = text.replace(" a orange", " an orange");
    let mut letters = text.chars();
    let before = match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    };
    Title {
        before,
        height,
        after,
    }
}
