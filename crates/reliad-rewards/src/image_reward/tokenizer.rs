//! BERT's WordPiece tokenizer of lower-case texts, from `vocab.txt`, with the two tokens that BLIP adds.

use burn::tensor::Device;
use reliad_rfnet::roberta::CaptionTokens;
use reliad_weights::ModelDir;
use serde_json::{Map, Value, json};
use tokenizers::{Tokenizer, TruncationParams};

use crate::error::{Error, Result};

/// What stands before and after a text, in the place of unknown words, and what is never split.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
/// Tokens that BLIP adds behind the vocabulary. ImageReward uses neither: its texts begin with `[CLS]`.
const ADDED: [&str; 2] = ["[DEC]", "[ENC]"];

/// WordPiece over lower-case text with `[CLS]` before and `[SEP]` after it, as transformers' `BertTokenizer`.
#[derive(Clone, Debug)]
pub struct BertTokenizer {
    tokenizer: Tokenizer,
    pad: u32,
    dir: String,
}

impl BertTokenizer {
    /// Reads `vocab.txt`, a token a line. Texts are cut at `max_tokens` (2 or more), `[CLS]` and `[SEP]` included.
    ///
    /// # Errors
    /// A missing file, or [`Error::Tokenizer`] for one that isn't UTF-8 or lacks a special token.
    pub fn load(dir: &ModelDir, max_tokens: usize) -> Result<Self> {
        let bytes = dir.read("vocab.txt")?;
        let dir = dir.display("");
        Self::from_vocabulary(&bytes, max_tokens)
            .map_err(|reason| Error::Tokenizer {
                dir: dir.clone(),
                reason,
            })
            .map(|tokenizer| Self { dir, ..tokenizer })
    }

    fn from_vocabulary(bytes: &[u8], max_tokens: usize) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("vocab.txt isn't UTF-8: {error}"))?;
        let mut vocabulary: Map<String, Value> = Map::new();
        for (id, token) in text.lines().enumerate() {
            vocabulary.insert(token.trim_end_matches('\r').to_owned(), json!(id));
        }
        let count = text.lines().count();
        let id = |token: &str| vocabulary.get(token).and_then(Value::as_u64);
        let mut special = Vec::new();
        for token in SPECIAL {
            let id = id(token).ok_or_else(|| format!("vocab.txt lacks the token {token}"))?;
            special.push((token, id));
        }
        let absent = ADDED.into_iter().filter(|token| id(token).is_none());
        let behind = absent.zip(count as u64..).collect::<Vec<_>>();
        let present = ADDED
            .into_iter()
            .filter_map(|token| Some((token, id(token)?)));
        special.extend(present.chain(behind));
        let named = |token: &str| json!([token, id(token)]);
        let added: Vec<Value> = special
            .iter()
            .map(|(token, id)| {
                json!({
                    "id": id, "content": token, "special": true, "normalized": false,
                    "single_word": false, "lstrip": false, "rstrip": false,
                })
            })
            .collect();
        let description = json!({
            "version": "1.0",
            "added_tokens": added,
            "normalizer": {
                "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true,
            },
            "pre_tokenizer": { "type": "BertPreTokenizer" },
            "post_processor": {
                "type": "BertProcessing", "sep": named("[SEP]"), "cls": named("[CLS]"),
            },
            "model": {
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": vocabulary,
            },
        });
        let mut tokenizer: Tokenizer =
            serde_json::from_value(description).map_err(|error| error.to_string())?;
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        tokenizer
            .with_truncation(Some(truncation))
            .map_err(|error| error.to_string())?;
        let pad = tokenizer.token_to_id(SPECIAL[0]);
        Ok(Self {
            pad: pad.ok_or("vocab.txt lacks the token [PAD]")?,
            tokenizer,
            dir: String::new(),
        })
    }

    /// One more than the greatest id, added tokens included; the text encoder's `vocab_size` must not be smaller.
    pub fn vocab_size(&self) -> usize {
        let vocabulary = self.tokenizer.get_vocab(true);
        let greatest = vocabulary.into_values().max();
        greatest.map_or(0, |id| id as usize + 1)
    }

    /// The ids of one text, `[CLS]` and `[SEP]` included, without padding.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when the tokenizer can't spell the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .tokenizer
            .encode(text, true)
            .map_err(|error| Error::Tokenizer {
                dir: self.dir.clone(),
                reason: format!("{text:.60?}: {error}"),
            })?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The ids of several texts, padded at the end to the longest. The reference pads to 35; nothing attends to padding.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_batch<S: AsRef<str>>(
        &self,
        texts: &[S],
        device: &Device,
    ) -> Result<CaptionTokens> {
        let rows = texts.iter().map(|text| self.encode(text.as_ref()));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        Ok(CaptionTokens::pad(&rows, self.pad, device))
    }
}
