//! Scene prompts as a designer writes them: surface, background, light, props.

use crate::draw::Draw;
use crate::prop::Kind;
use crate::stage::{Choice, Family, Side};

/// The prompt of a scene. Only what the picture shows is said; nothing in it tells the label.
pub fn prompt(draw: &mut Draw, choice: &Choice, props: &[Kind]) -> String {
    let surface = choice.surface();
    let named = !draw.chance(0.08);
    let behind = background(draw, choice, named);
    let light = light(draw, choice);
    let with = props_clause(draw, props);
    let opening = *draw.pick(&[
        "",
        "",
        "product photo, ",
        "advertising photo, ",
        "a product ",
        "studio shot, ",
    ]);
    let text = match draw.below(5) {
        0 => format!("{opening}on {surface}, {behind}, {light}{with}"),
        1 => format!("{opening}on {surface} in front of {behind}{with}, {light}"),
        2 => format!("{opening}{surface}, {behind} behind, {light}{with}"),
        3 => format!("{opening}on {surface} before {behind}, {light}{with}"),
        _ => format!("{opening}{light}, on {surface}, {behind}{with}"),
    };
    text.replace("a product a ", "a product on a ")
        .replace("a product green", "a product on green")
        .replace(
            &format!("a product {light}"),
            &format!("a product in {light}"),
        )
}

fn background(draw: &mut Draw, choice: &Choice, named: bool) -> String {
    let color = choice.background(named);
    match choice.family {
        Family::Wood => {
            let plain = if named { "a" } else { "a painted" };
            if choice.window() {
                format!("{plain} {color} with a window")
            } else {
                format!("{plain} {color}")
            }
        }
        Family::Marble => color,
        Family::Podium => {
            let plain = *draw.pick(&["a", "a plain", "a seamless"]);
            format!("{plain} {color}")
        }
        Family::Garden => {
            let blurred = *draw.pick(&["blurred", "soft", "out of focus"]);
            format!("{blurred} {color} in a garden")
        }
    }
}

fn light(draw: &mut Draw, choice: &Choice) -> String {
    let quality = match choice.warmth {
        1 => *draw.pick(&["warm", "warm golden"]),
        -1 => *draw.pick(&["cool", "cool blue"]),
        _ => *draw.pick(&["soft", "neutral", "bright"]),
    };
    let noun = if choice.family == Family::Garden {
        *draw.pick(&["sunlight", "light"])
    } else if choice.window() {
        *draw.pick(&["window light", "daylight"])
    } else {
        "light"
    };
    let from = match choice.side {
        Side::Left => "from the left",
        Side::Right => "from the right",
        Side::Front => "from the front",
    };
    format!("{quality} {noun} {from}")
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
