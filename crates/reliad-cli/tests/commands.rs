//! The other commands: models, synth, reference, and what the embedded model says of itself.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use program::Scene;

#[test]
fn models_show_lists_the_components() {
    let scene = Scene::new(0.0);
    // The tokenizer beside a network isn't what the component is.
    let tokenizer = scene.path("model/rfnet/tokenizer_config.json");
    fs::write(tokenizer, r#"{"tokenizer_class": "RobertaTokenizer"}"#).unwrap();
    let ran = scene.run(&["models", "show", "model"]).expect(0);
    for (component, class) in [
        ("unet", "UNet2DConditionModel"),
        ("vae", "AutoencoderKL"),
        ("rfnet", "RFNet"),
    ] {
        let line = ran
            .out
            .lines()
            .find(|line| line.starts_with(component))
            .unwrap();
        assert!(line.contains(class) && line.contains("F32"), "{line}");
    }
    let ran = scene.run(&["models", "show", "model", "--json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let unet = json
        .as_array()
        .unwrap()
        .iter()
        .find(|part| part["name"] == "unet")
        .unwrap();
    assert!(unet["parameters"].as_u64().unwrap() > 10_000);
    let ran = scene.run(&["models", "show", "nowhere"]).expect(2);
    assert!(ran.errors()[0].contains("nowhere"));
    fs::create_dir(scene.path("mini")).unwrap();
    let ran = scene.run(&["models", "show", "mini"]).expect(0);
    assert!(ran.err.contains("./mini"), "{}", ran.err);
}

#[test]
fn a_finished_training_is_not_taken_for_a_warm_start() {
    let scene = Scene::new(0.0);
    let checkpoint = scene.path("model/.training/controlnet/step-000000002");
    fs::create_dir_all(&checkpoint).unwrap();
    let state = |finished: bool| {
        let state = format!(r#"{{"step":2,"elapsed_seconds":1.0,"seed":1,"finished":{finished}}}"#);
        fs::write(checkpoint.join("state.json"), state).unwrap();
    };
    let command = [
        "train",
        "controlnet",
        "--data",
        "nowhere",
        "--out",
        "model",
        "--steps",
        "2",
        "--warm-start",
    ];
    state(true);
    let ran = scene.run(&command).expect(2);
    assert!(
        ran.err.contains("holds a finished training") && ran.hints().contains("remove"),
        "{}",
        ran.err
    );
    // One that stopped on its way goes on, with the shape of the weights that are there, here as far as its data.
    state(false);
    let ran = scene.run(&command).expect(2);
    assert!(ran.err.contains("nowhere"), "{}", ran.err);
    fs::remove_dir_all(scene.path("model/controlnet")).unwrap();
    let ran = scene.run(&command).expect(2);
    assert!(
        ran.hints().contains("leave --warm-start out"),
        "{}",
        ran.err
    );
}

#[test]
fn adapters_need_a_time_that_is_told() {
    let scene = Scene::new(0.0);
    fs::write(scene.path("lora.json"), r#"{"rank": 2}"#).unwrap();
    let command = [
        "train",
        "lora",
        "--data",
        "nowhere",
        "--out",
        "model",
        "--config",
        "lora.json",
    ];
    let ran = scene.run(&command).expect(2);
    assert!(ran.err.contains("has no fit.epochs"), "{}", ran.err);
}

#[test]
fn latents_that_a_training_cant_use_show_before_it_begins() {
    let scene = Scene::new(0.0);
    fs::create_dir(scene.path("latents")).unwrap();
    let train = |stage: &str, out: &str| {
        let ran = scene.run(&[
            "train",
            stage,
            "--data",
            "nowhere",
            "--latents",
            "latents",
            "--out",
            out,
        ]);
        ran.expect(2)
    };
    let ran = train("painter", "model");
    assert!(
        ran.err.contains("holds no latents") && ran.hints().contains("`reliad synth latents`"),
        "{}",
        ran.err
    );
    let ran = train("vae", "model");
    assert!(ran.err.contains("learns from pictures"), "{}", ran.err);
    fs::write(
        scene.path("latents/latents.json"),
        r#"{"autoencoder": "another", "size": 64, "canny": [100, 200], "samples": null}"#,
    )
    .unwrap();
    let ran = train("mini", "model");
    assert!(ran.err.contains("another autoencoder"), "{}", ran.err);
    let ran = train("mini", "fresh");
    assert!(
        ran.err.contains("has no vae/") && ran.hints().contains("`reliad train vae`"),
        "{}",
        ran.err
    );
}

#[test]
fn configurations_are_compiled_in_and_files_come_before_them() {
    let scene = Scene::new(0.0);
    let train = |config: &[&str]| {
        let base = ["train", "text", "--data", "nowhere", "--out", "model"];
        scene.run(&[&base, config].concat()).expect(2)
    };
    // As far as the data, which are missing.
    for config in [&["--steps", "2"][..], &[]] {
        assert!(train(config).err.contains("nowhere"));
    }
    // All stages know how long they take.
    let mini = ["train", "mini", "--data", "nowhere", "--out", "model"];
    assert!(scene.run(&mini).expect(2).err.contains("nowhere"));
    let ran = train(&["--config", "configs/mini/rhyme.json"]);
    assert!(
        ran.errors()[0].contains("rhyme.json") && ran.hints().contains("reliad models configs"),
        "{}",
        ran.err
    );

    let listed = scene.run(&["models", "configs"]).expect(0).out;
    assert!(listed.lines().any(|line| line == "configs/mini/text.json"));
    let own = scene.path("configs/mini/text.json");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "{}").unwrap();
    let ran = scene.run(&["models", "configs", "--out", "."]).expect(0);
    assert!(ran.out.contains("text.json is there: another, kept"));
    assert_eq!(fs::read_to_string(&own).unwrap(), "{}");
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../configs/paper/rfnet.json"
    );
    assert_eq!(
        fs::read(scene.path("configs/paper/rfnet.json")).unwrap(),
        fs::read(source).unwrap()
    );
    // What a late stage lacks shows before the first begins.
    for ran in [train(&["--steps", "2"]), scene.run(&mini).expect(2)] {
        let told = ran.err.contains("text.json") && ran.err.contains("missing field");
        assert!(told, "{}", ran.err);
    }
}

#[test]
fn the_embedded_model_shows_itself_or_says_what_to_do() {
    let scene = Scene::new(0.0);
    let trained = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/mini/unet/config.json"
    );
    if fs::exists(trained).unwrap() {
        let ran = scene.run(&["models", "show"]).expect(0);
        assert!(
            ran.out.contains("controlnet") && ran.out.contains("rfnet"),
            "{}",
            ran.out
        );
    } else {
        let ran = scene.run(&["models", "show"]).expect(2);
        assert!(
            ran.errors()[0].contains("without the embedded model"),
            "{}",
            ran.err
        );
        assert!(ran.hints().contains("--model DIR"));
    }
}

#[test]
fn synth_renders_a_labelled_folder_once() {
    let scene = Scene::new(0.0);
    let arguments = [
        "synth", "render", "--count", "2", "--seed", "4", "--size", "32", "--out", "world",
    ];
    scene.run(&arguments).expect(0);
    let metadata = fs::read_to_string(scene.path("world/metadata.jsonl")).unwrap();
    assert_eq!(metadata.lines().count(), 2);
    scene.run(&arguments).expect(0);
    assert_eq!(
        fs::read_to_string(scene.path("world/metadata.jsonl")).unwrap(),
        metadata
    );
    let ran = scene.run(&[
        "synth", "render", "--count", "1", "--out", "x", "--class", "fine",
    ]);
    assert!(ran.expect(2).err.contains("none of the labels"));
}

#[test]
fn a_judge_is_evaluated_on_products_that_no_training_saw() {
    // A judge that accepts everything is right about samples that are all available.
    let scene = Scene::new(0.0);
    let render = |split: &str| {
        let arguments = [
            "synth",
            "render",
            "--count",
            "2",
            "--size",
            "32",
            "--class",
            "available",
            "--split",
            split,
            "--out",
            split,
        ];
        scene.run(&arguments).expect(0);
    };
    render("test");
    let evaluate = ["evaluate", "rfnet", "--judge", "model", "--data"];
    let ran = scene
        .run(&[&evaluate[..], &["test", "--json", "figures.json"]].concat())
        .expect(0);
    assert!(ran.out.contains("| Available | 2 | 0 |"), "{}", ran.out);
    let figures = fs::read_to_string(scene.path("figures.json")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&figures).unwrap();
    assert_eq!(
        (&figures["samples"], &figures["f1"]["value"]),
        (&2.into(), &1.0.into())
    );

    render("train");
    let ran = scene.run(&[&evaluate[..], &["train"]].concat()).expect(2);
    assert!(ran.err.contains("--split test"), "{}", ran.err);
}

#[test]
fn the_reference_holds_every_command() {
    let scene = Scene::new(0.0);
    let ran = scene.run(&["reference"]).expect(0);
    for command in ["generate", "replay", "models show", "synth render", "bench"] {
        assert!(
            ran.out.contains(&format!("\n## `reliad {command}`\n")),
            "{command}"
        );
    }
    assert!(ran.out.contains("RELIAD_GENERATE_SEED") && !ran.out.contains("reliad reference`"));
    let mut other = scene.command(&["reference"]);
    let again = other
        .env("RELIAD_GENERATE_SEED", "77")
        .env("COLUMNS", "60")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        ran.out,
        "on every machine the same"
    );
}

#[test]
fn usage_errors_have_a_code_of_their_own() {
    let scene = Scene::new(0.0);
    scene.run(&["generate"]).expect(2);
    scene.run(&["paint"]).expect(2);
    scene.run(&["--version"]).expect(0);
}
