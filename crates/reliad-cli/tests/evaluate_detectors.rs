//! `reliad evaluate detectors` as a process: both tables, going on after a stop, and what is said of a wrong name.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;
use std::path::Path;

use program::Scene;
use serde_json::{Value, json};

/// RFNet and one rival, so small that two steps take no time.
fn write_configs(dir: &Path) {
    let write = |file: &str, value: Value| {
        reliad_weights::write_config(&dir.join(file), &value).unwrap();
    };
    let preprocess = json!({ "image_size": 32 });
    let encoder = json!({ "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2 });
    write(
        "rfnet.json",
        json!({
            "network": {
                "_class_name": "RFNet", "preprocess": preprocess, "image_encoder": encoder,
                "shared_image_encoder": false,
                "text_encoder": {
                    "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
                    "intermediate_size": 8, "max_position_embeddings": 34
                },
                "max_caption_tokens": 16, "width": 8, "heads": 2, "filter_layers": 1,
                "fusion_layers": 1, "fusion_feed_forward": 8, "dropout": 0.0, "classes": 5
            },
            "fit": { "batch_size": 8, "validations": 1 },
            "recipe": { "repaint_every": 0 }
        }),
    );
    write(
        "rivals/tiny.json",
        json!({
            "_class_name": "ImageClassifier", "preprocess": preprocess,
            "network": {
                "architecture": "resnet", "block": "basic", "layers": [1, 1, 1, 1],
                "base_width": 2, "num_classes": 5
            }
        }),
    );
}

#[test]
fn the_tables_are_made_by_one_command_that_goes_on_where_it_stopped() {
    let scene = Scene::new(0.0);
    write_configs(&scene.path("configs"));
    scene
        .run(&[
            "synth", "render", "--count", "120", "--seed", "4", "--size", "64", "--out", "data",
        ])
        .expect(0);
    let command = |only: &'static str| {
        scene.run(&[
            "evaluate",
            "detectors",
            "--data",
            "data",
            "--model",
            "model",
            "--configs",
            "configs",
            "--seeds",
            "2",
            "--steps",
            "2",
            "--json",
            "figures.json",
            "--html",
            "page.html",
            "--only",
            only,
        ])
    };
    let ran = command("rfnet,tinny").expect(2);
    assert!(
        ran.err.contains("no row `tinny`") && ran.err.contains("tiny, without-"),
        "{}",
        ran.err
    );

    let ran = command("tiny").expect(0);
    assert!(ran.err.contains("tiny"), "{}", ran.err);
    // What stands is not trained again.
    let ran = command("rfnet,tiny,without-caption").expect(0);
    let trained: Vec<&str> = ran.err.lines().filter(|l| l.contains("step 2 ")).collect();
    assert!(
        trained.iter().any(|line| line.contains("rfnet"))
            && trained.iter().any(|line| line.contains("without-caption"))
            && !trained.iter().any(|line| line.contains("tiny")),
        "{}",
        ran.err
    );
    for row in ["| rfnet |", "| tiny |", "| without-caption |"] {
        assert!(ran.out.contains(row), "{}", ran.out);
    }
    let figures: Value =
        serde_json::from_slice(&fs::read(scene.path("figures.json")).unwrap()).unwrap();
    let rows = figures["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let scores = row["scores"].as_array().unwrap();
        assert_eq!(scores.len(), 2, "{row}");
        for score in scores {
            let ap = score["ap"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&ap), "{row}");
            assert_eq!(score["samples"], scores[0]["samples"]);
        }
    }
    let page = fs::read_to_string(scene.path("page.html")).unwrap();
    assert!(page.contains("without-caption") && !page.contains("://"));
}
