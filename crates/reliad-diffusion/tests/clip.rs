//! CLIP text encoder and tokenizer against transformers.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod golden;

use burn::tensor::Device;
use golden::{Golden, assert_close, component, fixture};
use reliad_diffusion::{ClipTextConfig, ClipTextModel, ClipTokenizer};

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
    let model = reliad_weights::ModelDir::open(dir.path()).unwrap();
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
