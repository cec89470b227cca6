//! Tables that people keep beside their pictures, as rows of named texts: CSV, JSONL and parquet by their extension.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::table::{Table, Value};
use crate::table_text::TableText;
use crate::text::{Line, TextLines};

/// Rows of a parquet file that are read at once.
const AT_ONCE: usize = 1024;

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The columns' names, in the file's order; by name where every row has its own.
    pub columns: Vec<String>,
    /// The rows, those that can't be read with the reason. Empty rows are left out.
    pub rows: Vec<std::result::Result<Row, BrokenRow>>,
    /// What [`Row::number`] counts: `line` or `row`.
    pub unit: &'static str,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line of a text file on which it begins, the row of a parquet file; from 1.
    pub number: u64,
    /// The texts of its cells by the columns' names, without blanks around; cells without any are left out.
    pub cells: BTreeMap<String, String>,
}

/// A row that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenRow {
    /// As [`Row::number`].
    pub number: u64,
    /// Why.
    pub reason: String,
}

impl Rows {
    /// Reads a table of the extension `csv`, `jsonl` or `parquet`. The columns of CSV are parted by commas, semicolons or
    /// tabs, whichever its first line has most of.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Layout`] for another extension, a first line that names no columns, a file without a single
    /// row that can be read, or a damaged one.
    pub fn read(path: &Path) -> Result<Self> {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("csv") => of_csv(path),
            Some("jsonl") => of_jsonl(path),
            Some("parquet") => of_parquet(path),
            _ => Err(Error::layout(path)(
                "a table is a file of the extension .csv, .jsonl or .parquet",
            )),
        }
    }

    /// The table's own name of the first of these columns that it has, in upper or lower case.
    pub fn column(&self, names: &[&str]) -> Option<&str> {
        let of = |name: &str| {
            let mut columns = self.columns.iter();
            columns.find(|column| column.eq_ignore_ascii_case(name))
        };
        names.iter().find_map(|name| of(name)).map(String::as_str)
    }
}

fn of_csv(path: &Path) -> Result<Rows> {
    let mut table = TableText::open(path)?;
    tell_encoding(path, table.legacy());
    let header = table.header().map_err(Error::io(path))?;
    let columns: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
    if columns.iter().all(String::is_empty) {
        return Err(Error::layout(path)("its first line must name the columns"));
    }
    let mut known = BTreeSet::new();
    let twice = |name: &&String| !name.is_empty() && !known.insert(name.to_lowercase());
    if let Some(name) = columns.iter().find(twice) {
        return Err(Error::layout(path)(format!("it has two columns `{name}`")));
    }
    let mut rows = Vec::new();
    for record in table {
        let (line, cells) = record.map_err(Error::io(path))?;
        let number = line as u64;
        let row = cells.and_then(|cells| row_of_csv(cells, &columns, number));
        // A row of delimiters alone is an empty one.
        if row.as_ref().is_ok_and(|row| row.cells.is_empty()) {
            continue;
        }
        rows.push(row.map_err(|reason| BrokenRow { number, reason }));
    }
    Ok(Rows {
        columns,
        rows,
        unit: "line",
    })
}

fn tell_encoding(path: &Path, encoding: Option<&str>) {
    if let Some(encoding) = encoding {
        tracing::warn!(
            "{}: what isn't UTF-8 in it is read as {encoding}; save it as \"CSV UTF-8\" if titles look wrong",
            path.display()
        );
    }
}

fn row_of_csv(
    cells: Vec<String>,
    columns: &[String],
    number: u64,
) -> std::result::Result<Row, String> {
    if cells.len() > columns.len() {
        return Err(format!(
            "it has {} fields, the first line names {}: put texts that hold the delimiter between quotation marks",
            cells.len(),
            columns.len()
        ));
    }
    let texts = cells.iter().map(|cell| cell.trim().to_owned());
    let cells = columns.iter().cloned().zip(texts);
    Ok(Row {
        number,
        cells: cells
            .filter(|(name, text)| !name.is_empty() && !text.is_empty())
            .collect(),
    })
}

fn of_jsonl(path: &Path) -> Result<Rows> {
    let mut columns = BTreeSet::new();
    let mut rows = Vec::new();
    let lines = TextLines::open(path)?;
    tell_encoding(path, lines.legacy());
    for line in lines {
        let Line { number, text } = line.map_err(Error::io(path))?;
        let number = number as u64;
        if text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            continue;
        }
        let fields = text.and_then(|text| {
            serde_json::from_str::<Map<String, Json>>(&text).map_err(|error| {
                let reason = error.to_string().replace(" at line 1 column", " at column");
                format!("it is no JSON object: {reason}")
            })
        });
        rows.push(match fields {
            Ok(fields) => {
                columns.extend(fields.keys().cloned());
                let cells = fields.into_iter();
                let cells = cells.filter_map(|(name, value)| Some((name, word(value)?)));
                Ok(Row {
                    number,
                    cells: cells.collect(),
                })
            }
            Err(reason) => Err(BrokenRow { number, reason }),
        });
    }
    if let (true, Some(Err(broken))) = (columns.is_empty(), rows.first()) {
        return Err(Error::layout(path)(format!(
            "line {}: {}",
            broken.number, broken.reason
        )));
    }
    Ok(Rows {
        columns: columns.into_iter().collect(),
        rows,
        unit: "line",
    })
}

/// A JSON value as a cell's text: lists of numbers as `1:2`, lists of texts as `a,b`, as the command line has them.
fn word(value: Json) -> Option<String> {
    let text = match value {
        Json::Null => return None,
        Json::String(text) => text.trim().to_owned(),
        Json::Array(list) if list.iter().all(Json::is_number) => joined(&list, ":"),
        Json::Array(list) if list.iter().all(Json::is_string) => joined(&list, ","),
        other => other.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

fn joined(list: &[Json], between: &str) -> String {
    let texts = list.iter().map(|value| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    });
    texts.collect::<Vec<_>>().join(between)
}

fn of_parquet(path: &Path) -> Result<Rows> {
    let table = Table::open(path)?;
    if let Some(name) = table.lists().first() {
        return Err(Error::layout(path)(format!(
            "its column `{name}` holds lists: write texts such as 100:200 or mid,up in their place"
        )));
    }
    let columns = table.columns().iter().filter(|column| !column.binary);
    let columns: Vec<_> = columns.collect();
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let mut rows = Vec::new();
    let mut number = 0;
    for batch in table.batches(&columns, AT_ONCE) {
        let mut batch: Vec<_> = batch?.into_iter().map(Vec::into_iter).collect();
        let count = batch.first().map_or(0, ExactSizeIterator::len);
        for _ in 0..count {
            let texts = batch
                .iter_mut()
                .map(|cells| cells.next().flatten().and_then(text));
            let cells = names.iter().cloned().zip(texts);
            let cells: BTreeMap<_, _> = cells
                .filter_map(|(name, text)| Some((name, text?)))
                .collect();
            number += 1;
            if !cells.is_empty() {
                rows.push(Ok(Row { number, cells }));
            }
        }
    }
    Ok(Rows {
        columns: names,
        rows,
        unit: "row",
    })
}

/// A cell's text without blanks around. What is no number is an empty cell of a table that was made with pandas.
fn text(cell: Value) -> Option<String> {
    let is_number = !matches!(cell, Value::Float(number) if !number.is_finite());
    let word = is_number.then(|| cell.into_word())??;
    let text = word.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Result<Rows> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Rows::read(&path)
    }

    /// The cells of each row in the columns' order, or the reason.
    fn told(rows: &Rows) -> Vec<(u64, String)> {
        let told = rows.rows.iter().map(|row| match row {
            Ok(row) => {
                let cells = rows.columns.iter().map(|name| row.cells.get(name));
                let cells = cells.map(|cell| cell.map_or("-", String::as_str));
                (row.number, cells.collect::<Vec<_>>().join("|"))
            }
            Err(broken) => (broken.number, broken.reason.clone()),
        });
        told.collect()
    }

    #[test]
    fn spreadsheets_of_every_country_are_read() {
        for text in [
            "file,title\nmug.png,\"Mug, 9 cm\"\n\nlamp.png,\n",
            "\u{feff}file;title\r\nmug.png;Mug, 9 cm\r\n;\r\nlamp.png;\r\n",
            "file\ttitle\nmug.png\tMug, 9 cm\n\t\nlamp.png",
        ] {
            let rows = read("a.csv", text.as_bytes()).unwrap();
            assert_eq!(rows.columns, ["file", "title"]);
            let expected = [(2, "mug.png|Mug, 9 cm"), (4, "lamp.png|-")];
            assert_eq!(told(&rows), expected.map(|(at, row)| (at, row.to_owned())));
        }
    }

    #[test]
    fn broken_rows_say_why_and_the_others_are_read() {
        let rows = read(
            "a.CSV",
            b"file,title\na,b,c\n\xC7\xE0.png,M\nc.png,C\nd.png,\"D\ne.png,E\nf.png,F\n",
        );
        let told = told(&rows.unwrap());
        assert!(told[0].1.contains("3 fields, the first line names 2"));
        // What isn't UTF-8 is read in the encoding that fits, here GBK.
        assert_eq!(told[1], (3, "\u{9752}.png|M".to_owned()));
        assert_eq!(told[2], (4, "c.png|C".to_owned()));
        assert_eq!(told[3].0, 5);
        assert!(told[3].1.contains("isn't closed"), "{told:?}");
        assert_eq!(told[4], (6, "e.png|E".to_owned()));
        // A title of several lines is one, also at the end.
        let rows = read("a.csv", b"file,title\nd.png,\"D\nof two lines\"\n").unwrap();
        assert!(rows.rows[0].is_ok());

        let rows = read(
            "a.jsonl",
            b"{\"file\": \"a\", \"n\": 3}\nno\n[1]\n{\"s\": [0, 0.5], \"t\": [\"up\", \"mid\"]}\n",
        );
        let told = self::told(&rows.unwrap());
        assert_eq!(told[0], (1, "a|3|-|-".to_owned()));
        assert!(told[1].1.contains("no JSON object") && told[2].1.contains("no JSON object"));
        assert_eq!(told[3], (4, "-|-|0:0.5|up,mid".to_owned()));
    }

    #[test]
    fn files_that_are_no_tables_say_what_would_be() {
        for (name, bytes, expected) in [
            ("a.xlsx", &b"PK"[..], ".csv, .jsonl or .parquet"),
            ("a.csv", b"", "name the columns"),
            ("a.csv", b"file,File\n", "two columns `File`"),
            ("a.parquet", b"PAR1", "a.parquet"),
            ("a.jsonl", b"no\nno\n", "a.jsonl: line 1"),
        ] {
            let error = read(name, bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn numbers_of_parquet_are_read_as_they_are_written() {
        let schema = "message m { required binary file (UTF8); optional double guidance; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut bytes = Vec::new();
        let properties = Arc::new(WriterProperties::default());
        let mut file = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
        let mut group = file.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let names = ["a.png", "b.png", "c.png"].map(ByteArray::from);
        let texts = column.typed::<ByteArrayType>();
        texts.write_batch(&names, None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let numbers = column.typed::<DoubleType>();
        let levels = [1, 0, 1];
        numbers
            .write_batch(&[7.5, 3.0], Some(&levels), None)
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
        file.close().unwrap();
        let rows = read("a.parquet", &bytes).unwrap();
        let expected = [(1, "a.png|7.5"), (2, "b.png|-"), (3, "c.png|3")];
        assert_eq!(told(&rows), expected.map(|(at, row)| (at, row.to_owned())));
    }
}
