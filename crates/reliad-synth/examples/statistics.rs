//! Prints how often the world draws what: `statistics [count] [seed] [studio]`.

use std::collections::BTreeMap;

use rayon::prelude::*;
use reliad_synth::{Scenes, World};

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|a| a.parse::<u64>().ok());
    let (count, seed) = (
        arguments.next().unwrap_or(400),
        arguments.next().unwrap_or(1),
    );
    let scenes = match std::env::args().nth(3).as_deref() {
        Some("studio") => Scenes::Studio,
        _ => Scenes::Rich,
    };
    let world = World {
        scenes,
        ..World::default()
    };
    let rows: Vec<_> = (0..count)
        .into_par_iter()
        .map(|index| {
            let sample = world.sample(seed, index, 16);
            (sample.class.slug(), serde_json::json!(sample.parameters))
        })
        .collect();
    let mut table: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
    let mut attempts = 0;
    let mut redrawn: BTreeMap<String, u64> = BTreeMap::new();
    for (label, parameters) in &rows {
        *table
            .entry("label")
            .or_default()
            .entry((*label).to_string())
            .or_default() += 1;
        for key in [
            "product_family",
            "product_color",
            "scene_family",
            "main_color",
            "light_pattern",
            "surface",
            "light_side",
            "light_warmth",
            "window",
            "margins_kept",
            "ground_ends",
            "light_hard",
            "prop_spots",
        ] {
            *table
                .entry(key)
                .or_default()
                .entry(parameters[key].to_string())
                .or_default() += 1;
        }
        let kind = parameters["failure"]["kind"].to_string()
            + parameters["failure"]["part"].as_str().unwrap_or("");
        *table.entry("failure").or_default().entry(kind).or_default() += 1;
        let props = parameters["props"].as_array().map_or(0, Vec::len);
        *table
            .entry("props")
            .or_default()
            .entry(format!("{label}: {props}"))
            .or_default() += 1;
        let redraws = parameters["attempt"].as_u64().unwrap_or(0);
        attempts += redraws;
        *redrawn
            .entry(parameters["failure"]["kind"].to_string())
            .or_default() += redraws;
    }
    for (key, values) in table {
        let shares: Vec<String> = values
            .iter()
            .map(|(v, n)| {
                format!(
                    "{} {:.1} %",
                    v.trim_matches('"'),
                    *n as f64 * 100.0 / count as f64
                )
            })
            .collect();
        println!("{key}: {}", shares.join(", "));
    }
    println!(
        "redraws a sample: {:.2}; all by failure: {redrawn:?}",
        attempts as f64 / count as f64
    );
}
