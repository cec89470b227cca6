//! Networks whose weights are PyTorch's own files, under the names that they are published with.

use std::fs;

use serde_json::{Value, json};

use crate::case::{CASE, Case};
use crate::program::{Scene, copy_dir, fixture, product, write_judge};
use crate::pytorch::pickle;

/// `model/`, `products/` and `judge/`, whose networks are `pytorch_model.bin`, `model.pth` and `u2net.pth`; `plain/` is the
/// same judge in safetensors.
fn judged(scene: &Scene) {
    copy_dir(
        &fixture("reliad-diffusion", "inpaint"),
        &scene.path("model"),
    );
    write_judge(&scene.path("plain"), 0.0);
    copy_dir(&scene.path("plain"), &scene.path("judge"));
    for (network, file) in [
        ("rfnet", "pytorch_model.bin"),
        ("depth", "model.pth"),
        ("saliency", "u2net.pth"),
    ] {
        let dir = scene.path("judge").join(network);
        pickle(&dir.join("model.safetensors"), &dir.join(file));
    }
    fs::create_dir(scene.path("products")).unwrap();
    product(0).save(scene.path("products/box-0.png")).unwrap();
}

/// The same with a rendered data set in `world/`.
fn with_data(scene: &Scene) {
    judged(scene);
    let render = [
        "synth", "render", "--count", "20", "--seed", "4", "--size", "32", "--out", "world",
    ];
    scene.run(&render).expect(0);
    let split = [
        "data",
        "split",
        "world",
        "--validation",
        "0.3",
        "--test",
        "0.3",
    ];
    scene.run(&split).expect(0);
}

/// The same with `rfnet.json`, which trains a judge on from `judge/rfnet`.
fn with_training(scene: &Scene) {
    with_data(scene);
    let config = fs::read(scene.path("judge/rfnet/config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let config = json!({"network": config, "pretrained": {"rfnet": "judge/rfnet"}, "fit": {"batch_size": 2}, "recipe": {"repaint_every": 0}});
    fs::write(scene.path("rfnet.json"), config.to_string()).unwrap();
    let own = scene.path("trained/rfnet");
    fs::create_dir_all(&own).unwrap();
    for file in ["vocab.json", "merges.txt"] {
        fs::copy(scene.path("judge/rfnet").join(file), own.join(file)).unwrap();
    }
    for part in ["depth", "saliency"] {
        copy_dir(
            &scene.path("judge").join(part),
            &scene.path("trained").join(part),
        );
    }
}

const GENERATE: &str =
    "generate products --model model --size 64x64 --steps 1 --attempts 1 --prompt table --judge";

#[test]
fn pytorch_files_are_found_by_all_commands() {
    Case::hold(&[
        Case {
            name: "a judge of PyTorch files judges as in safetensors",
            prepare: judged,
            run: "generate products --model model --size 64x64 --steps 1 --attempts 1 --prompt table --judge judge",
            then: |scene| {
                let plain: Vec<_> = GENERATE
                    .split(' ')
                    .chain(["plain", "--out", "other"])
                    .collect();
                scene.run(&plain).expect(0);
                let read = |out: &str| {
                    let file = scene.path(out).join(reliad_generation::manifest::FILE_NAME);
                    reliad_generation::manifest::read(&file).unwrap().remove(0)
                };
                let (one, other) = (read("out"), read("other"));
                assert_eq!(one.png_blake3, other.png_blake3);
                assert_eq!(
                    serde_json::to_value(&one.verdict).unwrap(),
                    serde_json::to_value(&other.verdict).unwrap()
                );
            },
            ..CASE
        },
        Case {
            name: "models show counts them",
            prepare: judged,
            run: "models show judge --json",
            then: |scene| {
                let shown = |dir: &str| scene.run(&["models", "show", dir]).expect(0).out;
                let parameters = |text: &str| -> Vec<String> {
                    let lines = text.lines().map(|line| line.split_whitespace());
                    let numbers = lines.filter_map(|mut line| line.nth(2).map(str::to_owned));
                    // The last line says how large the files are, which differs.
                    numbers.take(4).collect()
                };
                assert_eq!(parameters(&shown("judge")), parameters(&shown("plain")));
            },
            ..CASE
        },
        Case {
            name: "inspect",
            prepare: judged,
            run: "inspect products --products products --judge judge --max-grown 1000",
            ..CASE
        },
        Case {
            name: "calibrate",
            prepare: with_data,
            run: "calibrate --judge judge --data world",
            says: &["calibration error"],
            ..CASE
        },
        Case {
            name: "evaluate",
            prepare: with_data,
            run: "evaluate rfnet --judge judge --data world",
            says: &["| label \\ verdict |"],
            ..CASE
        },
        Case {
            name: "data prepare",
            prepare: with_data,
            run: "data prepare world --model judge --size 16 --replace",
            then: |scene| {
                let index = fs::read_to_string(scene.path("world/metadata.jsonl")).unwrap();
                assert!(index.contains("\"depth\":\"maps/"));
            },
            ..CASE
        },
        Case {
            name: "a judge trains on from one",
            prepare: with_training,
            run: "train rfnet --data world --out trained --config rfnet.json --steps 1",
            then: |scene| assert!(scene.path("trained/rfnet/model.safetensors").exists()),
            ..CASE
        },
        Case {
            name: "of two files of weights none is guessed",
            prepare: |scene| {
                judged(scene);
                let dir = scene.path("judge/saliency");
                fs::copy(dir.join("u2net.pth"), dir.join("u2netp.pth")).unwrap();
            },
            run: "inspect products --products products --judge judge --max-grown 1000",
            code: 2,
            says: &["no weights found", "u2net.pth, u2netp.pth"],
            ..CASE
        },
    ]);
}
