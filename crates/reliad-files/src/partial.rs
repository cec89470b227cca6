//! A file that grows under a temporary name and takes its own when it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::{PREFIX, SUFFIX};

/// A file in the making. What stood under its name stays until [`finish`](Self::finish); one that is dropped before is
/// removed.
#[derive(Debug)]
pub struct Partial {
    file: BufWriter<File>,
    temporary: TempPath,
    path: PathBuf,
}

impl Partial {
    /// Begins the file that will be at `path`; parent directories are made.
    ///
    /// # Errors
    /// That of the file system.
    pub fn create(path: &Path) -> io::Result<Self> {
        let (file, temporary) = beside(path)?;
        Ok(Self {
            file: BufWriter::new(file),
            temporary,
            path: path.to_owned(),
        })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Forces the file to the disk and gives it its name.
    ///
    /// # Errors
    /// That of the file system; nothing stays behind then.
    pub fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(|error| error.into_error())?;
        file.sync_all()?;
        rename(self.temporary, &self.path)
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An empty file in the directory of `path`, which is made where it isn't there: a name can only be moved within a disk.
pub(crate) fn beside(path: &Path) -> io::Result<(File, TempPath)> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => {
            fs::create_dir_all(parent)?;
            parent
        }
        _ => Path::new("."),
    };
    // Opened by us, as the library makes files that are their owner's alone, and names them in its errors.
    let file = tempfile::Builder::new()
        .prefix(PREFIX)
        .suffix(SUFFIX)
        .make_in(directory, |temporary| File::create_new(temporary))?;
    Ok(file.into_parts())
}

pub(crate) fn rename(temporary: TempPath, path: &Path) -> io::Result<()> {
    temporary.persist(path).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("made/lines");
        let mut file = Partial::create(&path).unwrap();
        file.write_all(b"one\n").unwrap();
        assert!(!path.exists());
        file.write_all(b"two\n").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    }

    #[cfg(unix)]
    #[test]
    fn an_error_does_not_tell_of_temporary_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"x").unwrap();
        let error = beside(&path.join("inside")).unwrap_err();
        assert!(!error.to_string().contains(PREFIX), "{error}");
    }

    #[test]
    fn a_file_that_is_given_up_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        fs::write(&path, b"old").unwrap();
        let mut file = Partial::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_kill_left_is_not_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let killed = Partial::create(&path).unwrap();
        // A killed program drops nothing.
        std::mem::forget(killed);
        let mut again = Partial::create(&path).unwrap();
        again.write_all(b"whole").unwrap();
        again.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
