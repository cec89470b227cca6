//! WebDataset: tar shards in which the members `key.jpg`, `key.json`, `key.cls`, `key.product.png` ... make a sample.

use std::path::Path;

use serde_json::{Map, Value};

use super::fields::{Fields, Values};
use super::reader::Reader;
use super::{listing, unpack};
use crate::error::Result;
use crate::store::Store;
use crate::text;
use crate::{Place, Split};

/// Members longer than this are no texts.
const LONGEST_TEXT: u64 = 1 << 20;

pub(super) fn read(reader: &mut Reader<'_, '_>) -> Result<()> {
    for path in listing::of_kind(&reader.source.path, &listing::SHARDS)? {
        let mut refused = false;
        if let Err(error) = read_shard(reader, &path, &mut refused) {
            if refused {
                return Err(error);
            }
            // What the shard held before it broke off is kept, but for the sample in which it did.
            let reason = format!("shard that can't be read, or not to its end: {error}");
            reader.broken(path.display().to_string(), reason)?;
        }
    }
    Ok(())
}

/// Reads a shard; `refused` says whether an error is the reader's.
fn read_shard(reader: &mut Reader<'_, '_>, path: &Path, refused: &mut bool) -> Result<()> {
    let source = reader.source;
    let split = reader.split(path, true);
    let tar = unpack::readable(path, reader.around.out)?;
    let mut sample: Option<Sample> = None;
    listing::for_each_member(&tar, |name, place| {
        let (key, field) = parts(name);
        if sample
            .as_ref()
            .is_none_or(|sample| sample.values.key != key)
            && let Some(done) = sample.replace(Sample::new(key, split))
        {
            done.hand_over(reader, path)
                .inspect_err(|_| *refused = true)?;
        }
        if let Some(sample) = &mut sample {
            sample.add(&source.fields, field, place);
        }
        Ok(())
    })?;
    match sample {
        Some(last) => last
            .hand_over(reader, path)
            .inspect_err(|_| *refused = true),
        None => Ok(()),
    }
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
    values: Values,
}

impl Sample {
    fn new(key: &str, split: Option<Split>) -> Self {
        let values = Values {
            key: key.to_owned(),
            split,
            ..Values::default()
        };
        Self { values }
    }

    fn add(&mut self, fields: &Fields, field: &str, place: Place) {
        let field = field.to_lowercase();
        let is_text = matches!(field.as_str(), "json" | "cls" | "txt");
        let short = matches!(place, Place::Bytes { length, .. } if length <= LONGEST_TEXT);
        if !is_text || !short {
            self.values.places.insert(field, place);
            return;
        }
        let read = Store::default().bytes(&place);
        let text = read
            .map_err(|error| format!("unreadable text: {error}"))
            .and_then(|bytes| text::decode(&bytes));
        match text {
            Ok(text) if field == "json" => {
                match serde_json::from_str::<Map<String, Value>>(&text) {
                    Ok(object) => {
                        for (name, value) in object {
                            // Its pictures are members; a name in the text is none of them.
                            if !fields.is_picture(&name) {
                                self.values.add_json(fields, Path::new(""), name, value);
                            }
                        }
                    }
                    Err(error) => self.values.wrong = Some(format!("no JSON object: {error}")),
                }
            }
            Ok(text) => {
                self.values.words.insert(field, text.trim().to_owned());
            }
            Err(reason) => self.values.wrong = Some(reason),
        }
    }

    fn hand_over(self, reader: &mut Reader<'_, '_>, shard: &Path) -> Result<()> {
        let at = format!("{}, {}", shard.display(), self.values.key);
        reader.sample(self.values, || at)
    }
}
