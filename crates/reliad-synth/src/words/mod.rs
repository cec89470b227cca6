//! Scene prompts as a designer writes them: surface, background, light, props.

mod caption;

pub use caption::{Told, caption, ends, mirrored};

use crate::draw::Draw;
use crate::prop::Kind;
use crate::stage::{Choice, Family};

/// Prompts are shortened towards this many words: some 38 byte-pair tokens.
const MOST_WORDS: usize = 30;

/// The prompt of a scene. Only what the picture shows is said; nothing in it tells the label.
pub fn prompt(draw: &mut Draw, choice: &Choice, props: &[Kind]) -> String {
    let named = !draw.chance(0.08);
    let (surface, behind) = (
        surface(draw, choice, named),
        background(draw, choice, named),
    );
    let light = light(draw, choice);
    let with = props_clause(draw, props);
    let opening = *draw.pick(&[
        "",
        "",
        "",
        "product photo, ",
        "advertising photo, ",
        "studio photo, ",
    ]);
    let opening = match opening {
        "studio photo, " if choice.family.outdoors() => "outdoor photo, ",
        other => other,
    };
    let text = match draw.below(6) {
        0 => format!("on {surface}, {behind}, {light}{with}"),
        1 => format!("on {surface} in front of {behind}{with}, {light}"),
        2 => format!("{surface}, {behind} behind, {light}{with}"),
        3 => format!("on {surface} before {behind}, {light}{with}"),
        4 => format!("{behind}, on {surface}{with}, {light}"),
        _ => format!("{light}, on {surface}, {behind}{with}"),
    };
    // An opening is the first to go where the text would outgrow a small text encoder.
    if text.split_whitespace().count() > MOST_WORDS - 2 {
        text
    } else {
        format!("{opening}{text}")
    }
}

/// The surface; paper and cloth have the main colour themselves.
fn surface(draw: &mut Draw, choice: &Choice, named: bool) -> String {
    let own = matches!(choice.family, Family::Drape)
        || choice.family == Family::Studio && choice.variant == 0;
    if own && named && draw.chance(0.6) {
        format!("{} {}", choice.main_color(), choice.surface())
    } else {
        choice.surface().to_string()
    }
}

fn background(draw: &mut Draw, choice: &Choice, named: bool) -> String {
    let color = choice.background(named);
    match choice.family {
        Family::Window => {
            let plain = if named { "a" } else { "a painted" };
            format!("{plain} {color} with a window")
        }
        Family::Marble | Family::Shelf | Family::Table | Family::Counter => format!("a {color}"),
        Family::Room => {
            let room = *draw.pick(&["", " in a living room"]);
            format!("a {color}{room}")
        }
        Family::Desk => {
            let monitor = *draw.pick(&["blurred", "soft"]);
            format!("a {monitor} monitor and a {color}")
        }
        Family::Bathroom => {
            let room = *draw.pick(&["in a bathroom", "of a bathroom"]);
            format!("{color} {room}")
        }
        Family::Podium | Family::Studio | Family::Plinth => {
            let plain = *draw.pick(&["a", "a plain", "a seamless"]);
            format!("{plain} {color}")
        }
        Family::Drape | Family::Cloth => {
            let folds = *draw.pick(&["a", "a soft", "a folded"]);
            format!("{folds} {color}")
        }
        Family::Garden | Family::Lawn => {
            let blurred = *draw.pick(&["blurred", "soft", "out of focus"]);
            format!("{blurred} {color} in a garden")
        }
        Family::Beach => {
            let calm = *draw.pick(&["a calm", "a blurred", "a soft"]);
            format!("{calm} {color} at the beach")
        }
    }
}

fn light(draw: &mut Draw, choice: &Choice) -> String {
    let quality = match choice.warmth {
        1 => *draw.pick(&["warm", "warm golden"]),
        -1 => *draw.pick(&["cool", "cool blue"]),
        _ => *draw.pick(&["soft", "neutral", "bright"]),
    };
    let noun = if choice.family.outdoors() {
        *draw.pick(&["sunlight", "light"])
    } else if choice.window() {
        *draw.pick(&["window light", "daylight"])
    } else {
        "light"
    };
    format!("{quality} {noun} {}", choice.side.words())
}

fn props_clause(draw: &mut Draw, props: &[Kind]) -> String {
    let words: Vec<&str> = props.iter().take(2).map(|k| k.words()).collect();
    let place = *draw.pick(&["beside it", "next to it", "in the scene"]);
    match words.as_slice() {
        [] => String::new(),
        [one] => match draw.below(2) {
            0 => format!(", {one} {place}"),
            _ => format!(", with {one}"),
        },
        [one, two, ..] => match draw.below(2) {
            0 => format!(", {one} and {two} {place}"),
            _ => format!(", with {one} and {two}"),
        },
    }
}
