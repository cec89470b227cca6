//! Which pictures there are, which cut-out and title belong to each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use reliad_generation::product::{expand, title_of};
use walkdir::{DirEntry, WalkDir};

use crate::error::{Error, Result};

/// The pictures at these paths, folders with their folders; an error for each path that has none.
pub fn pictures(paths: &[PathBuf]) -> Vec<reliad_generation::Result<PathBuf>> {
    let mut folders = Vec::new();
    for path in paths {
        folders.push(path.clone());
        folders.extend(below(path));
    }
    let given = paths.len();
    let mut pictures = expand(&folders);
    // A folder without pictures of its own may have folders with some.
    if folders.len() > given {
        pictures.retain(|picture| picture.is_ok());
    }
    pictures
}

/// All folders below a folder, in the order of their names; links are not followed.
fn below(path: &Path) -> Vec<PathBuf> {
    WalkDir::new(path)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_type().is_dir())
        .map(DirEntry::into_path)
        .collect()
}

/// Cut-outs by their names without extension.
pub struct Products {
    named: HashMap<String, PathBuf>,
    /// The one for all pictures, where a file was given.
    only: Option<PathBuf>,
}

impl Products {
    /// Lists a folder of cut-outs, or takes the one that `path` is.
    ///
    /// # Errors
    /// A path that isn't there, or a folder without pictures.
    pub fn list(path: &Path) -> Result<Self> {
        if path.is_file() {
            return Ok(Self {
                named: HashMap::new(),
                only: Some(path.to_owned()),
            });
        }
        let mut named = HashMap::new();
        for product in expand(&[path.to_owned()]) {
            let product = product?;
            named.insert(stem(&product), product);
        }
        if named.is_empty() {
            return Err(Error::NoCutouts(path.to_owned()));
        }
        Ok(Self { named, only: None })
    }

    /// The cut-out of a picture: that of its name, or of the longest beginning of it before `_`, `-` or `.`.
    pub fn of(&self, picture: &Path) -> Option<&Path> {
        if let Some(only) = &self.only {
            return Some(only);
        }
        let name = stem(picture);
        let mut beginning = name.as_str();
        loop {
            if let Some(found) = self.named.get(beginning) {
                return Some(found);
            }
            beginning = beginning.rsplit_once(['_', '-', '.'])?.0;
        }
    }
}

/// Titles by the cut-outs' or pictures' names.
pub struct Titles(HashMap<String, String>);

impl Titles {
    /// Reads a CSV file with the columns `name` and `title`.
    ///
    /// # Errors
    /// A file that can't be read or lacks the columns.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self(HashMap::new()));
        };
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            .from_path(path)
            .map_err(Error::table(path))?;
        let heads = reader.headers().map_err(Error::table(path))?.clone();
        let column = |wanted: &str| {
            heads
                .iter()
                .position(|head| head.eq_ignore_ascii_case(wanted))
        };
        let (Some(name), Some(title)) = (column("name"), column("title")) else {
            return Err(Error::Columns(path.to_owned()));
        };
        let mut titles = HashMap::new();
        for row in reader.records() {
            let row = row.map_err(Error::table(path))?;
            if let (Some(name), Some(title)) = (row.get(name), row.get(title)) {
                titles.insert(stem(Path::new(name)), title.to_owned());
            }
        }
        Ok(Self(titles))
    }

    /// The title of a picture: its own, its product's, or the product's name in words.
    pub fn of(&self, picture: &Path, product: &Path) -> String {
        let own = self.0.get(&stem(picture));
        let title = own.or_else(|| self.0.get(&stem(product)));
        title.cloned().unwrap_or_else(|| title_of(product))
    }
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn a_pictures_product_has_its_name_or_the_longest_beginning() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["mug.png", "mug_red.png", "lamp.v2.webp"] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let products = Products::list(dir.path()).unwrap();
        let of = |name: &str| {
            let found = products.of(Path::new(name));
            found.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(of("ads/mug_red_003.jpg").as_deref(), Some("mug_red.png"));
        assert_eq!(of("mug-7.jpg").as_deref(), Some("mug.png"));
        assert_eq!(of("mug.png").as_deref(), Some("mug.png"));
        assert_eq!(of("lamp.v2_1.png").as_deref(), Some("lamp.v2.webp"));
        assert_eq!(of("mugs_1.png"), None);
    }

    #[cfg(unix)]
    #[test]
    fn folders_below_come_in_order_and_links_back_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/z", "a", "b/c"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        for name in ["b/c/2.png", "a/1.png", "b/3.jpg"] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), dir.path().join("b/again")).unwrap();
        let found = pictures(&[dir.path().to_owned()]);
        let names: Vec<PathBuf> = found
            .into_iter()
            .map(|path| path.unwrap().strip_prefix(dir.path()).unwrap().to_owned())
            .collect();
        assert_eq!(
            names,
            ["a/1.png", "b/3.jpg", "b/c/2.png"].map(PathBuf::from)
        );
    }

    #[test]
    fn titles_are_found_by_picture_then_by_product() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("titles.csv");
        std::fs::write(
            &file,
            "Title,name\n\"Mug, 9 cm\",mug.png\nThe third,mug_3\n",
        )
        .unwrap();
        let titles = Titles::read(Some(&file)).unwrap();
        let of = |picture: &str| titles.of(Path::new(picture), Path::new("p/mug.png"));
        assert_eq!(of("mug_1.jpg"), "Mug, 9 cm");
        assert_eq!(of("mug_3.jpg"), "The third");
        let none = Titles::read(None).unwrap();
        assert_eq!(
            none.of(Path::new("a.png"), Path::new("red-mug_big.png")),
            "red mug big"
        );
        std::fs::write(&file, "a,b\n1,2\n").unwrap();
        assert!(Titles::read(Some(&file)).is_err());
    }
}
