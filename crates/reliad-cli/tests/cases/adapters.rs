//! Adapters as people publish them: `reliad generate --lora`.

use std::fs;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use crate::case::{CASE, Case};
use crate::program::{Scene, copy_dir, fixture, product};

/// A product; the model is `mini`, whose layers the adapters of the fixtures fit.
fn products(scene: &Scene) {
    fs::create_dir(scene.path("products")).unwrap();
    product(0).save(scene.path("products/box-0.png")).unwrap();
}

/// A product and a tiny model of random weights.
fn painter(scene: &Scene) {
    products(scene);
    copy_dir(
        &fixture("reliad-diffusion", "inpaint"),
        &scene.path("model"),
    );
}

/// Writes a JSON file's fields.
fn set(file: &Path, fields: Value) {
    let text = fs::read(file).unwrap_or_else(|_| b"{}".to_vec());
    let mut json: Value = serde_json::from_slice(&text).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        json[name] = value.clone();
    }
    fs::write(file, json.to_string()).unwrap();
}

/// The picture that `mini` paints under these adapters.
fn painted(scene: &Scene, lora: &[&str]) -> String {
    let run = "generate products --no-judge --size 64x64 --steps 1 --prompt table --out other";
    let arguments: Vec<_> = run.split(' ').chain(lora.iter().copied()).collect();
    scene.run(&arguments).expect(0);
    let file = scene
        .path("other")
        .join(reliad_generation::manifest::FILE_NAME);
    let records = reliad_generation::manifest::read(&file).unwrap();
    records.last().unwrap().png_blake3.clone()
}

/// Writes tensors of a file under other names.
fn renamed(from: &Path, to: &Path, rename: impl Fn(&str) -> Option<String>) {
    let bytes = fs::read(from).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = tensors.tensors();
    let kept = tensors.iter().filter_map(|(name, tensor)| {
        let view = TensorView::new(tensor.dtype(), tensor.shape().to_vec(), tensor.data());
        Some((rename(name)?, view.unwrap()))
    });
    fs::write(to, safetensors::serialize(kept, None).unwrap()).unwrap();
}

/// The adapters change the picture, by their strength; none of them is none.
fn counts(scene: &Scene) {
    let own = &scene.records()[0];
    assert_eq!(own.model.adapters.len(), 1);
    let plain = painted(scene, &[]);
    assert_eq!(painted(scene, &["--lora", "input.safetensors:0"]), plain);
    // They change little: what one of them does, 8 bits needn't show.
    let more = painted(scene, &["--lora", "input.safetensors:8"]);
    let still_more = painted(scene, &["--lora", "input.safetensors:16"]);
    assert!(more != plain && still_more != more);
    scene.run(&["replay", "out"]).expect(0);
}

#[test]
fn kinds_and_files() {
    Case::hold(&[
        Case {
            name: "a directory of PEFT: alpha 8 of rank 2 is four times the matrices",
            input: "adapters/peft",
            prepare: products,
            run: "generate products --no-judge --size 64x64 --steps 1 --prompt table --lora input",
            then: |scene| {
                // The same matrices in a file that says nothing of alpha.
                let kohya = |name: &str| {
                    let name = name.strip_prefix("base_model.model.")?;
                    let name = name
                        .replace("lora_A", "lora_down")
                        .replace("lora_B", "lora_up");
                    let (layer, part) = name.split_once(".lora_")?;
                    Some(format!("lora_unet_{}.lora_{part}", layer.replace('.', "_")))
                };
                let from = scene.path("input/adapter_model.safetensors");
                renamed(&from, &scene.path("kohya.safetensors"), kohya);
                let own = &scene.records()[0];
                let four = painted(scene, &["--lora", "kohya.safetensors:4"]);
                assert_eq!(own.png_blake3, four);
                assert_ne!(four, painted(scene, &["--lora", "kohya.safetensors"]));
                // The file is the same with its configuration beside it, and the run can be made again while both are.
                let file = painted(scene, &["--lora", "input/adapter_model.safetensors"]);
                assert_eq!(file, four);
                scene.run(&["replay", "out"]).expect(0);
                set(
                    &scene.path("input/adapter_config.json"),
                    json!({"lora_alpha": 2}),
                );
                scene.run(&["replay", "out"]).expect(1);
            },
            ..CASE
        },
        Case {
            name: "LoHa",
            input: "adapters/loha.safetensors",
            prepare: products,
            run: "generate products --no-judge --size 64x64 --steps 1 --prompt table --lora input.safetensors",
            then: counts,
            ..CASE
        },
        Case {
            name: "DoRA",
            input: "adapters/dora.safetensors",
            prepare: products,
            run: "generate products --no-judge --size 64x64 --steps 1 --prompt table --lora input.safetensors",
            then: counts,
            ..CASE
        },
        Case {
            name: "PEFT's tensors without their configuration",
            input: "adapters/peft",
            prepare: |scene| {
                products(scene);
                fs::remove_file(scene.path("input/adapter_config.json")).unwrap();
            },
            run: "generate products --no-judge --prompt table --lora input/adapter_model.safetensors",
            code: 2,
            says: &["adapter_model.safetensors", "adapter_config.json"],
            ..CASE
        },
        Case {
            name: "a field of PEFT that changes the result",
            input: "adapters/peft",
            prepare: |scene| {
                products(scene);
                set(
                    &scene.path("input/adapter_config.json"),
                    json!({"layer_replication": [[0, 4]]}),
                );
            },
            run: "generate products --no-judge --prompt table --lora input",
            code: 2,
            says: &["input/adapter_config.json", "`layer_replication` = [[0,4]]"],
            ..CASE
        },
        Case {
            name: "another kind of PEFT",
            input: "adapters/peft",
            prepare: |scene| {
                products(scene);
                set(
                    &scene.path("input/adapter_config.json"),
                    json!({"peft_type": "IA3"}),
                );
            },
            run: "generate products --no-judge --prompt table --lora input",
            code: 2,
            says: &["input/adapter_config.json", "`peft_type` = \"IA3\""],
            ..CASE
        },
        Case {
            name: "a kind that isn't understood (OFT)",
            input: "adapters/loha.safetensors",
            prepare: |scene| {
                products(scene);
                let oft = |name: &str| Some(name.replace("hada_w1_a", "oft_blocks"));
                let file = scene.path("input.safetensors");
                renamed(&file, &scene.path("oft.safetensors"), oft);
            },
            run: "generate products --no-judge --prompt table --lora oft.safetensors",
            code: 2,
            says: &["oft.safetensors", "attn1_to_q.oft_blocks"],
            ..CASE
        },
        Case {
            name: "adapters of another architecture",
            input: "adapters/loha.safetensors",
            prepare: painter,
            run: "generate products --model model --no-judge --prompt table --size 64x64 --lora input.safetensors",
            code: 2,
            says: &[
                "input.safetensors",
                "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q: expected 16 outputs of 16 inputs, found 96 of 96",
            ],
            ..CASE
        },
        Case {
            name: "a directory without adapters",
            prepare: |scene| {
                products(scene);
                fs::create_dir(scene.path("nothing")).unwrap();
            },
            run: "generate products --no-judge --prompt table --lora nothing",
            code: 2,
            says: &["nothing: it holds no adapters", "adapter_config.json"],
            ..CASE
        },
    ]);
}

#[test]
fn tokenizers_with_further_tokens() {
    const RUN: &str =
        "generate products --model model --no-judge --size 64x64 --steps 1 --prompt vase";
    Case::hold(&[
        Case {
            name: "an added token that the text encoder has no row for",
            prepare: |scene| {
                painter(scene);
                let tokens = scene.path("model/tokenizer/added_tokens.json");
                set(&tokens, json!({"<sks>": 652}));
            },
            run: RUN,
            code: 2,
            says: &["model/tokenizer", "`entries` = 653", "`vocab_size` = 652"],
            ..CASE
        },
        Case {
            name: "an added token whose id leaves a gap",
            prepare: |scene| {
                painter(scene);
                let tokens = scene.path("model/tokenizer/added_tokens.json");
                set(&tokens, json!({"<sks>": 700}));
            },
            run: RUN,
            code: 2,
            says: &["added_tokens.json", "\"<sks>\" has the id 700", "652"],
            ..CASE
        },
        Case {
            name: "an added token that is a word of the vocabulary",
            prepare: |scene| {
                painter(scene);
                let file = scene.path("model/tokenizer/tokenizer.json");
                let json: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
                let id = json["model"]["vocab"]["a"].clone();
                set(
                    &scene.path("model/tokenizer/added_tokens.json"),
                    json!({"a": id}),
                );
            },
            run: RUN,
            ..CASE
        },
        Case {
            name: "a tokenizer longer than its encoder",
            prepare: |scene| {
                painter(scene);
                let config = scene.path("model/tokenizer/tokenizer_config.json");
                set(&config, json!({"model_max_length": 77}));
            },
            run: RUN,
            code: 2,
            says: &["`model_max_length` = 77", "`max_position_embeddings` = 24"],
            silent_of: &["panicked"],
            ..CASE
        },
        Case {
            name: "a UNet of 9 channels",
            prepare: |scene| {
                painter(scene);
                set(
                    &scene.path("model/unet/config.json"),
                    json!({"in_channels": 9}),
                );
            },
            run: RUN,
            code: 2,
            says: &["`in_channels` = 9", "inpainting"],
            silent_of: &["panicked"],
            ..CASE
        },
        Case {
            name: "a ControlNet for another text encoder",
            prepare: |scene| {
                painter(scene);
                let config = scene.path("model/controlnet/config.json");
                set(&config, json!({"cross_attention_dim": 16}));
            },
            run: RUN,
            code: 2,
            says: &["`cross_attention_dim` = 16", "`cross_attention_dim` = 12"],
            silent_of: &["panicked"],
            ..CASE
        },
    ]);
}
