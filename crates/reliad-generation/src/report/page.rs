//! The report's HTML.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use reliad_imaging::Class;

use super::Unusable;
use super::views::{Images, View};
use crate::manifest::{Record, VerdictRecord};

/// The attempts at one picture, in the order of their numbers.
struct Item<'a> {
    attempts: Vec<&'a Record>,
}

impl Item<'_> {
    fn found(&self) -> bool {
        self.attempts.iter().any(|record| record.kept)
    }
}

/// The page over all records.
pub(super) fn page(records: &[&Record], unusable: &[Unusable], images: &Images) -> String {
    let items = items(records);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Reliad report" }
                style { (PreEscaped(super::STYLE)) }
            }
            body {
                main {
                    (overview(records, &items))
                    (reasons(records))
                    @if !unusable.is_empty() {
                        section.panel {
                            h2 { "Inputs that couldn't be used" }
                            ul.unusable {
                                @for input in unusable {
                                    li { (input.message) }
                                }
                            }
                        }
                    }
                    @for item in &items {
                        (section(item, images))
                    }
                }
            }
        }
    }
    .into_string()
}

/// Attempts by the picture they are at, in the order in which pictures were first tried.
fn items<'a>(records: &[&'a Record]) -> Vec<Item<'a>> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut items: Vec<Item<'a>> = Vec::new();
    for &record in records {
        let mut first = record.recipe.clone();
        first.attempt = 0;
        first.noise = None;
        let judge = record.judge.as_ref().map_or("", |judge| &judge.digest);
        let key = format!("{} {judge} {}", first.name(), record.title);
        let place = *places.entry(key).or_insert_with(|| {
            items.push(Item {
                attempts: Vec::new(),
            });
            items.len() - 1
        });
        items[place].attempts.push(record);
    }
    for item in &mut items {
        item.attempts.sort_by_key(|record| record.recipe.attempt);
    }
    items
}

/// What stands in the place of the model's own components and what is laid on them, after the model's name.
fn changes(record: &Record) -> String {
    let components = record.model.components.iter();
    let components = components.map(|(component, place)| format!(" with {component} of {place}"));
    let adapters = record.model.adapters.iter().map(|used| {
        let name = used.path.file_name().unwrap_or_default().to_string_lossy();
        format!(" with {name} at {}", used.strength)
    });
    components.chain(adapters).collect()
}

fn overview(records: &[&Record], items: &[Item<'_>]) -> Markup {
    let found = items.iter().filter(|item| item.found()).count();
    let seconds: f64 = records
        .iter()
        .map(|record| record.seconds.paint + record.seconds.judge)
        .sum();
    let judged = records.iter().any(|record| record.verdict.is_some());
    let per = |count: usize| {
        html! {
            @if count == 0 {
                "–"
            } @else {
                (format!("{:.1} ", seconds / count as f64)) small { "s" }
            }
        }
    };
    let label = match judged {
        true => ["pictures available", "per available picture"],
        false => ["pictures, not judged", "per picture"],
    };
    let tiles = [
        (
            html! { (found) " " small { "of " (items.len()) } },
            label[0],
        ),
        (html! { (records.len()) }, "attempts"),
        (per(found), label[1]),
        (per(records.len()), "per attempt"),
    ];
    html! {
        header {
            h1 { "Reliad report" }
            @if let Some(last) = records.last() {
                p.soft {
                    "reliad " (last.reliad)
                    " · model " (base_name(&last.model.name)) (changes(last))
                    " · judge " (last.judge.as_ref().map_or("none", |judge| base_name(&judge.name)))
                }
            }
        }
        div.tiles {
            @for (figure, label) in tiles {
                div.tile {
                    b { (figure) }
                    span.soft { (label) }
                }
            }
        }
    }
}

/// How often each class was the verdict.
fn reasons(records: &[&Record]) -> Markup {
    let mut counts: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for verdict in records.iter().filter_map(|record| record.verdict.as_ref()) {
        *counts
            .entry((!verdict.available, verdict.label()))
            .or_default() += 1;
    }
    let total: usize = counts.values().sum();
    html! {
        @if total > 0 {
            section.panel {
                h2 { "Verdicts" }
                div.reasons {
                    @for ((failed, name), count) in counts {
                        span { (name) }
                        div.bar.good[!failed] { i style=(width(count as f64 / total as f64)) {} }
                        span.soft { (count) }
                    }
                }
            }
        }
    }
}

fn section(item: &Item<'_>, images: &Images) -> Markup {
    let Some(first) = item.attempts.first() else {
        return Markup::default();
    };
    let sampling = &first.recipe.sampling;
    let outcome = match (item.found(), item.attempts.len()) {
        (true, 1) => "found at the first attempt".to_owned(),
        (true, n) => format!("found after {n} attempts"),
        (false, 1) => "nothing available in 1 attempt".to_owned(),
        (false, n) => format!("nothing available in {n} attempts"),
    };
    html! {
        section.item {
            div.head {
                @if let Some(source) = images.source(View::Product, first) {
                    img.product src=(source) alt="the product" loading="lazy";
                    @if first.photograph.is_some() {
                        // The same picture in white: what is opaque of it.
                        div.alpha { img src=(source) alt="what was cut out" loading="lazy"; }
                    }
                }
                div {
                    h2 { (first.title) }
                    p { "“" (clipped(&first.recipe.prompt)) "”" }
                    p.soft {
                        (outcome)
                        @if first.recipe.picture > 0 {
                            " · picture " (first.recipe.picture + 1)
                        }
                        " · " (sampling.width) "×" (sampling.height)
                        " · " (sampling.steps) " steps"
                        " · " (sampling.guidance_words())
                        " · placement " (first.recipe.scale)
                        " · seed " (first.recipe.seed)
                    }
                    @if let Some(photograph) = &first.photograph {
                        p.soft { "Cut out of " (photograph.path.display()) " by the saliency network: look at its alpha." }
                    }
                    @if let Some(cut) = &first.prompt_cut {
                        p.soft { "The prompt was too long: " (cut) }
                    }
                }
            }
            div.attempts {
                @for record in &item.attempts {
                    (attempt(record, images))
                }
            }
        }
    }
}

fn attempt(record: &Record, images: &Images) -> Markup {
    let number = record.recipe.attempt + 1;
    let verdict = record.verdict.as_ref();
    let file = record.file.as_deref().unwrap_or_default();
    let picture = html! {
        @if let Some(source) = images.source(View::Picture, record) {
            img.picture src=(source) alt={ "attempt " (number) } loading="lazy";
        } @else {
            div.none { "the view is missing" }
        }
    };
    html! {
        article.attempt.kept[verdict.is_none() || record.kept].unjudged[verdict.is_none()] {
            @if file.is_empty() {
                (picture)
            } @else {
                a href=(file) { (picture) }
            }
            div.body {
                div.row {
                    span.badge { (verdict.map_or("Not judged", |verdict| verdict.label())) }
                    span.soft { "attempt " (number) }
                }
                @if let Some(verdict) = verdict {
                    p.reason { (reason(verdict)) }
                    (maps(record, images))
                    (probabilities(verdict))
                }
                div.facts {
                    (format!("{:.1} s painting · {:.2} s judging", record.seconds.paint, record.seconds.judge))
                    br;
                    @if file.is_empty() { "not kept" } @else { (file) }
                }
            }
        }
    }
}

fn maps(record: &Record, images: &Images) -> Markup {
    html! {
        div.maps {
            @for (view, caption) in [(View::Depth, "depth"), (View::Saliency, "saliency")] {
                @if let Some(source) = images.source(view, record) {
                    figure {
                        img src=(source) alt={ (caption) " map" } loading="lazy";
                        figcaption { (caption) }
                    }
                }
            }
        }
    }
}

fn probabilities(verdict: &VerdictRecord) -> Markup {
    let entries = &verdict.probabilities;
    let top = entries
        .iter()
        .map(|entry| entry.probability)
        .fold(0.0, f32::max);
    html! {
        div.probabilities {
            @for entry in entries {
                span { (Class::from_slug(&entry.class).map_or("Not available", Class::name)) }
                div.bar.good[entry.class == Class::Available.slug()].dim[entry.probability < top] {
                    i style=(width(f64::from(entry.probability))) {}
                }
                span { (format!("{:.0} %", 100.0 * entry.probability)) }
            }
        }
    }
}

fn reason(verdict: &VerdictRecord) -> &'static str {
    match verdict.class {
        _ if verdict.available => Class::Available.reason(),
        None => "The picture isn't fit to publish.",
        Some(class) if class.is_available() => {
            "Available is its likeliest class, but below the judge's threshold."
        }
        Some(class) => class.reason(),
    }
}

/// The style of a bar that shows a share, 0 to 1.
fn width(share: f64) -> String {
    format!("width:{:.1}%", 100.0 * share)
}

fn base_name(name: &str) -> &str {
    let name = name.trim_end_matches(['/', '\\']);
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::tests::record;

    #[test]
    fn a_page_escapes_what_users_wrote_and_names_the_reason() {
        let out = std::path::Path::new("no-such-directory");
        let (first, second) = (
            record(0),
            Record {
                kept: true,
                ..record(1)
            },
        );
        let records = [&second, &first];
        let unusable = [Unusable {
            path: "x".into(),
            message: "x<y>.png: is empty".into(),
        }];
        let page = page(&records, &unusable, &Images::of(out, &records));
        assert!(page.contains("a &lt;b&gt; chair"));
        assert!(page.contains("x&lt;y&gt;.png: is empty"));
        assert!(page.contains(Class::SpaceMismatch.reason()));
        assert!(page.contains("found after 2 attempts"));
        assert!(page.contains("1 <small>of 1</small>"));
        assert!(!page.contains("Cut out of"));
    }
}
