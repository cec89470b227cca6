//! Components that don't fit each other are one error with the files and values, before weights are read.
#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

mod program;

use std::fs;
use std::path::Path;

use program::Scene;
use serde_json::{Value, json};

/// Sets fields of a JSON file.
fn set(file: &Path, fields: &Value) {
    let mut json: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        match name.split_once('.') {
            Some((part, name)) => json[part][name] = value.clone(),
            None => json[name] = value.clone(),
        }
    }
    fs::write(file, json.to_string()).unwrap();
}

/// Nothing can be loaded from what is left, so an error of components came before.
fn without_weights(scene: &Scene) {
    for part in [
        "unet",
        "vae",
        "text_encoder",
        "controlnet",
        "rfnet",
        "depth",
        "saliency",
    ] {
        for entry in fs::read_dir(scene.path("model").join(part)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "safetensors") {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn a_painter_whose_components_dont_fit_names_files_and_values() {
    let unet = "unet/config.json";
    let vae = "vae/config.json";
    let controlnet = "controlnet/config.json";
    let text = "text_encoder/config.json";
    for (what, file, fields, told) in [
        (
            "a UNet for inpainting",
            unet,
            json!({"in_channels": 9}),
            &["inpainting", "isn't supported yet", unet, "= 9", vae, "= 4"][..],
        ),
        (
            "a UNet of other latents",
            unet,
            json!({"in_channels": 8}),
            &[unet, "`in_channels` = 8", vae, "`latent_channels` = 4"],
        ),
        (
            "a UNet that predicts variances",
            unet,
            json!({"out_channels": 8}),
            &[unet, "`out_channels` = 8", "`in_channels` = 4"],
        ),
        (
            "a VAE of 16 channels",
            vae,
            json!({"latent_channels": 16}),
            &[vae, "`latent_channels` = 16", unet, "`in_channels` = 4"],
        ),
        (
            "a VAE of grey pictures",
            vae,
            json!({"in_channels": 1}),
            &[vae, "`in_channels` = 1", "pictures have 3"],
        ),
        (
            "a wider text encoder",
            text,
            json!({"hidden_size": 16}),
            &[
                text,
                "`hidden_size` = 16",
                unet,
                "`cross_attention_dim` = 12",
            ],
        ),
        (
            "a smaller vocabulary",
            text,
            json!({"vocab_size": 600}),
            &[
                "model/tokenizer",
                "`entries` = 652",
                text,
                "`vocab_size` = 600",
            ],
        ),
        (
            "fewer places",
            text,
            json!({"max_position_embeddings": 16}),
            &[
                "model/tokenizer",
                "= 24",
                text,
                "`max_position_embeddings` = 16",
            ],
        ),
        (
            "a ControlNet for another text encoder",
            controlnet,
            json!({"cross_attention_dim": 16}),
            &[controlnet, "= 16", unet, "`cross_attention_dim` = 12"],
        ),
        (
            "a wider ControlNet",
            controlnet,
            json!({"block_out_channels": [8, 24]}),
            &[
                controlnet,
                "`block_out_channels` = [8, 24]",
                unet,
                "= [8, 16]",
            ],
        ),
        (
            "a deeper ControlNet",
            controlnet,
            json!({"layers_per_block": 2}),
            &[controlnet, "`layers_per_block` = 2", unet, "= 1"],
        ),
        (
            "a ControlNet of other latents",
            controlnet,
            json!({"in_channels": 16}),
            &[controlnet, "`in_channels` = 16", unet, "= 4"],
        ),
        (
            "a ControlNet of depth maps",
            controlnet,
            json!({"conditioning_channels": 1}),
            &[controlnet, "`conditioning_channels` = 1", "edges have 3"],
        ),
        (
            "a ControlNet of another scale",
            controlnet,
            json!({"conditioning_embedding_out_channels": [4, 8]}),
            &[controlnet, "= [4, 8]", vae, "= [4, 4, 8, 8]"],
        ),
        (
            "an unknown prediction",
            "scheduler/scheduler_config.json",
            json!({"prediction_type": "flow_prediction"}),
            &[
                "scheduler_config.json",
                "\"flow_prediction\"",
                "\"v_prediction\"",
            ],
        ),
        (
            "a judge of another vocabulary",
            "rfnet/config.json",
            json!({"text_encoder.vocab_size": 100}),
            &[
                "tokenizer in model/rfnet",
                "entries",
                "model/rfnet/config.json",
                "vocab_size is 100",
            ],
        ),
    ] {
        let scene = Scene::with_products(0.0, 1);
        set(&scene.path("model").join(file), &fields);
        without_weights(&scene);
        let ran = scene
            .generate(&["--out", "out", "products/box-0.png"])
            .expect(2);
        assert_eq!(ran.errors().len(), 1, "{what}: {}", ran.err);
        for told in told {
            assert!(ran.err.contains(told), "{what}: no {told:?} in {}", ran.err);
        }
    }
}

#[test]
fn all_that_doesnt_fit_is_one_error() {
    let scene = Scene::with_products(0.0, 1);
    let model = scene.path("model");
    set(
        &model.join("text_encoder/config.json"),
        &json!({"hidden_size": 16}),
    );
    set(
        &model.join("controlnet/config.json"),
        &json!({"layers_per_block": 2, "conditioning_channels": 1}),
    );
    without_weights(&scene);
    let ran = scene
        .generate(&["--out", "out", "products/box-0.png"])
        .expect(2);
    assert_eq!(ran.errors().len(), 1, "{}", ran.err);
    for told in ["hidden_size", "layers_per_block", "conditioning_channels"] {
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}

#[test]
fn a_judge_without_what_it_looks_at_names_both() {
    let scene = Scene::with_products(0.0, 1);
    for part in ["depth", "saliency"] {
        fs::remove_dir_all(scene.path("model").join(part)).unwrap();
    }
    let ran = scene
        .generate(&["--out", "out", "products/box-0.png"])
        .expect(2);
    assert_eq!(ran.errors().len(), 1, "{}", ran.err);
    for told in [
        "model/depth/config.json is missing",
        "model/saliency/config.json is missing",
        "model/rfnet/config.json",
    ] {
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}

#[test]
fn training_beside_components_that_dont_fit_names_them() {
    for (stage, file, fields, told) in [
        (
            "lora",
            "text_encoder/config.json",
            json!({"hidden_size": 16}),
            ["`hidden_size` = 16", "`cross_attention_dim` = 12"],
        ),
        (
            "lora",
            "controlnet/config.json",
            json!({"layers_per_block": 3}),
            ["`layers_per_block` = 3", "`layers_per_block` = 1"],
        ),
        (
            "controlnet",
            "vae/config.json",
            json!({"latent_channels": 16}),
            ["`latent_channels` = 16", "`in_channels` = 4"],
        ),
    ] {
        let scene = Scene::new(0.0);
        let config = json!({"rank": 2, "network": {"conditioning_channels": 3}});
        let mut config = config.as_object().unwrap().clone();
        config.remove(if stage == "lora" { "network" } else { "rank" });
        fs::write(scene.path("stage.json"), json!(config).to_string()).unwrap();
        set(&scene.path("model").join(file), &fields);
        without_weights(&scene);
        let ran = scene
            .run(&[
                "train",
                stage,
                "--data",
                "nowhere",
                "--out",
                "model",
                "--config",
                "stage.json",
                "--steps",
                "2",
            ])
            .expect(2);
        assert_eq!(ran.errors().len(), 1, "{}", ran.err);
        for told in told {
            assert!(ran.err.contains(told), "{stage}: {}", ran.err);
        }
    }
}
