//! Props in a colour that a caption can name.

use super::Kind;
use crate::color::{Named, by_name, delta_e, lab_of_linear};
use crate::draw::Draw;
use crate::geometry::{Model, Rotation, Vec3};
use crate::material::{Material, Pattern};

/// Colours of made things.
const COLORS: [&str; 5] = [
    "white",
    "terracotta",
    "navy",
    "sage green",
    "mustard yellow",
];

/// Lab distance (CIE 1976) of a prop's colour from the one behind.
const CLEAR: f32 = 30.0;

impl Kind {
    /// A colour for it, where it comes in several, that stands out from the colour behind; fruit has its own.
    pub fn color(self, draw: &mut Draw, behind: Vec3) -> Option<Named> {
        let names: &[&str] = match self {
            Kind::Apple => &["red"],
            Kind::Lemon => return None,
            Kind::Candle => &["white", "terracotta", "mustard yellow"],
            Kind::Plant | Kind::Tree => &["white", "terracotta"],
            _ => &COLORS,
        };
        let lab = lab_of_linear(behind);
        let apart = |name: &&str| delta_e(lab, lab_of_linear(by_name(name).linear())) >= CLEAR;
        let clear: Vec<&str> = names.iter().copied().filter(apart).collect();
        let some = if clear.is_empty() { names } else { &clear };
        Some(by_name(draw.pick::<&str>(some)))
    }

    /// Whether part number `index` of its model is painted.
    fn paints(self, index: usize) -> bool {
        match self {
            Kind::Cup => index != 1,
            Kind::Book => index > 0,
            Kind::Chair => true,
            _ => index == 0,
        }
    }

    /// A model in this colour, or in its own.
    pub fn draw_in(self, draw: &mut Draw, color: Option<Named>) -> Model {
        let mut model = self.draw(draw);
        if self == Kind::Book {
            // Its spine alone would be a mere stripe.
            let turn = draw.sign() * draw.range(0.9, 1.2);
            model = model.placed(Rotation::about_y(turn), Vec3::ZERO);
        }
        let Some(color) = color else { return model };
        let painted = model.parts.iter_mut().enumerate();
        for (_, part) in painted.filter(|(index, _)| self.paints(*index)) {
            part.material = Material {
                pattern: Pattern::Plain(color.linear()),
                ..part.material.clone()
            };
        }
        model
    }

    /// The words in captions, with the article and the colour.
    pub fn colored_words(self, color: Option<Named>) -> String {
        let words = self.words();
        match (color, words.split_once(' ')) {
            (Some(color), Some((_, noun))) => match self {
                Kind::Plant => format!("a plant in a {} pot", color.name),
                Kind::Tree => format!("a tree in a {} pot", color.name),
                _ => format!("a {} {noun}", color.name),
            },
            _ => words.to_owned(),
        }
    }
}
