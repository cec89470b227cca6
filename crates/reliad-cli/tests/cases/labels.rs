//! Labelled samples: `reliad data import`.

use std::fs;

use serde_json::Value;

use crate::case::{CASE, Case};
use crate::program::Scene;

/// A field of every sample that came in, in the order of the index.
fn imported(scene: &Scene, field: &str) -> Vec<String> {
    fs::read_to_string(scene.path("data/metadata.jsonl"))
        .unwrap()
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record[field].as_str().unwrap_or("-").to_owned()
        })
        .collect()
}

#[test]
fn labels_splits_and_captions() {
    Case::hold(&[Case {
        name: "labels as numbers, from 0, as documented",
        input: "labels/splits-in-names",
        run: "data import input --out data",
        then: |scene| assert_eq!(imported(scene, "label").len(), 6),
        ..CASE
    }]);
}
