//! Which files a data set holds.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::Place;
use crate::error::{Error, Result};
use crate::store::open_zip;

/// The files with this extension in `path`, by name; `path` itself when it is such a file.
///
/// # Errors
/// [`Error::Io`] when the folder can't be listed.
pub(super) fn of_kind(path: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let is_kind = |file: &Path| file.extension().is_some_and(|found| found == extension);
    if path.is_file() {
        return Ok(Vec::from_iter(is_kind(path).then(|| path.to_owned())));
    }
    let mut files = entries(path)?;
    files.retain(|file| is_kind(file) && file.is_file());
    Ok(files)
}

/// What a folder holds, by name.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).map_err(Error::io(dir))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(Error::io(dir)))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Where each picture lies, by its name without folder and extension. Names that occur twice lead nowhere.
pub(super) struct Listing(HashMap<Box<str>, Option<Place>>);

impl Listing {
    /// All pictures in `path`, its folders, and its zip and tar archives.
    ///
    /// # Errors
    /// A folder or archive that can't be opened, and a link to a folder that the link lies in.
    pub fn of(path: &Path) -> Result<Self> {
        let mut listing = Self(HashMap::new());
        // Data sets are often linked together.
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => listing.list(entry.path())?,
                // A link that leads nowhere keeps its name: whoever reads it says so.
                Err(e) if e.depth() > 0 && is_missing(&e) => {
                    e.path().map_or(Ok(()), |path| listing.list(path))?;
                }
                Err(e) => {
                    let at = e.path().unwrap_or(path).to_owned();
                    return Err(Error::io(&at)(e.into()));
                }
            }
        }
        Ok(listing)
    }

    /// Where the picture of this name lies; an error when there are several of that name.
    pub fn find(&self, name: &str) -> std::result::Result<Option<&Place>, String> {
        match self.0.get(stem(name)) {
            Some(None) => Err(format!("there are several pictures named {}", stem(name))),
            Some(Some(place)) => Ok(Some(place)),
            None => Ok(None),
        }
    }

    fn list(&mut self, path: &Path) -> Result<()> {
        match path.extension().and_then(|kind| kind.to_str()) {
            Some("zip") => self.list_zip(path),
            Some("tar") => self.list_tar(path),
            Some(kind) if is_picture(kind) => {
                self.add(&path.to_string_lossy(), Place::File(path.to_owned()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn list_zip(&mut self, path: &Path) -> Result<()> {
        let archive = open_zip(path)?;
        for name in archive.file_names() {
            let name = name.map_err(Error::layout(path))?;
            if has_picture_name(&name) {
                let place = Place::Zip {
                    archive: path.to_owned(),
                    entry: name.to_string(),
                };
                self.add(&name, place);
            }
        }
        Ok(())
    }

    fn list_tar(&mut self, path: &Path) -> Result<()> {
        for_each_member(path, |name, place| {
            if has_picture_name(name) {
                self.add(name, place);
            }
            Ok(())
        })
    }

    fn add(&mut self, name: &str, place: Place) {
        self.0
            .entry(stem(name).into())
            .and_modify(|known| *known = None)
            .or_insert(Some(place));
    }
}

/// Hands every file of a tar archive to `with`: its name, and where its bytes lie.
///
/// # Errors
/// [`Error::Io`] when the archive can't be read or is damaged, and whatever `with` returns.
pub(crate) fn for_each_member(
    path: &Path,
    mut with: impl FnMut(&str, Place) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).map_err(Error::io(path))?;
    let end = file.metadata().map_err(Error::io(path))?.len();
    let mut archive = tar::Archive::new(BufReader::new(file));
    let members = archive.entries_with_seek().map_err(Error::io(path))?;
    for member in members {
        let member = member.map_err(Error::io(path))?;
        if !member.header().entry_type().is_file() {
            continue;
        }
        // Members are stepped over, not read: a file that breaks off would look as if it ended.
        if member.raw_file_position().saturating_add(member.size()) > end {
            let cut = std::io::ErrorKind::UnexpectedEof;
            return Err(Error::io(path)(cut.into()));
        }
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        let place = Place::Bytes {
            file: path.to_owned(),
            offset: member.raw_file_position(),
            length: member.size(),
        };
        with(&name, place)?;
    }
    Ok(())
}

fn is_missing(error: &walkdir::Error) -> bool {
    error.io_error().map(std::io::Error::kind) == Some(std::io::ErrorKind::NotFound)
}

/// A name without folder and extension.
fn stem(name: &str) -> &str {
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    stem.unwrap_or(name)
}

fn has_picture_name(name: &str) -> bool {
    let kind = Path::new(name).extension().and_then(|kind| kind.to_str());
    kind.is_some_and(is_picture)
}

fn is_picture(extension: &str) -> bool {
    ["png", "jpg", "jpeg", "webp"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}
