//! The bytes of a file of weights: mapped into memory, compiled into the program, or at hand. The one place where a file is
//! mapped.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

/// Bytes that are copied out piece by piece; nobody is handed a reference into a mapped file.
///
/// A mapped file is read when its bytes are asked for. Another program may write to it meanwhile:
/// - a file that is **replaced** (written beside and renamed, as this program and most others do) stays as it was here;
/// - a file that is **written over** in place gives a mixture of old and new numbers, as reading it would;
/// - a file that is **cut short** in place ends the process (`SIGBUS` on Unix) if the part that went is asked for.
///
/// A [`Source`](crate::Source) is only kept while a network is loaded, so this concerns those seconds and no others.
#[derive(Debug)]
pub(crate) enum FileBytes {
    /// A file on disk.
    Mapped(Mmap),
    /// Of the program itself, or read.
    AtHand(Cow<'static, [u8]>),
}

impl FileBytes {
    /// Maps the file at `path`; where its file system can't, reads it.
    ///
    /// # Errors
    /// When the file can't be opened or read.
    pub(crate) fn map(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        match map(&file) {
            Ok(mapped) => Ok(Self::Mapped(mapped)),
            Err(_) => std::fs::read(path).map(|bytes| Self::AtHand(bytes.into())),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Mapped(mapped) => mapped.len(),
            Self::AtHand(bytes) => bytes.len(),
        }
    }

    /// A copy of some; `None` when they aren't all there.
    pub(crate) fn copy(&self, range: Range<usize>) -> Option<Vec<u8>> {
        let all: &[u8] = match self {
            Self::Mapped(mapped) => mapped,
            Self::AtHand(bytes) => bytes,
        };
        all.get(range).map(<[u8]>::to_vec)
    }
}

#[expect(
    unsafe_code,
    reason = "a file can't be mapped without: another process may change it"
)]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: what `Mmap` asks for is that nobody changes the file under a `&[u8]` of it. No lock can promise that, so no such
    // reference leaves this file: `FileBytes::copy` copies raw bytes, which have no invariant that a concurrent write could
    // break, and everything that is interpreted (header, numbers) is interpreted in the copy. A file cut short meanwhile ends
    // the process; it can't corrupt memory.
    unsafe { Mmap::map(file) }
}
