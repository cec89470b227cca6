//! A directory made ready before any work starts.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::{PREFIX, SUFFIX, partial};

/// Creates `directory`, removes the unfinished files that a killed run left in it, and shows that a file can be written
/// there.
///
/// Unfinished files of another run that is still writing there go too, and its writes fail: only whoever a directory
/// belongs to should prepare it.
///
/// # Errors
/// When the directory can't be created, listed or written to.
pub fn prepare_directory(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for entry in fs::read_dir(directory)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            // One that can't be removed is only untidy.
            let _ = fs::remove_file(entry.path());
        }
    }
    let (mut probe, _removed) = partial::beside(&directory.join("probe"))?;
    probe.write_all(b"probe")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;
    use crate::Partial;

    #[test]
    fn a_prepared_directory_has_lost_its_unfinished_files() {
        let dir = tempfile::tempdir().unwrap();
        std::mem::forget(Partial::create(&dir.path().join("a.png")).unwrap());
        // As earlier versions named them.
        fs::write(dir.path().join(".reliad-a.png.77.tmp"), b"half").unwrap();
        fs::write(dir.path().join("a.png"), b"whole").unwrap();
        prepare_directory(dir.path()).unwrap();
        let names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["a.png"]);
    }

    #[test]
    fn a_file_in_the_way_of_the_directory_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"x").unwrap();
        assert!(prepare_directory(&path).is_err());
    }
}
