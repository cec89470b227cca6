//! What a painter is tuned on: products with titles and prompts, from a folder of samples or a catalogue.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image::RgbaImage;
use reliad_dataset::{Folder, METADATA, Modality, Record, Rows, Split, product_of_text, required};
use reliad_generation::files;
use reliad_generation::recipe::{PLACEMENT, item_id};
use reliad_imaging::{Canvas, Cutout, PlacedProduct};
use reliad_training::error::{Error, Result};

/// One item: what is asked of a painter.
#[derive(Debug, Clone)]
pub struct Brief {
    /// A hash of product and prompt, of which the item's noise is drawn.
    pub id: String,
    /// Identity of the product.
    pub group: u64,
    /// The product on the canvas.
    pub product: PlacedProduct,
    /// What the product is, for the judge.
    pub title: String,
    /// What the scene shall show.
    pub prompt: String,
    /// What it shall not show.
    pub negative_prompt: String,
    /// The sample that it comes from, where it comes from a folder of samples.
    pub record: Option<Record>,
}

/// A list of items; pixels are read when asked for.
#[derive(Debug, Clone)]
pub struct Briefs {
    canvas: Canvas,
    origin: Arc<Origin>,
    kept: Vec<usize>,
    /// Items that couldn't be read, of which a warning told.
    told: Arc<Mutex<HashSet<usize>>>,
    /// What was left out, and why.
    pub unusable: Vec<String>,
}

#[derive(Debug)]
enum Origin {
    Folder(Folder),
    Catalogue(Vec<Line>),
}

/// A row of a catalogue; what it lacks is empty.
#[derive(Debug, Clone)]
struct Line {
    product: PathBuf,
    prompt: String,
    title: String,
    negative_prompt: String,
    product_id: Option<String>,
}

impl Briefs {
    /// Reads `path`: a folder with `metadata.jsonl`, or a catalogue (CSV, JSONL, parquet) with the columns `product`
    /// (or `file`), `prompt` and, where they are known, `title`, `negative_prompt` and `product_id` (or `sku`). Items without product, prompt or title are left out
    /// and [told](Self::unusable).
    ///
    /// # Errors
    /// A file that can't be read or isn't understood, or none of whose items is usable.
    pub fn open(path: &Path, canvas: Canvas) -> Result<Self> {
        let mut unusable = Vec::new();
        let origin = if path.is_dir() {
            if !path.join(METADATA).is_file() {
                return Err(Error::Data {
                    path: path.to_owned(),
                    reason: format!(
                        "it has no {METADATA}; `reliad data import` writes such a folder, and a catalogue (.csv, .jsonl or .parquet) serves, too"
                    ),
                });
            }
            Origin::Folder(Folder::open(path).map_err(Error::component("data"))?)
        } else {
            Origin::Catalogue(catalogue(path, &mut unusable)?)
        };
        let mut briefs = Self {
            canvas,
            origin: Arc::new(origin),
            kept: Vec::new(),
            told: Arc::default(),
            unusable,
        };
        for index in 0..briefs.origin.len() {
            match briefs.origin.lacks(index) {
                None => briefs.kept.push(index),
                Some(lack) => briefs.unusable.push(lack),
            }
        }
        match briefs.kept.is_empty() {
            false => Ok(briefs),
            true => Err(Error::Data {
                path: path.to_owned(),
                reason: format!(
                    "no item has a product, a prompt and a title{}",
                    briefs
                        .unusable
                        .first()
                        .map_or(String::new(), |first| format!(", such as: {first}"))
                ),
            }),
        }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The same list in two parts by product, the second with a tenth of the products ([`Split::of_product`] gives them to
    /// validation or test).
    pub fn divide(self) -> (Self, Self) {
        let learns = |index: &usize| Split::of_product(self.origin.group(*index)) == Split::Train;
        let (first, second) = self.kept.iter().partition(|index| learns(index));
        let part = |kept| Self {
            kept,
            ..self.clone()
        };
        (part(first), part(second))
    }

    /// Keeps items whose scene is of one of these families; all where none is named.
    pub fn only_families(&mut self, families: &[String]) {
        if let (false, Origin::Folder(folder)) = (families.is_empty(), &*self.origin) {
            let family = |index: &usize| {
                let parameters = folder.records()[*index].parameters.as_ref();
                parameters.and_then(|parameters| parameters.scene_family.as_ref())
            };
            self.kept
                .retain(|index| family(index).is_some_and(|family| families.contains(family)));
        }
    }

    /// The first `count` items.
    pub fn truncate(&mut self, count: usize) {
        self.kept.truncate(count);
    }

    /// An item with its pixels; the next one in place of one whose product can't be read or holds nothing, of which a warning
    /// tells once.
    ///
    /// # Errors
    /// That of the item, where no other can be read either.
    pub fn get(&self, index: usize) -> Result<Brief> {
        let mut first = None;
        for offset in 0..self.kept.len() {
            let place = self.kept[(index + offset) % self.kept.len()];
            match self.origin.brief(place, self.canvas) {
                Ok(brief) => return Ok(brief),
                Err(error) => {
                    let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                    if told.insert(place) {
                        let name = self.origin.name(place);
                        tracing::warn!("{name} is left out: {}", in_full(&error));
                    }
                    first.get_or_insert(error);
                }
            }
        }
        Err(first.unwrap_or_else(|| Error::Setting {
            name: "data",
            reason: "there is no item".to_owned(),
        }))
    }
}

impl Origin {
    fn len(&self) -> usize {
        match self {
            Self::Folder(folder) => folder.records().len(),
            Self::Catalogue(lines) => lines.len(),
        }
    }

    fn group(&self, index: usize) -> u64 {
        match self {
            Self::Folder(folder) => folder.records()[index].product_id,
            Self::Catalogue(lines) => {
                let line = &lines[index];
                match &line.product_id {
                    Some(id) => product_of_text(id),
                    None => product_of_text(&line.product.to_string_lossy()),
                }
            }
        }
    }

    fn name(&self, index: usize) -> String {
        match self {
            Self::Folder(folder) => folder.records()[index].image.to_string(),
            Self::Catalogue(lines) => lines[index].product.display().to_string(),
        }
    }

    /// What keeps an item from being used.
    fn lacks(&self, index: usize) -> Option<String> {
        let (product, prompt, title) = match self {
            Self::Folder(folder) => {
                let record = &folder.records()[index];
                (record.product.is_some(), &record.prompt, &record.title)
            }
            Self::Catalogue(lines) => {
                let line = &lines[index];
                (line.product.is_file(), &line.prompt, &line.title)
            }
        };
        let lack = match (product, prompt.trim().is_empty(), title.trim().is_empty()) {
            (false, ..) => "it has no product's picture",
            (_, true, _) => "it has no prompt",
            (.., true) => "it has no title, which the judge reads",
            _ => return None,
        };
        Some(format!("{}: {lack}", self.name(index)))
    }

    fn brief(&self, index: usize, canvas: Canvas) -> Result<Brief> {
        match self {
            Self::Folder(folder) => {
                let record = &folder.records()[index];
                let failed = Error::component::<reliad_dataset::Error>;
                let place = required(record, Modality::Product).map_err(failed("data"))?;
                let bytes = folder.store().bytes(place).map_err(failed("data"))?;
                let picture = folder
                    .picture(record, Modality::Product)
                    .map_err(failed("data"))?;
                Ok(Brief {
                    id: item_id(&files::hash(&bytes), &record.prompt, "", 0),
                    group: record.product_id,
                    product: on_canvas(picture.into_rgba8(), canvas)?,
                    title: record.title.clone(),
                    prompt: record.prompt.clone(),
                    negative_prompt: String::new(),
                    record: Some(record.clone()),
                })
            }
            Self::Catalogue(lines) => {
                let line = &lines[index];
                let failed = Error::component::<reliad_generation::Error>;
                let hash = files::hash_file(&line.product).map_err(failed("product"))?;
                let cutout = Cutout::read(&line.product).map_err(Error::component("product"))?;
                let scale = (PLACEMENT.0 + PLACEMENT.1) / 2.0;
                Ok(Brief {
                    id: item_id(&hash, &line.prompt, &line.negative_prompt, 0),
                    group: self.group(index),
                    product: PlacedProduct::place(&cutout, canvas, scale),
                    title: line.title.clone(),
                    prompt: line.prompt.clone(),
                    negative_prompt: line.negative_prompt.clone(),
                    record: None,
                })
            }
        }
    }
}

/// A product that lies on a canvas already: as it lies there if the canvas is ours, else placed anew in the same size.
fn on_canvas(rgba: RgbaImage, canvas: Canvas) -> Result<PlacedProduct> {
    let failed = Error::component::<reliad_imaging::Error>;
    let (width, height) = rgba.dimensions();
    if (width, height) == (canvas.width, canvas.height) {
        return PlacedProduct::from_canvas_rgba(rgba).map_err(failed("product"));
    }
    let cutout = Cutout::from_rgba(rgba).map_err(failed("product"))?;
    let bounds = cutout.bounds();
    let part = |side: u32, of: u32| side as f32 / of as f32;
    let scale = part(bounds.width, width).max(part(bounds.height, height));
    Ok(PlacedProduct::place(&cutout, canvas, scale))
}

/// The error and its causes in one line.
fn in_full(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// The rows of a catalogue; those that aren't understood go to `unusable`.
fn catalogue(path: &Path, unusable: &mut Vec<String>) -> Result<Vec<Line>> {
    let table = Rows::read(path).map_err(|error| match error {
        reliad_dataset::Error::Layout { path, reason } => Error::Data { path, reason },
        error => Error::component("catalogue")(error),
    })?;
    let column = |names: &[&str]| {
        table.column(names).ok_or_else(|| Error::Data {
            path: path.to_owned(),
            reason: format!(
                "it has no column {}; there are {}",
                names[0],
                table.columns.join(", ")
            ),
        })
    };
    let (product, prompt) = (column(&["product", "file"])?, column(&["prompt"])?);
    let title = table.column(&["title"]);
    let negative_prompt = table.column(&["negative_prompt"]);
    let product_id = table.column(&["product_id", "sku"]);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut lines = Vec::new();
    for row in &table.rows {
        let row = match row {
            Ok(row) => row,
            Err(broken) => {
                let (unit, number) = (table.unit, broken.number);
                let reason = &broken.reason;
                unusable.push(format!("{}, {unit} {number}: {reason}", path.display()));
                continue;
            }
        };
        let cell = |column: &str| row.cells.get(column).cloned().unwrap_or_default();
        let cell_if = |column: Option<&str>| column.map(cell).unwrap_or_default();
        let Some(file) = row.cells.get(product) else {
            let (unit, number) = (table.unit, row.number);
            unusable.push(format!(
                "{}, {unit} {number}: it names no product",
                path.display()
            ));
            continue;
        };
        lines.push(Line {
            product: folder.join(file),
            prompt: cell(prompt),
            title: cell_if(title),
            negative_prompt: cell_if(negative_prompt),
            product_id: product_id.and_then(|column| row.cells.get(column).cloned()),
        });
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    fn canvas() -> Canvas {
        Canvas::new(64, 64).unwrap()
    }

    fn product(path: &Path) {
        let inside = |x: u32, y: u32| (8..24).contains(&x) && (4..28).contains(&y);
        let rgba = RgbaImage::from_fn(32, 32, |x, y| match inside(x, y) {
            true => image::Rgba([200, 30, 30, 255]),
            false => image::Rgba([0; 4]),
        });
        rgba.save(path).unwrap();
    }

    #[test]
    fn catalogues_are_read_and_what_lacks_something_is_told() {
        let dir = tempfile::tempdir().unwrap();
        product(&dir.path().join("a.png"));
        let csv = dir.path().join("list.csv");
        std::fs::write(
            &csv,
            "\u{feff}product,title,prompt,colour\na.png,A mug,on a table,red\na.png,,on a table,red\nb.png,B,c,\n",
        )
        .unwrap();
        let briefs = Briefs::open(&csv, canvas()).unwrap();
        assert_eq!((briefs.len(), briefs.unusable.len()), (1, 2));
        assert!(
            briefs.unusable[0].contains("no title"),
            "{:?}",
            briefs.unusable
        );
        assert!(
            briefs.unusable[1].contains("b.png"),
            "{:?}",
            briefs.unusable
        );
        let brief = briefs.get(0).unwrap();
        assert_eq!(
            (brief.title.as_str(), brief.prompt.as_str()),
            ("A mug", "on a table")
        );
        assert_eq!(brief.product.rgba().dimensions(), (64, 64));

        let jsonl = dir.path().join("list.jsonl");
        std::fs::write(&jsonl, "{\"product\": \"a.png\", \"prompt\": }\n").unwrap();
        let error = Briefs::open(&jsonl, canvas()).unwrap_err().to_string();
        assert!(
            error.contains("list.jsonl") && error.contains("line 1"),
            "{error}"
        );
        let error = Briefs::open(&dir.path().join("a.png"), canvas()).unwrap_err();
        assert!(error.to_string().contains("a.png"), "{error}");
    }

    #[test]
    fn a_product_that_cannot_be_read_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        product(&dir.path().join("a.png"));
        std::fs::write(dir.path().join("b.png"), "no picture").unwrap();
        let csv = dir.path().join("list.csv");
        std::fs::write(&csv, "product,title,prompt\nb.png,B,c\na.png,A,c\n").unwrap();
        let briefs = Briefs::open(&csv, canvas()).unwrap();
        assert_eq!(briefs.get(0).unwrap().title, "A");
        std::fs::remove_file(dir.path().join("a.png")).unwrap();
        assert!(briefs.get(1).is_err());
    }

    #[test]
    fn a_product_on_another_canvas_keeps_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        product(&path);
        let rgba = image::open(&path).unwrap().into_rgba8();
        let placed = on_canvas(rgba, canvas()).unwrap();
        // 24 of 32 pixels high: 48 of 64.
        assert_eq!(placed.bounds().height, 48);
    }
}
