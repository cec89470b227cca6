//! `reliad data`, `reliad calibrate` and `reliad evaluate rfnet` as processes, on a rendered folder.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use program::Scene;
use serde_json::Value;

/// A scene with 60 small samples in `world/`, of a few products each.
fn scene() -> Scene {
    let scene = Scene::new(0.0);
    let arguments = [
        "synth", "render", "--count", "60", "--seed", "4", "--size", "32", "--out", "world",
    ];
    scene.run(&arguments).expect(0);
    scene
}

fn json(scene: &Scene, file: &str) -> Value {
    serde_json::from_slice(&fs::read(scene.path(file)).unwrap()).unwrap()
}

#[test]
fn a_data_set_goes_through_all_commands() {
    let scene = scene();
    let ran = scene.run(&[
        "data",
        "export",
        "world",
        "--layout",
        "webdataset",
        "--out",
        "shards",
    ]);
    assert!(ran.expect(0).out.contains("60 samples as webdataset"));
    let ran = scene
        .run(&["data", "import", "shards", "--out", "data"])
        .expect(0);
    assert!(ran.out.contains("60 samples as webdataset, 0 set aside"));

    // Dividing a rendered folder loses nothing of its scenes: the audit still understands it.
    scene.run(&["data", "split", "world"]).expect(0);
    scene.run(&["synth", "audit", "--data", "world"]).expect(0);

    // Two samples break: one by its picture, one by its label.
    let index = fs::read_to_string(scene.path("data/metadata.jsonl")).unwrap();
    let broken: String = index
        .lines()
        .enumerate()
        .map(|(number, line)| match number {
            3 => line.replacen(".tar@", ".tar@99999999", 1) + "\n",
            _ => format!("{line}\n"),
        })
        .collect();
    fs::write(scene.path("data/metadata.jsonl"), broken).unwrap();
    let ran = scene.run(&["data", "check", "data", "--json", "found.json"]);
    assert!(
        ran.code == Some(1) && ran.hints().contains("quarantine.jsonl"),
        "{}",
        ran.err
    );
    assert_eq!(json(&scene, "found.json")["quarantined"], 1);

    let ran = scene
        .run(&[
            "data",
            "split",
            "data",
            "--validation",
            "0.3",
            "--test",
            "0.3",
        ])
        .expect(0);
    assert!(ran.out.starts_with("samples: "), "{}", ran.out);
    let ran = scene
        .run(&[
            "data",
            "split",
            "data",
            "--validation",
            "0.6",
            "--test",
            "0.6",
        ])
        .expect(2);
    assert!(ran.errors()[0].contains("nothing to train on"));

    // All samples have maps of their own: nothing to compute, and no shard that --replace could take for its own.
    let prepare = [
        "data", "prepare", "data", "--model", "model", "--size", "16",
    ];
    scene.run(&prepare).expect(0);
    let with_maps = |index: &str| {
        let made = |line: &&str| line.contains("\"depth\":\"maps/");
        index.lines().filter(made).count()
    };
    let read = || fs::read_to_string(scene.path("data/metadata.jsonl")).unwrap();
    assert_eq!(with_maps(&read()), 0);
    // The broken one is in quarantine and no news any more.
    let replace = [&prepare[..], &["--replace"]].concat();
    scene.run(&replace).expect(0);
    let index = read();
    assert_eq!(with_maps(&index), 59);
    // A second time all shards are there; the index says the same.
    scene.run(&replace).expect(0);
    assert_eq!(read(), index);

    let ran = scene
        .run(&[
            "data",
            "stat",
            "data",
            "--html",
            "stat.html",
            "--json",
            "stat.json",
        ])
        .expect(0);
    assert!(ran.out.contains("59 samples, 1 set aside"), "{}", ran.out);
    let page = fs::read_to_string(scene.path("stat.html")).unwrap();
    assert!(page.contains("Size Mismatch") && page.contains("data:image/jpeg;base64,"));
    let counted = json(&scene, "stat.json");
    let splits = counted["splits"].as_array().unwrap();
    assert_eq!(
        splits
            .iter()
            .map(|count| count.as_u64().unwrap())
            .sum::<u64>(),
        59
    );

    // The judge is calibrated on the validation part and measured on the test part.
    let before = fs::read(scene.path("model/rfnet/calibration.json")).unwrap();
    let ran = scene
        .run(&[
            "calibrate",
            "--judge",
            "model",
            "--data",
            "data",
            "--reject",
            "0.9",
            "--mirrored",
        ])
        .expect(0);
    assert!(ran.out.contains("calibration error"), "{}", ran.out);
    let calibration = json(&scene, "model/rfnet/calibration.json");
    assert!(calibration["temperature"].as_f64().unwrap() > 0.0);
    assert_eq!(calibration["mirrored"], true);
    assert_ne!(
        fs::read(scene.path("model/rfnet/calibration.json")).unwrap(),
        before
    );
    let arguments = [
        "evaluate",
        "rfnet",
        "--judge",
        "model",
        "--data",
        "data",
        "--json",
        "judge.json",
        "--html",
        "judge.html",
    ];
    let ran = scene.run(&arguments).expect(0);
    assert!(ran.out.contains("| label \\ verdict |"), "{}", ran.out);
    let figures = json(&scene, "judge.json");
    for key in ["precision", "recall", "f1", "ap"] {
        let figure = &figures[key];
        if figure.is_null() {
            // A random judge may call nothing available: then there is no precision.
            assert_eq!(key, "precision");
            continue;
        }
        let at = |end: &str| figure[end].as_f64().unwrap();
        assert!(
            at("low") <= at("value") && at("value") <= at("high"),
            "{key}: {figure}"
        );
    }
    let page = fs::read_to_string(scene.path("judge.html")).unwrap();
    assert!(page.contains("Precision over recall") && page.contains("<svg"));
}

#[test]
fn what_cannot_be_read_is_said() {
    let scene = Scene::new(0.0);
    fs::create_dir(scene.path("nothing")).unwrap();
    let ran = scene
        .run(&["data", "import", "nothing", "--out", "data"])
        .expect(2);
    assert!(ran.errors()[0].contains("neither metadata.jsonl, label.txt"));
    let ran = scene.run(&["data", "stat", "nothing"]).expect(2);
    assert!(ran.errors()[0].contains("metadata.jsonl"), "{}", ran.err);
    let labels = [
        "data", "import", "nothing", "--out", "data", "--labels", "0=fine",
    ];
    let ran = scene.run(&labels).expect(2);
    assert!(ran.err.contains("`fine` is no label"), "{}", ran.err);
    let ran = scene
        .run(&["calibrate", "--judge", "mini", "--data", "nothing"])
        .expect(2);
    assert!(ran.hints().contains("--out"));
    fs::write(
        scene.path("nothing/metadata.jsonl"),
        "{\"image\": \"a.png\"}\n",
    )
    .unwrap();
    let ran = scene.run(&["data", "check", "nothing"]).expect(2);
    assert!(ran.errors()[0].contains("line 1"), "{}", ran.err);
}
