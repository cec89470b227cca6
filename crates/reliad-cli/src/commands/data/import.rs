//! `reliad data import`: a data set of another layout gets an index of ours.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use reliad_dataset::{Fields, LabelMap, Layout, ProductBy, QUARANTINE, Source, import};

use super::unless_stopped;
use crate::counter::Counter;
use crate::interrupt;
use crate::message::{self, Code};

/// Take over a data set: RF1M, an image folder with metadata.jsonl or metadata.csv, parquet files or WebDataset shards.
///
/// Only an index is written; the pictures stay where they are (.tar.gz archives are unpacked beside the index). Several
/// sources become one data set. Samples that can't be used are listed in quarantine.jsonl with the reason and stop nothing.
/// Exits with 1 when there were some.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The data set's folder, or one parquet or tar file; several are put one after another, and one that is listed twice
    /// counts twice
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<PathBuf>,

    /// Folder for the index; may be the data set's own
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// How it lies on disk: rf1m, folder, parquet or webdataset [default: what it looks like]
    #[arg(long, value_parser = layout)]
    layout: Option<Layout>,

    /// Folder or archive of RGBA products named as their pictures (rf1m only)
    #[arg(long, value_name = "PATH")]
    products: Option<PathBuf>,

    /// What the labels mean, such as `0=available,1=unavailable`, or where the paper's numbers begin: `from-0` or `from-1`
    /// [default: the names of classes that the data tells, our names, and the paper's numbers if 0 occurs]
    #[arg(long, value_parser = LabelMap::parse, value_name = "MAP")]
    labels: Option<LabelMap>,

    /// What fields are called, such as `title=name,label=verdict`; columns of label.txt by number, from 1
    #[arg(long, value_parser = Fields::parse, value_name = "MAP")]
    fields: Option<Fields>,

    /// Also take samples without a label where others have one; where none has, all are taken
    #[arg(long)]
    unlabelled: bool,

    /// What tells products apart where no field does: title, name, or prefix (the picture's name up to its last _ or -)
    #[arg(
        long,
        value_parser = product_by,
        default_value = ProductBy::Title.name()
    )]
    product_by: ProductBy,
}

fn layout(name: &str) -> Result<Layout, String> {
    Layout::from_name(name).ok_or_else(|| {
        let known = Layout::ALL.map(Layout::name).join(", ");
        format!("it is none of {known}")
    })
}

fn product_by(name: &str) -> Result<ProductBy, String> {
    ProductBy::from_name(name).ok_or_else(|| {
        let known = ProductBy::ALL.map(ProductBy::name).join(", ");
        format!("it is none of {known}")
    })
}

/// Imports.
///
/// # Errors
/// When the source can't be opened, holds nothing usable, or the index can't be written.
pub(super) fn run(arguments: ImportArgs) -> Result<Code> {
    let labels = arguments.labels.unwrap_or_default();
    let fields = arguments.fields.unwrap_or_default();
    let source = |path: PathBuf| -> Result<Source> {
        Ok(Source {
            layout: match arguments.layout {
                Some(layout) => layout,
                None => Layout::detect(&path)?,
            },
            path,
            products: arguments.products.clone(),
            labels: labels.clone(),
            fields: fields.clone(),
            product_by: arguments.product_by,
            unlabelled: arguments.unlabelled,
        })
    };
    let sources: Vec<Source> = arguments
        .sources
        .into_iter()
        .map(source)
        .collect::<Result<_>>()?;
    let layouts: BTreeSet<&str> = sources.iter().map(|source| source.layout.name()).collect();
    let counter = Counter::endless("samples read:");
    let imported = import(
        &sources,
        &arguments.out,
        &|done| counter.reach(done, 0),
        interrupt::flag()?,
    );
    counter.clear();
    let imported = match unless_stopped(imported, "nothing was written; run the command again")? {
        Ok(imported) => imported,
        Err(code) => return Ok(code),
    };
    let [train, validation, test] = imported.named_splits;
    let splits = match train + validation + test {
        0 => String::new(),
        _ => format!("; by the names of files {train} train, {validation} validation, {test} test"),
    };
    let products = match &arguments.products {
        Some(_) => format!("; {} with a product", imported.with_product),
        None => String::new(),
    };
    println!(
        "{}: {} samples as {}, {} set aside{splits}{products}",
        arguments.out.display(),
        imported.records,
        Vec::from_iter(layouts).join(" and "),
        imported.broken
    );
    for line in imported.aside.lines() {
        message::warning_line(&format!("set aside: {line}"));
    }
    for line in imported.passed.lines().iter().chain(&imported.notices) {
        message::warning_line(line);
    }
    if !splits.is_empty() && imported.splits[1] == 0 {
        message::hint_line(&format!(
            "no sample is held out for validation; `reliad data split {}` divides them",
            arguments.out.display()
        ));
    }
    if imported.broken > 0 {
        let list = arguments.out.join(QUARANTINE);
        message::hint_line(&format!("{} says why", list.display()));
        return Ok(Code::Missing);
    }
    Ok(Code::Complete)
}
