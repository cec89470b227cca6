//! CLIP's byte-pair tokenizer, from the files of a `tokenizer/` directory.

use reliad_weights::ModelDir;
use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

use crate::Error;
use crate::added_tokens::AddedTokens;

/// Longest text of CLIP, where the files do not say.
const MAX_LENGTH: usize = 77;
/// Where CLIP splits a text before it merges bytes.
const SPLIT: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// Turns prompts into token ids of one fixed length.
#[derive(Debug, Clone)]
pub struct ClipTokenizer {
    tokenizer: Tokenizer,
    start: u32,
    end: u32,
    pad: u32,
    max_len: usize,
}

/// A prompt as the text encoder takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Start, words, end, padding: exactly [`ClipTokenizer::max_len`] of them.
    pub ids: Vec<i64>,
    /// Set when the prompt was too long.
    pub cut: Option<Cut>,
}

/// Where a prompt was cut because it was too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Whole words of the prompt that the model sees.
    pub kept_words: usize,
    /// The first word of which the model sees nothing, or only a part.
    pub first_dropped: String,
    /// Tokens beyond the end.
    pub dropped_tokens: usize,
}

impl ClipTokenizer {
    /// Reads `tokenizer.json`, or `vocab.json` with `merges.txt`; settings from `tokenizer_config.json` and
    /// `special_tokens_map.json` where they stand, and further tokens from the first or `added_tokens.json`.
    ///
    /// # Errors
    /// [`Error::Weights`] when a file is missing or is not JSON; [`Error::Tokenizer`] when its contents do not fit.
    pub fn load(dir: &ModelDir) -> Result<Self, Error> {
        let settings = Settings::read(dir)?;
        let added = AddedTokens::read(dir, &settings.config, |text| settings.is_special(text))?;
        let (file, mut json): (_, Value) = if dir.contains("tokenizer.json") {
            ("tokenizer.json", dir.read_json("tokenizer.json")?)
        } else {
            let vocab: Map<String, Value> = dir.read_json("vocab.json")?;
            let merges = dir.read("merges.txt")?;
            let merges = std::str::from_utf8(&merges)
                .map_err(|error| refuse(dir, "merges.txt", error.to_string()))?;
            ("vocab.json", settings.pipeline(dir, vocab, merges, &added)?)
        };
        added.put_into(&mut json);
        let tokenizer: Tokenizer =
            serde_json::from_value(json).map_err(|error| refuse(dir, file, error.to_string()))?;
        added.check(&tokenizer)?;
        let id = |token: &Special| {
            tokenizer
                .token_to_id(&token.text)
                .ok_or_else(|| refuse(dir, file, format!("it lacks the token {:?}", token.text)))
        };
        Ok(Self {
            start: id(&settings.start)?,
            end: id(&settings.end)?,
            pad: id(&settings.pad)?,
            max_len: settings.max_len,
            tokenizer: {
                let mut tokenizer = tokenizer;
                tokenizer.with_padding(None);
                tokenizer
                    .with_truncation(None)
                    .map_err(|error| refuse(dir, file, error.to_string()))?;
                tokenizer
            },
        })
    }

    /// Number of ids of every prompt, start and end among them.
    pub fn max_len(&self) -> usize {
        self.max_len
    }

    /// One more than the greatest id; the text encoder's `vocab_size` must not be smaller.
    pub fn vocab_size(&self) -> usize {
        let vocabulary = self.tokenizer.get_vocab(true);
        let greatest = vocabulary.into_values().max();
        greatest.map_or(0, |id| id as usize + 1)
    }

    /// The ids of `prompt`. What does not fit is cut off, and the result says where.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] when the vocabulary cannot express the prompt.
    pub fn encode(&self, prompt: &str) -> Result<Tokens, Error> {
        let encoding = self
            .tokenizer
            .encode(prompt, false)
            .map_err(|error| Error::Tokenizer {
                file: format!("{prompt:.60?}"),
                reason: error.to_string(),
            })?;
        let room = self.max_len - 2;
        let words = encoding.get_ids();
        let kept = &words[..words.len().min(room)];
        let mut ids = vec![i64::from(self.start)];
        ids.extend(kept.iter().map(|&id| i64::from(id)));
        ids.push(i64::from(self.end));
        ids.resize(self.max_len, i64::from(self.pad));
        let cut = encoding
            .get_offsets()
            .get(room)
            .map(|&(at, _)| Cut::at(prompt, at, words.len() - room));
        Ok(Tokens { ids, cut })
    }
}

impl Cut {
    /// The cut before the token that begins at byte `at`.
    fn at(prompt: &str, at: usize, dropped_tokens: usize) -> Self {
        let at = (0..=at.min(prompt.len()))
            .rev()
            .find(|&at| prompt.is_char_boundary(at))
            .unwrap_or(0);
        let (before, after) = prompt.split_at(at);
        let words = before.split_whitespace().count();
        // A word that begins before the cut and goes on after it is not whole.
        let broken = before.ends_with(|c: char| !c.is_whitespace())
            && after.starts_with(|c: char| !c.is_whitespace());
        let kept_words = words - usize::from(broken && words > 0);
        Self {
            kept_words,
            first_dropped: prompt
                .split_whitespace()
                .nth(kept_words)
                .unwrap_or_default()
                .to_owned(),
            dropped_tokens,
        }
    }
}

/// A token outside the text.
#[derive(Debug, Clone)]
struct Special {
    text: String,
    normalized: bool,
}

/// What the small files beside the vocabulary say.
struct Settings {
    start: Special,
    end: Special,
    unknown: Special,
    pad: Special,
    max_len: usize,
    /// `tokenizer_config.json`, or null.
    config: Value,
}

impl Settings {
    fn read(dir: &ModelDir) -> Result<Self, Error> {
        let read = |file: &str| match dir.contains(file) {
            true => dir.read_json::<Value>(file),
            false => Ok(Value::Null),
        };
        let config = read("tokenizer_config.json")?;
        let map = read("special_tokens_map.json")?;
        // As in transformers, the older file counts where the newer one doesn't list all tokens.
        let files = match config["added_tokens_decoder"].is_object() {
            true => [&config, &map],
            false => [&map, &config],
        };
        let special = |name: &str, default: &str| {
            files
                .iter()
                .find_map(|file| Special::parse(&file[name]))
                .unwrap_or_else(|| Special {
                    text: default.to_owned(),
                    normalized: false,
                })
        };
        // Files without a limit carry a number near 1e30 here.
        let max_len = files
            .iter()
            .find_map(|file| file["model_max_length"].as_u64())
            .and_then(|length| usize::try_from(length).ok())
            .filter(|&length| length < 1 << 20)
            .unwrap_or(MAX_LENGTH);
        if max_len < 3 {
            return Err(refuse(
                dir,
                "tokenizer_config.json",
                format!("`model_max_length` = {max_len} leaves no room for a word"),
            ));
        }
        let end = special("eos_token", "<|endoftext|>");
        Ok(Self {
            start: special("bos_token", "<|startoftext|>"),
            unknown: special("unk_token", &end.text),
            pad: special("pad_token", &end.text),
            end,
            max_len,
            config,
        })
    }

    fn is_special(&self, text: &str) -> bool {
        [&self.start, &self.end, &self.unknown, &self.pad]
            .iter()
            .any(|token| token.text == text)
    }

    /// A `tokenizer.json` in memory, the same that transformers' `CLIPTokenizer` builds from the two older files.
    fn pipeline(
        &self,
        dir: &ModelDir,
        vocab: Map<String, Value>,
        merges: &str,
        further: &AddedTokens,
    ) -> Result<Value, Error> {
        let mut added: Vec<Value> = Vec::new();
        for token in [&self.start, &self.end, &self.unknown, &self.pad] {
            let id = vocab.get(&token.text).cloned();
            let id = id.or_else(|| further.id(&token.text).map(Value::from));
            let id = id.ok_or_else(|| {
                refuse(
                    dir,
                    "vocab.json",
                    format!("it lacks the token {:?}", token.text),
                )
            })?;
            if added.iter().all(|other| other["id"] != id) {
                added.push(json!({
                    "id": id, "content": token.text, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": token.normalized, "special": true,
                }));
            }
        }
        let merges: Vec<&str> = merges
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("#version"))
            .collect();
        Ok(json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": added,
            "normalizer": normalizer(),
            "pre_tokenizer": pre_tokenizer(),
            "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
            "model": {
                "type": "BPE", "dropout": null, "unk_token": self.unknown.text, "continuing_subword_prefix": "",
                "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocab, "merges": merges,
            },
        }))
    }
}

impl Special {
    fn parse(value: &Value) -> Option<Self> {
        if let Some(text) = value.as_str() {
            return Some(Self {
                text: text.to_owned(),
                normalized: false,
            });
        }
        Some(Self {
            text: value["content"].as_str()?.to_owned(),
            normalized: value["normalized"].as_bool().unwrap_or(false),
        })
    }
}

/// CLIP's normalizer, as it stands in a `tokenizer.json`: composed characters, single spaces, lower case.
pub fn normalizer() -> Value {
    json!({"type": "Sequence", "normalizers": [
        {"type": "NFC"},
        {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
        {"type": "Lowercase"},
    ]})
}

/// CLIP's pre-tokenizer, as it stands in a `tokenizer.json`: words, single digits, runs of punctuation, then bytes.
pub fn pre_tokenizer() -> Value {
    json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Removed", "invert": true},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    ]})
}

fn refuse(dir: &ModelDir, file: &str, reason: String) -> Error {
    Error::Tokenizer {
        file: dir.display(file),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_names_the_first_word_that_is_not_whole() {
        let prompt = "a red  vase on marble";
        let cut = |at| Cut::at(prompt, at, 1);
        assert_eq!(
            (cut(7).kept_words, cut(7).first_dropped.as_str()),
            (2, "vase")
        );
        assert_eq!(
            (cut(9).kept_words, cut(9).first_dropped.as_str()),
            (2, "vase")
        );
        assert_eq!(
            (cut(12).kept_words, cut(12).first_dropped.as_str()),
            (3, "on")
        );
        assert_eq!((cut(0).kept_words, cut(0).first_dropped.as_str()), (0, "a"));
        assert_eq!(Cut::at("\u{e9}t\u{e9}", 1, 1).kept_words, 0);
    }
}
