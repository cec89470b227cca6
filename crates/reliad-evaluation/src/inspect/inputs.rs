//! Which pictures there are, which cut-out and title belong to each.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use reliad_dataset::Rows;
use reliad_generation::product::{expand, is_picture, title_of};
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

/// Cut-outs by their names, whole and without extension.
pub struct Products {
    /// Those of a name; several where only their extensions differ.
    named: HashMap<String, Vec<PathBuf>>,
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
        let mut named: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for product in expand(&[path.to_owned()]) {
            let product = product?;
            for name in [file_name(&product), stem(&product)] {
                named.entry(name).or_default().push(product.clone());
            }
        }
        if named.is_empty() {
            return Err(Error::NoCutouts(path.to_owned()));
        }
        Ok(Self { named, only: None })
    }

    /// The cut-out of a picture: that of its whole name, of its name without extension, or of the longest beginning of that
    /// before `_`, `-` or `.`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(&self, picture: &Path) -> std::result::Result<&Path, String> {
        if let Some(only) = &self.only {
            return Ok(only);
        }
        let name = stem(picture);
        let mut beginning = Some(name.as_str());
        let whole = file_name(picture);
        let mut candidate = whole.as_str();
        loop {
            match self.named.get(candidate).map(Vec::as_slice) {
                Some([found]) => return Ok(found),
                Some([first, second, ..]) => {
                    return Err(format!(
                        "two cut-outs are named `{candidate}`: {} and {}; rename one",
                        file_name(first),
                        file_name(second)
                    ));
                }
                _ => {}
            }
            let Some(next) = beginning else {
                return Err("no cut-out of its name among the products".to_owned());
            };
            candidate = next;
            beginning = next
                .rsplit_once(['_', '-', '.'])
                .map(|(beginning, _)| beginning);
        }
    }
}

/// Titles by the cut-outs' or pictures' names.
#[derive(Default)]
pub struct Titles {
    rows: Vec<TitleRow>,
    /// Rows by the names that they give; those without a picture's extension only where no row has the whole name.
    named: HashMap<String, usize>,
    /// What can't be used of the file, a line each.
    problems: Vec<String>,
    /// The file and what it counts its rows in.
    place: Option<(PathBuf, &'static str)>,
}

struct TitleRow {
    number: u64,
    name: String,
    title: String,
    /// Whether it has given a picture its title.
    met: AtomicBool,
}

impl Titles {
    /// Reads a table (CSV, JSONL or parquet) with the columns `name`, `product` or `file`, and `title`: a catalogue of
    /// `generate` is one. Without a path there are no titles.
    ///
    /// # Errors
    /// A file that can't be read or lacks the columns.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let table = Rows::read(path)?;
        let name = table.column(&["name", "product", "file"]);
        let (Some(name), Some(title)) = (name, table.column(&["title"])) else {
            return Err(Error::Columns(path.to_owned()));
        };
        let mut titles = Self {
            place: Some((path.to_owned(), table.unit)),
            ..Self::default()
        };
        for row in &table.rows {
            let row = match row {
                Ok(row) => row,
                Err(broken) => {
                    let problem = titles.at(broken.number, &broken.reason);
                    titles.problems.push(problem);
                    continue;
                }
            };
            if let (Some(name), Some(title)) = (row.cells.get(name), row.cells.get(title)) {
                titles.add(row.number, name, title);
            }
        }
        for place in 0..titles.rows.len() {
            let name = Path::new(&titles.rows[place].name);
            if is_picture(name) {
                let stem = stem(name);
                titles.named.entry(stem).or_insert(place);
            }
        }
        Ok(titles)
    }

    fn add(&mut self, number: u64, name: &str, title: &str) {
        // A catalogue names paths; Windows writes them its own way.
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        if let Some(&known) = self.named.get(name) {
            let TitleRow {
                number: first,
                title: other,
                ..
            } = &self.rows[known];
            if other != title {
                let reason =
                    format!("`{name}` has another title than before ({first}), which counts");
                self.problems.push(self.at(number, &reason));
            }
            return;
        }
        self.named.insert(name.to_owned(), self.rows.len());
        self.rows.push(TitleRow {
            number,
            name: name.to_owned(),
            title: title.to_owned(),
            met: AtomicBool::new(false),
        });
    }

    /// What is wrong at a row.
    fn at(&self, number: u64, reason: &str) -> String {
        match &self.place {
            Some((path, unit)) => format!("{}, {unit} {number}: {reason}", path.display()),
            None => reason.to_owned(),
        }
    }

    /// The title that a row gives a picture: its own before its product's, and by whole names before those without extension.
    pub fn find(&self, picture: &Path, product: &Path) -> Option<&str> {
        let names = [picture, product]
            .into_iter()
            .flat_map(|path| [file_name(path), stem(path)]);
        let place = names.into_iter().find_map(|name| self.named.get(&name))?;
        let row = &self.rows[*place];
        row.met.store(true, Ordering::Relaxed);
        Some(&row.title)
    }

    /// The title of a picture, or the product's name in words.
    pub fn of(&self, picture: &Path, product: &Path) -> String {
        let found = self.find(picture, product).map(str::to_owned);
        found.unwrap_or_else(|| title_of(product))
    }

    /// What couldn't be used of the file, a line each, and one line about the rows that have met no picture so far.
    pub fn problems(&self) -> Vec<String> {
        const SHOWN: usize = 5;
        let mut problems: Vec<String> = self.problems.iter().take(SHOWN).cloned().collect();
        if self.problems.len() > SHOWN {
            problems.push(format!(
                "and {} more such rows",
                self.problems.len() - SHOWN
            ));
        }
        let unmet = self.rows.iter();
        let unmet: Vec<_> = unmet
            .filter(|row| !row.met.load(Ordering::Relaxed))
            .collect();
        if let (Some((path, unit)), false) = (&self.place, unmet.is_empty()) {
            let told = unmet.iter().take(SHOWN);
            let told = told.map(|row| format!("`{}` ({unit} {})", row.name, row.number));
            let mut told = told.collect::<Vec<_>>().join(", ");
            if unmet.len() > SHOWN {
                told += &format!(" and {} more", unmet.len() - SHOWN);
            }
            problems.push(format!(
                "{}: {} of {} names fit no picture: {told}",
                path.display(),
                unmet.len(),
                self.rows.len()
            ));
        }
        problems
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
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
            let found = products.of(Path::new(name)).ok();
            found.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(of("ads/mug_red_003.jpg").as_deref(), Some("mug_red.png"));
        assert_eq!(of("mug-7.jpg").as_deref(), Some("mug.png"));
        assert_eq!(of("mug.png").as_deref(), Some("mug.png"));
        assert_eq!(of("lamp.v2_1.png").as_deref(), Some("lamp.v2.webp"));
        assert_eq!(of("mugs_1.png"), None);
        // Names with a point in them, and two that differ in their extension only.
        for name in ["cola_1.5l.png", "cola_1.png", "mug.jpg"] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let products = Products::list(dir.path()).unwrap();
        let of = |name: &str| products.of(Path::new(name)).map(file_name);
        assert_eq!(of("cola_1.5l_7.jpg").unwrap(), "cola_1.5l.png");
        assert_eq!(of("cola_1_7.jpg").unwrap(), "cola_1.png");
        assert_eq!(of("mug.jpg").unwrap(), "mug.jpg");
        assert!(of("mug-7.jpg").unwrap_err().contains("two cut-outs"));
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
        assert!(none.problems().is_empty());
    }

    #[test]
    fn whole_names_come_first_and_rows_without_a_picture_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("products.csv");
        std::fs::write(
            &file,
            "file,title\nimg/cola_1.png,One\ncola_1.5l,Large\nlamp.png,Lamp\ncola_1.5l,Other\n",
        )
        .unwrap();
        let titles = Titles::read(Some(&file)).unwrap();
        let of = |picture: &str, product: &str| titles.of(Path::new(picture), Path::new(product));
        assert_eq!(of("cola_1.5l_3.jpg", "p/cola_1.5l.png"), "Large");
        assert_eq!(of("cola_1_3.jpg", "p/cola_1.png"), "One");
        let problems = titles.problems();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("line 5: `cola_1.5l` has another title"));
        assert!(problems[1].contains("1 of 3 names fit no picture: `lamp.png` (line 4)"));
    }
}
