//! The values of every parameter, found recursively.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::observe::Observation;

const BINS: usize = 16;

/// How one parameter is spread.
#[derive(Clone, Debug, Serialize)]
pub struct Spread {
    /// Its place in the parameters, such as `failure.gap`; list entries of numbers are numbered,
    /// those of words counted together, `#` is a list's length.
    pub path: String,
    /// The values of all samples, then those of each label.
    pub groups: Vec<Group>,
}

/// The values in one group of samples.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// `all` or a label's slug.
    pub name: String,
    /// How many values there are.
    pub count: usize,
    /// Smallest, mean and largest number; `None` for words.
    pub range: Option<[f64; 3]>,
    /// Bars: a word with its count, or the lower end of a bin with the count in it.
    pub bars: Vec<(String, usize)>,
}

impl Spread {
    /// Whether all samples have the same value.
    pub fn is_constant(&self) -> bool {
        self.groups.first().is_some_and(|all| {
            all.range
                .map_or(all.bars.len() < 2, |[low, _, high]| low == high)
        })
    }
}

#[derive(Default)]
struct Values {
    numbers: Vec<f64>,
    words: BTreeMap<String, usize>,
}

fn collect(path: &str, value: &Value, into: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let below = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(&below, value, into);
            }
        }
        Value::Array(values) => {
            if !values.iter().all(Value::is_number) || values.is_empty() {
                into(&format!("{path}.#"), &Value::from(values.len()));
            }
            for (place, value) in values.iter().enumerate() {
                if value.is_number() {
                    collect(&format!("{path}.{place}"), value, into);
                } else {
                    collect(path, value, into);
                }
            }
        }
        one => into(path, one),
    }
}

/// The spread of every parameter.
pub fn spreads(seen: &[Observation]) -> Vec<Spread> {
    let mut table: BTreeMap<String, BTreeMap<String, Values>> = BTreeMap::new();
    for one in seen {
        collect("", &json!(one.parameters), &mut |path, value| {
            // What tells samples apart isn't a parameter of the world.
            if matches!(path, "seed" | "index") {
                return;
            }
            let groups = table.entry(path.to_string()).or_default();
            for group in ["all", one.class.slug()] {
                let values = groups.entry(group.to_string()).or_default();
                match value {
                    Value::Number(number) => {
                        values.numbers.push(number.as_f64().unwrap_or(f64::NAN));
                    }
                    Value::String(word) => *values.words.entry(word.clone()).or_default() += 1,
                    other => *values.words.entry(other.to_string()).or_default() += 1,
                }
            }
        });
    }
    table
        .into_iter()
        .map(|(path, groups)| {
            let range = groups.get("all").and_then(|values| range(&values.numbers));
            let groups = groups
                .into_iter()
                .map(|(name, values)| group(name, values, range))
                .collect();
            Spread { path, groups }
        })
        .collect()
}

fn range(numbers: &[f64]) -> Option<[f64; 3]> {
    if numbers.is_empty() {
        return None;
    }
    let (low, high) = numbers
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
            (low.min(x), high.max(x))
        });
    Some([
        low,
        numbers.iter().sum::<f64>() / numbers.len() as f64,
        high,
    ])
}

fn group(name: String, values: Values, overall: Option<[f64; 3]>) -> Group {
    let count = values.numbers.len() + values.words.values().sum::<usize>();
    let mut bars: Vec<(String, usize)> = values.words.into_iter().collect();
    if let Some([low, _, high]) = overall {
        let width = ((high - low) / BINS as f64).max(1e-12);
        let mut bins = [0; BINS];
        for x in &values.numbers {
            bins[(((x - low) / width) as usize).min(BINS - 1)] += 1;
        }
        let bin =
            |(place, count): (usize, usize)| (format!("{:.3}", low + width * place as f64), count);
        bars.extend(bins.into_iter().enumerate().map(bin));
    }
    Group {
        name,
        count,
        range: range(&values.numbers),
        bars,
    }
}
