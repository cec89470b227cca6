//! Image folders with `metadata.jsonl` (one JSON object a line) or `metadata.csv`, pictures relative to its folder. Hugging
//! Face's `file_name` is understood as well as our own fields.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::fields::Values;
use super::listing;
use super::reader::Reader;
use crate::Place;
use crate::error::{Error, Result};
use crate::table_text::TableText;
use crate::text::TextLines;

/// Names of index files, the first of which counts where a folder has several.
const INDICES: [&str; 2] = ["metadata.jsonl", "metadata.csv"];

/// The index files of `path`: itself, the one in it, or else those in the folders below.
///
/// # Errors
/// [`Error::Io`] when a folder can't be listed.
pub(super) fn indices(path: &Path) -> Result<Vec<PathBuf>> {
    if is_file_index(path) {
        return Ok(vec![path.to_owned()]);
    }
    let own = INDICES.iter().map(|name| path.join(name));
    if let Some(own) = own.into_iter().find(|file| file.is_file()) {
        return Ok(vec![own]);
    }
    let mut below = listing::of_kind(path, &["jsonl", "csv"])?;
    below.retain(|file| {
        let name = file.file_name().unwrap_or_default();
        INDICES.iter().any(|index| name == *index)
    });
    // Both kinds in one folder say the same.
    below.dedup_by(|later, first| {
        let same = later.parent() == first.parent();
        if same && has_extension(later, "jsonl") {
            std::mem::swap(later, first);
        }
        same
    });
    Ok(below)
}

/// Whether `path` is an index, or a folder with one of its own.
pub(super) fn is_index(path: &Path) -> bool {
    is_file_index(path) || INDICES.iter().any(|name| path.join(name).is_file())
}

fn is_file_index(path: &Path) -> bool {
    path.is_file()
        && ["jsonl", "csv"]
            .iter()
            .any(|kind| has_extension(path, kind))
}

fn has_extension(path: &Path, kind: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(kind))
}

pub(super) fn read(reader: &mut Reader<'_, '_>) -> Result<()> {
    let source = &reader.source.path;
    let mut indices = indices(source)?;
    if let Some(out) = reader.around.out.filter(|out| !is_same(out, source)) {
        // What an earlier import left below is no part of the data.
        indices.retain(|index| !is_same(folder(index), out));
    }
    for path in indices {
        match has_extension(&path, "csv") {
            true => read_csv(reader, &path)?,
            false => read_jsonl(reader, &path)?,
        }
    }
    Ok(())
}

fn read_jsonl(reader: &mut Reader<'_, '_>, path: &Path) -> Result<()> {
    let lines = TextLines::open(path)?;
    reader.tell_encoding(path, lines.legacy());
    for line in lines {
        let line = line.map_err(Error::io(path))?;
        let at = || format!("{}, line {}", path.display(), line.number);
        let object = match line.text {
            Ok(text) if text.trim().is_empty() => continue,
            Ok(text) => object(&text),
            Err(reason) => Err(reason),
        };
        match object {
            Ok(object) => {
                let values = values(reader, path, object);
                reader.sample(values, at)?;
            }
            Err(reason) => reader.broken(at(), reason)?,
        }
    }
    Ok(())
}

fn object(text: &str) -> std::result::Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("no JSON object: another value".to_owned()),
        Err(error) => Err(format!("no JSON object: {error}")),
    }
}

fn values(reader: &Reader<'_, '_>, path: &Path, mut object: Map<String, Value>) -> Values {
    let fields = &reader.source.fields;
    let mut values = Values {
        // What a rendered scene tells of itself has no other layout's counterpart.
        parameters: object
            .remove("parameters")
            .and_then(|value| serde_json::from_value(value).ok()),
        ..Values::default()
    };
    for (name, value) in object {
        values.add_json(fields, folder(path), name, value);
    }
    values.split = split(reader, path, &values);
    values
}

fn read_csv(reader: &mut Reader<'_, '_>, path: &Path) -> Result<()> {
    let mut table = TableText::open(path)?;
    reader.tell_encoding(path, table.legacy());
    let header = table.header().map_err(Error::io(path))?;
    for record in table {
        let (line, cells) = record.map_err(Error::io(path))?;
        let at = || format!("{}, line {line}", path.display());
        let cells = match cells {
            Ok(cells) if cells.len() <= header.len() => cells,
            Ok(cells) => {
                let reason = format!(
                    "too many columns: {} where {} are named",
                    cells.len(),
                    header.len()
                );
                reader.broken(at(), reason)?;
                continue;
            }
            Err(reason) => {
                reader.broken(at(), reason)?;
                continue;
            }
        };
        let mut values = Values::default();
        for (name, cell) in header.iter().zip(cells) {
            let name = name.trim().to_owned();
            values.add_word(&reader.source.fields, folder(path), name, cell);
        }
        values.split = split(reader, path, &values);
        reader.sample(values, at)?;
    }
    Ok(())
}

fn is_same(a: &Path, b: &Path) -> bool {
    let full = |path: &Path| std::fs::canonicalize(path).ok();
    full(a).is_some_and(|a| full(b) == Some(a))
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new(""))
}

/// The split that the folders of a picture tell, or those of the index.
fn split(reader: &Reader<'_, '_>, index: &Path, values: &Values) -> Option<crate::Split> {
    let image = reader.source.fields.find("image", &values.places);
    let of_image = image.filter(|place| place.file().starts_with(&reader.source.path));
    of_image
        .and_then(|place| reader.split(place.file(), !matches!(place, Place::File(_))))
        .or_else(|| reader.split(index, false))
}
