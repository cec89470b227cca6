//! `reliad evaluate paper` as a process: tunings and their report, which a second run finds instead of making them anew.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;
use std::time::SystemTime;

use program::{Scene, copy_dir, fixture};

fn scene() -> Scene {
    let scene = Scene::empty();
    copy_dir(&fixture("reliad-tuning", "model"), &scene.path("model"));
    let sampling = r#"{"width": 64, "height": 64, "steps": 4, "guidance": 3.0, "eta": 1.0}"#;
    fs::write(scene.path("model/sampling.json"), sampling).unwrap();
    fs::create_dir_all(scene.path("plan/tuning")).unwrap();
    let method = r#"{"method": {"refl": {"window": [1, 4]}}, "steps": 2, "guard": {"items": 2},
        "fit": {"batch_size": 1, "validations": 1}}"#;
    fs::write(scene.path("plan/tuning/refl.json"), method).unwrap();
    fs::write(
        scene.path("plan/phrases.json"),
        r#"{"space_mismatch": {"prompt": ["on the ground"]}}"#,
    )
    .unwrap();
    let plan = r#"{"items": 3, "count": 3, "varied": 1,
        "runs": {"refl": {"method": "refl"}, "hot": {"method": "refl", "learning_rate": 0.01, "guarded": false}},
        "parts": [
            {"name": "methods", "title": "Methods", "runs": ["original", "prompteng", "refl"], "attempts": 2},
            {"name": "transfer", "title": "On another painter", "runs": ["original", "refl"], "other": true},
            {"name": "alarms", "title": "Alarms", "runs": ["hot"], "seeds": 2, "alarms": true, "looks": true}
        ]}"#;
    fs::write(scene.path("plan/paper.json"), plan).unwrap();
    scene
}

const COMMAND: [&str; 6] = [
    "evaluate",
    "paper",
    "--model",
    "model",
    "--config",
    "plan/paper.json",
];

#[test]
fn evidence_is_made_once_and_told() {
    let scene = scene();
    let ran = scene.run(&COMMAND).expect(0);
    assert!(ran.err.contains("transfer: left out"), "{}", ran.err);
    let told = fs::read_to_string(scene.path("paper/results.md")).unwrap();
    assert!(!told.contains("On another painter"), "{told}");
    for words in [
        "## Methods",
        "| prompteng |",
        "| more than original |",
        "| of original | failures removed |",
        "| within attempts | 1 | 2 |",
        "| hot | 2 |",
        "| hot, step | available |",
    ] {
        assert!(told.contains(words), "{words} in:\n{told}");
    }
    let figures = fs::read_to_string(scene.path("paper/methods.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    assert!(figures["controlnets"]["refl"]["availability"]["value"].is_number());
    let weights = scene.path("paper/tuned/refl-1/controlnet/diffusion_pytorch_model.safetensors");
    let changed =
        |path: &std::path::Path| -> SystemTime { fs::metadata(path).unwrap().modified().unwrap() };
    let before = changed(&weights);
    let mut one = COMMAND.to_vec();
    one.extend(["--parts", "methods", "--markdown", "again.md"]);
    scene.run(&one).expect(0);
    assert_eq!(changed(&weights), before, "nothing is tuned twice");
    let again = fs::read_to_string(scene.path("again.md")).unwrap();
    assert!(
        again.contains("| refl |") && !again.contains("Alarms"),
        "{again}"
    );
    // A painter with other weights: what was tuned is put in it as it is.
    copy_dir(&scene.path("model"), &scene.path("other"));
    let file = scene.path("other/unet/diffusion_pytorch_model.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let mut other = COMMAND.to_vec();
    other.extend(["--parts", "transfer", "--other", "other"]);
    other.extend(["--markdown", "other.md"]);
    scene.run(&other).expect(0);
    let told = fs::read_to_string(scene.path("other.md")).unwrap();
    assert!(
        told.contains("## On another painter") && told.contains("| refl |"),
        "{told}"
    );
    let figures = fs::read_to_string(scene.path("paper/transfer.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    assert_eq!(figures["settings"]["model"], "other", "{figures}");
    assert!(told.contains("`reliad evaluate paper --model model --other other --parts transfer --config plan/paper.json`"));
    // An edited plan makes another tuning, which isn't taken for the one that is there.
    let plan = fs::read_to_string(scene.path("plan/paper.json")).unwrap();
    let edited = plan.replace(r#"{"method": "refl"}"#, r#"{"method": "refl", "steps": 3}"#);
    assert_ne!(plan, edited);
    fs::write(scene.path("plan/paper.json"), edited).unwrap();
    let ran = scene.run(&one).expect(2);
    assert!(
        ran.err.contains("refl-1") && ran.err.contains("the configuration"),
        "{}",
        ran.err
    );
    let mut none = COMMAND.to_vec();
    none.extend(["--parts", "beauty"]);
    let ran = scene.run(&none).expect(2);
    assert!(
        ran.err.contains("beauty") && ran.err.contains("methods, transfer, alarms"),
        "{}",
        ran.err
    );
}
