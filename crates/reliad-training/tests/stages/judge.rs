//! The judge's training: the fusion first, pretrained encoders, and rivals of other networks.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use reliad_rfnet::judge::{Judge, JudgeItem};
use reliad_rfnet::rfnet::RfNetConfig;
use reliad_training::fit::schedule::LearningRate;
use reliad_training::judge::pretrained::Pretrained;
use reliad_training::judge::rfnet;
use reliad_training::judge::settings::{FusionTraining, RfNetTraining};
use reliad_training::{Budget, Control, Ended, FitConfig, Stage};
use reliad_weights::{ModelDir, Precision};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::networks::rivals;
use crate::world::SIZE;

/// The rivals look at no maps, so they need no networks that make these.
pub fn rivals_make_judges_of_their_own(stage: &Stage, control: &mut Control<'_>) {
    let rfnet = json!({
        "pretrained": { "encoder_stage": true },
        "fit": { "batch_size": 2, "validations": 1 }, "recipe": { "repaint_every": 0 }
    });
    let hidden = tempfile::tempdir_in(&stage.out).unwrap();
    let maps = ["depth", "saliency"].map(|map| (stage.component(map), hidden.path().join(map)));
    for (there, away) in &maps {
        std::fs::rename(there, away).unwrap();
    }
    for (_, network) in rivals() {
        let mut config = rfnet.clone();
        config["network"] = network;
        std::fs::remove_dir_all(stage.checkpoints("rfnet")).unwrap();
        let train = |config: &Value, control: &mut Control<'_>| {
            rfnet::train(
                &serde_json::from_value(config.clone()).unwrap(),
                stage,
                control,
            )
        };
        // The stage's own encoder is RFNet's, not this one's.
        let said = train(&config, control).unwrap_err().to_string();
        assert!(said.contains("another network than the judge's"), "{said}");
        config["pretrained"]["encoder_stage"] = json!(false);
        train(&config, control).unwrap();
        let model = ModelDir::open(&stage.out).unwrap();
        let judge = Judge::load(&model, &stage.device).unwrap();
        assert_eq!(judge.config().classes().count(), 5);
        let picture = RgbImage::from_pixel(SIZE, SIZE, Rgb([90, 120, 30]));
        let product = RgbaImage::from_pixel(SIZE, SIZE, Rgba([9, 9, 9, 255]));
        let verdicts = judge.judge(&[JudgeItem {
            picture: &picture,
            product: &product,
            title: "a mug",
        }]);
        let sum: f32 = verdicts.unwrap()[0].probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
    for (there, away) in &maps {
        std::fs::rename(away, there).unwrap();
    }
}

fn weights(file: &Path, name: &str) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    tensors.tensor(name).unwrap().data().to_vec()
}

/// With a rate of next to nothing for the whole network, what has changed has changed in the fusion's training.
pub fn the_fusion_learns_while_the_encoders_stand_still(
    mut config: RfNetTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) {
    let written = stage.component("rfnet").join("model.safetensors");
    let slow = |base: f64| FitConfig {
        batch_size: 2,
        average_decay: 0.0,
        weight_decay: 0.0,
        epochs: Some(1.0),
        report_seconds: 0.0,
        learning_rate: LearningRate {
            base,
            warmup_steps: 0,
            ..LearningRate::default()
        },
        ..FitConfig::default()
    };
    config.fit = slow(1e-12);
    let names = [
        "image_encoder.generated.conv1.weight",
        "text_encoder.embeddings.word_embeddings.weight",
        "fusion.0.attention.query.weight",
        "head.weight",
    ];
    let mut trained = |fusion: Option<f64>, stopped_in: Option<&str>| {
        let _ = std::fs::remove_dir_all(stage.checkpoints("rfnet"));
        config.fusion = fusion.map(|rate| FusionTraining {
            fit: slow(rate),
            copies: 2,
        });
        if let Some(part) = stopped_in {
            let stop = AtomicBool::new(false);
            let mut control = Control {
                on_report: &mut |name, _| stop.store(name == part, Ordering::Relaxed),
                stop: &stop,
            };
            let ended = rfnet::train(&config, stage, &mut control).unwrap();
            assert_eq!(ended, Ended::Stopped, "{part}");
        }
        rfnet::train(&config, stage, control).unwrap();
        names.map(|name| weights(&written, name))
    };
    let (without, first) = (trained(None, None), trained(Some(0.1), None));
    for part in ["features", "fusion", "rfnet"] {
        assert_eq!(trained(Some(0.1), Some(part)), first, "stopped in {part}");
    }
    for (at, name) in names.iter().enumerate() {
        assert_eq!(without[at] == first[at], at < 2, "{name}");
    }

    // Without a step after it, only the fusion is another, and the card tells of nothing else.
    let alone = Stage {
        budget: Budget::Steps(0),
        ..stage.clone()
    };
    std::fs::remove_dir_all(stage.checkpoints("rfnet")).unwrap();
    rfnet::train(&config, &alone, control).unwrap();
    let alone = names.map(|name| weights(&written, name));
    for (at, name) in names.iter().enumerate() {
        assert_eq!(without[at] == alone[at], at < 2, "{name}");
    }
    let card = std::fs::read_to_string(stage.component("rfnet").join("README.md")).unwrap();
    let told = "- The fusion alone, the encoders standing still, trained for 1 passes over 2 copies of the views, 2 at a time;";
    assert!(card.contains(told), "{card}");
    assert!(!card.contains("All of it trained"), "{card}");
}

/// A judge trains on from what it has learned, and then nothing else is pretrained.
pub fn begins_with_a_trained_judge(
    mut config: RfNetTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) {
    let written = stage.component("rfnet");
    let names = ["image_encoder.depth.conv1.weight", "head.weight"];
    let of = |dir: &Path| names.map(|name| weights(&dir.join("model.safetensors"), name));
    let before = tempfile::tempdir().unwrap();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(written.join(file), before.path().join(file)).unwrap();
    }
    config.fit = FitConfig {
        batch_size: 2,
        average_decay: 0.0,
        weight_decay: 0.0,
        learning_rate: LearningRate {
            base: 1e-12,
            warmup_steps: 0,
            ..LearningRate::default()
        },
        ..FitConfig::default()
    };
    config.fusion = None;
    config.pretrained = Pretrained {
        rfnet: Some(before.path().to_owned()),
        ..Pretrained::default()
    };
    // Other fresh weights than those of the judge to begin with, if they were taken.
    let stage = Stage {
        seed: stage.seed + 1,
        ..stage.clone()
    };
    let _ = std::fs::remove_dir_all(stage.checkpoints("rfnet"));
    rfnet::train(&config, &stage, control).unwrap();
    assert_eq!(of(&written), of(before.path()));
    // Its fusion learns first where that is asked for, and its encoders stand still.
    let mut with_fusion = config.clone();
    with_fusion.fusion = Some(FusionTraining {
        fit: FitConfig {
            epochs: Some(1.0),
            learning_rate: LearningRate {
                base: 0.1,
                warmup_steps: 0,
                ..LearningRate::default()
            },
            ..config.fit
        },
        copies: 1,
    });
    let _ = std::fs::remove_dir_all(stage.checkpoints("rfnet"));
    rfnet::train(&with_fusion, &stage, control).unwrap();
    let ([encoder, head], [encoder_before, head_before]) = (of(&written), of(before.path()));
    assert_eq!(encoder, encoder_before);
    assert_ne!(head, head_before);
    let mut refused = |config: &RfNetTraining| {
        let said = rfnet::train(config, &stage, control).unwrap_err();
        said.to_string()
    };
    let vocabulary = before.path().join("vocab.json");
    std::fs::write(&vocabulary, "{}").unwrap();
    let said = refused(&config);
    assert!(said.contains("vocab.json differs"), "{said}");
    std::fs::remove_file(&vocabulary).unwrap();
    config.pretrained.encoder_stage = true;
    let said = refused(&config);
    assert!(said.contains("rfnet excludes"), "{said}");
}

/// Every image encoder starts from the same file and learns for itself.
pub fn begins_with_pretrained_encoders(
    mut config: RfNetTraining,
    stage: &Stage,
    control: &mut Control<'_>,
) {
    let encoder = RfNetConfig::from_json(&{
        let mut network = config.network.clone();
        network["text_encoder"]["vocab_size"] = json!(280);
        network
    })
    .unwrap()
    .image_encoder;
    let file = stage.out.join("encoder.safetensors");
    let network = encoder.init(&stage.device).unwrap();
    reliad_weights::save(&network, &file, Precision::F16, &encoder.key_map()).unwrap();
    let first = weights(&file, "conv1.weight");
    config.pretrained.image_encoder = Some(file);
    config.pretrained.encoder_stage = false;
    config.fusion = None;
    for (rate, alike) in [(1e-12, true), (0.1, false)] {
        config.fit = FitConfig {
            batch_size: 2,
            average_decay: 0.0,
            weight_decay: 0.0,
            learning_rate: LearningRate {
                base: rate,
                warmup_steps: 0,
                ..LearningRate::default()
            },
            ..FitConfig::default()
        };
        std::fs::remove_dir_all(stage.checkpoints("rfnet")).unwrap();
        rfnet::train(&config, stage, control).unwrap();
        let written = stage.component("rfnet").join("model.safetensors");
        let own = ["product", "generated", "depth", "saliency"]
            .map(|name| weights(&written, &format!("image_encoder.{name}.conv1.weight")));
        for (at, encoder) in own.iter().enumerate() {
            assert_eq!(*encoder == first, alike);
            assert!(own[..at].iter().all(|other| (other == encoder) == alike));
        }
    }
}
