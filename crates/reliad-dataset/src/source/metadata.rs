//! Image folders with `metadata.jsonl`: one JSON object a line, pictures relative to the folder. Hugging Face's
//! `file_name` is understood as well as our own fields.

use std::fs::File;
use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use super::fields::Values;
use super::{Broken, Sink, Source};
use crate::error::{Error, Result};
use crate::{Modality, Place};

pub(super) fn read(source: &Source, sink: &mut Sink<'_>) -> Result<()> {
    let path = source.path.join("metadata.jsonl");
    let file = File::open(&path).map_err(Error::io(&path))?;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(Error::io(&path))?;
        if line.trim().is_empty() {
            continue;
        }
        let at = || format!("{}, line {}", path.display(), number + 1);
        let broken = |reason: String| Broken {
            sample: at(),
            reason,
        };
        let record = match serde_json::from_str::<Value>(&line) {
            Ok(Value::Object(object)) => {
                // What a rendered scene tells of itself has no other layout's counterpart.
                let parameters = object
                    .get("parameters")
                    .and_then(|value| serde_json::from_value(value.clone()).ok());
                values(source, &object)
                    .record(source, at)
                    .map(|record| crate::Record {
                        parameters,
                        ..record
                    })
            }
            Ok(_) => Err(broken("not a JSON object".to_owned())),
            Err(error) => Err(broken(error.to_string())),
        };
        sink(record)?;
    }
    Ok(())
}

fn values(source: &Source, object: &serde_json::Map<String, Value>) -> Values {
    let mut values = Values::default();
    let pictures = Modality::ALL.map(|kind| source.fields.names(kind.name()));
    for (name, value) in object {
        let word = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        if pictures.iter().flatten().any(|field| field == name) {
            let place = Place::from(word.as_str()).with_file(|file| source.path.join(file));
            values.places.insert(name.clone(), place);
        } else {
            values.words.insert(name.clone(), word);
        }
    }
    values
}
