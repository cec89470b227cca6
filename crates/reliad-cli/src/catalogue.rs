//! A catalogue: a table of products in which each row says what it wants otherwise than the command line.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Result;
use clap::Parser;
use clap::error::ContextKind;
use reliad_dataset::{Row, Rows};
use reliad_diffusion::{Sampling, SamplingOverlay};
use reliad_generation::files;
use reliad_generation::order::{CatalogueRow, Request};
use reliad_generation::phrases::Phrases;
use serde::Serialize;

use crate::message::hinted;
use crate::sampling::SamplingFlags;

/// The file in the output directory that lists the rows of which no picture could be made.
pub const FAILURES: &str = "failures.jsonl";

/// Columns with a meaning beside those of sampling.
const COLUMNS: [&str; 9] = [
    "product",
    "file",
    "title",
    "prompt",
    "negative_prompt",
    "seed",
    "count",
    "scale",
    "size",
];

/// What rows have that don't say otherwise.
pub struct Defaults<'a> {
    /// `None` where a row must have its own.
    pub prompt: Option<&'a str>,
    pub negative_prompt: &'a str,
    pub title: Option<&'a str>,
    pub sampling: &'a Sampling,
    pub scale: Option<f32>,
    pub seed: u64,
    pub count: u32,
    pub phrases: Option<&'a Phrases>,
}

impl Defaults<'_> {
    /// What is wanted with prompts of one's own, with the phrases after them.
    pub fn request(&self, prompt: &str, negative_prompt: &str) -> Request {
        let (prompt, negative_prompt) = match self.phrases {
            Some(phrases) => phrases.apply(prompt, negative_prompt),
            None => (prompt.to_owned(), negative_prompt.to_owned()),
        };
        Request {
            prompt,
            negative_prompt,
            sampling: self.sampling.clone().normalised(),
            scale: self.scale,
            seed: self.seed,
            count: self.count,
        }
    }
}

/// What a row asks for.
#[derive(Debug)]
pub struct Entry {
    /// The product's file; what is relative is relative to the catalogue's folder.
    pub product: PathBuf,
    pub title: Option<String>,
    pub request: Request,
    pub row: CatalogueRow,
}

/// A row of which no picture can be made; a line of [`FAILURES`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The catalogue.
    pub file: String,
    /// The line or row in it.
    pub row: u64,
    /// The product that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Why.
    pub reason: String,
}

/// A catalogue whose columns are understood.
pub struct Catalogue {
    path: PathBuf,
    absolute: String,
    rows: Rows,
    /// Our names of the columns that have a meaning.
    known: BTreeMap<String, String>,
}

impl Catalogue {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// A file that can't be read, that names no product, or in which two columns mean the same.
    pub fn read(path: &Path) -> Result<Self> {
        let rows = Rows::read(path)?;
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let shown = path.display();
        for column in &rows.columns {
            let ours = column.trim().to_lowercase().replace([' ', '-'], "_");
            let has_meaning =
                COLUMNS.contains(&ours.as_str()) || SamplingOverlay::NAMES.contains(&ours.as_str());
            if !has_meaning {
                continue;
            }
            if let Some((other, _)) = known.iter().find(|(_, meaning)| **meaning == ours) {
                return Err(hinted(
                    format!("{shown}: its columns `{other}` and `{column}` are both {ours}"),
                    "rename one of them",
                ));
            }
            known.insert(column.clone(), ours);
        }
        let has = |ours: &str| known.values().any(|meaning| meaning == ours);
        if has("product") && has("file") {
            return Err(hinted(
                format!(
                    "{shown}: it has the columns `product` and `file`, which both name the picture"
                ),
                "rename the one that doesn't",
            ));
        }
        if !has("product") && !has("file") {
            return Err(hinted(
                format!(
                    "{shown}: no column names the products; it has {}",
                    list(&rows.columns)
                ),
                "call the column that holds the pictures' paths `product`",
            ));
        }
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self {
            path: path.to_owned(),
            absolute: absolute.display().to_string(),
            rows,
            known,
        })
    }

    /// The columns that decide nothing and only go into the manifest.
    pub fn kept(&self) -> Vec<&str> {
        let columns = self.rows.columns.iter().map(String::as_str);
        let columns = columns.filter(|name| !name.is_empty() && !self.known.contains_key(*name));
        columns.collect()
    }

    /// What each row asks for, or why it can't be made.
    pub fn entries(&self, defaults: &Defaults<'_>) -> Vec<Result<Entry, Failure>> {
        let rows = self.rows.rows.iter();
        rows.map(|row| match row {
            Ok(row) => self.entry(row, defaults).map_err(|reason| {
                let cells = self.cells(row);
                let product = cells.get("product").or(cells.get("file"));
                self.failure(row.number, product.map(|text| (*text).to_owned()), reason)
            }),
            Err(broken) => Err(self.failure(broken.number, None, broken.reason.clone())),
        })
        .collect()
    }

    /// Says that a row can't be made.
    pub fn failure(&self, row: u64, product: Option<String>, reason: String) -> Failure {
        Failure {
            file: self.path.display().to_string(),
            row,
            product,
            reason,
        }
    }

    /// A failure as a line for people.
    pub fn line(&self, failure: &Failure) -> String {
        let Failure {
            file, row, reason, ..
        } = failure;
        format!("{file}, {} {row}: {reason}", self.rows.unit)
    }

    /// The cells that have a meaning, by our names.
    fn cells<'a>(&'a self, row: &'a Row) -> BTreeMap<&'a str, &'a str> {
        let cells = row.cells.iter();
        cells
            .filter_map(|(name, text)| Some((self.known.get(name)?.as_str(), text.as_str())))
            .collect()
    }

    fn entry(&self, row: &Row, defaults: &Defaults<'_>) -> Result<Entry, String> {
        let cells = self.cells(row);
        let product = cells.get("product").or(cells.get("file"));
        let product = product.ok_or("it names no product")?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let prompt = cells.get("prompt").copied().or(defaults.prompt);
        let prompt = prompt.ok_or("it has no prompt: fill its cell, or pass --prompt for all")?;
        let negative_prompt = cells.get("negative_prompt").copied();
        let mut request =
            defaults.request(prompt, negative_prompt.unwrap_or(defaults.negative_prompt));
        request.sampling = sampling(&cells, defaults.sampling)?;
        request.seed = number(&cells, "seed", "a whole number")?.unwrap_or(request.seed);
        request.count = number(&cells, "count", "a whole number")?.unwrap_or(request.count);
        request.scale = number(&cells, "scale", "a number")?.or(request.scale);
        request.check().map_err(|error| error.to_string())?;
        let others = row.cells.iter();
        let others = others.filter(|(name, _)| !self.known.contains_key(*name));
        Ok(Entry {
            product: folder.join(product),
            title: cells
                .get("title")
                .copied()
                .or(defaults.title)
                .map(str::to_owned),
            request,
            row: CatalogueRow {
                file: self.absolute.clone(),
                row: row.number,
                columns: others
                    .map(|(name, text)| (name.clone(), text.clone()))
                    .collect(),
            },
        })
    }
}

/// Writes the rows that failed to `out`, or takes away those of a run before.
///
/// # Errors
/// When the output can't be written.
pub fn write_failures(out: &Path, failures: &[Failure]) -> Result<()> {
    let path = out.join(FAILURES);
    if failures.is_empty() && !path.exists() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    for failure in failures {
        serde_json::to_writer(&mut bytes, failure)?;
        bytes.push(b'\n');
    }
    Ok(files::write_atomic(&path, &bytes)?)
}

/// The sampling settings of a row, read as their flags are.
#[derive(Debug, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct RowFlags {
    #[command(flatten)]
    sampling: SamplingFlags,
}

/// The row's own settings over those that all have.
fn sampling(cells: &BTreeMap<&str, &str>, base: &Sampling) -> Result<Sampling, String> {
    let side = |name| number(cells, name, "a whole number");
    let (width, height) = (side("width")?, side("height")?);
    if cells.contains_key("size") && (width.is_some() || height.is_some()) {
        return Err("it has a size, and a width or height beside it".to_owned());
    }
    let flags = cells.iter().filter(|(name, _)| {
        **name == "size"
            || (SamplingOverlay::NAMES.contains(name) && !["width", "height"].contains(name))
    });
    let flags = flags.map(|(name, text)| format!("--{}={}", name.replace('_', "-"), whole(text)));
    let flags = RowFlags::try_parse_from(flags).map_err(|error| told(&error))?;
    let mut overlay = flags.sampling.overlay()?;
    overlay.width = overlay.width.or(width);
    overlay.height = overlay.height.or(height);
    let has_eta = overlay.eta.is_some();
    let sampling = overlay.over(base.clone());
    if has_eta && !sampling.sampler.may_heed_eta() {
        return Err(format!(
            "its eta changes nothing with the sampler {}; leave it out, or choose ddim or tcd",
            sampling.sampler
        ));
    }
    Ok(sampling.normalised())
}

/// What the command line's parser says of a cell.
fn told(error: &clap::Error) -> String {
    let said = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let argument = said(ContextKind::InvalidArg);
    let flag = argument.split_whitespace().next().unwrap_or_default();
    let column = flag.trim_start_matches('-').replace('-', "_");
    let value = said(ContextKind::InvalidValue);
    match error.source() {
        Some(cause) => format!("{column} is `{value}`: {cause}"),
        None => format!("{column} is `{value}`, which means nothing"),
    }
}

fn number<T: FromStr>(
    cells: &BTreeMap<&str, &str>,
    name: &str,
    what: &str,
) -> Result<Option<T>, String> {
    let Some(text) = cells.get(name) else {
        return Ok(None);
    };
    let number = whole(text).parse();
    number
        .map(Some)
        .map_err(|_| format!("{name} is `{text}`, which isn't {what}"))
}

/// Tables in which a cell is empty write whole numbers as `3.0`.
fn whole(text: &str) -> &str {
    text.strip_suffix(".0").unwrap_or(text)
}

fn list(names: &[String]) -> String {
    let names = names.iter().map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(cells: &[(&'a str, &'a str)]) -> Result<Sampling, String> {
        sampling(&cells.iter().copied().collect(), &Sampling::default())
    }

    #[test]
    fn every_setting_of_sampling_has_a_column() -> Result<(), String> {
        // A value for each that isn't the default.
        let cells = [
            ("width", "64"),
            ("height", "48.0"),
            ("steps", "7"),
            ("guidance", "2.5"),
            ("guidance_rescale", "0.5"),
            ("perturbed_attention", "2"),
            ("perturbed_parts", "up,mid"),
            ("guidance_interval", "0.1:0.7"),
            ("control_scale", "0.5"),
            ("eta", "0.25"),
            ("canny", "50:90"),
            ("mask_kernel", "9"),
            ("sampler", "ddim"),
        ];
        let mut names: Vec<_> = cells.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let mut expected = SamplingOverlay::NAMES.to_vec();
        expected.sort_unstable();
        assert_eq!(names, expected);
        let json = |sampling: &Sampling| serde_json::to_value(sampling).unwrap_or_default();
        let (all, before) = (json(&of(&cells)?), json(&Sampling::default()));
        for name in names {
            assert_ne!(all.get(name), before.get(name), "{name}");
        }
        let sized = of(&[("size", "64x48")])?;
        assert_eq!((sized.width, sized.height), (64, 48));
        Ok(())
    }

    #[test]
    fn cells_that_cannot_be_understood_are_named() {
        for (cells, expected) in [
            (&[("guidance", "7,5")][..], "guidance is `7,5`"),
            (&[("sampler", "fastest")], "sampler is `fastest`"),
            (&[("width", "wide")], "width is `wide`"),
            (&[("size", "64x64"), ("width", "64")], "beside it"),
            (&[("eta", "1"), ("sampler", "euler")], "eta"),
        ] {
            let error = of(cells).err().unwrap_or_default();
            assert!(error.contains(expected), "{cells:?}: {error}");
        }
    }
}
