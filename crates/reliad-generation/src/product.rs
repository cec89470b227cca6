//! The products of a run: paths to cut-outs, directories expanded, each with its title and hash.

use std::fs;
use std::path::{Path, PathBuf};

use reliad_imaging::{Cutout, Warning};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;

const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// A product that was read once and found usable. Its pixels are read again when it is painted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductFile {
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// BLAKE3 of the file's bytes.
    pub hash: String,
    /// What the product is, for the judge.
    pub title: String,
    /// What the file was cut out of, where reliad did that.
    pub photograph: Option<Photograph>,
    /// What is doubtful about the picture.
    pub warnings: Vec<Warning>,
}

/// The photograph from which a product was cut out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photograph {
    /// The file, as an absolute path.
    pub path: PathBuf,
    /// BLAKE3 of the file's bytes.
    pub blake3: String,
    /// Digest of the saliency network that found the product in it.
    pub saliency: String,
}

impl ProductFile {
    /// Reads and checks the product at `path`; without a `title` the file's name gives it.
    ///
    /// # Errors
    /// [`Error::Imaging`] when the file holds no usable cut-out, [`Error::Read`] when it can't be
    /// read, [`Error::Name`] when a manifest couldn't hold its path.
    pub fn open(path: &Path, title: Option<&str>) -> Result<Self> {
        let absolute = recordable(path)?;
        let cutout = Cutout::read(path)?;
        Ok(Self {
            warnings: cutout.warnings().to_vec(),
            path: absolute,
            hash: files::hash_file(path)?,
            title: title.map_or_else(|| title_of(path), str::to_owned),
            photograph: None,
        })
    }

    /// The product's pixels.
    ///
    /// # Errors
    /// [`Error::Imaging`] when the file holds no usable cut-out (any more).
    pub fn cutout(&self) -> Result<Cutout> {
        Ok(Cutout::read(&self.path)?)
    }
}

/// The absolute path, as a manifest can hold it.
pub(crate) fn recordable(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(Error::read(path))?;
    match absolute.to_str() {
        Some(_) => Ok(absolute),
        None => Err(Error::Name(absolute)),
    }
}

/// The paths with each directory replaced by its pictures, in the order of their names.
/// One error for a directory without pictures or one that can't be listed.
pub fn expand(paths: &[PathBuf]) -> Vec<Result<PathBuf>> {
    paths
        .iter()
        .flat_map(|path| {
            if !path.is_dir() {
                return vec![Ok(path.clone())];
            }
            match pictures_in(path) {
                Ok(pictures) if pictures.is_empty() => {
                    vec![Err(Error::EmptyDirectory(path.clone()))]
                }
                Ok(pictures) => pictures.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        })
        .collect()
}

fn pictures_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut pictures = Vec::new();
    for entry in fs::read_dir(directory).map_err(Error::read(directory))? {
        let path = entry.map_err(Error::read(directory))?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_picture(&path) && !hidden && !path.is_dir() {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}

/// Whether the name is that of a picture, by its extension.
pub fn is_picture(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()))
}

/// A title from a file's name: `oak-side_table.png` is "oak side table".
pub fn title_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.split(|c: char| c == '-' || c == '_' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;

    #[test]
    fn titles_come_from_file_names() {
        assert_eq!(
            title_of(Path::new("a/oak-side_table  02.png")),
            "oak side table 02"
        );
        assert_eq!(title_of(Path::new("mug.final.png")), "mug.final");
    }

    #[test]
    fn directories_expand_to_their_pictures_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.PNG", "a.webp", "notes.txt", ".hidden.png"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        fs::create_dir(dir.path().join("sub.png")).unwrap();
        let found: Vec<_> = expand(&[dir.path().to_path_buf(), "missing.png".into()])
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(
            found,
            [
                dir.path().join("a.webp"),
                dir.path().join("b.PNG"),
                "missing.png".into()
            ]
        );
    }

    #[test]
    fn a_directory_without_pictures_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let found = expand(&[dir.path().to_path_buf()]);
        assert!(matches!(found[..], [Err(Error::EmptyDirectory(_))]));
    }
}
