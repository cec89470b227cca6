//! Reading a component's `config.json` strictly: every field is used, known to be harmless, or an error.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;

/// Fields that describe a file or its training and never the result.
const METADATA: [&str; 6] = [
    "architectures",
    "model_type",
    "torch_dtype",
    "dtype",
    "transformers_version",
    "sample_size",
];

/// Takes the fields of one configuration, collecting every problem before it reports.
pub(crate) struct Fields {
    class: &'static str,
    left: Map<String, Value>,
    problems: Vec<String>,
}

impl Fields {
    /// Starts on the fields of `json`, the configuration of a `class`.
    pub fn new(class: &'static str, json: &Value) -> Self {
        let (left, problems) = match json.as_object() {
            Some(fields) => (fields.clone(), vec![]),
            None => (Map::new(), vec!["it is not a JSON object".to_owned()]),
        };
        Self {
            class,
            left,
            problems,
        }
    }

    /// The value of `field`, or `default` where the file leaves it out.
    pub fn take<T: DeserializeOwned>(&mut self, field: &str, default: T) -> T {
        let Some(value) = self.left.remove(field) else {
            return default;
        };
        match serde_json::from_value(value.clone()) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.problem(format!("`{field}` = {value}: {error}"));
                default
            }
        }
    }

    /// Accepts `field` only when it is left out or has one of the values in `supported`.
    pub fn only(&mut self, field: &str, supported: &[Value]) {
        let Some(value) = self.left.remove(field) else {
            return;
        };
        let same = |other: &Value| match (value.as_f64(), other.as_f64()) {
            (Some(a), Some(b)) => a == b,
            _ => value == *other,
        };
        if !supported.iter().any(same) {
            let supported: Vec<String> = supported.iter().map(Value::to_string).collect();
            self.problem(format!(
                "`{field}` = {value} (supported: {})",
                supported.join(", ")
            ));
        }
    }

    /// Drops fields that do not change the result.
    pub fn ignore(&mut self, fields: &[&str]) {
        for field in fields {
            self.left.remove(*field);
        }
    }

    /// Records what is wrong.
    pub fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// Records `problem` unless `holds`.
    pub fn check(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problem(problem());
        }
    }

    /// `config` when nothing was wrong and no unknown field is left.
    pub fn finish<T>(mut self, config: T) -> Result<T, Error> {
        self.ignore(&METADATA);
        for (field, value) in &self.left {
            if !field.starts_with('_') && !value.is_null() {
                self.problems
                    .push(format!("`{field}` = {value} is not a known field"));
            }
        }
        if self.problems.is_empty() {
            Ok(config)
        } else {
            Err(Error::Config {
                class: self.class,
                problems: self.problems,
            })
        }
    }
}

/// A setting given once for all levels, or once per level.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum PerLevel {
    /// The same for all levels.
    All(usize),
    /// One value a level, from the highest resolution down.
    Each(Vec<usize>),
}

impl PerLevel {
    /// The value of `level`, counted from the highest resolution.
    pub fn at(&self, level: usize) -> usize {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values[level],
        }
    }

    /// Whether every value is there and above zero.
    pub(crate) fn fits(&self, levels: usize) -> bool {
        match self {
            Self::All(value) => *value > 0,
            Self::Each(values) => values.len() == levels && values.iter().all(|&v| v > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_problem_is_named_at_once() {
        let json = json!({"width": "x", "mode": "b", "new": 3, "gone": null, "_class_name": "C"});
        let mut fields = Fields::new("Thing", &json);
        let width = fields.take("width", 4usize);
        fields.only("mode", &[json!("a"), Value::Null]);
        let message = match fields.finish(width) {
            Err(error) => error.to_string(),
            Ok(_) => String::new(),
        };
        for part in [
            "Thing",
            "`width`",
            "`mode` = \"b\" (supported: \"a\", null)",
            "`new` = 3",
        ] {
            assert!(message.contains(part), "{part} not in {message}");
        }
        assert!(!message.contains("gone"));
    }

    #[test]
    fn whole_numbers_and_floats_are_the_same_value() {
        let mut fields = Fields::new("Thing", &json!({"scale": 1}));
        fields.only("scale", &[json!(1.0)]);
        assert!(fields.finish(()).is_ok());
    }
}
