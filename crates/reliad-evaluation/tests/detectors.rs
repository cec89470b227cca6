//! The tables of detectors on a folder of noise, and a judge that was trained there judging what it never saw.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

#[path = "../../reliad-training/tests/stages/networks.rs"]
mod networks;
#[path = "../../reliad-training/tests/stages/world.rs"]
mod world;

use std::error::Error as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use reliad_dataset::Split;
use reliad_evaluation::Error;
use reliad_evaluation::detectors::{Comparison, compare, tables};
use reliad_evaluation::judge::{Reader, judge_folder};
use reliad_training::judge::{maps, rfnet};
use reliad_training::painter::tokenizer;
use reliad_training::{Budget, Control, Ended, Stage};
use reliad_weights::ModelDir;
use serde_json::{Value, json};

use networks::{network, rivals};
use world::{config, write_world};

/// A folder with the first three samples of another, all of them in the test part.
fn three_to_test(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(from.join("metadata.jsonl")).unwrap();
    let mut lines = Vec::new();
    for line in text.lines().take(3) {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record["split"] = json!("test");
        for kind in ["image", "product"] {
            let name = record[kind].as_str().unwrap();
            let to = dir.path().join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from.join(name), to).unwrap();
        }
        lines.push(record.to_string());
    }
    std::fs::write(dir.path().join("metadata.jsonl"), lines.join("\n")).unwrap();
    dir
}

#[test]
fn detectors_are_compared_and_a_judge_judges_what_it_never_saw() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    write_world(data.path());
    let stage = Stage {
        data: data.path().to_owned(),
        out: out.path().to_owned(),
        budget: Budget::Steps(2),
        seed: 1,
        device: Device::flex(),
        helpers: Vec::new(),
        warm_start: false,
    };
    let stop = AtomicBool::new(false);
    let control = &mut Control {
        on_report: &mut |_, _| {},
        stop: &stop,
    };
    let finished = |ended: Ended| assert!(matches!(ended, Ended::Finished(_)), "{ended:?}");
    let fit = json!({ "batch_size": 2, "validations": 1 });
    let vocabulary = config(json!({
        "texts": 60, "prompt_vocabulary": 540, "prompt_length": 16,
        "title_vocabulary": 280, "title_length": 16
    }));
    finished(tokenizer::train(&vocabulary, &stage).unwrap());
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
    let judge = config(json!({
        "network": network(), "fit": fit, "recipe": { "repaint_every": 0 }
    }));
    finished(rfnet::train(&judge, &stage, control).unwrap());
    let model = ModelDir::open(out.path()).unwrap();
    let trained = Reader::load(&model, &stage.device, None).unwrap();
    let unseen = [Split::Validation, Split::Test];
    let judged = judge_folder(&trained, data.path(), &unseen, control);
    let judged = judged.unwrap().unwrap().judged;
    assert!((1..30).contains(&judged.len()), "{}", judged.len());
    compares_detectors(&stage, control);
}

/// Each row of the tables is trained and measured once.
fn compares_detectors(stage: &Stage, control: &mut Control<'_>) {
    let rfnet = json!({
        "network": network(),
        "pretrained": { "encoder_stage": true },
        "fit": { "batch_size": 2, "validations": 1 }, "recipe": { "repaint_every": 0 }
    });
    let encoder = config(json!({
        "preprocess": { "image_size": 32 },
        "network": {
            "architecture": "resnet", "block": "basic", "layers": [1, 1, 1, 1], "base_width": 2
        },
        "fit": { "batch_size": 8, "validations": 1, "epochs": 0.3 },
        "recipe": { "verdict": 1.0 }
    }));
    let encoder = Some(&encoder);
    let detectors = tables(&rfnet, rivals()).unwrap();
    assert_eq!(detectors.len(), 10);
    let comparison = Comparison {
        rfnet: &detectors[0].config,
        encoder,
        detectors: &detectors,
        seeds: &[1, 2],
        test: None,
        part: (0, 1),
    };
    let second_of_four = Comparison {
        detectors: &detectors[..2],
        part: (1, 4),
        ..comparison
    };
    // Workers must not pretrain the same encoder side by side.
    let said = compare(second_of_four, stage, control).unwrap_err();
    assert!(matches!(said, Error::NoEncoder(_)), "{said}");
    let encoders = Comparison {
        seeds: &[],
        part: (0, 1),
        ..second_of_four
    };
    let none = compare(encoders, stage, control).unwrap().unwrap();
    assert!(none.iter().all(|row| row.scores.is_empty()));
    let part = compare(second_of_four, stage, control).unwrap().unwrap();
    let done: Vec<Vec<u64>> = part
        .iter()
        .map(|row| row.scores.iter().map(|score| score.seed).collect())
        .collect();
    assert_eq!(done, [vec![], vec![1]]);
    let rows = compare(comparison, stage, control).unwrap().unwrap();
    for (row, detector) in rows.iter().zip(&detectors) {
        assert_eq!(row.name, detector.name);
        assert_eq!(row.scores.len(), 2);
        for score in &row.scores {
            assert!(score.samples > 0 && score.steps == 2, "{score:?}");
            assert!((0.0..=1.0).contains(&score.ap), "{score:?}");
        }
    }
    let elsewhere = Comparison {
        test: Some(Path::new("nowhere")),
        ..comparison
    };
    let said = compare(elsewhere, stage, control).unwrap_err();
    let cause = said.source().and_then(|cause| cause.downcast_ref());
    assert!(
        matches!(cause, Some(reliad_dataset::Error::Io { path, .. }) if path.starts_with("nowhere")),
        "{said:?}"
    );
    let three = three_to_test(&stage.data);
    let other = Comparison {
        test: Some(three.path()),
        detectors: &detectors[..1],
        seeds: &[1],
        ..comparison
    };
    let measured = compare(other, stage, control).unwrap().unwrap();
    assert_eq!(measured[0].scores[0].samples, 3);
    // Once more nothing is trained.
    let mut trained = 0;
    let mut quiet = Control {
        on_report: &mut |_, _| trained += 1,
        stop: control.stop,
    };
    let again = compare(comparison, stage, &mut quiet).unwrap().unwrap();
    assert_eq!(trained, 0);
    for (again, row) in again.iter().zip(&rows) {
        for (again, score) in again.scores.iter().zip(&row.scores) {
            // Read back from JSON, whose numbers may differ in their last digit.
            assert!((again.ap - score.ap).abs() < 1e-12 && again.seed == score.seed);
        }
    }
}
