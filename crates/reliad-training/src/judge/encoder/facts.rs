//! What a record of the rendered world tells of its picture, for an encoder to learn.

use std::collections::BTreeSet;

use reliad_dataset::{Label, Record};

use crate::data::world::World;

/// The names that the records know, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// Of what a picture is one of: scene family, main colour, product family, and verdict where that is learned.
    pub(super) kinds: [Vec<String>; KINDS],
    /// Of what it may show several of.
    pub(super) props: Vec<String>,
}

pub(super) const KINDS: usize = 4;
const FIELDS: [&str; KINDS] = ["scene_family", "main_color", "product_family", LABEL];
const LABEL: &str = "label";

impl Names {
    /// With `verdicts` the labels are among them.
    pub(super) fn of(world: &World, verdicts: bool) -> Self {
        let sorted = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
        let records = world.records().iter();
        Self {
            kinds: FIELDS.map(|field| {
                sorted(
                    records
                        .clone()
                        .filter(|_| verdicts || field != LABEL)
                        .filter_map(|record| text(record, field))
                        .collect(),
                )
            }),
            props: sorted(records.flat_map(props).collect()),
        }
    }

    /// One for the scale, then the props, then the kinds.
    pub(super) fn outputs(&self) -> usize {
        1 + self.props.len() + self.kinds.iter().map(Vec::len).sum::<usize>()
    }
}

fn text<'a>(record: &'a Record, field: &str) -> Option<&'a str> {
    if field == LABEL {
        return record.label.map(Label::slug);
    }
    let known = record.parameters.as_ref()?;
    match field {
        "scene_family" => known.scene_family.as_deref(),
        "main_color" => known.main_color.as_deref(),
        _ => known.product_family.as_deref(),
    }
}

fn props(record: &Record) -> impl Iterator<Item = &str> {
    let known = record.parameters.iter();
    known.flat_map(|known| known.props().iter().map(String::as_str))
}

/// Natural logarithm of the picture's sides a centimetre takes, by its props: as the product, times `prop_scale`.
/// `None` where nothing shows it.
fn scale(record: &Record) -> Option<f64> {
    let known = record.parameters.as_ref()?;
    known.props().first()?;
    let longer = f64::from(known.largest_cm()?);
    let scale = f64::from(known.share?) / longer * f64::from(known.prop_scale?);
    (scale > 0.0 && scale.is_finite()).then(|| scale.ln())
}

/// What is known of one picture.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) scale: Option<f64>,
    /// Whether only the props tell the scale, since the product has another.
    pub(super) mismatched: bool,
    pub(super) props: Vec<usize>,
    pub(super) kinds: [Option<usize>; KINDS],
}

impl Facts {
    pub(super) fn of(record: &Record, names: &Names) -> Self {
        let place = |names: &[String], name: &str| names.iter().position(|known| known == name);
        let known = record.parameters.as_ref();
        let prop_scale = known.and_then(|known| known.prop_scale);
        Self {
            scale: scale(record),
            mismatched: prop_scale.is_some_and(|scale| scale != 1.0),
            props: props(record)
                .filter_map(|prop| place(&names.props, prop))
                .collect(),
            kinds: std::array::from_fn(|kind| {
                place(&names.kinds[kind], text(record, FIELDS[kind])?)
            }),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use serde_json::{Value, json};

    fn record(parameters: Value) -> Record {
        serde_json::from_value(json!({
            "image": "a.png", "label": "available", "product_id": 1, "parameters": parameters
        }))
        .unwrap()
    }

    pub(crate) fn known() -> Record {
        record(json!({
            "scene_family": "wood", "main_color": "navy", "product_family": "mug", "props": ["book"],
            "prop_scale": 2.0, "share": 0.5, "product_cm": [8.0, 10.0, 12.0]
        }))
    }

    pub(crate) fn names() -> Names {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Names {
            kinds: [
                names(&["garden", "wood"]),
                names(&["navy"]),
                names(&["jar", "mug"]),
                Vec::new(),
            ],
            props: names(&["apple", "book"]),
        }
    }

    #[test]
    fn labels_are_learned_only_when_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let line = |label: &str| {
            json!({
                "image": "a.png", "product": "b.png", "label": label, "product_id": 1, "split": "test",
                "parameters": { "product_family": "mug" },
            })
            .to_string()
        };
        let lines = [line("size_mismatch"), line("available"), line("available")];
        std::fs::write(dir.path().join("metadata.jsonl"), lines.join("\n")).unwrap();
        let world = World::open_to_test(dir.path()).unwrap();
        let told = Names::of(&world, true);
        assert_eq!(told.kinds[3], ["available", "size_mismatch"]);
        let untold = Names::of(&world, false);
        assert!(untold.kinds[3].is_empty());
        assert_eq!(untold.kinds[2], ["mug"]);
        assert_eq!(told.outputs(), untold.outputs() + 2);
    }

    #[test]
    fn a_centimetre_is_as_long_as_the_props_say() {
        // 10 cm take half of the side; props twice as large say that a centimetre takes twice as much.
        let facts = Facts::of(&known(), &names());
        assert!((facts.scale.unwrap() - 0.1f64.ln()).abs() < 1e-9);
        assert_eq!(facts.props, [1]);
        assert!(facts.mismatched);
        assert_eq!(facts.kinds, [Some(1), Some(0), Some(1), None]);
        let mut with_verdicts = names();
        with_verdicts.kinds[3] = vec!["available".to_owned(), "size_mismatch".to_owned()];
        assert_eq!(Facts::of(&known(), &with_verdicts).kinds[3], Some(0));
        let bare = record(
            json!({ "props": [], "prop_scale": 1.0, "share": 0.5, "product_cm": [8.0, 10.0, 12.0] }),
        );
        let facts = Facts::of(&bare, &names());
        assert_eq!((facts.scale, facts.kinds), (None, [None; KINDS]));
        assert!(!facts.mismatched);
    }
}
