//! All stages, two steps each, on a folder of noise: the model directory that comes out loads.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod decoder;
mod judge;
mod lora;
mod networks;
mod shards;
mod views;
mod world;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::{Device, Tensor};
use image::{GrayImage, Rgba, RgbaImage};
use reliad_diffusion::painter::Painter;
use reliad_diffusion::scheduler::PredictionType;
use reliad_imaging::PlacedProduct;
use reliad_rewards::AestheticReward;
use reliad_rfnet::judge::Judge;
use reliad_rfnet::scene_network::SceneClassifier;
use reliad_training::judge::{aesthetic, encoder, maps, rfnet, scene, text};
use reliad_training::painter::repaint::Repainter;
use reliad_training::painter::{controlnet, tokenizer, unet, vae};
use reliad_training::{Budget, Control, Ended, Stage};
use reliad_weights::ModelDir;
use safetensors::SafeTensors;
use serde_json::{Value, json};

use decoder::only_the_decoder_changes;
use judge::{
    begins_with_a_trained_judge, begins_with_pretrained_encoders, rivals_make_judges_of_their_own,
    the_fusion_learns_while_the_encoders_stand_still,
};
use lora::adapters_learn_and_the_weights_stay;
use networks::network;
use shards::shards_hold_what_the_pictures_do;
use views::training_and_use_look_at_the_same;
use world::{SIZE, config, write_world};

#[test]
fn every_stage_writes_a_component_that_loads() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    write_world(data.path());
    let device = Device::flex();
    let stage = Stage {
        data: data.path().to_owned(),
        out: out.path().to_owned(),
        budget: Budget::Steps(2),
        seed: 1,
        device: device.clone(),
        helpers: Vec::new(),
        warm_start: false,
    };
    let stop = AtomicBool::new(false);
    let mut control = Control {
        on_report: &mut |_, _| {},
        stop: &stop,
    };
    let finished = |ended: Ended| assert!(matches!(ended, Ended::Finished(_)), "{ended:?}");
    let fit = json!({ "batch_size": 2, "validations": 1 });
    let control = &mut control;

    let vocabulary = config(json!({
        "texts": 60, "prompt_vocabulary": 540, "prompt_length": 16,
        "title_vocabulary": 280, "title_length": 16
    }));
    finished(tokenizer::train(&vocabulary, &stage).unwrap());
    let autoencoder = config(json!({
        "network": {
            "block_out_channels": [8, 8, 8, 8], "norm_num_groups": 4, "scaling_factor": 1.0,
            "down_block_types": vec!["DownEncoderBlock2D"; 4],
            "up_block_types": vec!["UpDecoderBlock2D"; 4], "mid_block_add_attention": false
        },
        "fit": fit, "recipe": { "size": SIZE, "held_out": 2 }
    }));
    finished(vae::train(&autoencoder, &stage, control).unwrap());
    shards_hold_what_the_pictures_do(&stage);
    let networks = config(json!({
        "text_encoder": {
            "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
            "num_hidden_layers": 1
        },
        "unet": {
            "block_out_channels": [8, 8], "attention_head_dim": 2, "cross_attention_dim": 8,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
            "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
            "layers_per_block": 1, "norm_num_groups": 4
        },
        "sampling": { "steps": 7 },
        "fit": fit, "recipe": { "size": SIZE, "held_out": 2 }
    }));
    finished(unet::train(&networks, &stage, control).unwrap());
    let edges = config(json!({
        "network": { "conditioning_embedding_out_channels": [4, 4, 4, 4] },
        "fit": { "batch_size": 1, "accumulate": 2, "validations": 1 }, "recipe": { "size": SIZE, "held_out": 2 }
    }));
    finished(controlnet::train(&edges, &stage, control).unwrap());
    // Without its checkpoints a stage begins anew: warm from what it wrote (a rate of almost nothing leaves that as it
    // is), or fresh.
    let still = json!({
        "batch_size": 2, "validations": 1, "weight_decay": 0.0, "average_decay": 0.0,
        "learning_rate": { "base": 1e-12 }
    });
    let (mut networks, mut edges) = (networks, edges);
    networks.fit = config(still.clone());
    edges.fit = config(still);
    let weights = ["unet", "text_encoder", "controlnet"].map(|name| {
        let file = match name {
            "text_encoder" => "model.safetensors",
            _ => "diffusion_pytorch_model.safetensors",
        };
        out.path().join(name).join(file)
    });
    // As numbers: a weight of 0 may become -0.
    let read = || {
        weights.each_ref().map(|file| {
            let bytes = std::fs::read(file).unwrap();
            let tensors = SafeTensors::deserialize(&bytes).unwrap();
            let mut values = Vec::new();
            let mut names = tensors.names();
            names.sort_unstable();
            for name in names {
                let data = tensors.tensor(name).unwrap().data();
                values.extend(
                    data.chunks_exact(2)
                        .map(|pair| half::f16::from_le_bytes([pair[0], pair[1]]).to_f32()),
                );
            }
            values
        })
    };
    let before = read();
    for warm_start in [true, false] {
        for stage in ["painter", "controlnet"] {
            std::fs::remove_dir_all(out.path().join(".training").join(stage)).unwrap();
        }
        let stage = Stage {
            warm_start,
            ..stage.clone()
        };
        finished(controlnet::train(&edges, &stage, control).unwrap());
        finished(unet::train(&networks, &stage, control).unwrap());
        for (before, after) in before.iter().zip(read()) {
            assert_eq!(*before == after, warm_start);
        }
    }
    adapters_learn_and_the_weights_stay(&networks, &stage, control);
    // Weights that predict the one are no start for the other.
    networks.recipe.prediction = PredictionType::Velocity;
    let warm = Stage {
        warm_start: true,
        ..stage.clone()
    };
    let refused = unet::train(&networks, &warm, control).unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("v_prediction") && said.contains("sample"),
        "{said}"
    );
    let depth = config(json!({
        "network": {
            "model_type": "dpt", "hidden_size": 8, "num_hidden_layers": 4,
            "num_attention_heads": 2, "intermediate_size": 8, "image_size": 32, "patch_size": 8,
            "backbone_out_indices": [0, 1, 2, 3], "readout_type": "ignore",
            "reassemble_factors": [2, 1, 0.5, 0.25], "neck_hidden_sizes": [4, 4, 4, 4],
            "fusion_hidden_size": 4, "use_batch_norm_in_fusion_residual": false
        },
        "fit": fit, "recipe": { "size": 32, "held_out": 2 }
    }));
    finished(maps::train_depth(&depth, &stage, control).unwrap());
    let saliency = config(json!({
        "network": {
            "model_type": "u2net", "in_channels": 3, "image_size": 32,
            "encoder": vec![[2, 2]; 6], "decoder": vec![[2, 2]; 5]
        },
        "fit": fit, "recipe": { "size": 32, "held_out": 2 }
    }));
    finished(maps::train_saliency(&saliency, &stage, control).unwrap());
    let scenes = config(json!({
        "network": {
            "preprocess": { "image_size": 32 }, "product_margin": 0.05,
            "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2 }
        },
        "fit": fit, "recipe": { "held_out": 3 }
    }));
    match scene::train(&scenes, &stage, control).unwrap() {
        Ended::Finished(figures) => {
            let told = figures.iter().any(|(name, _)| name == "light_accuracy");
            assert!(told, "{figures:?}");
        }
        Ended::Stopped => panic!("nobody asked it to stop"),
    }
    only_the_decoder_changes(&stage, control);
    let aesthetic = config(json!({
        "network": {
            "preprocess": { "image_size": 32 },
            "image_encoder": {
                "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2, "num_classes": 1
            }
        },
        "fit": fit, "recipe": { "held_out": 3 }
    }));
    finished(aesthetic::train(&aesthetic, &stage, control).unwrap());
    let encoder = config(json!({
        "preprocess": { "image_size": 32 },
        "network": {
            "architecture": "resnet", "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2
        },
        "fit": fit
    }));
    let judge = |strength: f64| {
        config(json!({
            "pretrained": { "encoder_stage": true, "text_stage": true },
            "network": network(),
            "fusion": { "fit": { "batch_size": 4, "epochs": 1.0, "validations": 1 } },
            "fit": fit,
            "recipe": { "repaint_every": 3, "repaint_strength": strength, "balance": 1.0 }
        }))
    };
    let early = rfnet::train(&judge(0.4), &stage, control).unwrap_err();
    assert!(
        early.to_string().contains("`reliad train encoder`"),
        "{early}"
    );
    finished(encoder::train(&encoder, &stage, control).unwrap());
    let early = rfnet::train(&judge(0.4), &stage, control).unwrap_err();
    assert!(early.to_string().contains("`reliad train text`"), "{early}");
    let titles = config(json!({
        "network": {
            "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 8, "max_position_embeddings": 18
        },
        "fit": fit, "recipe": { "max_tokens": 16, "told": 1.0 }
    }));
    finished(text::train(&titles, &stage, control).unwrap());
    finished(rfnet::train(&judge(0.4), &stage, control).unwrap());
    let card = std::fs::read_to_string(out.path().join("rfnet/README.md")).unwrap();
    assert!(
        card.contains("- All of it trained for 2 steps in 0 minutes, 2 at a time;"),
        "{card}"
    );
    training_and_use_look_at_the_same(&judge(0.4), &stage, control);
    begins_with_pretrained_encoders(judge(0.4), &stage, control);
    the_fusion_learns_while_the_encoders_stand_still(judge(0.4), &stage, control);
    begins_with_a_trained_judge(judge(0.4), &stage, control);
    rivals_make_judges_of_their_own(&stage, control);

    let model = ModelDir::open(out.path()).unwrap();
    repaints_around_the_product(&model, data.path());
    Judge::load(&model, &device).unwrap();
    let classes = SceneClassifier::load(&model, &device).unwrap();
    assert_eq!(classes.config().families, ["garden", "marble"]);
    assert_eq!(classes.config().colors, ["navy", "sky blue", "teal"]);
    let picture = image::open(data.path().join("images/00000000.png")).unwrap();
    let cover = GrayImage::new(SIZE, SIZE);
    let seen = classes.classify(&picture.into_rgb8(), &cover).unwrap();
    assert!((seen.color_probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);

    let reward = AestheticReward::load(&model, &device).unwrap();
    assert_eq!(reward.class(), "SceneAesthetic");
    let pictures = Tensor::<4>::full([2, 3, 64, 64], 0.5, &device);
    let rewards = reward.rewards(pictures, &["a mug", "a vase"]).unwrap();
    assert_eq!(rewards.dims(), [2]);

    let sampling: Value = model.read_json("sampling.json").unwrap();
    assert_eq!(sampling, json!({ "steps": 7 }));

    // What a user's configuration and data can get wrong is said, with the setting or the file.
    let message = |ended: reliad_training::Result<Ended>| ended.err().unwrap().to_string();
    let wrong = message(rfnet::train(&judge(40.0), &stage, control));
    assert_eq!(wrong, "setting repaint_strength: 40 is outside 0 to 1");
    let untold = std::fs::read_to_string(data.path().join("metadata.jsonl")).unwrap();
    let untold = untold.replace("main_color", "other");
    std::fs::write(data.path().join("metadata.jsonl"), untold).unwrap();
    let wrong = message(scene::train(&scenes, &stage, control));
    assert!(
        wrong.contains("no record has parameters.main_color"),
        "{wrong}"
    );
    for index in 0..60 {
        let small = RgbaImage::from_pixel(32, 32, Rgba([9, 9, 9, 255]));
        let file = format!("products/{index:08}.png");
        small.save(data.path().join(file)).unwrap();
    }
    let wrong = message(rfnet::train(&judge(0.2), &stage, control));
    assert!(
        wrong.contains("products/") && wrong.ends_with("differs in size from its picture"),
        "{wrong}"
    );
    write_world(data.path());

    // The same command again only writes the components once more.
    finished(controlnet::train(&edges, &stage, control).unwrap());
}

/// A repainted picture keeps the product's pixels, changes others, and depends on its index alone.
fn repaints_around_the_product(model: &ModelDir, data: &Path) {
    let picture = image::open(data.join("images/00000000.png")).unwrap();
    let product = image::open(data.join("products/00000000.png")).unwrap();
    let (picture, product) = (picture.into_rgb8(), product.into_rgba8());
    let placed = PlacedProduct::from_canvas_rgba(product.clone()).unwrap();
    let repainter = |strength| {
        let painter = Painter::load(model, &Device::flex()).unwrap();
        Repainter::new(painter, strength, 1)
    };
    let repaint = |by: &Repainter, index| by.repaint(&picture, &placed, "warm light", index);
    let far = repainter(0.9);
    // The first whose drawn start isn't the autoencoder alone.
    let alone = repaint(&repainter(0.0), 0).unwrap();
    let (index, painted) = (0..20)
        .map(|index| (index, repaint(&far, index).unwrap()))
        .find(|(_, painted)| *painted != alone)
        .unwrap();
    assert_eq!(repaint(&far, index).unwrap(), painted);
    let inside = painted
        .enumerate_pixels()
        .filter(|(x, y, _)| product.get_pixel(*x, *y).0[3] == 255)
        .map(|(x, y, pixel)| (pixel.0, product.get_pixel(x, y).0));
    for (pixel, original) in inside {
        assert_eq!(pixel, original[..3]);
    }
}

#[test]
fn a_stage_stops_with_a_checkpoint_when_asked() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    write_world(data.path());
    let stage = Stage {
        data: data.path().to_owned(),
        out: out.path().to_owned(),
        budget: Budget::Steps(1000),
        seed: 1,
        device: Device::flex(),
        helpers: Vec::new(),
        warm_start: false,
    };
    let saliency: maps::MapTraining = config(json!({
        "network": {
            "model_type": "u2net", "in_channels": 3, "image_size": 32,
            "encoder": vec![[2, 2]; 6], "decoder": vec![[2, 2]; 5]
        },
        "fit": { "batch_size": 2, "report_seconds": 0.0 }, "recipe": { "size": 32, "held_out": 2 }
    }));
    let stop = AtomicBool::new(false);
    let mut reports = 0;
    let ended = maps::train_saliency(
        &saliency,
        &stage,
        &mut Control {
            on_report: &mut |_, report| {
                reports += 1;
                if report.step >= 2 {
                    stop.store(true, std::sync::atomic::Ordering::Relaxed);
                }
            },
            stop: &stop,
        },
    )
    .unwrap();
    assert_eq!(ended, Ended::Stopped);
    assert!(
        out.path()
            .join(".training/saliency/step-000000002")
            .exists()
    );
    assert!(!out.path().join("saliency").exists());
    assert!(reports >= 2);
}
