//! `reliad generate --controlnet` and `--phrases` as processes, and what `replay` makes of them.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use program::{Scene, write_tuned};

#[test]
fn another_controlnet_changes_the_picture_and_is_replayed() {
    let scene = Scene::with_products(0.0, 1);
    write_tuned(&scene, "tuned/controlnet", 3.0);
    write_tuned(&scene, "model/controlnet-original", 2.0);
    let mut pictures = Vec::new();
    for controlnet in [
        None,
        Some("tuned"),
        Some("tuned/controlnet"),
        Some("original"),
        Some("model/controlnet"),
    ] {
        let option = controlnet.map(|name| ["--controlnet", name]);
        let arguments = [&["products"][..], option.as_ref().map_or(&[], |o| &o[..])].concat();
        scene.generate(&arguments).expect(0);
        let record = scene.records().pop().unwrap();
        pictures.push((record.png_blake3, record.model));
    }
    let records = scene.records();
    // The tuned directory and the ControlNet in it are one, and so is the model's own however it is named.
    assert_eq!(records.len(), 3);
    assert_ne!(pictures[0].0, pictures[1].0);
    assert_ne!(pictures[1].0, pictures[3].0);
    assert!(pictures[0].1.components.is_empty());
    let places: Vec<_> = records
        .iter()
        .filter_map(|record| record.model.components.get("controlnet"))
        .collect();
    assert!(places[0].ends_with("tuned/controlnet") && places[1] == "controlnet-original");
    let report = fs::read_to_string(scene.path("out/report.html")).unwrap();
    assert!(report.contains("with controlnet of "), "{report}");
    let ran = scene.run(&["replay", "out"]).expect(0);
    assert!(ran.err.contains("3 of 3 pictures"), "{}", ran.err);

    write_tuned(&scene, "tuned/controlnet", 4.0);
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(ran.err.contains("2 of 3 pictures"), "{}", ran.err);
    let told = "model file controlnet/diffusion_pytorch_model.safetensors differs";
    assert!(ran.errors()[0].starts_with(told), "{}", ran.err);
    fs::rename(scene.path("tuned"), scene.path("moved")).unwrap();
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(
        ran.hints().contains("put back the components"),
        "{}",
        ran.err
    );
}

#[test]
fn phrases_follow_the_prompts() {
    let scene = Scene::with_products(0.0, 1);
    let phrases =
        r#"{"size_mismatch": {"prompt": ["true to scale"], "negative_prompt": ["tiny chairs"]}}"#;
    fs::write(scene.path("phrases.json"), phrases).unwrap();
    scene
        .generate(&[
            "products",
            "--negative-prompt",
            "fog",
            "--phrases",
            "phrases.json",
        ])
        .expect(0);
    let recipe = &scene.records()[0].recipe;
    assert_eq!(recipe.prompt, "a vase on a table, true to scale");
    assert_eq!(recipe.negative_prompt, "fog, tiny chairs");
    scene.run(&["replay", "out"]).expect(0);
    // Those of the repository are compiled in.
    scene
        .generate(&["products", "--phrases", "configs/mini/phrases.json"])
        .expect(0);

    fs::write(scene.path("phrases.json"), r#"{"size": {}}"#).unwrap();
    let ran = scene
        .generate(&["products", "--phrases", "phrases.json"])
        .expect(2);
    let error = ran.errors()[0];
    assert!(
        error.contains("phrases.json") && error.contains("size: phrases stand against"),
        "{error}"
    );
}

#[test]
fn what_is_no_controlnet_is_refused_before_anything_starts() {
    let scene = Scene::with_products(0.0, 1);
    for (file, option) in [
        ("lora/pytorch_lora_weights.safetensors", "--lora"),
        ("phrases.json", "--phrases"),
        ("unet/config.json", "--model"),
    ] {
        let dir = scene.path("tuned");
        let file = dir.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "{}").unwrap();
        let ran = scene
            .generate(&["products", "--controlnet", "tuned"])
            .expect(2);
        assert!(ran.hints().contains(option), "{}", ran.err);
        fs::remove_dir_all(dir).unwrap();
    }
    for (dir, said) in [("nowhere", "no such directory"), ("products", "no tuned")] {
        let ran = scene.generate(&["products", "--controlnet", dir]).expect(2);
        assert!(ran.err.contains(said), "{}", ran.err);
    }
    assert!(!scene.path("out").exists());
}
