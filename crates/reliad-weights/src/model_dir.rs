//! A model directory in the ecosystem's layout, on disk or compiled into the program, with other components laid over its
//! own where wanted.

use std::borrow::Cow;
use std::collections::BTreeMap;
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
    /// A directory, one of whose components is another directory's.
    Layered {
        /// All other components.
        base: Box<ModelDir>,
        /// Which component, such as `controlnet`.
        component: String,
        /// What stands in its place.
        over: Box<ModelDir>,
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

    /// This model with `over` in the place of its directory `component` (one name, such as `controlnet`), which need not
    /// have existed. None of the component's own files is seen any more.
    #[must_use]
    pub fn with_component(self, component: &str, over: Self) -> Self {
        Self::Layered {
            base: Box::new(self),
            component: component.to_owned(),
            over: Box::new(over),
        }
    }

    /// The components that were laid over the model's own, each with its directory; of one that was laid over twice only the
    /// last.
    pub fn components_over(&self) -> BTreeMap<&str, &Self> {
        match self {
            Self::Disk(_) | Self::Embedded { .. } => BTreeMap::new(),
            Self::Layered {
                base,
                component,
                over,
            } => {
                let mut found = base.components_over();
                found.insert(component, over);
                found
            }
        }
    }

    /// The directory without what was laid over it.
    pub fn base(&self) -> &Self {
        match self {
            Self::Disk(_) | Self::Embedded { .. } => self,
            Self::Layered { base, .. } => base.base(),
        }
    }

    /// The directory in which `relative` lies, and its path there.
    pub(crate) fn place<'a>(&'a self, relative: &'a str) -> (&'a Self, &'a str) {
        match self {
            Self::Disk(_) | Self::Embedded { .. } => (self, relative),
            Self::Layered {
                base,
                component,
                over,
            } => match within(relative, component) {
                Some("") => (over, ""),
                Some(rest) => over.place(rest),
                None => base.place(relative),
            },
        }
    }

    /// The directory of one component, such as `unet`; it need not exist.
    pub fn sub(&self, relative: &str) -> Self {
        match self {
            _ if relative.is_empty() => self.clone(),
            Self::Disk(path) => Self::Disk(path.join(relative)),
            Self::Embedded { name, base, dir } => Self::Embedded {
                name: name.clone(),
                base: join(base, relative),
                dir,
            },
            Self::Layered { .. } => {
                let (dir, rest) = self.place(relative);
                dir.sub(rest)
            }
        }
    }

    /// Whether a file or directory stands at `relative`.
    pub fn contains(&self, relative: &str) -> bool {
        match self {
            Self::Disk(path) => path.join(relative).exists(),
            Self::Embedded { base, dir, .. } => dir.contains(join(base, relative)),
            Self::Layered { .. } => {
                let (dir, rest) = self.place(relative);
                dir.contains(rest)
            }
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
            Self::Layered { .. } => {
                let (dir, rest) = self.place(relative);
                dir.read(rest)
            }
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
            Self::Layered { .. } => {
                let (dir, rest) = self.place(relative);
                dir.size(rest)
            }
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
            Self::Layered { .. } => {
                let (dir, rest) = self.place(relative);
                dir.digest(rest)
            }
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
            Self::Layered {
                base,
                component,
                over,
            } => {
                found = base.files()?;
                found.retain(|file| within(file, component).is_none());
                let files = over.files()?;
                found.extend(files.iter().map(|file| join(component, file)));
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
            Self::Layered { .. } => {
                let (dir, rest) = self.place(relative);
                dir.display(rest)
            }
        }
    }
}

/// What follows `component` in a path that begins with it; empty for the component itself.
fn within<'a>(relative: &'a str, component: &str) -> Option<&'a str> {
    match relative.strip_prefix(component)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn text(dir: &ModelDir, file: &str) -> String {
        String::from_utf8(dir.read(file).unwrap().into_owned()).unwrap()
    }

    #[test]
    fn a_component_laid_over_hides_the_own_one_and_nothing_else() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (file, content) in [
            ("unet/config.json", "unet"),
            ("controlnet/config.json", "own"),
            ("controlnet/old/weights.bin", "old"),
            ("controlnet-original/config.json", "original"),
        ] {
            write(own.path(), file, content);
        }
        write(other.path(), "config.json", "another");
        write(other.path(), "new.bin", "new");
        let own_dir = ModelDir::open(own.path()).unwrap();
        let over = ModelDir::open(other.path()).unwrap();
        let model = own_dir.clone().with_component("controlnet", over.clone());

        assert_eq!(
            model.files().unwrap(),
            [
                "controlnet-original/config.json",
                "controlnet/config.json",
                "controlnet/new.bin",
                "unet/config.json"
            ]
        );
        assert_eq!(text(&model, "controlnet/config.json"), "another");
        assert_eq!(text(&model, "controlnet-original/config.json"), "original");
        assert_eq!(text(&model, "unet/config.json"), "unet");
        assert!(model.contains("controlnet") && !model.contains("controlnet/old/weights.bin"));
        assert_eq!(model.size("controlnet/new.bin").unwrap(), 3);
        let digest = |dir: &ModelDir, file| dir.digest(file).unwrap();
        assert_eq!(
            digest(&model, "controlnet/config.json"),
            digest(&over, "config.json")
        );
        assert_eq!(
            model.display("controlnet/new.bin"),
            over.display("new.bin"),
            "messages name the file that was read"
        );
        assert_eq!(model.display(""), own_dir.display(""));

        let sub = model.sub("controlnet");
        assert_eq!(sub.files().unwrap(), ["config.json", "new.bin"]);
        assert_eq!(text(&sub, "config.json"), "another");
        assert_eq!(sub.display(""), over.display(""));
        assert_eq!(text(&model.sub("unet"), "config.json"), "unet");
        assert_eq!(model.sub("").files().unwrap(), model.files().unwrap());
        assert_eq!(model.base().display("x"), own_dir.display("x"));
    }

    #[test]
    fn layers_lie_one_over_the_other_and_need_nothing_below() {
        let root = tempfile::tempdir().unwrap();
        for (file, content) in [
            ("model/unet/config.json", "own"),
            ("a/config.json", "a"),
            ("b/unet/config.json", "b"),
        ] {
            write(root.path(), file, content);
        }
        let open = |name: &str| ModelDir::open(root.path().join(name)).unwrap();
        let model = open("model")
            .with_component("lora", open("a"))
            .with_component("unet", open("a"))
            .with_component("unet", open("b").sub("unet"));
        assert_eq!(
            model.files().unwrap(),
            ["lora/config.json", "unet/config.json"]
        );
        assert_eq!(text(&model, "unet/config.json"), "b");
        assert_eq!(text(&model.sub("unet"), "config.json"), "b");
        assert_eq!(text(&model.sub("lora"), "config.json"), "a");
        let over = model.components_over();
        assert_eq!(over.keys().copied().collect::<Vec<_>>(), ["lora", "unet"]);
        assert!(over["unet"].display("").ends_with("unet"));
        // A component of a layered model may be laid over another model.
        let other = open("a").with_component("unet", model.sub("unet"));
        assert_eq!(text(&other, "unet/config.json"), "b");
    }
}
