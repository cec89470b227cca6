//! Files that are whole or absent: written under a temporary name beside their place, then renamed.
//!
//! A reader, or a kill of the program, never sees half of one. [`write()`] is for bytes at hand, [`Partial`] for a file that
//! grows. What a kill leaves behind has a name of its own that nothing else uses, so that the next run isn't in its way;
//! [`prepare_directory`] removes it.

mod partial;
mod prepare;

use std::io::{self, Write as _};
use std::path::Path;

pub use partial::Partial;
pub use prepare::prepare_directory;

/// How the names of unfinished files begin and end. Pictures are looked for by their extension, and hidden files are
/// passed over where folders are listed.
const PREFIX: &str = ".reliad-";
const SUFFIX: &str = ".tmp";

/// Writes `bytes` to `path`; parent directories are made, and a file of that name is replaced.
///
/// The bytes outlive a kill of the program, but are not forced to the disk: after a power cut the old file, the new one or
/// an empty one may be there.
///
/// # Errors
/// That of the file system; nothing stays behind then.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (mut file, temporary) = partial::beside(path)?;
    file.write_all(bytes)?;
    drop(file);
    partial::rename(temporary, path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_its_directories_are_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/name");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        let beside = fs::read_dir(dir.path().join("a/b")).unwrap().count();
        assert_eq!(beside, 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("inside"), b"x").unwrap();
        assert!(write(&taken, b"bytes").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_permissions_of_any_other() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let (ours, usual) = (dir.path().join("ours"), dir.path().join("usual"));
        write(&ours, b"x").unwrap();
        fs::write(&usual, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(ours), mode(usual));
    }
}
