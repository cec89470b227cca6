//! Parquet files: texts are read, pictures stay in their cells.

use std::path::Path;
use std::sync::Arc;

use super::fields::Values;
use super::reader::Reader;
use super::{classes, listing};
use crate::Place;
use crate::error::{Error, Result};
use crate::table::{Column, Table};

/// Rows read at once: texts only, so that a wide table costs little.
const ROWS: usize = 1024;

/// Rows read at once where their pictures are read too.
const PICTURES: usize = 64;

pub(super) fn read(reader: &mut Reader<'_, '_>) -> Result<()> {
    for path in listing::of_kind(&reader.source.path, &["parquet"])? {
        let mut refused = false;
        if let Err(error) = read_file(reader, &path, &mut refused) {
            if refused {
                return Err(error);
            }
            // What the file held before is kept.
            let reason = format!("table that can't be read, or not to its end: {error}");
            reader.broken(path.display().to_string(), reason)?;
        }
    }
    Ok(())
}

/// Reads a file; `refused` says whether an error is the reader's.
fn read_file(reader: &mut Reader<'_, '_>, path: &Path, refused: &mut bool) -> Result<()> {
    let table = Table::open(path)?;
    let fields = &reader.source.fields;
    if let Some(list) = table.lists().iter().find(|name| fields.know(name)) {
        return Err(Error::layout(path)(format!(
            "column {list} holds lists, of which none is the sample's"
        )));
    }
    let names = fields.names("label");
    let classes: Option<Arc<[String]>> = table
        .note("huggingface")
        .and_then(|note| serde_json::from_str(note).ok())
        .and_then(|description| classes::of_features(&description, &names))
        .map(Arc::from);
    // Some writers don't mark texts as such; bytes that nobody knows are nothing.
    let is_known = |column: &&Column| !column.binary || fields.know(&column.name);
    let is_picture = |column: &&Column| column.binary && fields.is_picture(&column.name);
    let columns = table.columns().iter().filter(is_known);
    let (pictures, texts): (Vec<_>, Vec<_>) = columns.partition(is_picture);
    let folder = path.parent().unwrap_or(path);
    let split = reader.split(path, true);
    // Whether a cell has a picture is read only where the file doesn't say that all have.
    let survey = reader.surveys();
    let unsure = |column: &&&Column| !survey && !table.is_full(&column.name);
    let doubtful: Vec<&Column> = pictures.iter().filter(unsure).copied().collect();
    let rows_at_once = if doubtful.is_empty() { ROWS } else { PICTURES };
    let mut first = 0;
    let read: Vec<&Column> = texts.iter().chain(&doubtful).copied().collect();
    for batch in table.batches(&read, rows_at_once) {
        let mut batch = batch?;
        let present = batch.split_off(texts.len());
        let count = (table.rows() - first).min(rows_at_once as u64) as usize;
        let mut rows: Vec<Values> = Vec::new();
        rows.resize_with(count, Values::default);
        for (column, cells) in texts.iter().zip(batch) {
            for (row, cell) in rows.iter_mut().zip(cells) {
                if let Some(word) = cell.and_then(|cell| cell.into_word()) {
                    row.add_word(fields, folder, column.name.clone(), word);
                }
            }
        }
        for column in pictures.iter().filter(|_| !survey) {
            let known = doubtful.iter().position(|other| other == column);
            for (place, row) in rows.iter_mut().enumerate() {
                if known.is_some_and(|known| present[known][place].is_none()) {
                    continue;
                }
                let cell = Place::Cell {
                    file: path.to_owned(),
                    column: column.name.clone(),
                    row: first + place as u64,
                };
                row.places.insert(column.name.clone(), cell);
            }
        }
        for mut values in rows {
            let row = first;
            first += 1;
            let named = values.words.get("image.path").cloned();
            values.key = named.unwrap_or_else(|| format!("{}#{row}", path.display()));
            values.classes = classes.clone();
            values.split = split;
            let taken = reader.sample(values, || format!("{}, row {row}", path.display()));
            taken.inspect_err(|_| *refused = true)?;
        }
    }
    Ok(())
}
