//! Parquet files as rows of named cells, read without Arrow.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::ConvertedType;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::file::reader::{FileReader as _, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;

use crate::error::{Error, Result};

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
    /// [`Error::Io`], or [`Error::Layout`] when it is no parquet file.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let reader = SerializedFileReader::new(file).map_err(Error::layout(path))?;
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
        let mut values = self.cells(column, row, 1)?;
        values
            .pop()
            .ok_or_else(|| self.wrong(format!("it has no row {row}")))
    }

    /// Up to `count` cells of a column from row `first` on, as far as its row group reaches.
    ///
    /// # Errors
    /// As [`cell`](Self::cell).
    pub fn cells(&self, column: &str, first: u64, count: usize) -> Result<Vec<Option<Value>>> {
        let found = self.columns.iter().find(|known| known.name == column);
        let Some(found) = found else {
            return Err(self.wrong(format!("it has no column {column}")));
        };
        let mut skip = first;
        for group in 0..self.reader.num_row_groups() {
            let group = self
                .reader
                .get_row_group(group)
                .map_err(|error| self.wrong(error))?;
            let rows = group.metadata().num_rows().max(0) as u64;
            if skip < rows {
                let count = count.min((rows - skip) as usize);
                return read(group.as_ref(), found, skip as usize, count)
                    .map_err(|error| self.wrong(error));
            }
            skip -= rows;
        }
        Ok(Vec::new())
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        Error::layout(&self.path)(reason)
    }
}

fn read(
    group: &dyn RowGroupReader,
    column: &Column,
    skip: usize,
    count: usize,
) -> parquet::errors::Result<Vec<Option<Value>>> {
    let bytes = |bytes: &[u8]| {
        if column.binary {
            Value::Bytes(bytes.to_vec())
        } else {
            Value::Text(String::from_utf8_lossy(bytes).into_owned())
        }
    };
    match group.get_column_reader(column.place)? {
        ColumnReader::ByteArrayColumnReader(reader) => {
            values(reader, skip, count, |value: &ByteArray| bytes(value.data()))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            values(reader, skip, count, |value: &FixedLenByteArray| {
                bytes(value.data())
            })
        }
        ColumnReader::Int32ColumnReader(reader) => values(reader, skip, count, |&value| {
            Value::Number(i64::from(value))
        }),
        ColumnReader::Int64ColumnReader(reader) => {
            values(reader, skip, count, |&value| Value::Number(value))
        }
        ColumnReader::FloatColumnReader(reader) => {
            values(reader, skip, count, |&value: &f32| {
                // The shortest number that means the same, not its digits as a longer one.
                Value::Float(value.to_string().parse().unwrap_or(f64::from(value)))
            })
        }
        ColumnReader::DoubleColumnReader(reader) => {
            values(reader, skip, count, |&value| Value::Float(value))
        }
        ColumnReader::BoolColumnReader(reader) => {
            values(reader, skip, count, |&value| Value::Truth(value))
        }
        // Neither texts, labels nor pictures come in other types.
        _ => Ok(vec![None; count]),
    }
}

fn values<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    skip: usize,
    count: usize,
    convert: impl Fn(&T::T) -> Value,
) -> parquet::errors::Result<Vec<Option<Value>>> {
    reader.skip_records(skip)?;
    let (mut levels, mut present) = (Vec::new(), Vec::new());
    let (records, _, _) = reader.read_records(count, Some(&mut levels), None, &mut present)?;
    let mut present = present.iter().map(convert);
    // Without definition levels every row has its value.
    let full = levels.iter().copied().max().unwrap_or(0);
    Ok((0..records)
        .map(|row| match levels.get(row) {
            Some(&level) if level < full => None,
            _ => present.next(),
        })
        .collect())
}
