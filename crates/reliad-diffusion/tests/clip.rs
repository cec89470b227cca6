//! CLIP text encoder and tokenizer against transformers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::tensor::Device;
use golden::{Golden, assert_close, component, fixture};
use reliad_diffusion::{ClipTextConfig, ClipTextModel, ClipTokenizer};
use reliad_weights::ModelDir;
use serde_json::json;

#[test]
fn text_encoder_equals_transformers() {
    // The first file carries the prefix `text_model.`, the second does not.
    for name in ["clip_quick_gelu", "clip_gelu"] {
        let golden = Golden::read(name);
        for device in [Device::flex(), Device::flex().autodiff()] {
            let model = ClipTextModel::load(&component(name), &device).unwrap();
            let hidden = model.forward(golden.int("ids", &device));
            assert_close(name, hidden, golden.float("last_hidden_state", &device));
        }
    }
}

#[test]
fn saved_weights_carry_the_prefix() {
    let config = ClipTextConfig::from_json(&golden::config("clip_gelu")).unwrap();
    let model = config.init(&Device::flex());
    let names = reliad_weights::named_shapes(&model, &ClipTextModel::key_map());
    assert!(names.keys().all(|name| name.starts_with("text_model.")));
}

#[test]
fn tokenizer_equals_transformers() {
    let text = std::fs::read_to_string(fixture("tokenizer.golden.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() > 15);
    for name in ["tokenizer", "tokenizer_json"] {
        let tokenizer = ClipTokenizer::load(&component(name)).unwrap();
        assert_eq!(tokenizer.max_len(), 24);
        for case in &cases {
            let prompt = case["text"].as_str().unwrap();
            let ids: Vec<i64> = serde_json::from_value(case["ids"].clone()).unwrap();
            let tokens = tokenizer.encode(prompt).unwrap();
            assert_eq!(tokens.ids, ids, "{name}: {prompt:?}");
        }
    }
}

/// A tokenizer directory of the fixtures with further files, whose fields go into those that are there.
fn with_files(base: &str, files: &serde_json::Value) -> (tempfile::TempDir, ModelDir) {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(base)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    for (name, fields) in files.as_object().unwrap() {
        let path = dir.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|_| "{}".to_owned());
        let mut whole: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap();
        whole.extend(fields.as_object().unwrap().clone());
        std::fs::write(&path, serde_json::to_string(&whole).unwrap()).unwrap();
    }
    let model = ModelDir::open(dir.path()).unwrap();
    (dir, model)
}

#[test]
fn added_tokens_have_their_ids_as_in_transformers() {
    let text = std::fs::read_to_string(fixture("added_tokens.golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows = golden["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let base = row["base"].as_str().unwrap();
        let (_dir, model) = with_files(base, &row["files"]);
        let tokenizer = ClipTokenizer::load(&model).unwrap();
        assert_eq!(json!(tokenizer.vocab_size()), row["size"], "{base}");
        let texts = golden["texts"].as_array().unwrap().iter();
        for (text, ids) in texts.zip(row["ids"].as_array().unwrap()) {
            let tokens = tokenizer.encode(text.as_str().unwrap()).unwrap();
            assert_eq!(json!(tokens.ids), *ids, "{base}: {text}");
        }
    }
}

#[test]
fn added_tokens_that_cannot_have_their_ids_are_refused() {
    for (added, told) in [
        // 652 would be its id.
        (json!({"<sks>": 655}), ["\"<sks>\"", "655", "652"]),
        (json!({"<sks>": 5}), ["\"<sks>\"", "id 5", "652"]),
        (json!({"<sks>": -1}), ["\"<sks>\"", "-1", "no id"]),
        (
            json!({"<a>": 652, "<b>": 652}),
            ["\"<a>\"", "\"<b>\"", "652"],
        ),
    ] {
        for base in ["tokenizer", "tokenizer_json"] {
            let (_dir, model) = with_files(base, &json!({"added_tokens.json": added}));
            let error = ClipTokenizer::load(&model).unwrap_err().to_string();
            assert!(error.contains("added_tokens.json"), "{error}");
            assert!(told.iter().all(|told| error.contains(told)), "{error}");
        }
    }
    for whole in ["[]", "3", "{"] {
        let (dir, model) = with_files("tokenizer", &json!({}));
        std::fs::write(dir.path().join("added_tokens.json"), whole).unwrap();
        let error = ClipTokenizer::load(&model).unwrap_err().to_string();
        assert!(error.contains("added_tokens.json"), "{error}");
    }
}

#[test]
fn a_long_prompt_is_cut_and_the_cut_is_told() {
    let tokenizer = ClipTokenizer::load(&component("tokenizer")).unwrap();
    assert_eq!(tokenizer.encode("a small red vase").unwrap().cut, None);
    let exact = ["a"; 22].join(" ");
    assert_eq!(tokenizer.encode(&exact).unwrap().cut, None);
    let words: Vec<String> = (0..10_000).map(|i| format!("a {}", i % 10)).collect();
    let tokens = tokenizer.encode(&words.join("  ")).unwrap();
    let cut = tokens.cut.unwrap();
    // Every word here is one token.
    assert_eq!((cut.kept_words, cut.first_dropped.as_str()), (22, "a"));
    assert_eq!(cut.dropped_tokens, 20_000 - 22);
}

#[test]
fn a_damaged_tokenizer_is_refused_by_file() {
    let dir = tempfile::tempdir().unwrap();
    let model = ModelDir::open(dir.path()).unwrap();
    let message = || ClipTokenizer::load(&model).unwrap_err().to_string();
    assert!(message().contains("vocab.json"), "{}", message());
    std::fs::write(dir.path().join("vocab.json"), "{\"a\": 0}").unwrap();
    std::fs::write(dir.path().join("merges.txt"), "#version: 0.2\n").unwrap();
    assert!(message().contains("<|startoftext|>"), "{}", message());
    let vocab = r#"{"a": 0, "<|startoftext|>": 1, "<|endoftext|>": 2}"#;
    std::fs::write(dir.path().join("vocab.json"), vocab).unwrap();
    assert!(ClipTokenizer::load(&model).is_ok());
    std::fs::write(dir.path().join("merges.txt"), "b c\n").unwrap();
    assert!(
        message().contains("not a usable CLIP tokenizer"),
        "{}",
        message()
    );
}
