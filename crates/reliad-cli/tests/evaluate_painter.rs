//! `reliad evaluate painter` as a process: figures, page, going on after a stop, and what is said when a part is missing.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use program::Scene;
use reliad_rfnet::scene_network::{SceneNetwork, SceneNetworkConfig};
use reliad_synth::SceneFamily;
use reliad_weights::Precision;
use serde_json::{Value, json};

/// Writes a `scene/` of random weights that knows the world's families and these colours.
fn write_scene_network(model: &Path, colors: &[String]) {
    let device = Device::flex();
    device.seed(3);
    let config: SceneNetworkConfig = serde_json::from_value(json!({
        "preprocess": { "image_size": 32 }, "product_margin": 0.05,
        "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2 },
        "families": SceneFamily::ALL.map(SceneFamily::name), "colors": colors
    }))
    .unwrap();
    let dir = model.join("scene");
    reliad_weights::write_config(&dir.join("config.json"), &config).unwrap();
    let file = dir.join("model.safetensors");
    let network = config.init(&device).unwrap();
    reliad_weights::save(&network, &file, Precision::F32, &SceneNetwork::key_map()).unwrap();
}

/// What the evaluation's samples have for a parameter.
fn names(scene: &Scene, key: &str) -> Vec<String> {
    let metadata = scene.path("figures.work/rendered/metadata.jsonl");
    let mut names: Vec<String> = fs::read_to_string(metadata)
        .unwrap()
        .lines()
        .filter_map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["parameters"][key].as_str().map(str::to_owned)
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn a_painter_is_measured_on_products_that_no_training_saw() {
    let scene = Scene::new(0.0);
    fs::write(scene.path("model/sampling.json"), r#"{"steps": 2}"#).unwrap();
    let arguments = [
        "evaluate",
        "painter",
        "--model",
        "model",
        "--judge",
        "model",
        "--seed",
        "5",
        "--count",
        "4",
        "--size",
        "64",
        "--json",
        "figures.json",
        "--html",
        "page.html",
    ];
    let ran = scene.run(&arguments).expect(2);
    let said = format!("{} {}", ran.err, ran.hints());
    assert!(
        said.contains("no scene/") && said.contains("`reliad train scene`"),
        "{said}"
    );

    // A network that was trained on another world.
    write_scene_network(&scene.path("model"), &["no such colour".into()]);
    let ran = scene.run(&arguments).expect(2);
    assert!(ran.err.contains("has never seen"), "{}", ran.err);
    write_scene_network(&scene.path("model"), &names(&scene, "main_color"));

    let ran = scene.run(&arguments).expect(0);
    assert!(ran.out.contains("| prompt_agreement | "), "{}", ran.out);
    // 4 own, 2 with exchanged prompts, 2 more of one, 1 with and 1 without the ControlNet.
    assert!(ran.err.contains("painted 10 of 10"), "{}", ran.err);
    let figures: Value =
        serde_json::from_slice(&fs::read(scene.path("figures.json")).unwrap()).unwrap();
    for (name, n) in [
        ("prompt_agreement", 4),
        ("prompt_agreement_swapped", 2),
        ("prompt_agreement_rendered", 4),
        ("scene_agreement", 4),
        ("availability", 4),
        ("distance", 2),
        ("distance_floor", 2),
        ("diversity", 1),
        ("edge_recall", 1),
        ("edge_recall_uncontrolled", 1),
        ("second_copy_share", 4),
    ] {
        let figure = &figures[name];
        assert_eq!(figure["n"], n, "{name}: {figure}");
        let [low, value, high] = ["low", "value", "high"].map(|key| figure[key].as_f64().unwrap());
        assert!(
            low <= value + 1e-9 && value <= high + 1e-9,
            "{name}: {figure}"
        );
    }
    assert_eq!(
        figures["availability"]["value"], 1.0,
        "this judge accepts everything"
    );
    assert_eq!(figures["failure_shares"]["size_mismatch"]["value"], 0.0);
    assert_eq!(figures["settings"]["count"], 4);
    assert_eq!(figures["settings"]["sampling"]["steps"], 2);
    let page = fs::read_to_string(scene.path("page.html")).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && page.contains("no person has looked"));
    assert!(
        !page.contains("://"),
        "it opens without a server or a network"
    );

    // The same again paints nothing and finds the same; a lost painting alone is painted again, equal.
    let painted = program::pictures_in(&scene.path("figures.work/painted"));
    assert_eq!(painted.len(), 10);
    fs::remove_file(scene.path("figures.work/painted").join(&painted[3].0)).unwrap();
    let ran = scene.run(&arguments).expect(0);
    assert!(
        ran.err.contains("painted 10 of 10, 9 found from before"),
        "{}",
        ran.err
    );
    assert_eq!(
        program::pictures_in(&scene.path("figures.work/painted")),
        painted
    );
    let again: Value =
        serde_json::from_slice(&fs::read(scene.path("figures.json")).unwrap()).unwrap();
    assert_eq!(again, figures);
}
