//! WebDataset: tar shards in which the members `key.jpg`, `key.json`, `key.cls`, `key.product.png` ... make a sample.

use std::path::Path;

use serde_json::Value;

use super::fields::Values;
use super::{Sink, Source, listing};
use crate::error::Result;
use crate::store::Store;
use crate::{Broken, Place};

/// Members longer than this are no texts.
const LONGEST_TEXT: u64 = 1 << 20;

pub(super) fn read(source: &Source, sink: &mut Sink<'_>) -> Result<()> {
    for path in listing::of_kind(&source.path, "tar")? {
        let mut sample: Option<Sample> = None;
        let mut refused = false;
        let told = listing::for_each_member(&path, |name, place| {
            let (key, field) = parts(name);
            if sample.as_ref().is_none_or(|sample| sample.key != key)
                && let Some(done) = sample.replace(Sample::new(key))
            {
                sink(done.record(source, &path)).inspect_err(|_| refused = true)?;
            }
            if let Some(sample) = &mut sample {
                sample.add(field, place);
            }
            Ok(())
        });
        match (told, sample) {
            (Err(error), _) if refused => return Err(error),
            // What the shard held before it broke off is kept, but for the sample in which it did.
            (Err(error), _) => sink(Err(Broken {
                sample: path.display().to_string(),
                reason: format!("the shard can't be read on: {error}"),
            }))?,
            (Ok(()), Some(last)) => sink(last.record(source, &path))?,
            (Ok(()), None) => {}
        }
    }
    Ok(())
}

/// A member's sample and field: its name is parted at the first dot after the last slash.
fn parts(name: &str) -> (&str, &str) {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[start..].find('.') {
        Some(dot) => (&name[..start + dot], &name[start + dot + 1..]),
        None => (name, ""),
    }
}

struct Sample {
    key: String,
    values: Values,
    wrong: Option<String>,
}

impl Sample {
    fn new(key: &str) -> Self {
        let values = Values {
            key: key.to_owned(),
            ..Values::default()
        };
        Self {
            key: key.to_owned(),
            values,
            wrong: None,
        }
    }

    fn add(&mut self, field: &str, place: Place) {
        let is_text = matches!(field, "json" | "cls" | "txt");
        let short = matches!(place, Place::Bytes { length, .. } if length <= LONGEST_TEXT);
        if !is_text || !short {
            self.values.places.insert(field.to_owned(), place);
            return;
        }
        let read = Store::default()
            .bytes(&place)
            .map_err(|error| error.to_string());
        let text = read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let added = text.and_then(|text| {
            if field == "json" {
                return self.add_json(&text).map_err(|error| error.to_string());
            }
            self.values
                .words
                .insert(field.to_owned(), text.trim().to_owned());
            Ok(())
        });
        if let Err(error) = added {
            self.wrong = Some(format!("{field}: {error}"));
        }
    }

    fn add_json(&mut self, text: &str) -> serde_json::Result<()> {
        let object: serde_json::Map<String, Value> = serde_json::from_str(text)?;
        for (name, value) in object {
            let word = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                _ => continue,
            };
            self.values.words.insert(name, word);
        }
        Ok(())
    }

    fn record(self, source: &Source, shard: &Path) -> std::result::Result<crate::Record, Broken> {
        let sample = format!("{}, {}", shard.display(), self.key);
        match self.wrong {
            Some(reason) => Err(Broken { sample, reason }),
            None => self.values.record(source, || sample),
        }
    }
}
