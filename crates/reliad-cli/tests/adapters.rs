//! `reliad generate --lora` and `replay` as processes, and a model with adapters of its own.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;

use program::{Scene, fixture};

fn scene() -> Scene {
    let scene = Scene::with_products(0.0, 1);
    for name in ["peft.safetensors", "kohya.safetensors"] {
        let from = fixture("reliad-diffusion", "lora").join(name);
        fs::copy(from, scene.path(name)).unwrap();
    }
    scene
}

#[test]
fn adapters_change_pictures_by_their_strength_and_are_replayed() {
    let scene = scene();
    let name = "peft.safetensors";
    let mut pictures = Vec::new();
    for lora in [
        None,
        Some(name),
        Some("peft.safetensors:0.5"),
        Some("peft.safetensors:0"),
    ] {
        let option = lora.map(|lora| ["--lora", lora]);
        let arguments = [&["products"][..], option.as_ref().map_or(&[], |o| &o[..])].concat();
        scene.generate(&arguments).expect(0);
        pictures.push(scene.records().pop().unwrap().png_blake3);
    }
    let halves = "peft.safetensors:0.5,peft.safetensors:0.5";
    scene.generate(&["products", "--lora", halves]).expect(0);
    let records = scene.records();
    assert_eq!(records.len(), 5, "every recipe has its picture");
    assert_ne!(pictures[0], pictures[1]);
    assert_ne!(pictures[1], pictures[2]);
    assert_eq!(pictures[0], pictures[3], "none of the adapters is none");
    assert_eq!(records[4].model.adapters.len(), 2);
    assert!(records[0].model.adapters.is_empty());
    let report = fs::read_to_string(scene.path("out/report.html")).unwrap();
    let told = "model with peft.safetensors at 0.5 with peft.safetensors at 0.5";
    assert!(report.contains(told), "the newest run's adapters");
    scene.run(&["replay", "out"]).expect(0);

    fs::copy(scene.path("kohya.safetensors"), scene.path(name)).unwrap();
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(ran.err.contains("1 of 5 pictures"), "{}", ran.err);
    assert!(
        ran.errors()[0].starts_with("adapters differ: recorded "),
        "{}",
        ran.err
    );
    fs::remove_file(scene.path(name)).unwrap();
    let ran = scene.run(&["replay", "out"]).expect(1);
    assert!(ran.hints().contains("put back the adapters"), "{}", ran.err);
    assert!(ran.err.contains("1 of 5 pictures"), "{}", ran.err);
    let unmade = ran.out.lines().filter(|l| l.starts_with("not made"));
    assert_eq!(unmade.count(), 4, "{}", ran.out);
}

#[test]
fn a_model_s_own_adapters_count_as_those_given() {
    let scene = scene();
    scene
        .generate(&["products", "--lora", "peft.safetensors"])
        .expect(0);
    let own = scene.path("model/lora");
    fs::create_dir(&own).unwrap();
    let file = own.join("pytorch_lora_weights.safetensors");
    fs::copy(scene.path("peft.safetensors"), &file).unwrap();
    scene.generate(&["products"]).expect(0);
    let records = scene.records();
    assert_eq!(records[0].png_blake3, records[1].png_blake3);
    let path = "lora/pytorch_lora_weights.safetensors";
    assert!(records[1].model.files.contains_key(path));

    fs::write(&file, "no weights").unwrap();
    let ran = scene.generate(&["products"]).expect(2);
    assert!(
        ran.errors()[0].contains("pytorch_lora_weights.safetensors"),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_no_adapter_is_refused_before_anything_starts() {
    let scene = scene();
    let refused = |lora: &str, said: &str| {
        let ran = scene.generate(&["products", "--lora", lora]).expect(2);
        assert!(ran.err.contains(said), "{}", ran.err);
        assert!(!scene.path("out").exists());
    };
    refused("nothing.safetensors", "nothing.safetensors");
    refused("products/box-0.png", "box-0.png");
    refused(
        "model/unet/diffusion_pytorch_model.safetensors",
        "aren't understood as adapters",
    );
    refused("peft.safetensors:inf", "makes no picture");
}
