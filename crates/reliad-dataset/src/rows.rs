//! Tables that people keep beside their pictures, as rows of named texts: CSV, JSONL and parquet by their extension.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};
use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};
use crate::table::{Table, Value};

/// Rows of a parquet file that are read at once.
const AT_ONCE: usize = 1024;
/// The delimiters of CSV files: spreadsheets of many countries write semicolons, since the comma is in their numbers.
const DELIMITERS: [u8; 3] = *b",;\t";
/// What programs for Windows put before UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

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
        let bytes = || std::fs::read(path).map_err(Error::io(path));
        match extension.to_str() {
            Some("csv") => of_csv(&bytes()?).map_err(Error::layout(path)),
            Some("jsonl") => of_jsonl(&bytes()?).map_err(Error::layout(path)),
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

fn of_csv(bytes: &[u8]) -> std::result::Result<Rows, String> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(bytes))
        .trim(Trim::All)
        .flexible(true)
        .from_reader(bytes);
    let heads = reader.byte_headers().map_err(|error| error.to_string())?;
    let Ok(columns) = texts(heads) else {
        return Err("its first line isn't UTF-8: save it as \"CSV UTF-8\"".to_owned());
    };
    if columns.iter().all(String::is_empty) {
        return Err("its first line must name the columns".to_owned());
    }
    let mut known = BTreeSet::new();
    let twice = |name: &&String| !name.is_empty() && !known.insert(name.to_lowercase());
    if let Some(name) = columns.iter().find(twice) {
        return Err(format!("it has two columns `{name}`"));
    }
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| error.to_string())?;
        let at = record.position();
        let (line, begin) = at.map_or((0, 0), |at| (at.line(), at.byte() as usize));
        let rest = bytes.get(begin..).unwrap_or_default();
        // Empty lines before a row count as its own to the reader.
        let blank = rest.iter().take_while(|byte| b"\r\n".contains(byte));
        let number = line + blank.filter(|&&byte| byte == b'\n').count() as u64;
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        rows.push(
            row_of_csv(&record, &columns, rest, number)
                .map_err(|reason| BrokenRow { number, reason }),
        );
    }
    Ok(Rows {
        columns,
        rows,
        unit: "line",
    })
}

/// One row; `rest` is the file from where it begins.
fn row_of_csv(
    record: &ByteRecord,
    columns: &[String],
    rest: &[u8],
    number: u64,
) -> std::result::Result<Row, String> {
    if record.len() > columns.len() {
        return Err(format!(
            "it has {} fields, the first line names {}: put texts that hold the delimiter between quotation marks",
            record.len(),
            columns.len()
        ));
    }
    // A quotation mark that nothing closes swallows the rest of the file.
    let swallowed = record.iter().any(|field| field.contains(&b'\n'))
        && rest.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
    let ends_here = || {
        let lines = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count();
        let own: usize = record.iter().map(lines).sum();
        own + 1 >= lines(rest.trim_ascii_end())
    };
    if swallowed && ends_here() {
        return Err("it opens a quotation mark that nothing closes".to_owned());
    }
    let texts = texts(record)
        .map_err(|_| "it has bytes that aren't UTF-8: save the file as \"CSV UTF-8\"")?;
    let cells = columns.iter().cloned().zip(texts);
    Ok(Row {
        number,
        cells: cells
            .filter(|(name, text)| !name.is_empty() && !text.is_empty())
            .collect(),
    })
}

fn texts(record: &ByteRecord) -> std::result::Result<Vec<String>, std::str::Utf8Error> {
    let texts = record.iter().map(std::str::from_utf8);
    texts.map(|text| text.map(str::to_owned)).collect()
}

fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
    let count = |of: u8| first.iter().filter(|&&byte| byte == of).count();
    // Of several the last is the greatest to `max_by_key`; the comma stands for a single column.
    let most = DELIMITERS.into_iter().rev().max_by_key(|&of| count(of));
    most.unwrap_or(b',')
}

fn of_jsonl(bytes: &[u8]) -> std::result::Result<Rows, String> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut columns = BTreeSet::new();
    let mut rows = Vec::new();
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1..) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row = serde_json::from_slice::<Map<String, Json>>(line);
        rows.push(match row {
            Ok(fields) => {
                columns.extend(fields.keys().cloned());
                let cells = fields.into_iter();
                let cells = cells.filter_map(|(name, value)| Some((name, word(value)?)));
                Ok(Row {
                    number,
                    cells: cells.collect(),
                })
            }
            Err(error) => {
                let reason = error.to_string().replace(" at line 1 column", " at column");
                Err(BrokenRow {
                    number,
                    reason: format!("it is no JSON object: {reason}"),
                })
            }
        });
    }
    if let (true, Some(Err(broken))) = (columns.is_empty(), rows.first()) {
        return Err(format!("line {}: {}", broken.number, broken.reason));
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
    let columns: Vec<String> = table
        .columns()
        .iter()
        .filter(|column| !column.binary)
        .map(|column| column.name.clone())
        .collect();
    let mut rows = Vec::new();
    let mut first = 0;
    while first < table.rows() {
        let mut read: Vec<BTreeMap<String, String>> = Vec::new();
        for column in &columns {
            let cells = table.cells(column, first, AT_ONCE)?;
            read.resize_with(read.len().max(cells.len()), BTreeMap::new);
            for (row, cell) in read.iter_mut().zip(cells) {
                // What is no number is an empty cell of a table that was made with pandas.
                let cell = cell
                    .filter(|cell| !matches!(cell, Value::Float(number) if !number.is_finite()));
                let text = cell.and_then(Value::into_word);
                let text = text.map(|text| text.trim().to_owned());
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    row.insert(column.clone(), text);
                }
            }
        }
        if read.is_empty() {
            break;
        }
        for cells in read {
            first += 1;
            if !cells.is_empty() {
                rows.push(Ok(Row {
                    number: first,
                    cells,
                }));
            }
        }
    }
    Ok(Rows {
        columns,
        rows,
        unit: "row",
    })
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
            b"file,title\na,b,c\nm\xFCg.png,M\nc.png,C\nd.png,\"D\ne.png,E\nf.png,F\n",
        );
        let told = told(&rows.unwrap());
        assert!(told[0].1.contains("3 fields, the first line names 2"));
        assert!(told[1].1.contains("UTF-8"));
        assert_eq!(told[2], (4, "c.png|C".to_owned()));
        assert_eq!(told[3].0, 5);
        assert!(told[3].1.contains("nothing closes"), "{told:?}");
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
            ("a.csv", b"\xFF\xFEf\0", "UTF-8"),
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
