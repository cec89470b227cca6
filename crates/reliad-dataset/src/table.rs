//! Parquet files as rows of named cells, read without Arrow.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::ConvertedType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;

use crate::error::{Error, Result};
use crate::guarded::guarded;

/// A file may count this many rows for each of its bytes: more than rows that differ can have.
const ROWS_A_BYTE: u64 = 64;

/// As many rows any file may count.
const FEW_ROWS: u64 = 1 << 20;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text, as UTF-8.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Another number.
    Float(f64),
    /// True or false.
    Truth(bool),
    /// Bytes, such as a picture's.
    Bytes(Vec<u8>),
}

impl Value {
    /// As a word: text as it is, a number in decimal, `true` or `false`. Bytes are text if they are UTF-8.
    pub fn into_word(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(number) => Some(number.to_string()),
            Self::Float(number) => Some(number.to_string()),
            Self::Truth(truth) => Some(truth.to_string()),
            Self::Bytes(bytes) => String::from_utf8(bytes).ok(),
        }
    }
}

/// A column that holds one value a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Dotted path, such as `image.bytes`.
    pub name: String,
    /// Whether its cells are bytes that are no text.
    pub binary: bool,
    place: usize,
}

/// An open parquet file.
pub struct Table {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    columns: Vec<Column>,
    lists: Vec<String>,
}

impl Table {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Layout`] when it is no parquet file, or one that counts more rows than its bytes can tell apart.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let bytes = file.metadata().map_err(Error::io(path))?.len();
        let reader = of_library(|| SerializedFileReader::new(file)).map_err(Error::layout(path))?;
        let rows = reader.metadata().file_metadata().num_rows().max(0) as u64;
        if rows > FEW_ROWS && rows / ROWS_A_BYTE > bytes {
            return Err(Error::layout(path)(format!(
                "it is damaged: its footer counts {rows} rows in {bytes} bytes"
            )));
        }
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let columns = schema.columns().iter().enumerate();
        let columns = columns
            .filter(|(_, column)| column.max_rep_level() == 0)
            .map(|(place, column)| Column {
                name: column.path().string(),
                binary: column.physical_type() == parquet::basic::Type::BYTE_ARRAY
                    && !matches!(
                        column.converted_type(),
                        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
                    ),
                place,
            })
            .collect();
        let lists = schema
            .columns()
            .iter()
            .filter(|column| column.max_rep_level() > 0)
            .filter_map(|column| column.path().parts().first().cloned());
        let lists = lists.collect();
        Ok(Self {
            path: path.to_owned(),
            reader,
            columns,
            lists,
        })
    }

    /// The first names of columns that hold several values a row.
    pub fn lists(&self) -> &[String] {
        &self.lists
    }

    /// What the file's writer noted under this name.
    pub fn note(&self, name: &str) -> Option<&str> {
        let notes = self
            .reader
            .metadata()
            .file_metadata()
            .key_value_metadata()?;
        let note = notes.iter().find(|note| note.key == name)?;
        note.value.as_deref()
    }

    /// The columns that hold one value a row.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        let rows = self.reader.metadata().file_metadata().num_rows();
        rows.max(0) as u64
    }

    /// Whether the file says that no cell of the column is empty.
    pub fn is_full(&self, column: &str) -> bool {
        let Some(found) = self.columns.iter().find(|known| known.name == column) else {
            return false;
        };
        self.reader.metadata().row_groups().iter().all(|group| {
            let statistics = group.column(found.place).statistics();
            statistics.and_then(|known| known.null_count_opt()) == Some(0)
        })
    }

    /// One cell; `None` where it is empty.
    ///
    /// # Errors
    /// [`Error::Layout`] for a column or row that isn't there, or a damaged page.
    pub fn cell(&self, column: &str, row: u64) -> Result<Option<Value>> {
        let column = self.columns.iter().find(|known| known.name == column);
        let column = column.ok_or_else(|| self.wrong("it has no such column"))?;
        let mut cells = Cells {
            table: self,
            column,
            open: None,
            next: 0,
        };
        let mut skip = row;
        for group in self.reader.metadata().row_groups() {
            let rows = group.num_rows().max(0) as u64;
            if skip < rows {
                cells
                    .enter()?
                    .skip(skip as usize)
                    .map_err(|error| self.wrong(error))?;
                let found = cells.read(1)?.pop();
                return found.ok_or_else(|| self.wrong(format!("it has no row {row}")));
            }
            skip -= rows;
            cells.next += 1;
        }
        Err(self.wrong(format!("it has no row {row}")))
    }

    /// The cells of these columns, for so many rows at once, from the first row to the last; each page is read once.
    pub fn batches<'a>(&'a self, columns: &[&'a Column], rows: usize) -> Batches<'a> {
        let cells = columns.iter().map(|column| Cells {
            table: self,
            column,
            open: None,
            next: 0,
        });
        Batches {
            table: self,
            columns: cells.collect(),
            rows,
            left: self.rows(),
        }
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        Error::layout(&self.path)(reason)
    }
}

/// Cells of columns side by side: an item has those of each column, as many for all.
pub struct Batches<'a> {
    table: &'a Table,
    columns: Vec<Cells<'a>>,
    rows: usize,
    left: u64,
}

impl Iterator for Batches<'_> {
    type Item = Result<Vec<Vec<Option<Value>>>>;

    fn next(&mut self) -> Option<Self::Item> {
        let count = self.left.min(self.rows as u64) as usize;
        if count == 0 {
            return None;
        }
        let columns = self.columns.iter_mut();
        let read: Result<Vec<_>> = columns.map(|cells| cells.read(count)).collect();
        let read = read.and_then(|read| match read.iter().find(|cells| cells.len() < count) {
            Some(_) => {
                let row = self.table.rows() - self.left;
                Err(self
                    .table
                    .wrong(format!("cells are missing from row {row} on")))
            }
            None => Ok(read),
        });
        self.left = match read {
            Ok(_) => self.left - count as u64,
            Err(_) => 0,
        };
        Some(read)
    }
}

/// The cells of a column, one after the other.
struct Cells<'a> {
    table: &'a Table,
    column: &'a Column,
    /// The row group that is read.
    open: Option<Group>,
    /// The row group after it.
    next: usize,
}

impl Cells<'_> {
    /// Up to `count` cells; fewer at the end alone.
    fn read(&mut self, count: usize) -> Result<Vec<Option<Value>>> {
        let table = self.table;
        let mut cells = Vec::new();
        while cells.len() < count {
            if self.open.as_ref().is_none_or(|group| group.left == 0) {
                if self.next >= table.reader.num_row_groups() {
                    break;
                }
                self.enter()?;
            }
            let Some(group) = &mut self.open else { break };
            if group.left == 0 {
                continue;
            }
            let wanted = group.left.min(count - cells.len());
            let read = group.read(wanted, self.column.binary);
            let read = read.map_err(|error| table.wrong(error))?;
            if read.is_empty() {
                // Going on with the next row group would give its cells to other rows.
                let reason = format!("column {} ends before its row group does", self.column.name);
                return Err(table.wrong(reason));
            }
            group.left -= read.len();
            cells.extend(read);
        }
        Ok(cells)
    }

    fn enter(&mut self) -> Result<&mut Group> {
        let table = self.table;
        let wrong = |error| table.wrong(error);
        let group = of_library(|| {
            let group = table.reader.get_row_group(self.next)?;
            Ok(Group {
                left: group.metadata().num_rows().max(0) as usize,
                reader: group.get_column_reader(self.column.place)?,
            })
        });
        let group = group.map_err(wrong)?;
        self.next += 1;
        Ok(self.open.insert(group))
    }
}

/// A column of a row group, read up to some row.
struct Group {
    reader: ColumnReader,
    /// Rows that aren't read yet.
    left: usize,
}

/// What is done with a column reader of any type.
macro_rules! of_any {
    ($reader:expr, $call:ident => $result:expr, $other:expr) => {
        match $reader {
            ColumnReader::ByteArrayColumnReader($call) => $result,
            ColumnReader::FixedLenByteArrayColumnReader($call) => $result,
            ColumnReader::Int32ColumnReader($call) => $result,
            ColumnReader::Int64ColumnReader($call) => $result,
            ColumnReader::FloatColumnReader($call) => $result,
            ColumnReader::DoubleColumnReader($call) => $result,
            ColumnReader::BoolColumnReader($call) => $result,
            // Neither texts, labels nor pictures come in other types.
            _ => $other,
        }
    };
}

impl Group {
    fn skip(&mut self, rows: usize) -> parquet::errors::Result<()> {
        of_library(
            || of_any!(&mut self.reader, reader => reader.skip_records(rows).map(drop), Ok(())),
        )
    }

    fn read(&mut self, count: usize, binary: bool) -> parquet::errors::Result<Vec<Option<Value>>> {
        of_library(
            || of_any!(&mut self.reader, reader => values(reader, count, binary), Ok(vec![None; count])),
        )
    }
}

/// What the library makes of a damaged file, be it an error or a panic.
fn of_library<T>(read: impl FnOnce() -> parquet::errors::Result<T>) -> parquet::errors::Result<T> {
    guarded(read).unwrap_or_else(|reason| Err(ParquetError::General(reason)))
}

/// A value of a parquet file as ours.
trait Told {
    fn told(&self, binary: bool) -> Value;
}

impl Told for ByteArray {
    fn told(&self, binary: bool) -> Value {
        of_bytes(self.data(), binary)
    }
}

impl Told for FixedLenByteArray {
    fn told(&self, binary: bool) -> Value {
        of_bytes(self.data(), binary)
    }
}

impl Told for i32 {
    fn told(&self, _: bool) -> Value {
        Value::Number(i64::from(*self))
    }
}

impl Told for i64 {
    fn told(&self, _: bool) -> Value {
        Value::Number(*self)
    }
}

impl Told for f32 {
    fn told(&self, _: bool) -> Value {
        // The shortest number that means the same, not its digits as a longer one.
        Value::Float(self.to_string().parse().unwrap_or(f64::from(*self)))
    }
}

impl Told for f64 {
    fn told(&self, _: bool) -> Value {
        Value::Float(*self)
    }
}

impl Told for bool {
    fn told(&self, _: bool) -> Value {
        Value::Truth(*self)
    }
}

fn of_bytes(bytes: &[u8], binary: bool) -> Value {
    match binary {
        true => Value::Bytes(bytes.to_vec()),
        false => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn values<T: DataType<T: Told>>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
    binary: bool,
) -> parquet::errors::Result<Vec<Option<Value>>> {
    let (mut levels, mut present) = (Vec::new(), Vec::new());
    let (records, _, _) = reader.read_records(count, Some(&mut levels), None, &mut present)?;
    let mut present = present.iter().map(|value| value.told(binary));
    // Without definition levels every row has its value.
    let full = levels.iter().copied().max().unwrap_or(0);
    Ok((0..records)
        .map(|row| match levels.get(row) {
            Some(&level) if level < full => None,
            _ => present.next(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use std::sync::Arc;

    use parquet::data_type::Int64Type;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A file of a column of whole numbers, with these row groups; 0 is an empty cell.
    fn file(groups: &[&[i64]]) -> (tempfile::TempDir, PathBuf) {
        let schema = Arc::new(parse_message_type("message m { optional int64 n; }").unwrap());
        let mut bytes = Vec::new();
        let properties = Arc::new(WriterProperties::default());
        let mut file = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
        for cells in groups {
            let mut group = file.next_row_group().unwrap();
            let mut column = group.next_column().unwrap().unwrap();
            let levels: Vec<i16> = cells.iter().map(|&cell| i16::from(cell != 0)).collect();
            let values: Vec<i64> = cells.iter().copied().filter(|&cell| cell != 0).collect();
            let numbers = column.typed::<Int64Type>();
            numbers.write_batch(&values, Some(&levels), None).unwrap();
            column.close().unwrap();
            group.close().unwrap();
        }
        file.close().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    #[test]
    fn cells_go_on_over_row_groups() {
        let (_dir, path) = file(&[&[1, 2, 0], &[], &[0, 0, 0], &[4, 5, 6, 7]]);
        let table = Table::open(&path).unwrap();
        let expected = [1, 2, 0, 0, 0, 0, 4, 5, 6, 7];
        let number = |cell: Option<Value>| match cell {
            Some(Value::Number(number)) => number,
            Some(other) => panic!("{other:?}"),
            None => 0,
        };
        for at_once in [1, 2, 3, 4, 100] {
            let columns: Vec<&Column> = table.columns().iter().collect();
            let batches = table
                .batches(&columns, at_once)
                .map(|batch| batch.unwrap().remove(0));
            let read: Vec<i64> = batches.flatten().map(number).collect();
            assert_eq!(read, expected, "{at_once} at once");
        }
        for (row, &expected) in expected.iter().enumerate() {
            assert_eq!(number(table.cell("n", row as u64).unwrap()), expected);
        }
        assert!(table.cell("n", 10).is_err() && table.cell("m", 0).is_err());
    }

    #[test]
    fn more_rows_than_bytes_can_tell_apart_are_damage() {
        let cells = vec![7; 2_000_000];
        let (_dir, path) = file(&[&cells]);
        let error = Table::open(&path).err().unwrap().to_string();
        assert!(error.contains("2000000 rows"), "{error}");
        let (_dir, path) = file(&[&cells[..1_000_000]]);
        assert!(Table::open(&path).is_ok());
    }
}
