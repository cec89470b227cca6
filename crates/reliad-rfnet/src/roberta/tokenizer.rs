//! RoBERTa's byte-level BPE tokenizer: a title to token ids and the mask of the real ones.

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use reliad_weights::ModelDir;
use serde_json::json;
use tokenizers::{Tokenizer, TruncationParams};

use crate::error::{Error, Result};

/// Token ids of a batch of captions.
#[derive(Clone, Debug)]
pub struct CaptionTokens {
    /// `[n, tokens]`, padded at the end.
    pub ids: Tensor<2, Int>,
    /// `[n, tokens]`, true where a token is real.
    pub mask: Tensor<2, Bool>,
}

/// Byte-level BPE with `<s>` before and `</s>` after the text, as transformers' `RobertaTokenizer`.
#[derive(Clone, Debug)]
pub struct RobertaTokenizer {
    tokenizer: Tokenizer,
    pad_id: u32,
    max_tokens: usize,
}

impl RobertaTokenizer {
    /// Reads `tokenizer.json`, or `vocab.json` and `merges.txt`. Texts are cut at `max_tokens`, special tokens included.
    ///
    /// # Errors
    /// A missing or damaged file, or a vocabulary without `<s>`, `</s>` or `<pad>`.
    pub fn load(dir: &ModelDir, max_tokens: usize) -> Result<Self> {
        let fail = |message: String| Error::Tokenizer {
            dir: dir.display(""),
            message,
        };
        let bytes = if dir.contains("tokenizer.json") {
            dir.read("tokenizer.json")?.into_owned()
        } else {
            let vocab: serde_json::Value = dir.read_json("vocab.json")?;
            let merges = dir.read("merges.txt")?;
            let merges = std::str::from_utf8(&merges)
                .map_err(|error| fail(format!("merges.txt isn't UTF-8: {error}")))?;
            describe(&vocab, merges).map_err(fail)?
        };
        let mut tokenizer =
            Tokenizer::from_bytes(bytes).map_err(|error| fail(error.to_string()))?;
        tokenizer.with_padding(None);
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| fail(error.to_string()))?;
        let pad_id = tokenizer
            .token_to_id("<pad>")
            .ok_or_else(|| fail("the vocabulary has no <pad>".to_owned()))?;
        Ok(Self {
            tokenizer,
            pad_id,
            max_tokens,
        })
    }

    /// The id of `<pad>`.
    pub fn pad_id(&self) -> u32 {
        self.pad_id
    }

    /// The id of `<mask>`, where the vocabulary has one.
    pub fn mask_id(&self) -> Option<u32> {
        self.tokenizer.token_to_id("<mask>")
    }

    /// One more than the greatest id, special tokens included.
    pub fn vocab_size(&self) -> usize {
        let vocabulary = self.tokenizer.get_vocab(true);
        let greatest = vocabulary.into_values().max();
        greatest.map_or(0, |id| id as usize + 1)
    }

    /// The longest sequence [`encode`](Self::encode) returns.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The ids of one text, `<s>` and `</s>` included, at most [`max_tokens`](Self::max_tokens) of them, unpadded.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if the vocabulary can't spell the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| Error::Tokenizer {
                dir: String::new(),
                message: error.to_string(),
            })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The ids of several texts, padded at the end to the longest.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_batch<S: AsRef<str>>(
        &self,
        texts: &[S],
        device: &Device,
    ) -> Result<CaptionTokens> {
        let rows = texts
            .iter()
            .map(|text| self.encode(text.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        Ok(CaptionTokens::pad(&rows, self.pad_id, device))
    }
}

impl CaptionTokens {
    /// Pads rows of ids at the end to the longest of them.
    pub fn pad(rows: &[Vec<u32>], pad_id: u32, device: &Device) -> Self {
        let length = rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut ids = Vec::with_capacity(rows.len() * length);
        let mut mask = Vec::with_capacity(rows.len() * length);
        for row in rows {
            let padding = length - row.len();
            ids.extend(row.iter().map(|&id| i64::from(id)));
            ids.extend(std::iter::repeat_n(i64::from(pad_id), padding));
            mask.extend(std::iter::repeat_n(true, row.len()));
            mask.extend(std::iter::repeat_n(false, padding));
        }
        let shape = [rows.len(), length];
        Self {
            ids: Tensor::from_data(TensorData::new(ids, shape), device),
            mask: Tensor::from_data(TensorData::new(mask, shape), device),
        }
    }
}

/// The `tokenizer.json` that a `vocab.json` and `merges.txt` of RoBERTa stand for.
fn describe(vocab: &serde_json::Value, merges: &str) -> Result<Vec<u8>, String> {
    let id = |token: &str| {
        vocab
            .get(token)
            .and_then(serde_json::Value::as_u64)
            .ok_or_else(|| format!("vocab.json has no {token}"))
    };
    let mut added = Vec::new();
    for token in ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] {
        let Ok(id) = id(token) else { continue };
        added.push(json!({
            "id": id, "content": token, "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        }));
    }
    let merges: Vec<&str> = merges
        .lines()
        .filter(|line| !line.starts_with("#version") && !line.is_empty())
        .collect();
    let unknown = id("<unk>").is_ok().then_some("<unk>");
    let tokenizer = json!({
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        },
        "post_processor": {
            "type": "RobertaProcessing", "sep": ["</s>", id("</s>")?], "cls": ["<s>", id("<s>")?],
            "trim_offsets": true, "add_prefix_space": false,
        },
        "model": { "type": "BPE", "unk_token": unknown, "vocab": vocab, "merges": merges },
    });
    serde_json::to_vec(&tokenizer).map_err(|error| error.to_string())
}
