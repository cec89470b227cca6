//! The page of an inspection: counts, and the pictures that can't be published with the reasons. It opens without a
//! server.

use std::path::Path;

use reliad_generation::identity::ModelIdentity;
use reliad_generation::report::escape;

use super::inspected::Inspected;
use super::results::{Summary, read};
use crate::error::{Error, Result};
use crate::page::thumbnail::source;
use crate::page::{self, cell, close_grid, open_grid, put};

/// Pictures shown of each kind, so that a page of ten thousand still opens.
const SHOWN: usize = 60;

/// Writes `report.html` into `dir`.
///
/// # Errors
/// When the results can't be read or the page can't be written.
pub fn write(dir: &Path, summary: &Summary, judge: &ModelIdentity) -> Result<()> {
    let note = format!(
        "judge {} ({}) · reliad {}",
        escape(&judge.name),
        judge.digest.get(..12).unwrap_or_default(),
        env!("CARGO_PKG_VERSION")
    );
    let mut html = page::begin("Inspection", &note);
    let share = match summary.pictures {
        0 => "–".to_owned(),
        all => format!(
            "{:.0} <small>%</small>",
            100.0 * summary.publishable as f64 / all as f64
        ),
    };
    let tiles = [
        (summary.pictures.to_string(), "pictures"),
        (share, "can be published"),
        (
            (summary.pictures - summary.publishable).to_string(),
            "can't be published",
        ),
        (summary.failed.to_string(), "couldn't be inspected"),
    ];
    page::tiles(&mut html, tiles);
    counts(&mut html, summary);
    let rejected = summary.pictures - summary.publishable;
    if rejected > 0 {
        pictures(&mut html, dir, false, "Can't be published", rejected)?;
    }
    if summary.publishable > 0 {
        pictures(
            &mut html,
            dir,
            true,
            "Can be published",
            summary.publishable,
        )?;
    }
    let html = page::end(html);
    let file = dir.join("report.html");
    reliad_files::write(&file, html.as_bytes()).map_err(Error::io(file))
}

fn counts(html: &mut String, summary: &Summary) {
    html.push_str("<section class=\"panel\"><h2>Verdicts and checks</h2><div class=\"reasons\">");
    let verdicts = summary
        .verdicts
        .iter()
        .map(|(name, count)| (name.as_str(), *count));
    for (name, count) in verdicts.chain(summary.findings()) {
        let share = 100.0 * count as f64 / summary.pictures.max(1) as f64;
        let good = if name == "Available" { " good" } else { "" };
        put(
            html,
            format_args!(
                "<span>{name}</span><div class=\"bar{good}\"><i style=\"width:{share:.1}%\"></i></div><span class=\"soft\">\
                 {count} · {share:.1} %</span>"
            ),
        );
    }
    html.push_str("</div></section>\n");
}

fn pictures(
    html: &mut String,
    dir: &Path,
    publishable: bool,
    title: &str,
    count: u64,
) -> Result<()> {
    let note = match count as usize > SHOWN {
        true => format!("The first {SHOWN} of {count}; results.csv has all."),
        false => String::new(),
    };
    open_grid(html, title, &note);
    let mut shown = 0;
    for result in read(dir)? {
        let result = result?;
        if result.publishable() != publishable {
            continue;
        }
        // A picture that has gone since is no reason to lose the page.
        if let Ok(picture) = image::open(&result.picture) {
            cell(html, &source(&picture.into_rgb8())?, &caption(&result));
        }
        shown += 1;
        if shown == SHOWN {
            break;
        }
    }
    close_grid(html);
    Ok(())
}

fn caption(result: &Inspected) -> String {
    let kind = if result.publishable() { " good" } else { "" };
    let name = Path::new(&result.picture).file_name().unwrap_or_default();
    format!(
        "<span class=\"badge{kind}\">{}</span> <span class=\"no\">{}</span><br><span class=\"soft\">{}</span>",
        result.verdict.label(),
        escape(&result.reasons().join(" ")),
        escape(&name.to_string_lossy())
    )
}
