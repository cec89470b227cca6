//! RoBERTa and its tokenizer against transformers (`parity/rfnet/roberta.py`). Tolerance 1e-4: f32 sums in another order.

mod golden;

use burn::tensor::{Device, Tensor};
use golden::{Golden, Outcome, folder, model, real};
use reliad_rfnet::roberta::{Roberta, RobertaConfig, RobertaForMaskedLm, RobertaTokenizer};
use reliad_weights::ModelDir;
use serde_json::json;

#[derive(serde::Deserialize)]
struct Tokens {
    max_tokens: usize,
    texts: Vec<String>,
    ids: Vec<Vec<u32>>,
}

#[test]
fn hidden_states_equal_transformers() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("roberta")?;
    let network = Roberta::load(&model("roberta")?, &device)?;
    let ids = golden.int::<2>("ids", &device);
    let mask = golden.int::<2>("mask", &device).bool();
    let hidden = network.forward(ids, mask.clone());
    // Rows at padding mean nothing; the golden holds zeros there.
    let hidden = hidden * mask.float().unsqueeze_dim::<3>(2);
    assert!(golden.error("hidden", hidden) < 1e-4);
    Ok(())
}

#[test]
fn guesses_of_masked_tokens_equal_transformers() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("masked_lm")?;
    let network = RobertaForMaskedLm::load(&model("masked_lm")?, &device)?;
    let ids = golden.int::<2>("ids", &device);
    let mask = golden.int::<2>("mask", &device).bool();
    let [rows, tokens] = ids.dims();
    let all = Tensor::arange(0..(rows * tokens) as i64, &device);
    let logits = network.forward(ids, mask.clone(), all);
    let vocabulary = logits.dims()[1];
    let logits = logits.reshape([rows, tokens, vocabulary]) * mask.float().unsqueeze_dim::<3>(2);
    assert!(golden.error("logits", logits) < 1e-4);
    Ok(())
}

#[test]
fn padding_does_not_change_a_caption() -> Outcome {
    let device = Device::default();
    let golden = Golden::read("roberta")?;
    let network = Roberta::load(&model("roberta")?, &device)?;
    let ids = golden.int::<2>("ids", &device);
    let row = ids.clone().narrow(0, 1, 1);
    let length: i64 = real(&row).int().sum().into_scalar();
    let short = row.clone().narrow(1, 0, length as usize);
    let alone = network.forward(short.clone(), real(&short));
    let padded = network
        .forward(row.clone(), real(&row))
        .narrow(1, 0, length as usize);
    assert!((alone - padded).abs().max().into_scalar::<f32>() < 1e-4);
    Ok(())
}

fn read_tokens() -> Result<Tokens, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(folder("roberta").join("tokens.json"))?;
    Ok(serde_json::from_slice(&bytes)?)
}

#[test]
fn tokens_equal_transformers() -> Outcome {
    let golden = read_tokens()?;
    let tokenizer = RobertaTokenizer::load(&model("roberta")?, golden.max_tokens)?;
    for (text, ids) in golden.texts.iter().zip(&golden.ids) {
        assert_eq!(&tokenizer.encode(text)?, ids, "{text:?}");
    }
    let batch = tokenizer.encode_batch(&golden.texts, &Device::default())?;
    assert_eq!(batch.ids.dims(), [golden.texts.len(), golden.max_tokens]);
    let real: i64 = batch.mask.int().sum().into_scalar();
    assert_eq!(
        real as usize,
        golden.ids.iter().map(Vec::len).sum::<usize>()
    );
    Ok(())
}

#[test]
fn a_vocabulary_without_its_special_tokens_is_refused() -> Outcome {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("vocab.json"), r#"{"a": 0, "b": 1}"#)?;
    std::fs::write(dir.path().join("merges.txt"), "#version: 0.2\n")?;
    let message = RobertaTokenizer::load(&ModelDir::open(dir.path())?, 8)
        .expect_err("no <s>")
        .to_string();
    assert!(message.contains("</s>"), "{message}");
    Ok(())
}

#[test]
fn unsupported_values_are_named() {
    for (field, value) in [
        ("position_embedding_type", json!("relative_key")),
        ("is_decoder", json!(true)),
        ("num_attention_heads", json!(7)),
        ("hidden_act", json!("swish")),
    ] {
        let message = RobertaConfig::from_json(&json!({ field: value }))
            .expect_err("unsupported")
            .to_string();
        assert!(
            message.contains(field) || message.contains("swish"),
            "{message}"
        );
    }
}
