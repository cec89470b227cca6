//! Which files a data set holds.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::reader::Reader;
use super::unpack;
use crate::Place;
use crate::error::{Error, Result};
use crate::store::open_zip;
use crate::text;

/// How the names of tar archives end.
pub(super) const SHARDS: [&str; 3] = ["tar", "tar.gz", "tgz"];

/// The files of these kinds in `path` and the folders below, by name; `path` itself when it is such a file.
///
/// # Errors
/// [`Error::Io`] when a folder can't be listed.
pub(super) fn of_kind(path: &Path, kinds: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walk(path, None) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && has_kind(entry.path(), kinds) => {
                files.push(entry.into_path());
            }
            Ok(_) => {}
            // What a circle of links holds is found without it, and a link that leads nowhere holds nothing.
            Err(e) if e.loop_ancestor().is_some() || (e.depth() > 0 && is_missing(&e)) => {}
            Err(e) => return Err(unlisted(path, e)),
        }
    }
    Ok(files)
}

/// Whether a file's name ends with one of these, in whatever case.
fn has_kind(file: &Path, kinds: &[&str]) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    kinds.iter().any(|kind| {
        let start = name.strip_suffix(kind);
        start.is_some_and(|start| start.len() > 1 && start.ends_with('.'))
    })
}

/// What lies in `path` and below but for `without` and what systems put beside people's files, in order.
fn walk(
    path: &Path,
    without: Option<&Path>,
) -> impl Iterator<Item = walkdir::Result<DirEntry>> + use<> {
    let without = without.and_then(|path| std::fs::canonicalize(path).ok());
    let is_wanted = move |entry: &DirEntry| {
        let name = entry.file_name();
        let other = without.as_ref().is_some_and(|other| {
            // Links are resolved only where the name says that it may be the same.
            other.file_name() == Some(name)
                && std::fs::canonicalize(entry.path()).is_ok_and(|path| path == *other)
        });
        let name = name.to_string_lossy();
        entry.depth() == 0 || !(other || name.starts_with('.') || name == MAC_FOLDER)
    };
    // Data sets are often linked together.
    WalkDir::new(path)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_wanted)
}

fn unlisted(path: &Path, error: walkdir::Error) -> Error {
    let at = error.path().unwrap_or(path).to_owned();
    Error::io(&at)(error.into())
}

/// The folder in which Macs keep what other systems have no place for.
const MAC_FOLDER: &str = "__MACOSX";

/// Whether an archive's member is a Mac's note on a file (AppleDouble) and not the file.
fn is_note(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    last.starts_with("._") || name.split('/').any(|folder| folder == MAC_FOLDER)
}

/// Where each picture lies, by its name without folders and extension.
pub(super) struct Listing {
    /// The folders in which all lie.
    root: String,
    pictures: HashMap<Box<str>, Vec<Found>>,
}

/// A picture that was found.
pub(super) struct Found {
    /// Its folders and name below the root, parted by `/`; an archive is a folder whose name ends with `!`.
    pub path: Box<str>,
    /// Where it lies.
    pub place: Place,
}

impl Listing {
    /// All pictures in `path`, its folders, and its zip and tar archives, but for what lies in `without`. Archives that can't
    /// be opened, and links to a folder that the link lies in, are told to `reader`.
    ///
    /// # Errors
    /// A folder that can't be opened.
    pub fn of(path: &Path, without: Option<&Path>, reader: &mut Reader<'_, '_>) -> Result<Self> {
        let full = std::path::absolute(path).map_err(Error::io(path))?;
        let mut listing = Self {
            root: full.to_string_lossy().replace('\\', "/"),
            pictures: HashMap::new(),
        };
        for entry in walk(path, without) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => listing.list(path, entry.path(), reader),
                Err(e) if e.loop_ancestor().is_some() => {
                    let at = e.path().unwrap_or(path).display().to_string();
                    reader.pass(
                        "link that leads back to a folder it lies in, not followed",
                        || at,
                    );
                }
                // A link that leads nowhere keeps its name: whoever reads it says so.
                Err(e) if e.depth() > 0 && is_missing(&e) => {
                    if let Some(at) = e.path() {
                        listing.list(path, at, reader);
                    }
                }
                Err(e) => return Err(unlisted(path, e)),
            }
        }
        Ok(listing)
    }

    /// The picture of this name. If the name has folders, they are the last of the picture's.
    ///
    /// # Errors
    /// Why none can be taken: there is none, or there are several.
    pub fn find(&self, name: &str) -> std::result::Result<&Found, String> {
        let name = name.replace('\\', "/");
        let (folders, last) = parted(&name);
        let of_name = self.pictures.get(stem(last)).map_or(&[][..], Vec::as_slice);
        let here: Vec<&Found> = of_name
            .iter()
            .filter(|found| self.lies_in(found, &folders))
            .collect();
        // Of several in one folder the extension tells; of those in two, nothing does.
        let folder = |found: &Found| parted(&found.path).0.join("/");
        let together = here
            .windows(2)
            .all(|pair| folder(pair[0]) == folder(pair[1]));
        let exact = |found: &&&Found| together && parted(&found.path).1 == last;
        let exact: Vec<&&Found> = here.iter().filter(exact).collect();
        match (&here[..], &exact[..]) {
            ([one], _) => Ok(one),
            (_, [one]) => Ok(one),
            ([], _) => Err(match of_name.first() {
                Some(other) => format!("no picture: {name} (another lies at {})", other.path),
                None => format!("no picture: {name}"),
            }),
            ([first, second, ..], _) => Err(format!(
                "several pictures of one name: {name} may be {} or {}",
                first.path, second.path
            )),
        }
    }

    /// The product of a picture that `pictures` found, if there is one: that of its name, and of its folder where names
    /// alone leave a doubt.
    ///
    /// # Errors
    /// That there are several.
    pub fn product(
        &self,
        picture: &Found,
        pictures: &Self,
    ) -> std::result::Result<Option<&Found>, String> {
        let (folders, last) = parted(&picture.path);
        let of_name = self.pictures.get(stem(last)).map_or(&[][..], Vec::as_slice);
        let others = pictures.pictures.get(stem(last)).map_or(0, Vec::len);
        let candidates: Vec<&Found> = of_name
            .iter()
            .filter(|found| found.place != picture.place)
            .filter(|found| agree(&parted(&found.path).0, &folders))
            .collect();
        let closest: Vec<&&Found> = candidates
            .iter()
            .filter(|found| {
                let own = parted(&found.path).0;
                let pair = own.last().zip(folders.last());
                pair.is_some_and(|(a, b)| bare(a) == bare(b))
            })
            .collect();
        match (&candidates[..], &closest[..]) {
            (_, [one]) => Ok(Some(one)),
            ([one], []) if others <= 1 => Ok(Some(one)),
            ([], _) => Ok(None),
            ([first, ..], _) => Err(format!(
                "several products of one name: {} may be that of {}",
                first.path, picture.path
            )),
        }
    }

    /// Whether a picture's last folders are these.
    fn lies_in(&self, found: &Found, folders: &[&str]) -> bool {
        let mut own = parted(&found.path).0;
        own.reverse();
        let (root, last) = parted(&self.root);
        let above = std::iter::once(last).chain(root.into_iter().rev());
        let mut own = own.into_iter().chain(above);
        let mut folders = folders.iter().rev();
        folders.all(|folder| own.next().is_some_and(|own| bare(own) == *folder))
    }

    /// Lists a file that lies below `root`.
    fn list(&mut self, root: &Path, path: &Path, reader: &mut Reader<'_, '_>) {
        let relative = path.strip_prefix(root).ok();
        let relative = relative.filter(|relative| !relative.as_os_str().is_empty());
        let relative = relative.unwrap_or_else(|| Path::new(path.file_name().unwrap_or_default()));
        let name = relative.to_string_lossy().replace('\\', "/");
        let listed = if has_kind(path, &["zip"]) {
            self.list_zip(path, &name)
        } else if has_kind(path, &SHARDS) {
            unpack::readable(path, reader.around.out).and_then(|tar| {
                for_each_member(&tar, |member, place| {
                    if has_picture_name(member) {
                        self.add(&format!("{}!/{member}", archive(&name)), place);
                    }
                    Ok(())
                })
            })
        } else {
            if has_picture_name(&name) {
                self.add(&name, Place::File(path.to_owned()));
            }
            Ok(())
        };
        if let Err(error) = listed {
            reader.pass("archive that can't be read, or not to its end", || {
                error.to_string()
            });
        }
    }

    fn list_zip(&mut self, path: &Path, name: &str) -> Result<()> {
        let zip = open_zip(path)?;
        let odd = zip
            .file_names_raw()
            .filter(|raw| std::str::from_utf8(raw).is_err());
        let sample = odd.collect::<Vec<_>>().join(&b'\n');
        // Archives don't tell the encoding of their names.
        let encoding = (!sample.is_empty()).then(|| text::legacy(&sample));
        for (entry, raw) in zip.file_names().zip(zip.file_names_raw()) {
            let entry = entry.map_err(Error::layout(path))?;
            let shown = match (encoding, std::str::from_utf8(raw)) {
                (Some(encoding), Err(_)) => encoding.decode_without_bom_handling(raw).0,
                _ => entry.clone(),
            };
            let shown = shown.replace('\\', "/");
            if has_picture_name(&shown) && !is_note(&shown) {
                let place = Place::Zip {
                    archive: path.to_owned(),
                    entry: entry.into_owned(),
                };
                self.add(&format!("{}!/{shown}", archive(name)), place);
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &str, place: Place) {
        let found = Found {
            path: path.into(),
            place,
        };
        let stem = stem(parted(path).1);
        match self.pictures.get_mut(stem) {
            Some(known) => known.push(found),
            None => {
                self.pictures.insert(stem.into(), vec![found]);
            }
        }
    }
}

/// The folders of a name, and its last part.
fn parted(name: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let last = parts.pop().unwrap_or_default();
    (parts, last)
}

/// An archive's name as that of a folder.
fn archive(name: &str) -> &str {
    let kinds = [".zip", ".tar.gz", ".tgz", ".tar"];
    let lower = name.to_ascii_lowercase();
    let kind = kinds.iter().find(|kind| lower.ends_with(**kind));
    &name[..name.len() - kind.map_or(0, |kind| kind.len())]
}

/// A folder's name; that of an archive without its mark.
fn bare(folder: &str) -> &str {
    folder.strip_suffix('!').unwrap_or(folder)
}

/// Whether no numbered folder of one contradicts the other's; others, and archives, are named as it happens.
fn agree(a: &[&str], b: &[&str]) -> bool {
    let number = |folder: &&&str| folder.bytes().all(|byte| byte.is_ascii_digit());
    match (a.iter().rev().find(number), b.iter().rev().find(number)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

/// Hands every file of a tar archive to `with`, but Macs' notes: its name, and where its bytes lie.
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
        let bytes = member.path_bytes();
        let name =
            text::decode(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned());
        if is_note(&name) {
            continue;
        }
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

/// A name without its extension.
fn stem(name: &str) -> &str {
    match name.rfind('.') {
        Some(dot) if dot > 0 => &name[..dot],
        _ => name,
    }
}

fn has_picture_name(name: &str) -> bool {
    has_kind(Path::new(name), &["png", "jpg", "jpeg", "webp"])
}
