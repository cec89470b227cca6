//! Judges trained and measured on data sets as they are: `reliad train rfnet`, `evaluate rfnet`, `calibrate`.

use std::fs;

use serde_json::{Value, json};

use crate::case::{CASE, Case};
use crate::look_alike::{prepared, shards, train, write_configs, write_networks};
use crate::program::Scene;

/// The three samples of the fixture, one in each part.
fn import_three(scene: &Scene) {
    scene
        .run(&["data", "import", "input", "--out", "data"])
        .expect(0);
    let index = scene.path("data/metadata.jsonl");
    let lines: Vec<String> = fs::read_to_string(&index)
        .unwrap()
        .lines()
        .zip(["train", "validation", "test"])
        .map(|(line, split)| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            record["split"] = json!(split);
            record.to_string()
        })
        .collect();
    fs::write(index, lines.join("\n")).unwrap();
    write_networks(scene);
    write_configs(scene);
}

/// The look-alike without products, and a judge that was trained on it.
fn trained(scene: &Scene) {
    prepared(scene, false);
    scene.run(&train("without-product.json")).expect(0);
}

fn without_networks(scene: &Scene) {
    for map in ["depth", "saliency"] {
        fs::remove_dir_all(scene.path("judge").join(map)).unwrap();
    }
}

/// Maps by the judge's networks, which are other ones afterwards.
fn other_maps(scene: &Scene) {
    prepared(scene, false);
    let prepare = [
        "data", "prepare", "data", "--model", "judge", "--size", "32",
    ];
    scene.run(&prepare).expect(0);
    let config = scene.path("judge/depth/config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + "\n").unwrap();
}

/// A configuration that begins with weights which aren't there.
fn wrong_path(scene: &Scene) {
    prepared(scene, false);
    for (file, pretrained) in [
        (
            "without-product.json",
            json!({ "image_encoder": "nowhere/resnet50.pth" }),
        ),
        ("text.json", json!("nowhere/roberta-base")),
    ] {
        let mut config: Value =
            serde_json::from_slice(&fs::read(scene.path(file)).unwrap()).unwrap();
        config["pretrained"] = pretrained;
        reliad_weights::write_config(&scene.path(file), &config).unwrap();
    }
    fs::create_dir(scene.path("configs-of-rivals")).unwrap();
    let config = scene.path("configs-of-rivals/rfnet.json");
    fs::copy(scene.path("without-product.json"), config).unwrap();
}

const TRAIN: &str = "train rfnet --data data --out judge --steps 2 --config rfnet.json";
const TRAIN_WITHOUT: &str =
    "train rfnet --data data --out judge --steps 2 --config without-product.json";

#[test]
fn most_samples_have_no_product() {
    Case::hold(&[
        Case {
            name: "three samples without a product, a judge that needs none",
            input: "rf1m/no-products",
            prepare: import_three,
            run: TRAIN_WITHOUT,
            silent_of: &["left out", "no product"],
            ..CASE
        },
        Case {
            name: "three samples without a product, a judge that looks at it",
            input: "rf1m/no-products",
            prepare: import_three,
            run: TRAIN,
            code: 2,
            says: &[
                "0 usable samples to train on",
                "2 of 2 samples are left out: they have no product picture",
            ],
            ..CASE
        },
        Case {
            name: "measured without products",
            prepare: trained,
            run: "evaluate rfnet --data data --judge judge",
            silent_of: &["left out", "warning"],
            ..CASE
        },
        Case {
            name: "calibrated without products",
            prepare: trained,
            run: "calibrate --data data --judge judge",
            silent_of: &["left out", "warning"],
            ..CASE
        },
    ]);
}

#[test]
fn maps_are_whose_the_index_says() {
    Case::hold(&[
        Case {
            name: "neither maps nor networks to train with",
            prepare: |scene| {
                prepared(scene, false);
                without_networks(scene);
            },
            run: TRAIN_WITHOUT,
            code: 2,
            says: &[
                "samples have no depth map, and judge has no depth/",
                "`reliad data prepare",
            ],
            then: |scene| assert!(shards(scene).is_empty()),
            ..CASE
        },
        Case {
            name: "neither maps nor networks to measure with",
            prepare: |scene| {
                trained(scene);
                without_networks(scene);
            },
            run: "evaluate rfnet --data data --judge judge",
            code: 2,
            says: &[
                "samples have no depth map, and judge has no depth/",
                "`reliad data prepare",
            ],
            ..CASE
        },
        Case {
            name: "neither maps nor networks to calibrate with",
            prepare: |scene| {
                trained(scene);
                without_networks(scene);
            },
            run: "calibrate --data data --judge judge",
            code: 2,
            says: &[
                "samples have no depth map, and judge has no depth/",
                "`reliad data prepare",
            ],
            ..CASE
        },
        Case {
            name: "maps of another depth network",
            prepare: other_maps,
            run: TRAIN_WITHOUT,
            says: &[
                "samples have depth maps of another network than the model's; they are estimated again",
            ],
            silent_of: &["saliency maps"],
            ..CASE
        },
        Case {
            name: "maps of another depth network, and no network",
            prepare: |scene| {
                other_maps(scene);
                without_networks(scene);
            },
            run: TRAIN_WITHOUT,
            silent_of: &["estimated again"],
            then: |scene| assert!(!shards(scene).is_empty()),
            ..CASE
        },
    ]);
}

#[test]
fn what_a_configuration_names_is_asked_for_first() {
    Case::hold(&[
        Case {
            name: "train rfnet with a wrong path",
            prepare: wrong_path,
            run: TRAIN_WITHOUT,
            code: 2,
            says: &[
                "without-product.json",
                "pretrained.image_encoder",
                "nowhere/resnet50.pth isn't there",
            ],
            then: |scene| assert!(shards(scene).is_empty()),
            ..CASE
        },
        Case {
            name: "train text with a wrong path",
            prepare: wrong_path,
            run: "train text --data data --out judge --steps 2 --config text.json",
            code: 2,
            says: &["text.json", "nowhere/roberta-base isn't there"],
            ..CASE
        },
        Case {
            name: "evaluate detectors with a wrong path",
            prepare: wrong_path,
            run: "evaluate detectors --data data --model judge --configs configs-of-rivals --steps 2",
            code: 2,
            says: &["nowhere/resnet50.pth isn't there"],
            then: |scene| assert!(shards(scene).is_empty()),
            ..CASE
        },
    ]);
}
