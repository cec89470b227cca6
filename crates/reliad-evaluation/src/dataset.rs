//! The page of a data set's numbers, with pictures of every class. It opens without a server.

use std::collections::BTreeMap;
use std::path::Path;

use maud::{Markup, html};
use reliad_dataset::{Label, Record, Records, Split, Statistics, Store};

use crate::error::Result;
use crate::page::{self, panel, thumbnail};

/// Pictures shown of each label.
const SHOWN: usize = 8;
/// Rows of a chart: the most frequent.
const ROWS: usize = 12;

/// The page's HTML.
///
/// # Errors
/// When the index can't be read any more.
pub fn page(dir: &Path, counted: &Statistics) -> Result<String> {
    let missing: Vec<(String, u64)> = counted
        .missing
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect();
    let mut sizes: Vec<(String, u64)> = counted
        .sizes
        .iter()
        .map(|(size, count)| (size.replace('x', " × "), *count))
        .collect();
    sizes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let content = html! {
        (tiles(counted))
        (labels(counted))
        (chart("Missing", "Samples without", &missing, counted.samples))
        (chart("Sizes", "Pixels of the judged pictures", &sizes, counted.samples))
        (titles(counted))
        (pictures(dir)?)
    };
    Ok(page::page("Data set", &dir.display().to_string(), &content))
}

fn tiles(counted: &Statistics) -> Markup {
    let available = counted
        .labels
        .iter()
        .filter(|(slug, _)| Label::from_slug(slug).is_some_and(Label::is_available))
        .flat_map(|(_, by_split)| by_split)
        .sum::<u64>();
    let products: u64 = counted.products.iter().sum::<u64>() - counted.shared_products;
    page::tiles(&[
        (html! { (counted.samples) }, "usable samples"),
        (html! { (products) }, "products"),
        (html! { (percent(available, counted.samples)) }, "available"),
        (html! { (counted.quarantined) }, "set aside"),
    ])
}

/// Labels, each with its samples in the three splits on one scale.
fn labels(counted: &Statistics) -> Markup {
    let most = Label::ALL.map(|label| counted.of_label(label));
    let most = most.into_iter().max().unwrap_or(0).max(1) as f64;
    panel(
        "Labels",
        &html! {
            p.soft {
                @for (split, samples) in Split::ALL.into_iter().zip(counted.splits) {
                    i class={ "key " (split.name()) } {}
                    (format!("{}: {samples} samples, {} products ", split.name(), counted.products[split as usize]))
                }
            }
            div.reasons {
                @for label in Label::ALL {
                    @if let Some(by_split) = counted.labels.get(label.slug()) {
                        span { (label.name()) }
                        span.bar.stacked {
                            @for (split, count) in Split::ALL.into_iter().zip(by_split) {
                                i class=(split.name()) style=(width(*count as f64 / most))
                                    title=(format!("{}: {count}", split.name())) {}
                            }
                        }
                        (counted_of(counted.of_label(label), counted.samples))
                    }
                }
            }
        },
    )
}

fn chart(title: &str, note: &str, rows: &[(String, u64)], of: u64) -> Markup {
    panel(
        title,
        &html! {
            p.soft { (note) }
            div.reasons {
                @for (name, count) in rows.iter().take(ROWS) {
                    span { (name) }
                    span.bar.plain { i style=(width(*count as f64 / of.max(1) as f64)) {} }
                    (counted_of(*count, of))
                }
            }
            @if rows.len() > ROWS {
                p.soft { "and " (rows.len() - ROWS) " others" }
            }
        },
    )
}

/// How many words titles have.
fn titles(counted: &Statistics) -> Markup {
    let words = &counted.title_words;
    let most = words.iter().max().copied().unwrap_or(0).max(1) as f64;
    let last = words.iter().rposition(|&count| count > 0).unwrap_or(0);
    panel(
        "Titles",
        &html! {
            p.soft { "Words in a title" }
            div.columns {
                @for (length, count) in words.iter().enumerate().take(last + 1) {
                    div title=(count) {
                        i style=(format!("height:{:.1}%", 100.0 * *count as f64 / most)) {}
                        span.soft {
                            (length) @if length + 1 == words.len() { "+" }
                        }
                    }
                }
            }
        },
    )
}

/// A few pictures of every label: those whose places' hashes are least, so that a page can be made again.
fn pictures(dir: &Path) -> Result<Markup> {
    let mut chosen: BTreeMap<Option<Label>, BTreeMap<[u8; 32], Record>> = BTreeMap::new();
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
    Ok(html! {
        @for (label, records) in &chosen {
            (panel(label.map_or("No label", Label::name), &html! {
                div.thumbnails {
                    @for record in records.values() {
                        (picture(&store, record)?)
                    }
                }
            }))
        }
    })
}

fn picture(store: &Store, record: &Record) -> Result<Markup> {
    let shown = match store.picture(&record.image) {
        Ok(picture) => {
            let source = thumbnail::source(&picture.into_rgb8())?;
            html! { img loading="lazy" alt=(record.title) src=(source); }
        }
        Err(error) => html! { div.none { (error) } },
    };
    Ok(html! {
        figure {
            (shown)
            figcaption.soft { (record.title) }
        }
    })
}

fn width(share: f64) -> String {
    format!("width:{:.2}%", 100.0 * share)
}

fn counted_of(count: u64, of: u64) -> Markup {
    html! { span.soft { (count) " · " (percent(count, of)) } }
}

fn percent(part: u64, of: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / of.max(1) as f64)
}
