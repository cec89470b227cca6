//! Where a picture lies: a file, or bytes within one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where the bytes of a picture lie. Paths are relative to the data set's folder, or absolute.
///
/// As text, in `metadata.jsonl`:
/// - `images/a.png`: a file
/// - `shard-00000.tar@1536+20480`: 20,480 bytes of a file from byte 1,536 on
/// - `03.zip!/images/a.png`: an entry of a zip archive
/// - `train.parquet#image.bytes@7`: row 7, counted over all row groups, of a column of a parquet file
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// A whole file.
    File(PathBuf),
    /// A part of a file, such as a member of a tar archive.
    Bytes {
        /// The file.
        file: PathBuf,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
    /// An entry of a zip archive.
    Zip {
        /// The archive.
        archive: PathBuf,
        /// The entry's name.
        entry: String,
    },
    /// A cell of a parquet file.
    Cell {
        /// The file.
        file: PathBuf,
        /// Dotted path of the column.
        column: String,
        /// Row, from 0.
        row: u64,
    },
}

impl Place {
    /// The file to open.
    pub fn file(&self) -> &Path {
        match self {
            Self::File(file)
            | Self::Bytes { file, .. }
            | Self::Zip { archive: file, .. }
            | Self::Cell { file, .. } => file,
        }
    }

    /// The same place, its file as `change` says.
    pub fn with_file(&self, change: impl FnOnce(&Path) -> PathBuf) -> Self {
        let mut place = self.clone();
        match &mut place {
            Self::File(file)
            | Self::Bytes { file, .. }
            | Self::Zip { archive: file, .. }
            | Self::Cell { file, .. } => *file = change(file),
        }
        place
    }

    /// The last name in it: of the file, or of the entry.
    pub fn name(&self) -> &str {
        let name = match self {
            Self::Zip { entry, .. } => Path::new(entry).file_name(),
            other => other.file().file_name(),
        };
        name.and_then(|name| name.to_str()).unwrap_or_default()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file().display();
        match self {
            Self::File(_) => write!(f, "{file}"),
            Self::Bytes { offset, length, .. } => write!(f, "{file}@{offset}+{length}"),
            Self::Zip { entry, .. } => write!(f, "{file}!/{entry}"),
            Self::Cell { column, row, .. } => write!(f, "{file}#{column}@{row}"),
        }
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        let cell = || {
            let (file, rest) = text.split_once(".parquet#")?;
            let (column, row) = rest.rsplit_once('@')?;
            Some(Self::Cell {
                file: PathBuf::from(format!("{file}.parquet")),
                column: column.to_owned(),
                row: row.parse().ok()?,
            })
        };
        let entry = || {
            let (archive, entry) = text.split_once(".zip!/")?;
            Some(Self::Zip {
                archive: PathBuf::from(format!("{archive}.zip")),
                entry: entry.to_owned(),
            })
        };
        let bytes = || {
            let (file, range) = text.rsplit_once('@')?;
            let (offset, length) = range.split_once('+')?;
            Some(Self::Bytes {
                file: PathBuf::from(file),
                offset: offset.parse().ok()?,
                length: length.parse().ok()?,
            })
        };
        cell()
            .or_else(entry)
            .or_else(bytes)
            .unwrap_or_else(|| Self::File(PathBuf::from(text)))
    }
}

impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(text))
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_they_are_read() {
        for (text, file, name) in [
            ("images/a.png", "images/a.png", "a.png"),
            ("s/0.tar@1536+20480", "s/0.tar", "0.tar"),
            ("03.zip!/images/b.png", "03.zip", "b.png"),
            ("t.parquet#image.bytes@7", "t.parquet", "t.parquet"),
            ("odd@name.png", "odd@name.png", "odd@name.png"),
        ] {
            let place = Place::from(text);
            assert_eq!(place.to_string(), text);
            assert_eq!(place.file(), Path::new(file));
            assert_eq!(place.name(), name);
        }
    }

    #[test]
    fn the_kinds_are_told_apart() {
        assert!(matches!(Place::from("a/b.png"), Place::File(_)));
        assert!(matches!(
            Place::from("a.tar@512+9"),
            Place::Bytes {
                offset: 512,
                length: 9,
                ..
            }
        ));
        assert!(matches!(Place::from("a.zip!/b"), Place::Zip { .. }));
        assert!(matches!(
            Place::from("a.parquet#image.bytes@3"),
            Place::Cell { row: 3, .. }
        ));
    }
}
