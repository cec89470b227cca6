//! The page of a data set's numbers, with pictures of every class. It opens without a server.

use std::collections::BTreeMap;
use std::path::Path;

use reliad_dataset::{Label, Record, Records, Split, Statistics, Store};
use reliad_generation::report::escape;

use crate::error::Result;
use crate::page::{self, put, thumbnail};

/// Pictures shown of each label.
const SHOWN: usize = 8;
/// Rows of a chart: the most frequent.
const ROWS: usize = 12;

/// The page's HTML.
///
/// # Errors
/// When the index can't be read any more.
pub fn page(dir: &Path, counted: &Statistics) -> Result<String> {
    let name = dir.display().to_string();
    let mut html = page::begin("Data set", &escape(&name));
    tiles(&mut html, counted);
    labels(&mut html, counted);
    let missing: Vec<(String, u64)> = counted
        .missing
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect();
    chart(
        &mut html,
        "Missing",
        "Samples without",
        &missing,
        counted.samples,
    );
    let mut sizes: Vec<(String, u64)> = counted
        .sizes
        .iter()
        .map(|(size, count)| (size.replace('x', " × "), *count))
        .collect();
    sizes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    chart(
        &mut html,
        "Sizes",
        "Pixels of the judged pictures",
        &sizes,
        counted.samples,
    );
    titles(&mut html, counted);
    pictures(&mut html, dir)?;
    Ok(page::end(html))
}

fn tiles(html: &mut String, counted: &Statistics) {
    let available = counted
        .labels
        .iter()
        .filter(|(slug, _)| Label::from_slug(slug).is_some_and(Label::is_available))
        .flat_map(|(_, by_split)| by_split)
        .sum::<u64>();
    let products: u64 = counted.products.iter().sum::<u64>() - counted.shared_products;
    let tiles = [
        (counted.samples.to_string(), "usable samples"),
        (products.to_string(), "products"),
        (percent(available, counted.samples), "available"),
        (counted.quarantined.to_string(), "set aside"),
    ];
    page::tiles(html, tiles);
}

/// Labels, each with its samples in the three splits on one scale.
fn labels(html: &mut String, counted: &Statistics) {
    html.push_str("<section class=\"panel\"><h2>Labels</h2><p class=\"soft\">");
    for (split, samples) in Split::ALL.into_iter().zip(counted.splits) {
        let (name, products) = (split.name(), counted.products[split as usize]);
        put(
            html,
            format_args!(
                "<i class=\"key {name}\"></i>{name}: {samples} samples, {products} products "
            ),
        );
    }
    html.push_str("</p><div class=\"reasons\">");
    let most = Label::ALL.map(|label| counted.of_label(label));
    let most = most.into_iter().max().unwrap_or(0).max(1);
    for label in Label::ALL {
        let Some(by_split) = counted.labels.get(label.slug()) else {
            continue;
        };
        put(
            html,
            format_args!("<span>{}</span><span class=\"bar stacked\">", label.name()),
        );
        for (split, count) in Split::ALL.into_iter().zip(by_split) {
            put(
                html,
                format_args!(
                    "<i class=\"{}\" style=\"width:{:.2}%\" title=\"{}: {count}\"></i>",
                    split.name(),
                    100.0 * *count as f64 / most as f64,
                    split.name()
                ),
            );
        }
        let count = counted.of_label(label);
        put(
            html,
            format_args!(
                "</span><span class=\"soft\">{count} · {}</span>",
                percent(count, counted.samples)
            ),
        );
    }
    html.push_str("</div></section>\n");
}

fn chart(html: &mut String, title: &str, note: &str, rows: &[(String, u64)], of: u64) {
    put(
        html,
        format_args!(
            "<section class=\"panel\"><h2>{title}</h2><p class=\"soft\">{note}</p><div class=\"reasons\">"
        ),
    );
    for (name, count) in rows.iter().take(ROWS) {
        put(
            html,
            format_args!(
                "<span>{}</span><span class=\"bar plain\"><i style=\"width:{:.2}%\"></i></span>\
                 <span class=\"soft\">{count} · {}</span>",
                escape(name),
                100.0 * *count as f64 / of.max(1) as f64,
                percent(*count, of)
            ),
        );
    }
    html.push_str("</div>");
    if rows.len() > ROWS {
        put(
            html,
            format_args!("<p class=\"soft\">and {} others</p>", rows.len() - ROWS),
        );
    }
    html.push_str("</section>\n");
}

/// How many words titles have.
fn titles(html: &mut String, counted: &Statistics) {
    let words = &counted.title_words;
    let most = words.iter().max().copied().unwrap_or(0).max(1);
    let last = words.iter().rposition(|&count| count > 0).unwrap_or(0);
    html.push_str("<section class=\"panel\"><h2>Titles</h2><p class=\"soft\">Words in a title</p><div class=\"columns\">");
    for (length, count) in words.iter().enumerate().take(last + 1) {
        let more = if length + 1 == words.len() { "+" } else { "" };
        put(
            html,
            format_args!(
                "<div title=\"{count}\"><i style=\"height:{:.1}%\"></i><span class=\"soft\">{length}{more}</span></div>",
                100.0 * *count as f64 / most as f64
            ),
        );
    }
    html.push_str("</div></section>\n");
}

/// A few pictures of every label: those whose places' hashes are least, so that a page can be made again.
fn pictures(html: &mut String, dir: &Path) -> Result<()> {
    let mut chosen: BTreeMap<Label, BTreeMap<[u8; 32], Record>> = BTreeMap::new();
    for record in Records::open(dir)? {
        let record = record?;
        let of_label = chosen.entry(record.label).or_default();
        let hash = *blake3::hash(record.image.to_string().as_bytes()).as_bytes();
        of_label.insert(hash, record);
        if of_label.len() > SHOWN {
            of_label.pop_last();
        }
    }
    let store = Store::new(dir);
    for (label, records) in chosen {
        put(
            html,
            format_args!(
                "<section class=\"panel\"><h2>{}</h2><div class=\"thumbnails\">",
                label.name()
            ),
        );
        for record in records.values() {
            let caption = escape(&record.title);
            let picture = match store.picture(&record.image) {
                Ok(picture) => format!(
                    "<img loading=\"lazy\" alt=\"{caption}\" src=\"{}\">",
                    thumbnail::source(&picture.into_rgb8())?
                ),
                Err(error) => format!("<div class=\"none\">{}</div>", escape(&error.to_string())),
            };
            put(
                html,
                format_args!(
                    "<figure>{picture}<figcaption class=\"soft\">{caption}</figcaption></figure>"
                ),
            );
        }
        html.push_str("</div></section>\n");
    }
    Ok(())
}

fn percent(part: u64, of: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / of.max(1) as f64)
}
