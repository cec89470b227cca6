//! Re-derives every margin and range of a label from the parameters of its sample.

use reliad_imaging::Class;
use serde_json::Value;

use crate::failure::{
    LARGEST_SCALE, MAX_COVER, MAX_DAMAGED, MAX_DETACHED, MAX_EXTENSION, MAX_GAP, MAX_OVERHANG,
    MAX_SCALE, MAX_SINK, MAX_TRUNCATED, MIN_COVER, MIN_DAMAGED, MIN_DETACHED, MIN_EXTENSION,
    MIN_GAP, MIN_OVERHANG, MIN_SCALE, MIN_SINK, MIN_TRUNCATED, SMALLEST_SCALE,
};
use crate::prop::Kind;
use crate::world::{CLEAR, CLOSE, MIN_CLUTTER, MIN_SHADOW_CHANGE};

/// Relative room for the rounding of recorded 32-bit numbers.
const ROUNDING: f64 = 1e-4;

/// The kind of a failure: its label, what it measures, margin and end of its range.
struct Rule {
    class: Class,
    measure: &'static str,
    margin: f32,
    end: f32,
}

fn rule(name: &str, factor: f64) -> Option<Rule> {
    let (class, measure, margin, end) = match name {
        "floats" => (Class::SpaceMismatch, "/failure/gap", MIN_GAP, MAX_GAP),
        "sinks" => (Class::SpaceMismatch, "/failure/depth", MIN_SINK, MAX_SINK),
        "hangs" => (
            Class::SpaceMismatch,
            "/failure/share",
            MIN_OVERHANG,
            MAX_OVERHANG,
        ),
        "detached" => (
            Class::SpaceMismatch,
            "/failure/gap",
            MIN_DETACHED,
            MAX_DETACHED,
        ),
        "scale" if factor > 1.0 => (
            Class::SizeMismatch,
            "/failure/factor",
            MIN_SCALE,
            LARGEST_SCALE,
        ),
        "scale" => (
            Class::SizeMismatch,
            "/failure/factor",
            MAX_SCALE,
            SMALLEST_SCALE,
        ),
        "clutter" => (
            Class::Indistinctiveness,
            "/clutter_cover",
            MIN_COVER,
            MAX_COVER,
        ),
        "camouflage" => (Class::Indistinctiveness, "/separation", CLOSE, 0.0),
        "extends" => (
            Class::ShapeHallucination,
            "/failure/length",
            MIN_EXTENSION,
            MAX_EXTENSION,
        ),
        "truncated" => (
            Class::Unsuitable,
            "/failure/missing",
            MIN_TRUNCATED,
            MAX_TRUNCATED,
        ),
        "damaged" => (
            Class::Unsuitable,
            "/failure/missing",
            MIN_DAMAGED,
            MAX_DAMAGED,
        ),
        _ => return None,
    };
    Some(Rule {
        class,
        measure,
        margin,
        end,
    })
}

/// What contradicts the label.
pub fn violations(class: Class, parameters: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut claim = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    let number = |path: &str| {
        let value = parameters.pointer(path).and_then(Value::as_f64);
        value.unwrap_or(f64::NAN)
    };
    let name = parameters["failure"]["kind"].as_str().unwrap_or_default();
    let level = number("/surface_level");
    let (scale, shadow) = (number("/prop_scale"), number("/shadow_offset"));
    let separation = number("/separation");
    claim(
        parameters["margins_kept"] == true,
        "a margin wasn't kept after the last redraw".into(),
    );
    let at_least = |x: f64, least: f32| x >= f64::from(least) * (1.0 - ROUNDING);
    let close = |a: f64, b: f64| (a - b).abs() <= ROUNDING * (1.0 + b.abs());
    match rule(name, number("/failure/factor")) {
        None => {
            claim(
                name == "none" && class == Class::Available,
                format!("failure `{name}` is labelled {class}"),
            );
            claim(
                parameters["severity"].is_null(),
                "an available picture has a severity".into(),
            );
        }
        Some(rule) => {
            claim(rule.class == class, format!("{name} is labelled {class}"));
            let measured = number(rule.measure);
            let (margin, end) = (f64::from(rule.margin), f64::from(rule.end));
            let (least, most) = (margin.min(end), margin.max(end));
            // Clutter may be denser than the end of its range, where its severity is 1.
            let within = measured >= least * (1.0 - ROUNDING)
                && (measured <= most * (1.0 + ROUNDING) || name == "clutter");
            claim(
                within,
                format!("{name} of {measured}, margin {margin}, end of its range {end}"),
            );
            let along = if name == "scale" {
                (measured / margin).ln() / (end / margin).ln()
            } else {
                (measured - margin) / (end - margin)
            };
            let severity = number("/severity");
            claim(
                (severity - along.clamp(0.0, 1.0)).abs() < 2e-3,
                format!(
                    "severity {severity}, {} by its formula",
                    along.clamp(0.0, 1.0)
                ),
            );
        }
    }
    // What each kind does to the scene, and that no other does it.
    let part = parameters["failure"]["part"].as_str().unwrap_or_default();
    let expected_level = match name {
        "floats" => -number("/failure/gap"),
        "sinks" => number("/failure/depth"),
        "extends" if matches!(part, "base" | "stand" | "legs") => -number("/failure/length"),
        _ => 0.0,
    };
    claim(
        close(level, expected_level),
        format!("surface at {level}, expected {expected_level}"),
    );
    let factor = if name == "scale" {
        number("/failure/factor")
    } else {
        1.0
    };
    claim(
        close(scale, factor),
        format!("props {scale} times their size"),
    );
    let detached = name == "detached";
    claim(
        if detached {
            shadow >= number("/failure/gap")
        } else {
            shadow == 0.0
        },
        format!("the shadow lies {shadow} aside"),
    );
    let moved = matches!(name, "floats" | "detached");
    claim(
        !moved || at_least(number("/shadow_change"), MIN_SHADOW_CHANGE),
        "the shadow around the base doesn't show it".into(),
    );
    let clutter = number("/clutter");
    match name {
        "clutter" => claim(
            clutter >= MIN_CLUTTER as f64,
            format!("{clutter} things are no clutter"),
        ),
        _ => claim(clutter == 0.0, format!("{clutter} unnamed things")),
    }
    match name {
        "camouflage" => claim(
            number("/separation_upper") <= f64::from(CLOSE) * 1.6 * (1.0 + ROUNDING),
            "a quarter of the outline stands out".into(),
        ),
        "clutter" => {}
        _ => claim(
            at_least(separation, CLEAR),
            format!("separation {separation}"),
        ),
    }
    let spoilt = number("/spoilt");
    let source = class == Class::Unsuitable;
    claim(
        if source {
            at_least(spoilt, MIN_DAMAGED * 0.75)
        } else {
            spoilt == 0.0
        },
        format!("{spoilt} of the product's picture is spoilt"),
    );
    let tells = |name: &Value| {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| name.as_str() == Some(kind.name().as_str()));
        kind.is_some_and(|kind| kind.tells_size(scale > 1.0))
    };
    let props = parameters["props"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    claim(
        name != "scale" || props.iter().any(tells),
        "no prop tells the wrong size".into(),
    );
    found
}
