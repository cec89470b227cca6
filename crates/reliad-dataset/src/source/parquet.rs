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
    let mut first = 0;
    while first < table.rows() {
        let mut rows: Vec<Values> = Vec::new();
        for column in &texts {
            let cells = table.cells(&column.name, first, ROWS)?;
            rows.resize_with(rows.len().max(cells.len()), Values::default);
            for (row, cell) in rows.iter_mut().zip(cells) {
                if let Some(word) = cell.and_then(|cell| cell.into_word()) {
                    row.add_word(fields, folder, column.name.clone(), word);
                }
            }
        }
        if texts.is_empty() {
            // Pictures alone: as many rows as the columns have.
            let count = (table.rows() - first).min(ROWS as u64) as usize;
            rows.resize_with(count, Values::default);
        }
        for column in pictures.iter().filter(|_| !reader.surveys()) {
            let filled = filled(&table, &column.name, first, rows.len())?;
            for (place, row) in rows
                .iter_mut()
                .enumerate()
                .filter(|(place, _)| filled[*place])
            {
                let cell = Place::Cell {
                    file: path.to_owned(),
                    column: column.name.clone(),
                    row: first + place as u64,
                };
                row.places.insert(column.name.clone(), cell);
            }
        }
        if rows.is_empty() {
            return Err(Error::layout(path)(format!("no cells in row {first}")));
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

/// Which of the rows have a picture in this column. Its bytes are read only where the file doesn't say that all have.
fn filled(table: &Table, column: &str, first: u64, count: usize) -> Result<Vec<bool>> {
    if table.is_full(column) {
        return Ok(vec![true; count]);
    }
    let mut filled = Vec::with_capacity(count);
    while filled.len() < count {
        let cells = table.cells(column, first + filled.len() as u64, count - filled.len())?;
        if cells.is_empty() {
            break;
        }
        filled.extend(cells.iter().map(Option::is_some));
    }
    filled.resize(count, false);
    Ok(filled)
}
