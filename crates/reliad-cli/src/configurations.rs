//! Training configurations: files, and those of `configs/` that are compiled into the program, so that it trains without
//! the repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use include_dir::{Dir, include_dir};
use serde::de::DeserializeOwned;

use crate::message::hinted;

/// What the folder is called on the command line.
pub const FOLDER: &str = "configs";

static COMPILED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../configs");

/// Reads the configuration at `path`: the file, or, where there is none, the one compiled in under this path.
///
/// # Errors
/// No such file and none compiled in, or one that doesn't say what `T` takes.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    if path.exists() {
        return Ok(reliad_training::read_config(path)?);
    }
    let file = within(path)
        .and_then(|path| COMPILED.get_file(path))
        .ok_or_else(|| {
            hinted(
                format!("{}: there is no such configuration", path.display()),
                "`reliad models configs` lists those compiled in, and writes them with --out",
            )
        })?;
    serde_json::from_slice(file.contents())
        .with_context(|| format!("{}, as compiled in", path.display()))
}

/// The JSON files of the folder `dir`, sorted: those on disk, or, where there is no such folder, those compiled in.
///
/// # Errors
/// A folder that can't be read.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    if dir.is_dir() {
        for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
            paths.push(entry?.path());
        }
    } else if let Some(found) = within(dir).and_then(|dir| COMPILED.get_dir(dir)) {
        let names = found.files().filter_map(|file| file.path().file_name());
        paths.extend(names.map(|name| dir.join(name)));
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    Ok(paths)
}

/// Path below `configs/` and contents of all that is compiled in, sorted.
pub fn all() -> Vec<(&'static Path, &'static [u8])> {
    let mut files = Vec::new();
    let mut dirs = vec![&COMPILED];
    while let Some(dir) = dirs.pop() {
        files.extend(dir.files().map(|file| (file.path(), file.contents())));
        dirs.extend(dir.dirs());
    }
    files.sort();
    files
}

/// The part of `path` below `configs/`.
fn within(path: &Path) -> Option<&Path> {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.strip_prefix(FOLDER).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_folder_are_looked_up() {
        assert_eq!(
            within(Path::new("./configs/mini/vae.json")),
            Some(Path::new("mini/vae.json"))
        );
        assert_eq!(within(Path::new("/tmp/configs/mini/vae.json")), None);
        assert_eq!(within(Path::new("my/configs/mini/vae.json")), None);
    }
}
