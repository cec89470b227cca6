//! `report.html`: what was drawn, kept and rejected, and why; one page that opens without a server.

mod page;
mod views;

use std::path::{Path, PathBuf};

pub use views::{ASSETS, save_views};

use crate::error::Result;
use crate::files;
use crate::manifest::Record;

/// The report's name in an output directory.
pub const FILE_NAME: &str = "report.html";

/// The style sheet that all of Reliad's pages share.
pub const STYLE: &str = include_str!("report.css");

/// An input that couldn't be used, for the report's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The file or directory.
    pub path: PathBuf,
    /// Why.
    pub message: String,
}

/// Writes the report of `records` to `out`.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write) when it can't be written.
pub fn write<'a>(
    out: &Path,
    records: impl Iterator<Item = &'a Record>,
    unusable: &[Unusable],
) -> Result<()> {
    let records: Vec<&Record> = records.collect();
    let images = views::Images::of(out, &records);
    let page = page::page(&records, unusable, &images);
    files::write_atomic(&out.join(FILE_NAME), page.as_bytes())
}
