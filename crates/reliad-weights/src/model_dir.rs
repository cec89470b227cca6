//! A model directory in the ecosystem's layout, on disk or compiled into the program.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::{Digests, Error};

/// A directory of configuration and weight files.
///
/// Nothing outside this type knows whether a model is embedded.
#[derive(Clone, Debug)]
pub enum ModelDir {
    /// A directory of the file system.
    Disk(PathBuf),
    /// A directory compiled into the binary.
    Embedded {
        /// What the model is called in messages and manifests.
        name: String,
        /// Path below `dir` at which this directory stands ("" for the root).
        base: String,
        /// The compiled-in files.
        dir: &'static include_dir::Dir<'static>,
    },
}

impl ModelDir {
    /// Opens a directory on disk.
    ///
    /// # Errors
    /// [`Error::NoDirectory`] when `path` is not a directory.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        if path.is_dir() {
            Ok(Self::Disk(path))
        } else {
            Err(Error::NoDirectory(path))
        }
    }

    /// Wraps a compiled-in directory.
    pub fn embedded(name: &str, dir: &'static include_dir::Dir<'static>) -> Self {
        Self::Embedded {
            name: name.to_owned(),
            base: String::new(),
            dir,
        }
    }

    /// The directory of one component, such as `unet`; it need not exist.
    pub fn sub(&self, relative: &str) -> Self {
        match self {
            Self::Disk(path) => Self::Disk(path.join(relative)),
            Self::Embedded { name, base, dir } => Self::Embedded {
                name: name.clone(),
                base: join(base, relative),
                dir,
            },
        }
    }

    /// Whether a file or directory stands at `relative`.
    pub fn contains(&self, relative: &str) -> bool {
        match self {
            Self::Disk(path) => path.join(relative).exists(),
            Self::Embedded { base, dir, .. } => dir.contains(join(base, relative)),
        }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file does not exist or cannot be read.
    pub fn read(&self, relative: &str) -> Result<Cow<'static, [u8]>, Error> {
        match self {
            Self::Disk(path) => std::fs::read(path.join(relative))
                .map(Cow::Owned)
                .map_err(Error::io(self.display(relative))),
            Self::Embedded { base, dir, .. } => dir
                .get_file(join(base, relative))
                .map(|file| Cow::Borrowed(file.contents()))
                .ok_or_else(|| {
                    Error::io(self.display(relative))(std::io::ErrorKind::NotFound.into())
                }),
        }
    }

    /// The size of a file in bytes, which is not read.
    ///
    /// # Errors
    /// [`Error::Io`] when the file does not exist.
    pub fn size(&self, relative: &str) -> Result<usize, Error> {
        match self {
            Self::Disk(path) => {
                let found = std::fs::metadata(path.join(relative));
                let found = found.map_err(Error::io(self.display(relative)))?;
                Ok(found.len() as usize)
            }
            Self::Embedded { .. } => Ok(self.read(relative)?.len()),
        }
    }

    /// BLAKE3 of a file as 64 hexadecimal digits. Of large files on disk it is remembered ([`Digests`]).
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read.
    pub fn digest(&self, relative: &str) -> Result<String, Error> {
        match self {
            Self::Disk(path) => Digests::of_user()
                .file(&path.join(relative))
                .map_err(Error::io(self.display(relative))),
            Self::Embedded { .. } => Ok(blake3::hash(&self.read(relative)?).to_hex().to_string()),
        }
    }

    /// A JSON file, parsed.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Json`], both naming the file.
    pub fn read_json<T: serde::de::DeserializeOwned>(&self, relative: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.read(relative)?).map_err(|source| Error::Json {
            file: self.display(relative),
            source,
        })
    }

    /// All files below this directory, as sorted paths relative to it with `/` between segments.
    ///
    /// # Errors
    /// [`Error::Io`] when a directory cannot be listed.
    pub fn files(&self) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        match self {
            Self::Disk(path) => walk_disk(path, "", &mut found)?,
            Self::Embedded { base, dir, .. } => {
                if base.is_empty() {
                    walk_embedded(dir, "", &mut found);
                } else if let Some(sub) = dir.get_dir(base) {
                    walk_embedded(sub, &format!("{base}/"), &mut found);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// How messages name a file of this directory (`relative` may be empty).
    pub fn display(&self, relative: &str) -> String {
        match self {
            Self::Disk(path) if relative.is_empty() => path.display().to_string(),
            Self::Disk(path) => path.join(relative).display().to_string(),
            Self::Embedded { name, base, .. } => join(&join(name, base), relative),
        }
    }
}

fn join(base: &str, relative: &str) -> String {
    match (base, relative) {
        ("", r) => r.to_owned(),
        (b, "") => b.to_owned(),
        (b, r) => format!("{b}/{r}"),
    }
}

fn walk_disk(dir: &Path, prefix: &str, found: &mut Vec<String>) -> Result<(), Error> {
    for entry in std::fs::read_dir(dir).map_err(Error::io(dir.display()))? {
        let entry = entry.map_err(Error::io(dir.display()))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if path.is_dir() {
            walk_disk(&path, &format!("{name}/"), found)?;
        } else {
            found.push(name);
        }
    }
    Ok(())
}

fn walk_embedded(dir: &include_dir::Dir<'static>, strip: &str, found: &mut Vec<String>) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        found.push(path.strip_prefix(strip).unwrap_or(&path).to_owned());
    }
    for sub in dir.dirs() {
        walk_embedded(sub, strip, found);
    }
}
