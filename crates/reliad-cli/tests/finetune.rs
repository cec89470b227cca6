//! `reliad finetune` as a process: every method writes its part, a killed tuning goes on as if nothing had happened, and what
//! can't be used is named.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use program::{Ran, Scene, copy_dir, fixture, product};

/// A tiny model with its judge, and a catalogue of six products.
fn scene() -> Scene {
    let scene = Scene::empty();
    copy_dir(&fixture("reliad-tuning", "model"), &scene.path("model"));
    let sampling = r#"{"width": 64, "height": 64, "steps": 5, "guidance": 3.0, "eta": 1.0}"#;
    fs::write(scene.path("model/sampling.json"), sampling).unwrap();
    let mut catalogue = "product,title,prompt\n".to_owned();
    for number in 0..6 {
        let name = format!("box-{number}.png");
        product(number).save(scene.path(&name)).unwrap();
        catalogue += &format!("{name},A box {number},a box on a table\n");
    }
    fs::write(scene.path("list.csv"), catalogue).unwrap();
    scene
}

/// Settings of `method` that are told at once and take seconds.
fn settings(scene: &Scene, method: &str) {
    let own = match method {
        "rfft" => r#"{"window": [1, 4], "consistent_condition": {"beta": {"ratio": 0.5}}}"#,
        "kl" => r#"{"window": [1, 4], "kl": {"beta": 2}}"#,
        "refl" => r#"{"window": [1, 4], "denoising": 0.1, "bank": {"items": 4, "pictures": 4}}"#,
        "direct" => {
            r#"{"timesteps": [0, 0.5], "denoising": 1, "bank": {"items": 4, "pictures": 4}}"#
        }
        "ddpo" => r#"{"pictures": 2, "steps": 2, "clip": 0.0001}"#,
        "dpo" => r#"{"beta": 5, "bank": {"items": 4, "pictures": 8}}"#,
        "nft" => r#"{"beta": 0.5, "pictures": 2}"#,
        other => panic!("there is no method {other}"),
    };
    let text = format!(
        r#"{{"method": {{"{method}": {own}}}, "steps": 4, "guard": {{"items": 2}}, "fit": {{"batch_size": 2,
            "learning_rate": {{"base": 0.001, "warmup_steps": 0}}, "validations": 2, "report_seconds": 0,
            "checkpoint_seconds": 0, "average_decay": 0.5}}}}"#
    );
    fs::write(scene.path(&format!("{method}.json")), text).unwrap();
}

fn arguments<'a>(method: &'a str, config: &'a str, out: &'a str) -> Vec<&'a str> {
    let data = [
        "--model", "model", "--data", "list.csv", "--watch", "list.csv",
    ];
    [
        &["finetune", method],
        &data[..],
        &["--config", config, "--out", out, "--plain"],
    ]
    .concat()
}

fn tune(scene: &Scene, method: &str, further: &[&str]) -> Ran {
    settings(scene, method);
    let config = format!("{method}.json");
    let mut all = arguments(method, &config, "tuned");
    all.extend(further);
    scene.run(&all)
}

fn weights(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("controlnet/diffusion_pytorch_model.safetensors")).unwrap()
}

/// A judge of random weights passes a part of the pictures when the threshold lies between their probabilities.
fn passing_a_part(scene: &Scene) {
    let calibration =
        r#"{"version": 1, "temperature": 1.3, "thresholds": {"available": THRESHOLD}}"#;
    let path = scene.path("model/rfnet/calibration.json");
    fs::write(&path, calibration.replace("THRESHOLD", "0")).unwrap();
    let ran = tune(scene, "dpo", &["--steps", "1"]);
    ran.expect(2);
    let bank = scene.path("tuned/.training/bank");
    let probabilities = fs::read_dir(bank).unwrap().map(|entry| {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        kept["available"].as_f64().unwrap()
    });
    let mut probabilities: Vec<f64> = probabilities.collect();
    probabilities.sort_by(f64::total_cmp);
    let median = probabilities[probabilities.len() / 2].to_string();
    fs::write(&path, calibration.replace("THRESHOLD", &median)).unwrap();
    fs::remove_dir_all(scene.path("tuned")).unwrap();
}

#[test]
fn every_method_writes_a_tuned_controlnet() {
    let scene = scene();
    passing_a_part(&scene);
    let untouched = weights(&scene.path("model"));
    for method in ["rfft", "refl", "kl", "direct", "ddpo", "dpo", "nft"] {
        let ran = tune(&scene, method, &[]).expect(0);
        assert!(
            ran.err.contains("blind"),
            "no held-out judge is told: {}",
            ran.err
        );
        let out = scene.path("tuned");
        assert_ne!(weights(&out), untouched, "{method}");
        let model = reliad_weights::ModelDir::open(&out).unwrap();
        let device = burn::tensor::Device::flex();
        reliad_diffusion::ControlNetModel::load(&model.sub("controlnet"), &device).unwrap();
        let card = fs::read_to_string(out.join("README.md")).unwrap();
        assert!(
            card.contains(method) && card.contains("| available |"),
            "{card}"
        );
        for file in [
            "finetune.json",
            "samples/step-000000.jpg",
            "samples/step-000004.jpg",
        ] {
            assert!(out.join(file).exists(), "{method}: {file}");
        }
        fs::remove_dir_all(out).unwrap();
    }
}

#[test]
fn other_parts_train_too() {
    for (part, file) in [
        ("lora", "lora/pytorch_lora_weights.safetensors"),
        ("unet", "unet/diffusion_pytorch_model.safetensors"),
    ] {
        let scene = scene();
        tune(&scene, "rfft", &["--train", part, "--steps", "2"]).expect(0);
        assert!(scene.path("tuned").join(file).exists());
        assert!(!scene.path("tuned/controlnet").exists());
        if part == "lora" {
            // A UNet on which the model lays adapters of its own can't be tuned and then put under them again.
            let (own, tuned) = (scene.path("model/lora"), scene.path("tuned/lora"));
            copy_dir(&tuned, &own);
            let mut unet = arguments("rfft", "rfft.json", "other");
            unet.extend(["--train", "unet"]);
            let ran = scene.run(&unet).expect(2);
            assert!(ran.err.contains("adapters of its own"), "{}", ran.err);
        }
    }
}

#[test]
fn a_killed_tuning_goes_on_and_ends_as_if_nothing_had_happened() {
    let whole = scene();
    tune(&whole, "rfft", &[]).expect(0);
    let killed = scene();
    settings(&killed, "rfft");
    let mut child = killed
        .command(&arguments("rfft", "rfft.json", "tuned"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let reached = lines
        .map(|line| line.unwrap())
        .any(|line| line.starts_with("rfft step 3 "));
    assert!(reached, "it tells every step");
    child.kill().unwrap();
    child.wait().unwrap();
    tune(&killed, "rfft", &[]).expect(0);
    let tuned = [&whole, &killed].map(|scene| weights(&scene.path("tuned")));
    assert!(tuned[0] == tuned[1], "the same weights, bit for bit");
    let sheets = [&whole, &killed].map(|scene| {
        let files = fs::read_dir(scene.path("tuned/samples")).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    });
    assert_eq!(
        sheets[0], sheets[1],
        "sheets are named by the training's steps"
    );
    // Another tuning isn't begun on top of it.
    let ran = tune(&killed, "rfft", &["--seed", "2"]).expect(2);
    assert!(ran.err.contains("the seed"), "{}", ran.err);
    let ran = tune(&killed, "rfft", &["--beta", "7"]).expect(2);
    assert!(ran.err.contains("the configuration"), "{}", ran.err);
}

#[test]
fn what_cannot_be_used_is_named() {
    let scene = scene();
    let said = |method, further: &[&str], words: &[&str]| {
        let ran = tune(&scene, method, further).expect(2);
        for word in words {
            assert!(ran.err.contains(word), "{word} in: {}", ran.err);
        }
    };
    said("refl", &["--beta", "3"], &["refl", "no regulariser"]);
    said("rfft", &["--window", "3:9"], &["3:9", "5 steps"]);
    said("rfft", &["--reward", "beauty=1"], &["beauty", "judge"]);
    said("rfft", &["--judge", "nowhere"], &["nowhere"]);
    settings(&scene, "kl");
    for (config, words) in [("list.csv", "list.csv"), ("kl.json", "kl, not rfft")] {
        let ran = scene.run(&arguments("rfft", config, "tuned")).expect(2);
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    fs::write(
        scene.path("list.csv"),
        "product,title,prompt\nnone.png,a,b\n",
    )
    .unwrap();
    said("rfft", &[], &["list.csv", "none.png"]);
}
