//! Tokens beside a tokenizer's vocabulary, as transformers takes them: `added_tokens_decoder` of `tokenizer_config.json`, or,
//! where that says nothing, `added_tokens.json`.

use std::collections::BTreeMap;

use reliad_weights::ModelDir;
use serde_json::{Map, Value, json};
use tokenizers::Tokenizer;

use crate::Error;

/// A file of words with their ids.
const FILE: &str = "added_tokens.json";

/// Tokens by id, as they stand in a `tokenizer.json`.
#[derive(Debug)]
pub(crate) struct AddedTokens {
    tokens: BTreeMap<u64, Value>,
    file: String,
}

impl AddedTokens {
    /// Reads those of the tokenizer in `dir`, whose `tokenizer_config.json` says `config`; `is_special` tells whether a text
    /// is one of its special tokens.
    ///
    /// # Errors
    /// [`Error::Weights`] for a file that isn't JSON, [`Error::Tokenizer`] for one that doesn't hold tokens.
    pub(crate) fn read(
        dir: &ModelDir,
        config: &Value,
        is_special: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        let mut tokens = BTreeMap::new();
        if let Some(decoder) = config["added_tokens_decoder"].as_object() {
            let file = dir.display("tokenizer_config.json");
            for (id, token) in decoder {
                let (Ok(number), Some(text)) = (id.parse(), token["content"].as_str()) else {
                    let reason = format!("`added_tokens_decoder`: {id:?}: {token} is no token");
                    return Err(Error::Tokenizer { file, reason });
                };
                let flag = |name: &str| token[name].as_bool().unwrap_or(false);
                let normalized = token["normalized"].as_bool();
                let mut made = token_of(number, text, flag("special"), normalized);
                for name in ["single_word", "lstrip", "rstrip"] {
                    made[name] = json!(flag(name));
                }
                tokens.insert(number, made);
            }
            return Ok(Self { tokens, file });
        }
        let file = dir.display(FILE);
        if dir.contains(FILE) {
            for (text, id) in dir.read_json::<Map<String, Value>>(FILE)? {
                let Some(number) = id.as_u64() else {
                    let reason = format!("{text:?}: {id} is no id");
                    return Err(Error::Tokenizer { file, reason });
                };
                let made = token_of(number, &text, is_special(&text), None);
                if let Some(other) = tokens.insert(number, made) {
                    let reason = format!("{text:?} and {} have one id, {id}", other["content"]);
                    return Err(Error::Tokenizer { file, reason });
                }
            }
        }
        Ok(Self { tokens, file })
    }

    /// The id of `text` among them.
    pub(crate) fn id(&self, text: &str) -> Option<u64> {
        let mut found = self.tokens.iter();
        found.find_map(|(id, token)| (token["content"] == text).then_some(*id))
    }

    /// Puts them into a `tokenizer.json`, in the place of its own with the same ids.
    pub(crate) fn put_into(&self, tokenizer: &mut Value) {
        let (Some(fields), false) = (tokenizer.as_object_mut(), self.tokens.is_empty()) else {
            return;
        };
        let own = fields.get("added_tokens").and_then(Value::as_array);
        let mut own = own.cloned().unwrap_or_default();
        own.retain(|token| {
            token["id"]
                .as_u64()
                .is_none_or(|id| !self.tokens.contains_key(&id))
        });
        own.extend(self.tokens.values().cloned());
        own.sort_by_key(|token| token["id"].as_u64());
        fields.insert("added_tokens".to_owned(), Value::Array(own));
    }

    /// Whether each has its id: the tokenizer counts on from its vocabulary, whatever the file says.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] with the token and both ids.
    pub(crate) fn check(&self, tokenizer: &Tokenizer) -> Result<(), Error> {
        for (id, token) in &self.tokens {
            let text = token["content"].as_str().unwrap_or_default();
            let found = tokenizer.token_to_id(text).map(u64::from);
            if found != Some(*id) {
                let found = found.map_or("none".to_owned(), |found| found.to_string());
                return Err(Error::Tokenizer {
                    file: self.file.clone(),
                    reason: format!(
                        "{text:?} has the id {id} there, but {found} in the vocabulary: ids must follow its last one without a gap"
                    ),
                });
            }
        }
        Ok(())
    }
}

/// A token as it stands in a `tokenizer.json`; special ones are looked for before a text is normalized.
fn token_of(id: u64, text: &str, special: bool, normalized: Option<bool>) -> Value {
    json!({
        "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": normalized.unwrap_or(!special), "special": special,
    })
}
