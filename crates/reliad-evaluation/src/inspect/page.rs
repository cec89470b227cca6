//! The page of an inspection: counts, and the pictures that can't be published with the reasons. It opens without a
//! server.

use std::path::Path;

use maud::{Markup, html};
use reliad_generation::identity::ModelIdentity;

use super::inspected::Inspected;
use super::results::{Summary, read};
use crate::error::{Error, Result};
use crate::page::thumbnail::source;
use crate::page::{self, cell, grid, panel, tiles};

/// Pictures shown of each kind, so that a page of ten thousand still opens.
const SHOWN: usize = 60;

/// Writes `report.html` into `dir`.
///
/// # Errors
/// When the results can't be read or the page can't be written.
pub fn write(dir: &Path, summary: &Summary, judge: &ModelIdentity) -> Result<()> {
    let note = format!(
        "judge {} ({}) · reliad {}",
        judge.name,
        judge.digest.get(..12).unwrap_or_default(),
        env!("CARGO_PKG_VERSION")
    );
    let rejected = summary.pictures - summary.publishable;
    let share = html! {
        @match summary.pictures {
            0 => "–",
            all => {
                (format!("{:.0} ", 100.0 * summary.publishable as f64 / all as f64)) small { "%" }
            }
        }
    };
    let content = html! {
        (tiles(&[
            (html! { (summary.pictures) }, "pictures"),
            (share, "can be published"),
            (html! { (rejected) }, "can't be published"),
            (html! { (summary.failed) }, "couldn't be inspected"),
        ]))
        (counts(summary))
        @if rejected > 0 {
            (pictures(dir, false, "Can't be published", rejected)?)
        }
        @if summary.publishable > 0 {
            (pictures(dir, true, "Can be published", summary.publishable)?)
        }
    };
    let html = page::page("Inspection", &note, &content);
    let file = dir.join("report.html");
    reliad_files::write(&file, html.as_bytes()).map_err(Error::io(file))
}

fn counts(summary: &Summary) -> Markup {
    let verdicts = summary
        .verdicts
        .iter()
        .map(|(name, count)| (name.as_str(), *count));
    panel(
        "Verdicts and checks",
        &html! {
            div.reasons {
                @for (name, count) in verdicts.chain(summary.findings()) {
                    @let share = 100.0 * count as f64 / summary.pictures.max(1) as f64;
                    span { (name) }
                    div.bar.good[name == "Available"] { i style=(format!("width:{share:.1}%")) {} }
                    span.soft { (format!("{count} · {share:.1} %")) }
                }
            }
        },
    )
}

fn pictures(dir: &Path, publishable: bool, title: &str, count: u64) -> Result<Markup> {
    let note = match count as usize > SHOWN {
        true => format!("The first {SHOWN} of {count}; results.csv has all."),
        false => String::new(),
    };
    let mut cells = Vec::new();
    let mut shown = 0;
    for result in read(dir)? {
        let result = result?;
        if result.publishable() != publishable {
            continue;
        }
        // A picture that has gone since is no reason to lose the page.
        if let Ok(opened) = reliad_imaging::open(Path::new(&result.picture)) {
            let picture = opened.picture.into_rgb8();
            cells.push(cell(&source(&picture)?, &caption(&result)));
        }
        shown += 1;
        if shown == SHOWN {
            break;
        }
    }
    Ok(grid(title, &note, &cells))
}

fn caption(result: &Inspected) -> Markup {
    let name = Path::new(&result.picture).file_name().unwrap_or_default();
    html! {
        span.badge.good[result.publishable()] { (result.verdict.label()) }
        " " span.no { (result.reasons().join(" ")) }
        br;
        span.soft { (name.to_string_lossy()) }
    }
}
