//! `reliad data stat`: what a data set holds.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use reliad_dataset::{Label, Split, Statistics, statistics};
use reliad_evaluation::dataset;

use super::{count, unless_stopped};
use crate::counter::Counter;
use crate::interrupt;
use crate::message::Code;

/// Count a data set: classes, splits, products, sizes, missing pictures and texts.
#[derive(Debug, Args)]
pub(super) struct StatArgs {
    /// Folder with metadata.jsonl
    #[arg(value_name = "DIR")]
    data: PathBuf,

    /// Page to write, with charts and pictures of every class
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Also write the numbers to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Counts and prints.
///
/// # Errors
/// When the folder can't be read or a file can't be written.
pub(super) fn run(arguments: StatArgs) -> Result<Code> {
    let counter = Counter::new("counted", count(&arguments.data)?);
    let counted = statistics(
        &arguments.data,
        &|done| counter.reach(done, 0),
        interrupt::flag()?,
    );
    counter.clear();
    let counted = match unless_stopped(counted, "nothing was written; run the command again")? {
        Ok(counted) => counted,
        Err(code) => return Ok(code),
    };
    print!("{}", text(&counted));
    if let Some(file) = &arguments.html {
        let html = dataset::page(&arguments.data, &counted)?;
        reliad_files::write(file, html.as_bytes()).with_context(|| file.display().to_string())?;
    }
    if let Some(file) = &arguments.json {
        reliad_weights::write_config(file, &counted)?;
    }
    Ok(Code::Complete)
}

fn text(counted: &Statistics) -> String {
    let [train, validation, test] = counted.products;
    let (most, median) = counted.samples_per_product;
    let mut text = format!(
        "{} samples, {} set aside; products: {train} train, {validation} validation, {test} test; samples of a product: \
         median {median}, most {most}\n",
        counted.samples, counted.quarantined
    );
    if counted.shared_products > 0 {
        text += &format!(
            "{} products are in several splits: `reliad data split` divides by product\n",
            counted.shared_products
        );
    }
    let splits = Split::ALL.map(Split::name).join(" | ");
    text += &format!("\n| label | {splits} | share |\n|---|---|---|---|---|\n");
    for label in Label::ALL {
        let Some(by_split) = counted.labels.get(label.slug()) else {
            continue;
        };
        let [a, b, c] = by_split;
        let share = 100.0 * counted.of_label(label) as f64 / counted.samples as f64;
        text += &format!("| {} | {a} | {b} | {c} | {share:.1} % |\n", label.name());
    }
    let unlabelled = counted.missing.get("label").copied().unwrap_or(0);
    if unlabelled > 0 {
        text += &format!(
            "\n{unlabelled} samples have no label: painters learn from them, judges don't\n"
        );
    }
    let missing: Vec<String> = counted
        .missing
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    if !missing.is_empty() {
        text += &format!("\nmissing: {}\n", missing.join(", "));
    }
    let mut sizes: Vec<(&String, &u64)> = counted.sizes.iter().collect();
    sizes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown: Vec<String> = sizes
        .iter()
        .take(5)
        .map(|(size, count)| format!("{size} ({count})"))
        .collect();
    text += &format!("\nsizes: {}", shown.join(", "));
    if sizes.len() > shown.len() {
        text += &format!(" and {} others", sizes.len() - shown.len());
    }
    text.push('\n');
    if counted.unreadable > 0 {
        text += &format!(
            "{} pictures can't be opened: `reliad data check` sets them aside\n",
            counted.unreadable
        );
    }
    text
}
