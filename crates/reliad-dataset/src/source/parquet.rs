//! Parquet files: texts are read, pictures stay in their cells.

use super::fields::Values;
use super::{Sink, Source, listing};
use crate::Place;
use crate::error::Result;
use crate::table::{Table, Value};

/// Rows read at once: texts only, so that a wide table costs little.
const ROWS: usize = 1024;

pub(super) fn read(source: &Source, sink: &mut Sink<'_>) -> Result<()> {
    for path in listing::of_kind(&source.path, "parquet")? {
        let table = Table::open(&path)?;
        let (pictures, texts): (Vec<_>, Vec<_>) =
            table.columns().iter().partition(|column| column.binary);
        let mut first = 0;
        while first < table.rows() {
            let mut rows: Vec<Values> = Vec::new();
            for column in &texts {
                let cells = table.cells(&column.name, first, ROWS)?;
                rows.resize_with(rows.len().max(cells.len()), Values::default);
                for (row, cell) in rows.iter_mut().zip(cells) {
                    if let Some(word) = cell.as_ref().and_then(Value::word) {
                        row.words.insert(column.name.clone(), word);
                    }
                }
            }
            for column in &pictures {
                let filled = filled(&table, &column.name, first, rows.len())?;
                for (place, row) in rows
                    .iter_mut()
                    .enumerate()
                    .filter(|(place, _)| filled[*place])
                {
                    let cell = Place::Cell {
                        file: path.clone(),
                        column: column.name.clone(),
                        row: first + place as u64,
                    };
                    row.places.insert(column.name.clone(), cell);
                }
            }
            if rows.is_empty() {
                // Without a column of texts there are no labels either.
                break;
            }
            for mut values in rows {
                let row = first;
                first += 1;
                let named = values.words.get("image.path").cloned();
                values.key = named.unwrap_or_else(|| format!("{}#{row}", path.display()));
                sink(values.record(source, || format!("{}, row {row}", path.display())))?;
            }
        }
    }
    Ok(())
}

/// Which of the rows have a picture in this column. Its bytes are read only where the file doesn't say that all have.
fn filled(table: &Table, column: &str, first: u64, count: usize) -> Result<Vec<bool>> {
    if table.is_full(column) {
        return Ok(vec![true; count]);
    }
    let cells = table.cells(column, first, count)?;
    let mut filled: Vec<bool> = cells.iter().map(Option::is_some).collect();
    filled.resize(count, false);
    Ok(filled)
}
