//! Bytes of pictures from wherever they lie; archives and tables stay open.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image::DynamicImage;
use reliad_imaging::{Opened, Problem, open};
use zip::ZipArchive;

use crate::Place;
use crate::error::{Error, Result};
use crate::table::{Table, Value};

/// Reads the pictures of one data set; may be shared by threads.
#[derive(Default)]
pub struct Store {
    dir: PathBuf,
    archives: Shared<ZipArchive<BufReader<File>>>,
    tables: Shared<Table>,
}

/// Opened files, each for one thread at a time.
struct Shared<T>(Mutex<HashMap<PathBuf, Arc<Mutex<T>>>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Shared<T> {
    fn get(&self, path: &Path, open: impl FnOnce(&Path) -> Result<T>) -> Result<Arc<Mutex<T>>> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = opened.get(path) {
            return Ok(found.clone());
        }
        let new = Arc::new(Mutex::new(open(path)?));
        opened.insert(path.to_owned(), new.clone());
        Ok(new)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// For places relative to `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            ..Self::default()
        }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The full path of the file that a place names.
    pub fn path(&self, place: &Place) -> PathBuf {
        self.dir.join(place.file())
    }

    /// The bytes at a place.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Layout`] when an archive or table is damaged or lacks the entry.
    pub fn bytes(&self, place: &Place) -> Result<Vec<u8>> {
        let path = self.path(place);
        match place {
            Place::File(_) => std::fs::read(&path).map_err(Error::io(&path)),
            Place::Bytes { offset, length, .. } => {
                let part = || {
                    let mut file = File::open(&path)?;
                    let end = file.metadata()?.len();
                    // A wrong length must not ask for memory that the file can't fill.
                    if offset.checked_add(*length).is_none_or(|last| last > end) {
                        return Err(std::io::ErrorKind::UnexpectedEof.into());
                    }
                    file.seek(SeekFrom::Start(*offset))?;
                    let mut bytes = vec![0; *length as usize];
                    file.read_exact(&mut bytes)?;
                    Ok(bytes)
                };
                part().map_err(Error::io(&path))
            }
            Place::Zip { entry, .. } => {
                let archive = self.archives.get(&path, open_zip)?;
                let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
                let mut found = archive.by_name(entry).map_err(Error::layout(&path))?;
                let mut bytes = Vec::new();
                found.read_to_end(&mut bytes).map_err(Error::io(&path))?;
                Ok(bytes)
            }
            Place::Cell { column, row, .. } => {
                let table = self.tables.get(&path, Table::open)?;
                let table = table.lock().unwrap_or_else(PoisonError::into_inner);
                match table.cell(column, *row)? {
                    Some(Value::Bytes(bytes)) => Ok(bytes),
                    _ => Err(Error::layout(&path)(format!(
                        "no bytes in row {row} of column {column}"
                    ))),
                }
            }
        }
    }

    /// Opens the picture at a place as [`open::decode`] does it, with what is doubtful about it.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes); [`Error::Picture`].
    pub fn opened(&self, place: &Place) -> Result<Opened> {
        open::decode(&self.bytes(place)?).map_err(self.undecodable(place))
    }

    /// The picture at a place: upright, in sRGB.
    ///
    /// # Errors
    /// As [`opened`](Self::opened).
    pub fn picture(&self, place: &Place) -> Result<DynamicImage> {
        self.opened(place).map(|opened| opened.picture)
    }

    /// The map at a place: upright, its values as they are.
    ///
    /// # Errors
    /// As [`opened`](Self::opened).
    pub fn map(&self, place: &Place) -> Result<DynamicImage> {
        open::decode_map(&self.bytes(place)?).map_err(self.undecodable(place))
    }

    fn undecodable(&self, place: &Place) -> impl FnOnce(Problem) -> Error {
        let place = place.with_file(|file| self.dir.join(file)).to_string();
        |source| Error::Picture { place, source }
    }
}

/// Opens a zip archive.
///
/// # Errors
/// [`Error::Io`], or [`Error::Layout`] when it is none.
pub(crate) fn open_zip(path: &Path) -> Result<ZipArchive<BufReader<File>>> {
    let file = File::open(path).map_err(Error::io(path))?;
    ZipArchive::new(BufReader::new(file)).map_err(Error::layout(path))
}
