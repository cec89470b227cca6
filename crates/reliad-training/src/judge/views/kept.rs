//! Views on disk: shards that are only ever added. Each says which views it holds, so samples may be added, taken away or put in
//! another order, and what is made stays where it is.
//!
//! A shard is `RLV3`, the number of its views, then for each its key, its first byte and its length, then the packed views; numbers
//! are little-endian, of 4 bytes, but keys and first bytes of 8. It is named after its keys.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fingerprint::fingerprint;

const MAGIC: &[u8; 4] = b"RLV3";
const HEAD: usize = 8;
const ROW: usize = 8 + 8 + 4;
const EXTENSION: &str = "views";

/// Where a view lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    shard: u32,
    first: u64,
    length: u32,
}

/// The shards of a folder, and what they hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    folder: PathBuf,
    shards: Arc<Vec<PathBuf>>,
    places: HashMap<u64, Place>,
}

/// The shards themselves, without what they hold: enough to read a view whose place is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Shards(Arc<Vec<PathBuf>>);

impl Kept {
    /// Opens the folder, which is made where there is none. Only the shards' tables are read.
    ///
    /// # Errors
    /// A folder or shard that can't be read, or a file that is no shard.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let mut kept = Self {
            folder: folder.to_owned(),
            ..Self::default()
        };
        let mut shards = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
            let path = entry.map_err(Error::io(folder))?.path();
            if path.extension().is_some_and(|end| end == EXTENSION) {
                shards.push(path);
            }
        }
        shards.sort();
        for path in shards {
            let table = table(&path)?;
            kept.take(path, table);
        }
        Ok(kept)
    }

    /// The place of the view `key`, where there is one.
    pub(super) fn place(&self, key: u64) -> Option<Place> {
        self.places.get(&key).copied()
    }

    /// Number of views.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// Adds a shard of packed views, each with its key. It is there whole or not at all.
    ///
    /// # Errors
    /// A failing disk.
    pub(super) fn add(&mut self, views: &[(u64, Vec<u8>)]) -> Result<()> {
        let mut bytes = Vec::from(MAGIC);
        bytes.extend((views.len() as u32).to_le_bytes());
        let mut first = (HEAD + views.len() * ROW) as u64;
        let mut keys = Vec::new();
        let mut rows = Vec::new();
        for (key, view) in views {
            let length = view.len() as u32;
            keys.extend(key.to_le_bytes());
            bytes.extend(key.to_le_bytes());
            bytes.extend(first.to_le_bytes());
            bytes.extend(length.to_le_bytes());
            rows.push((*key, first, length));
            first += u64::from(length);
        }
        for (_, view) in views {
            bytes.extend_from_slice(view);
        }
        let name = format!("{:016x}.{EXTENSION}", fingerprint(&keys));
        let path = self.folder.join(name);
        reliad_files::write(&path, &bytes).map_err(Error::io(&path))?;
        self.take(path, rows);
        Ok(())
    }

    fn take(&mut self, path: PathBuf, table: Vec<(u64, u64, u32)>) {
        let shards = Arc::make_mut(&mut self.shards);
        let shard = shards.len() as u32;
        shards.push(path);
        for (key, first, length) in table {
            let place = Place {
                shard,
                first,
                length,
            };
            self.places.insert(key, place);
        }
    }

    /// What reads the places that this gave.
    pub(super) fn shards(&self) -> Shards {
        Shards(self.shards.clone())
    }
}

impl Shards {
    /// The packed view at a place, and the shard's file.
    ///
    /// # Errors
    /// A shard that is gone or cut short.
    pub(super) fn read(&self, place: Place) -> Result<(Vec<u8>, &Path)> {
        let path = &self.0[place.shard as usize];
        let read = || {
            let mut shard = File::open(path)?;
            let mut bytes = vec![0; place.length as usize];
            shard.seek(SeekFrom::Start(place.first))?;
            shard.read_exact(&mut bytes)?;
            Ok(bytes)
        };
        Ok((read().map_err(Error::io(path))?, path))
    }
}

/// Key, first byte and length of each view in a shard.
fn table(path: &Path) -> Result<Vec<(u64, u64, u32)>> {
    let damaged = || Error::Data {
        path: path.to_owned(),
        reason: "it is no shard of views, or cut short; remove it, and its views are made again"
            .to_owned(),
    };
    let mut shard = File::open(path).map_err(Error::io(path))?;
    let end = shard.metadata().map_err(Error::io(path))?.len();
    let mut head = [0; HEAD];
    shard.read_exact(&mut head).map_err(|_| damaged())?;
    let (magic, count) = head.split_at(4);
    let count = count.try_into().map_or(0, u32::from_le_bytes) as usize;
    // A wrong number must not ask for memory that the file can't fill.
    if magic != MAGIC || (HEAD + count * ROW) as u64 > end {
        return Err(damaged());
    }
    let mut rows = vec![0; count * ROW];
    shard.read_exact(&mut rows).map_err(|_| damaged())?;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0u64, |sum, &byte| sum << 8 | u64::from(byte))
    };
    let rows: Vec<(u64, u64, u32)> = rows
        .chunks_exact(ROW)
        .map(|row| {
            (
                number(&row[..8]),
                number(&row[8..16]),
                number(&row[16..]) as u32,
            )
        })
        .collect();
    let fits = |&(_, first, length): &(u64, u64, u32)| {
        first
            .checked_add(u64::from(length))
            .is_some_and(|last| last <= end)
    };
    match rows.iter().all(fits) {
        true => Ok(rows),
        false => Err(damaged()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn shards_are_added_and_those_before_stay() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("views");
        let mut kept = Kept::open(&folder).unwrap();
        kept.add(&[(3, vec![1, 2, 3]), (1, vec![4])]).unwrap();
        let before = files(&folder);
        let mut again = Kept::open(&folder).unwrap();
        assert_eq!(again.count(), 2);
        again.add(&[(9, Vec::new()), (7, vec![5, 6])]).unwrap();
        let after = files(&folder);
        assert_eq!(after.len(), 2);
        assert!(before.iter().all(|file| after.contains(file)));
        let whole = Kept::open(&folder).unwrap();
        for (key, view) in [
            (3, vec![1, 2, 3]),
            (1, vec![4]),
            (9, vec![]),
            (7, vec![5, 6]),
        ] {
            for kept in [&again, &whole] {
                let place = kept.place(key).unwrap();
                assert_eq!(kept.shards().read(place).unwrap().0, view);
            }
        }
        assert_eq!(whole.place(2), None);
    }

    #[test]
    fn what_is_no_shard_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let mut kept = Kept::open(dir.path()).unwrap();
        kept.add(&[(1, vec![1; 50])]).unwrap();
        let (path, bytes) = files(dir.path()).remove(0);
        let mut huge = bytes.clone();
        huge[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        for broken in [&bytes[..40], &bytes[..5], b"something else", &huge] {
            std::fs::write(&path, broken).unwrap();
            let said = Kept::open(dir.path()).unwrap_err().to_string();
            assert!(
                said.contains(".views") && said.contains("remove it"),
                "{said}"
            );
        }
    }
}
