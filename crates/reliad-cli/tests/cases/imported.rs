//! What `reliad data import` left in `data`.

use std::fs;

use serde_json::Value;

use crate::program::Scene;

/// A field of every sample that came in, in the order of the index; `-` where there is none.
pub fn imported(scene: &Scene, field: &str) -> Vec<String> {
    fs::read_to_string(scene.path("data/metadata.jsonl"))
        .unwrap()
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record[field].as_str().unwrap_or("-").to_owned()
        })
        .collect()
}

/// Of every sample that was set aside: where it lies and why.
pub fn set_aside(scene: &Scene) -> Vec<String> {
    fs::read_to_string(scene.path("data/quarantine.jsonl"))
        .unwrap()
        .lines()
        .map(|line| {
            let broken: Value = serde_json::from_str(line).unwrap();
            let text = |field: &str| broken[field].as_str().unwrap().to_owned();
            format!("{}: {}", text("sample"), text("reason"))
        })
        .collect()
}
