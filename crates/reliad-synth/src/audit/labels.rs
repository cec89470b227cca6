//! Re-derives every margin and range of a label from the parameters of its sample.

use reliad_imaging::Class;

use crate::failure::{
    Extension, Failure, LARGEST_SCALE, MAX_COVER, MAX_DAMAGED, MAX_DETACHED, MAX_EXTENSION,
    MAX_GAP, MAX_OVERHANG, MAX_SCALE, MAX_SINK, MAX_TRUNCATED, MIN_COVER, MIN_DAMAGED,
    MIN_DETACHED, MIN_EXTENSION, MIN_GAP, MIN_OVERHANG, MIN_SCALE, MIN_SINK, MIN_TRUNCATED,
    SMALLEST_SCALE,
};
use crate::parameters::Parameters;
use crate::prop::Kind;
use crate::world::{CLEAR, CLOSE, MIN_CLUTTER, MIN_SHADOW_CHANGE};

/// Relative room for the rounding of recorded 32-bit numbers.
const ROUNDING: f64 = 1e-4;

/// What a failure should be: its label, what it measures, margin and end of its range.
struct Rule {
    class: Class,
    measured: f64,
    margin: f32,
    end: f32,
}

/// `None` for nothing wrong. `cover` and `separation` are what clutter and camouflage are measured by.
fn rule(failure: Failure, cover: f64, separation: f64) -> Option<Rule> {
    let (class, measured, margin, end) = match failure {
        Failure::None => return None,
        Failure::Floats { gap } => (Class::SpaceMismatch, gap.into(), MIN_GAP, MAX_GAP),
        Failure::Sinks { depth } => (Class::SpaceMismatch, depth.into(), MIN_SINK, MAX_SINK),
        Failure::Hangs { share } => (
            Class::SpaceMismatch,
            share.into(),
            MIN_OVERHANG,
            MAX_OVERHANG,
        ),
        Failure::Detached { gap } => (Class::SpaceMismatch, gap.into(), MIN_DETACHED, MAX_DETACHED),
        Failure::Scale { factor } => {
            let (margin, end) = if factor > 1.0 {
                (MIN_SCALE, LARGEST_SCALE)
            } else {
                (MAX_SCALE, SMALLEST_SCALE)
            };
            (Class::SizeMismatch, factor.into(), margin, end)
        }
        Failure::Clutter { .. } => (Class::Indistinctiveness, cover, MIN_COVER, MAX_COVER),
        Failure::Camouflage => (Class::Indistinctiveness, separation, CLOSE, 0.0),
        Failure::Extends { length, .. } => (
            Class::ShapeHallucination,
            length.into(),
            MIN_EXTENSION,
            MAX_EXTENSION,
        ),
        Failure::Truncated { missing, .. } => (
            Class::Unsuitable,
            missing.into(),
            MIN_TRUNCATED,
            MAX_TRUNCATED,
        ),
        Failure::Damaged { missing, .. } => {
            (Class::Unsuitable, missing.into(), MIN_DAMAGED, MAX_DAMAGED)
        }
    };
    Some(Rule {
        class,
        measured,
        margin,
        end,
    })
}

/// What contradicts the label.
pub fn violations(class: Class, parameters: &Parameters) -> Vec<String> {
    let mut found = Vec::new();
    let mut claim = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    // What isn't told is no number, and no claim holds of it.
    let number = |value: Option<f32>| value.map_or(f64::NAN, f64::from);
    let level = number(parameters.surface_level);
    let (scale, shadow) = (
        number(parameters.prop_scale),
        number(parameters.shadow_offset),
    );
    let separation = number(parameters.separation);
    claim(
        parameters.margins_kept == Some(true),
        "a margin wasn't kept after the last redraw".into(),
    );
    let Some(failure) = parameters.failure else {
        claim(false, "no failure is told, not even none".into());
        return found;
    };
    let at_least = |x: f64, least: f32| x >= f64::from(least) * (1.0 - ROUNDING);
    let close = |a: f64, b: f64| (a - b).abs() <= ROUNDING * (1.0 + b.abs());
    match rule(failure, number(parameters.clutter_cover), separation) {
        None => {
            claim(
                class == Class::Available,
                format!("nothing is wrong, and it is labelled {class}"),
            );
            claim(
                parameters.severity.is_none(),
                "an available picture has a severity".into(),
            );
        }
        Some(rule) => {
            claim(
                rule.class == class,
                format!("{failure:?} is labelled {class}"),
            );
            let measured = rule.measured;
            let (margin, end) = (f64::from(rule.margin), f64::from(rule.end));
            let (least, most) = (margin.min(end), margin.max(end));
            // Clutter may be denser than the end of its range, where its severity is 1.
            let within = measured >= least * (1.0 - ROUNDING)
                && (measured <= most * (1.0 + ROUNDING)
                    || matches!(failure, Failure::Clutter { .. }));
            claim(
                within,
                format!("{failure:?} of {measured}, margin {margin}, end of its range {end}"),
            );
            let along = if matches!(failure, Failure::Scale { .. }) {
                (measured / margin).ln() / (end / margin).ln()
            } else {
                (measured - margin) / (end - margin)
            };
            let severity = number(parameters.severity);
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
    let expected_level = match failure {
        Failure::Floats { gap } => -gap,
        Failure::Sinks { depth } => depth,
        Failure::Extends {
            part: Extension::Base | Extension::Stand | Extension::Legs,
            length,
        } => -length,
        _ => 0.0,
    };
    claim(
        close(level, expected_level.into()),
        format!("surface at {level}, expected {expected_level}"),
    );
    let factor = match failure {
        Failure::Scale { factor } => factor,
        _ => 1.0,
    };
    claim(
        close(scale, factor.into()),
        format!("props {scale} times their size"),
    );
    claim(
        match failure {
            Failure::Detached { gap } => shadow >= f64::from(gap),
            _ => shadow == 0.0,
        },
        format!("the shadow lies {shadow} aside"),
    );
    let moved = matches!(failure, Failure::Floats { .. } | Failure::Detached { .. });
    claim(
        !moved || at_least(number(parameters.shadow_change), MIN_SHADOW_CHANGE),
        "the shadow around the base doesn't show it".into(),
    );
    match (failure, parameters.clutter) {
        (_, None) => claim(false, "unnamed things aren't counted".into()),
        (Failure::Clutter { .. }, Some(clutter)) => claim(
            clutter >= MIN_CLUTTER,
            format!("{clutter} things are no clutter"),
        ),
        (_, Some(clutter)) => claim(clutter == 0, format!("{clutter} unnamed things")),
    }
    match failure {
        Failure::Camouflage => claim(
            number(parameters.separation_upper) <= f64::from(CLOSE) * 1.6 * (1.0 + ROUNDING),
            "a quarter of the outline stands out".into(),
        ),
        Failure::Clutter { .. } => {}
        _ => claim(
            at_least(separation, CLEAR),
            format!("separation {separation}"),
        ),
    }
    let spoilt = number(parameters.spoilt);
    let source = class == Class::Unsuitable;
    claim(
        if source {
            at_least(spoilt, MIN_DAMAGED * 0.75)
        } else {
            spoilt == 0.0
        },
        format!("{spoilt} of the product's picture is spoilt"),
    );
    let tells = |name: &String| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == *name);
        kind.is_some_and(|kind| kind.tells_size(scale > 1.0))
    };
    claim(
        !matches!(failure, Failure::Scale { .. }) || parameters.props().iter().any(tells),
        "no prop tells the wrong size".into(),
    );
    found
}
