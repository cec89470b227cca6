//! Phrases that designers add to a prompt so that a painter keeps clear of the failures: the method PromptEng of the paper,
//! which doesn't publish its own. A file of them is JSON: an object of failure classes, each with `prompt` and
//! `negative_prompt`, lists of texts.

use std::path::Path;

use reliad_imaging::Class;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// The file's name in a directory that a tuning wrote.
pub const FILE_NAME: &str = "phrases.json";

/// The failures that phrases can stand against; a truncated product is no painter's failure.
const CLASSES: [Class; 4] = [
    Class::SpaceMismatch,
    Class::SizeMismatch,
    Class::Indistinctiveness,
    Class::ShapeHallucination,
];
const PROMPT: &str = "prompt";
const NEGATIVE: &str = "negative_prompt";

/// Phrases against each failure, in the classes' order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Phrases {
    against: Vec<Against>,
}

/// What is said against one failure.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Against {
    class: Class,
    prompt: Vec<String>,
    negative_prompt: Vec<String>,
}

impl Phrases {
    /// Reads a file of phrases.
    ///
    /// # Errors
    /// [`Error::Read`], or [`Error::Content`] that names the field that is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::read(path))?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Content {
            file: path.display().to_string(),
            message: error.to_string(),
        })
    }

    /// Prompt and negative prompt with all phrases after them, separated by commas; a phrase that stands in several lists, or
    /// is all of the text already, is added once.
    pub fn apply(&self, prompt: &str, negative_prompt: &str) -> (String, String) {
        let with = |text: &str, list: fn(&Against) -> &Vec<String>| {
            let mut parts = Vec::new();
            let own = Some(text.trim()).filter(|text| !text.is_empty());
            for part in own.into_iter().chain(self.all(list)) {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            parts.join(", ")
        };
        (
            with(prompt, |against| &against.prompt),
            with(negative_prompt, |against| &against.negative_prompt),
        )
    }

    fn all(&self, list: fn(&Against) -> &Vec<String>) -> impl Iterator<Item = &str> {
        self.against
            .iter()
            .flat_map(move |against| list(against).iter().map(String::as_str))
    }
}

impl TryFrom<Value> for Phrases {
    type Error = String;

    fn try_from(value: Value) -> std::result::Result<Self, String> {
        let Value::Object(mut classes) = value else {
            return Err("it isn't an object of failure classes".into());
        };
        let mut against = Vec::new();
        for class in CLASSES {
            let Some(value) = classes.remove(class.slug()) else {
                continue;
            };
            let Value::Object(mut lists) = value else {
                return Err(format!(
                    "{}: not an object with {PROMPT} and {NEGATIVE}",
                    class.slug()
                ));
            };
            let mut list = |name: &str| match lists.remove(name) {
                None => Ok(Vec::new()),
                Some(value) => texts(value, &format!("{}.{name}", class.slug())),
            };
            let (prompt, negative_prompt) = (list(PROMPT)?, list(NEGATIVE)?);
            if let Some(unknown) = lists.keys().next() {
                return Err(format!(
                    "{}.{unknown}: there is no such field; there are {PROMPT} and {NEGATIVE}",
                    class.slug()
                ));
            }
            against.push(Against {
                class,
                prompt,
                negative_prompt,
            });
        }
        if let Some(unknown) = classes.keys().next() {
            return Err(format!(
                "{unknown}: phrases stand against {}",
                CLASSES.map(Class::slug).join(", ")
            ));
        }
        let phrases = Self { against };
        let empty = phrases.apply("", "") == (String::new(), String::new());
        if empty {
            return Err("it holds no phrase".into());
        }
        Ok(phrases)
    }
}

impl From<Phrases> for Value {
    fn from(phrases: Phrases) -> Self {
        let classes = phrases.against.into_iter().map(|against| {
            let lists = serde_json::json!({
                PROMPT: against.prompt,
                NEGATIVE: against.negative_prompt,
            });
            (against.class.slug().to_owned(), lists)
        });
        Value::Object(classes.collect())
    }
}

fn texts(value: Value, field: &str) -> std::result::Result<Vec<String>, String> {
    let Value::Array(values) = value else {
        return Err(format!("{field}: not a list of texts"));
    };
    let text = |(place, value): (usize, Value)| match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Value::String(_) => Err(format!("{field}[{place}]: an empty phrase")),
        _ => Err(format!("{field}[{place}]: not a text")),
    };
    values.into_iter().enumerate().map(text).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;

    fn parse(text: &str) -> std::result::Result<Phrases, String> {
        Phrases::try_from(serde_json::from_str::<Value>(text).unwrap())
    }

    #[test]
    fn phrases_follow_the_texts_in_the_order_of_their_classes_and_once() {
        let phrases = parse(
            r#"{"shape_hallucination": {"negative_prompt": ["stand", "clutter"]},
                "indistinctiveness": {"prompt": [" plain background "], "negative_prompt": ["clutter"]}}"#,
        )
        .unwrap();
        assert_eq!(
            phrases.apply("on a table", "blur"),
            (
                "on a table, plain background".to_owned(),
                "blur, clutter, stand".to_owned()
            )
        );
        assert_eq!(
            phrases.apply("", ""),
            ("plain background".to_owned(), "clutter, stand".to_owned())
        );
        let text = serde_json::to_string(&phrases).unwrap();
        assert_eq!(parse(&text).unwrap(), phrases);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.json");
        for (text, told) in [
            ("[]", "isn't an object"),
            ("{}", "holds no phrase"),
            (r#"{"size_mismatch": {}}"#, "holds no phrase"),
            (r#"{"space": {"prompt": ["x"]}}"#, "space: phrases stand"),
            (r#"{"size_mismatch": 1}"#, "size_mismatch: not an object"),
            (
                r#"{"size_mismatch": {"prompts": ["x"]}}"#,
                "size_mismatch.prompts: there is no such field",
            ),
            (
                r#"{"size_mismatch": {"prompt": "x"}}"#,
                "size_mismatch.prompt: not a list",
            ),
            (
                r#"{"size_mismatch": {"prompt": ["x", 3]}}"#,
                "size_mismatch.prompt[1]: not a text",
            ),
            (
                r#"{"size_mismatch": {"negative_prompt": [" "]}}"#,
                "size_mismatch.negative_prompt[0]: an empty",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Phrases::read(&path).unwrap_err().to_string();
            assert!(
                error.contains("mine.json") && error.contains(told),
                "{error}"
            );
        }
    }

    #[test]
    fn the_shipped_files_are_read() {
        let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
        for model in ["mini", "paper"] {
            let phrases = Phrases::read(&configs.join(model).join(FILE_NAME)).unwrap();
            let (prompt, negative) = phrases.apply("on a table", "");
            assert!(prompt.starts_with("on a table, ") && !negative.is_empty());
        }
    }
}
