//! What PEFT says of its adapters: `adapter_config.json`, or the same fields in a file's header, where diffusers puts them.

use std::collections::BTreeMap;
use std::fmt;

use fancy_regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::{Error, Source};

/// The entry of a header that diffusers writes: `{"unet.r": 8, "unet.lora_alpha": 16, ...}`.
const NOTE: &str = "lora_adapter_metadata";
/// PEFT's default of `lora_alpha` and `alpha`.
const ALPHA: f64 = 8.0;

/// Fields that change nothing about trained adapters: how they were trained, where they stand, and what the tensors say.
const WITHOUT_EFFECT: [&str; 25] = [
    "auto_mapping",
    "base_model_name_or_path",
    "decompose_both",
    "decompose_factor",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    // Only layers of other networks than these are stored that way; PEFT itself sets it aside for all others.
    "fan_in_fan_out",
    "inference_mode",
    "init_weights",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_dropout",
    "megatron_core",
    "module_dropout",
    "peft_version",
    "qalora_group_size",
    "rank_dropout",
    "rank_dropout_scale",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    "use_effective_conv2d",
];
/// Beginnings of training that leave the network's weights as they are.
const HARMLESS_INITS: [&str; 3] = ["gaussian", "eva", "orthogonal"];

/// A configuration of adapters.
#[derive(Debug, Default)]
pub(super) struct Peft {
    rank: Option<f64>,
    alpha: f64,
    ranks: Patterns,
    alphas: Patterns,
    rank_stabilized: bool,
    dora: bool,
}

/// Numbers of layers whose names match, in the configuration's order.
#[derive(Debug, Default)]
struct Patterns(Vec<(Regex, f64)>);

impl Peft {
    /// Reads an `adapter_config.json`, which messages call `file`.
    ///
    /// # Errors
    /// [`Error::Json`], or [`Error::Adapters`] naming a field that isn't supported.
    pub(super) fn parse(json: &[u8], file: &str) -> Result<Self, Error> {
        let fields: Ordered<Field> =
            serde_json::from_slice(json).map_err(|source| Error::Json {
                file: file.to_owned(),
                source,
            })?;
        Self::of(fields.0).map_err(|reason| Error::Adapters {
            file: file.to_owned(),
            reason,
        })
    }

    /// What a header says, by component.
    ///
    /// # Errors
    /// [`Error::Adapters`] naming the field.
    pub(super) fn noted(source: &Source) -> Result<BTreeMap<String, Self>, Error> {
        let refuse = |reason: String| Error::Adapters {
            file: source.file().to_owned(),
            reason: format!("`{NOTE}` of its header: {reason}"),
        };
        let Some(text) = source.note(NOTE) else {
            return Ok(BTreeMap::new());
        };
        let fields: Ordered<Field> =
            serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        let mut components: BTreeMap<String, Vec<(String, Field)>> = BTreeMap::new();
        for (key, field) in fields.0 {
            let (component, key) = key.split_once('.').unwrap_or(("unet", &key));
            let fields = components.entry(component.to_owned()).or_default();
            fields.push((key.to_owned(), field));
        }
        let made = components.into_iter().map(|(component, fields)| {
            let config = Self::of(fields);
            let config = config.map_err(|reason| refuse(format!("{component}: {reason}")))?;
            Ok((component, config))
        });
        made.collect()
    }

    fn of(fields: Vec<(String, Field)>) -> Result<Self, String> {
        let mut config = Self {
            alpha: ALPHA,
            ..Self::default()
        };
        for (name, field) in fields {
            let number = || {
                let number = field.number().filter(|number| number.is_finite());
                number.ok_or_else(|| format!("`{name}` = {field} is no number"))
            };
            let flag = || match &field {
                Field::Other(Value::Bool(flag)) => Ok(*flag),
                Field::Other(Value::Null) => Ok(false),
                _ => Err(format!("`{name}` = {field} is neither true nor false")),
            };
            let unsupported = || Err(format!("`{name}` = {field} isn't supported"));
            match &*name {
                "r" => config.rank = Some(number()?),
                "lora_alpha" | "alpha" => config.alpha = number()?,
                "rank_pattern" => config.ranks = Patterns::of(&name, &field)?,
                "alpha_pattern" => config.alphas = Patterns::of(&name, &field)?,
                "use_rslora" => config.rank_stabilized = flag()?,
                "use_dora" => config.dora = flag()?,
                "peft_type" => {
                    let known = ["LORA", "LOHA", "LOKR"];
                    if !field.text().is_some_and(|text| known.contains(&text)) {
                        return unsupported();
                    }
                }
                "bias" => {
                    if !(field.is_unset() || field.text() == Some("none")) {
                        return unsupported();
                    }
                }
                // Others take something out of the weights that the adapters are for.
                "init_lora_weights" => match &field {
                    Field::Other(Value::Bool(_) | Value::Null) => {}
                    _ if field
                        .text()
                        .is_some_and(|text| HARMLESS_INITS.contains(&text)) => {}
                    _ => return unsupported(),
                },
                other if WITHOUT_EFFECT.contains(&other) => {}
                _ if field.is_unset() => {}
                _ => return unsupported(),
            }
        }
        Ok(config)
    }

    /// Whether magnitudes are there where they should be, and only there.
    pub(super) fn check_dora(&self, found: bool) -> Result<(), String> {
        match (self.dora, found) {
            (true, false) => {
                Err("its `lora_magnitude_vector` is missing, but `use_dora` = true".to_owned())
            }
            (false, true) => Err("it has a magnitude, but `use_dora` = false".to_owned()),
            _ => Ok(()),
        }
    }

    /// How many times the product of a layer's matrices counts.
    fn scale(&self, layer: &str, rank: Option<usize>) -> Result<f64, String> {
        let stated = self.ranks.of_layer(layer)?.or(self.rank);
        let found = rank.map(|rank| rank as f64);
        if let (Some(stated), Some(found)) = (stated, found)
            && stated != found
        {
            return Err(format!(
                "its rank is {found}, but the configuration says {stated} (`r`, `rank_pattern`)"
            ));
        }
        let rank = found.or(stated).unwrap_or(ALPHA);
        let alpha = self.alphas.of_layer(layer)?.unwrap_or(self.alpha);
        let scale = match self.rank_stabilized {
            true => alpha / rank.sqrt(),
            false => alpha / rank,
        };
        match scale.is_finite() {
            true => Ok(scale),
            false => Err(format!(
                "an alpha of {alpha} over a rank of {rank} is no number"
            )),
        }
    }
}

/// What decides the scale of a layer's adapter.
pub(super) struct Scale<'a> {
    /// PEFT's configuration, where there is one.
    pub(super) config: Option<&'a Peft>,
    /// The layer's name in its component.
    pub(super) layer: &'a str,
    /// Kohya's and LyCORIS's tensor.
    pub(super) alpha: Option<f64>,
}

impl Scale<'_> {
    /// `alpha / rank`, 1 without an alpha; `rank` is none of factors that are whole.
    pub(super) fn of(&self, rank: Option<usize>) -> Result<f64, String> {
        match (self.alpha, self.config, rank) {
            // LyCORIS and kohya's scripts take an alpha of 0 for the rank.
            (Some(alpha), _, Some(rank)) if alpha != 0.0 => Ok(alpha / rank as f64),
            (Some(_), ..) | (None, None, _) => Ok(1.0),
            (None, Some(config), _) => config.scale(self.layer, rank),
        }
    }
}

impl Patterns {
    fn of(name: &str, field: &Field) -> Result<Self, String> {
        let numbers = match field {
            Field::Numbers(numbers) => &numbers.0[..],
            Field::Other(Value::Null) => &[],
            Field::Other(_) => {
                return Err(format!("`{name}` = {field} isn't patterns with numbers"));
            }
        };
        let compiled = numbers.iter().map(|(pattern, number)| {
            // As in PEFT's `get_pattern_key`: the whole name, or what follows one of its dots.
            let regex = Regex::new(&format!(r"^(?:.*\.)?(?:{pattern})$"));
            let regex =
                regex.map_err(|error| format!("`{name}`: the pattern {pattern:?}: {error}"))?;
            Ok((regex, *number))
        });
        Ok(Self(compiled.collect::<Result<_, String>>()?))
    }

    /// The number of the first pattern that matches.
    fn of_layer(&self, layer: &str) -> Result<Option<f64>, String> {
        for (regex, number) in &self.0 {
            let matches = regex.is_match(layer);
            if matches.map_err(|error| format!("the pattern {:?}: {error}", regex.as_str()))? {
                return Ok(Some(*number));
            }
        }
        Ok(None)
    }
}

/// A field's value.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Field {
    Numbers(Ordered<f64>),
    Other(Value),
}

impl Field {
    fn number(&self) -> Option<f64> {
        match self {
            Self::Other(value) => value.as_f64(),
            Self::Numbers(_) => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Other(value) => value.as_str(),
            Self::Numbers(_) => None,
        }
    }

    /// Null, false, and what is empty.
    fn is_unset(&self) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.0.is_empty(),
            Self::Other(Value::Null | Value::Bool(false)) => true,
            Self::Other(Value::String(text)) => text.is_empty(),
            Self::Other(Value::Array(values)) => values.is_empty(),
            Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(value) => write!(f, "{value}"),
            Self::Numbers(numbers) => f
                .debug_map()
                .entries(numbers.0.iter().map(|(k, v)| (k, v)))
                .finish(),
        }
    }
}

/// A JSON object in the file's order: of several patterns that match, the first counts.
#[derive(Debug)]
struct Ordered<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    const LAYER: &str = "down.0.attn1.to_q";

    fn scale(json: &str, layer: &str, rank: usize) -> Result<f64, String> {
        let config = Peft::parse(json.as_bytes(), "file").map_err(|error| error.to_string())?;
        config.scale(layer, Some(rank))
    }

    #[test]
    fn scales_are_what_the_configuration_says() {
        for (json, expected) in [
            (r#"{"lora_alpha": 2}"#, 0.5),
            (r#"{"lora_alpha": 2, "r": 4, "use_rslora": true}"#, 1.0),
            (r#"{"r": 4}"#, 2.0),
            // Whole names, or what follows a dot; a `^` asks for the whole name.
            (r#"{"lora_alpha": 4, "alpha_pattern": {"to_q": 8}}"#, 2.0),
            (r#"{"lora_alpha": 4, "alpha_pattern": {"o_q": 8}}"#, 1.0),
            (r#"{"lora_alpha": 4, "alpha_pattern": {"^to_q": 8}}"#, 1.0),
            (
                r#"{"lora_alpha": 4, "alpha_pattern": {"^down.0.attn1.to_q": 8}}"#,
                2.0,
            ),
            (
                r#"{"lora_alpha": 4, "alpha_pattern": {".*attn1.*": 8}}"#,
                2.0,
            ),
            (
                r#"{"lora_alpha": 4, "alpha_pattern": {"attn\\d\\.to_(q|v)": 8}}"#,
                2.0,
            ),
            (
                r#"{"lora_alpha": 4, "alpha_pattern": {"to_k|to_q": 8}}"#,
                2.0,
            ),
            // The first that matches, in the file's order.
            (r#"{"alpha_pattern": {"to_q": 8, "attn1.to_q": 12}}"#, 2.0),
            (r#"{"alpha_pattern": {"attn1.to_q": 12, "to_q": 8}}"#, 3.0),
            (
                r#"{"lora_alpha": 8, "r": 2, "rank_pattern": {"to_q": 4}}"#,
                2.0,
            ),
        ] {
            assert_eq!(scale(json, LAYER, 4), Ok(expected), "{json}");
        }
    }

    #[test]
    fn what_would_change_the_result_is_refused_by_name() {
        for (json, said) in [
            (r#"{"peft_type": "VERA"}"#, "`peft_type` = \"VERA\""),
            (r#"{"lora_bias": true}"#, "`lora_bias`"),
            (r#"{"bias": "all"}"#, "`bias`"),
            (r#"{"modules_to_save": ["conv_in"]}"#, "`modules_to_save`"),
            (r#"{"init_lora_weights": "pissa"}"#, "`init_lora_weights`"),
            (r#"{"layer_replication": [[0, 4]]}"#, "`layer_replication`"),
            (r#"{"of_the_future": {"a": 1}}"#, "`of_the_future`"),
            (r#"{"lora_alpha": "8"}"#, "`lora_alpha`"),
            (r#"{"alpha_pattern": {"(": 8}}"#, "`alpha_pattern`"),
            (r#"{"r": 2}"#, "its rank is 4"),
            ("[]", "an object"),
        ] {
            let error = scale(json, LAYER, 4).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
        let harmless = r#"{"peft_type": "LORA", "init_lora_weights": true, "lora_bias": false, "megatron_config": null,
            "modules_to_save": null, "layer_replication": null, "r": 4, "lora_alpha": 4, "runtime_config": {"a": 1}}"#;
        assert_eq!(scale(harmless, LAYER, 4), Ok(1.0));
    }
}
