//! Captions of the studio: every factor of the picture in a clause of its own, in the same words every time, so that a
//! small network can learn them and any of them can be left out.

use crate::arrange::Spot;
use crate::color::Named;
use crate::draw::Draw;
use crate::prop::Kind;
use crate::stage::{Choice, Family};

/// Share of the captions whose clauses come in any order.
const SHUFFLED: f32 = 0.3;

/// A prop as a caption names it.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// What it is.
    pub kind: Kind,
    /// Its colour, if it comes in several.
    pub color: Option<Named>,
    /// Where it stands.
    pub spot: Spot,
}

/// Where the ground ends, as a word; `v` is the height of its far edge, 0..1 from the top.
pub fn ends(v: f32) -> &'static str {
    if v > 0.6 {
        "low"
    } else if v > 0.53 {
        "in the middle"
    } else {
        "high"
    }
}

/// The caption of a scene whose ground ends at height `horizon` of the picture. Nothing in it tells the label.
pub fn caption(draw: &mut Draw, choice: &Choice, props: &[Told], horizon: Option<f32>) -> String {
    let color = choice.main_color();
    let ground = match choice.family {
        Family::Cloth => format!("on draped {color} cloth"),
        _ => format!("on {}", choice.surface()),
    };
    let background = choice.background(true);
    let behind = match choice.family {
        Family::Lawn => format!("blurred {background}"),
        _ if background.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {background}"),
        _ => format!("a {background}"),
    };
    let mut clauses = vec![ground, behind];
    clauses.extend(horizon.map(|v| format!("ground ending {}", ends(v))));
    let warmth = ["cool", "neutral", "warm"][(choice.warmth + 1) as usize];
    let hard = if choice.hard == Some(true) {
        "hard"
    } else {
        "soft"
    };
    clauses.push(format!("{warmth} {hard} light {}", choice.side.words()));
    let props = props.iter();
    clauses.extend(props.map(|prop| {
        let thing = prop.kind.colored_words(prop.color);
        format!("{thing} {}", prop.spot.words())
    }));
    if draw.chance(SHUFFLED) {
        draw.shuffle(&mut clauses);
    }
    clauses.join(", ")
}

/// The caption of the same picture mirrored: left and right exchanged.
pub fn mirrored(caption: &str) -> String {
    let turned = caption.split_inclusive(|c: char| !c.is_alphanumeric());
    turned
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            let rest = &piece[word.len()..];
            match word {
                "left" => format!("right{rest}"),
                "right" => format!("left{rest}"),
                _ => piece.to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirrored_caption_exchanges_left_and_right_and_nothing_else() {
        let caption =
            "on a lawn, soft light from the left, a bright cup beside it on the right, leftover";
        let other = mirrored(caption);
        assert_eq!(
            other,
            "on a lawn, soft light from the right, a bright cup beside it on the left, leftover"
        );
        assert_eq!(mirrored(&other), caption);
    }
}
