//! The report's HTML.

use std::collections::BTreeMap;
use std::fmt::Write;

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
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Reliad report</title>\n<style>\n",
    );
    html.push_str(super::STYLE);
    html.push_str("</style></head><body><main>\n");
    overview(&mut html, records, &items);
    reasons(&mut html, records);
    if !unusable.is_empty() {
        html.push_str(
            "<section class=\"panel\"><h2>Inputs that couldn't be used</h2><ul class=\"unusable\">",
        );
        for input in unusable {
            put(
                &mut html,
                format_args!("<li>{}</li>", escape(&input.message)),
            );
        }
        html.push_str("</ul></section>\n");
    }
    for item in &items {
        section(&mut html, item, images);
    }
    html.push_str("</main></body></html>\n");
    html
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

/// What is laid on the model, after its name.
fn adapters(record: &Record) -> String {
    let used = record.model.adapters.iter().map(|used| {
        let name = used.path.file_name().unwrap_or_default().to_string_lossy();
        format!(" with {name} at {}", used.strength)
    });
    used.collect()
}

fn overview(html: &mut String, records: &[&Record], items: &[Item<'_>]) {
    let found = items.iter().filter(|item| item.found()).count();
    let seconds: f64 = records
        .iter()
        .map(|record| record.seconds.paint + record.seconds.judge)
        .sum();
    let judged = records.iter().any(|record| record.verdict.is_some());
    html.push_str("<header><h1>Reliad report</h1>");
    if let Some(last) = records.last() {
        put(
            html,
            format_args!(
                "<p class=\"soft\">reliad {} · model {}{} · judge {}</p>",
                escape(&last.reliad),
                escape(base_name(&last.model.name)),
                escape(&adapters(last)),
                escape(
                    last.judge
                        .as_ref()
                        .map_or("none", |judge| base_name(&judge.name))
                ),
            ),
        );
    }
    html.push_str("</header><div class=\"tiles\">");
    let mut tile = |figure: String, label: &str| {
        put(
            html,
            format_args!(
                "<div class=\"tile\"><b>{figure}</b><span class=\"soft\">{label}</span></div>"
            ),
        );
    };
    let label = if judged {
        "pictures available"
    } else {
        "pictures, not judged"
    };
    tile(format!("{found} <small>of {}</small>", items.len()), label);
    tile(records.len().to_string(), "attempts");
    let per = |count: usize| {
        if count == 0 {
            "–".into()
        } else {
            format!("{:.1} <small>s</small>", seconds / count as f64)
        }
    };
    tile(
        per(found),
        if judged {
            "per available picture"
        } else {
            "per picture"
        },
    );
    tile(per(records.len()), "per attempt");
    html.push_str("</div>\n");
}

/// How often each class was the verdict.
fn reasons(html: &mut String, records: &[&Record]) {
    let mut counts: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for verdict in records.iter().filter_map(|record| record.verdict.as_ref()) {
        *counts
            .entry((!verdict.available, verdict.label()))
            .or_default() += 1;
    }
    let total: usize = counts.values().sum();
    if total == 0 {
        return;
    }
    html.push_str("<section class=\"panel\"><h2>Verdicts</h2><div class=\"reasons\">");
    for ((failed, name), count) in counts {
        put(
            html,
            format_args!(
                "<span>{}</span><div class=\"bar{}\"><i style=\"width:{:.1}%\"></i></div><span class=\"soft\">{count}</span>",
                name,
                if failed { "" } else { " good" },
                100.0 * count as f64 / total as f64,
            ),
        );
    }
    html.push_str("</div></section>\n");
}

fn section(html: &mut String, item: &Item<'_>, images: &Images) {
    let Some(first) = item.attempts.first() else {
        return;
    };
    let sampling = &first.recipe.sampling;
    html.push_str("<section class=\"item\"><div class=\"head\">");
    if let Some(source) = images.source(View::Product, first) {
        put(
            html,
            format_args!(
                "<img class=\"product\" src=\"{source}\" alt=\"the product\" loading=\"lazy\">"
            ),
        );
    }
    put(
        html,
        format_args!(
            "<div><h2>{}</h2><p>“{}”</p><p class=\"soft\">{}",
            escape(&first.title),
            escape(&clipped(&first.recipe.prompt)),
            match (item.found(), item.attempts.len()) {
                (true, 1) => "found at the first attempt".to_owned(),
                (true, n) => format!("found after {n} attempts"),
                (false, 1) => "nothing available in 1 attempt".to_owned(),
                (false, n) => format!("nothing available in {n} attempts"),
            },
        ),
    );
    if first.recipe.picture > 0 {
        put(
            html,
            format_args!(" · picture {}", first.recipe.picture + 1),
        );
    }
    put(
        html,
        format_args!(
            " · {}×{} · {} steps · {} · placement {} · seed {}</p>",
            sampling.width,
            sampling.height,
            sampling.steps,
            sampling.guidance_words(),
            first.recipe.scale,
            first.recipe.seed,
        ),
    );
    if let Some(cut) = &first.prompt_cut {
        put(
            html,
            format_args!(
                "<p class=\"soft\">The prompt was too long: {}</p>",
                escape(cut)
            ),
        );
    }
    html.push_str("</div></div><div class=\"attempts\">");
    for record in &item.attempts {
        attempt(html, record, images);
    }
    html.push_str("</div></section>\n");
}

fn attempt(html: &mut String, record: &Record, images: &Images) {
    let state = match (&record.verdict, record.kept) {
        (None, _) => " kept unjudged",
        (Some(_), true) => " kept",
        (Some(_), false) => "",
    };
    put(html, format_args!("<article class=\"attempt{state}\">"));
    let file = record.file.as_deref().unwrap_or_default();
    match images.source(View::Picture, record) {
        Some(source) => {
            let picture = format!(
                "<img class=\"picture\" src=\"{source}\" alt=\"attempt {}\" loading=\"lazy\">",
                record.recipe.attempt + 1
            );
            if file.is_empty() {
                html.push_str(&picture);
            } else {
                put(
                    html,
                    format_args!("<a href=\"{}\">{picture}</a>", escape(file)),
                );
            }
        }
        None => html.push_str("<div class=\"none\">the view is missing</div>"),
    }
    put(
        html,
        format_args!(
            "<div class=\"body\"><div class=\"row\"><span class=\"badge\">{}</span><span class=\"soft\">attempt {}</span></div>",
            record
                .verdict
                .as_ref()
                .map_or("Not judged", |verdict| verdict.label()),
            record.recipe.attempt + 1,
        ),
    );
    if let Some(verdict) = &record.verdict {
        put(
            html,
            format_args!("<p class=\"reason\">{}</p>", reason(verdict)),
        );
        maps(html, record, images);
        probabilities(html, verdict);
    }
    put(
        html,
        format_args!(
            "<div class=\"facts\">{:.1} s painting · {:.2} s judging<br>{}</div></div></article>",
            record.seconds.paint,
            record.seconds.judge,
            if file.is_empty() {
                "not kept".to_owned()
            } else {
                escape(file)
            },
        ),
    );
}

fn maps(html: &mut String, record: &Record, images: &Images) {
    let views = [(View::Depth, "depth"), (View::Saliency, "saliency")];
    html.push_str("<div class=\"maps\">");
    for (view, caption) in views {
        if let Some(source) = images.source(view, record) {
            put(
                html,
                format_args!(
                    "<figure><img src=\"{source}\" alt=\"{caption} map\" loading=\"lazy\"><figcaption>{caption}</figcaption></figure>"
                ),
            );
        }
    }
    html.push_str("</div>");
}

fn probabilities(html: &mut String, verdict: &VerdictRecord) {
    html.push_str("<div class=\"probabilities\">");
    let top = verdict
        .probabilities
        .iter()
        .map(|entry| entry.probability)
        .fold(0.0, f32::max);
    for entry in &verdict.probabilities {
        let name = Class::from_slug(&entry.class).map_or("Not available", Class::name);
        let good = if entry.class == Class::Available.slug() {
            " good"
        } else {
            ""
        };
        let dim = if entry.probability < top { " dim" } else { "" };
        put(
            html,
            format_args!(
                "<span>{name}</span><div class=\"bar{good}{dim}\"><i style=\"width:{:.1}%\"></i></div><span>{:.0} %</span>",
                100.0 * entry.probability,
                100.0 * entry.probability,
            ),
        );
    }
    html.push_str("</div>");
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

/// Writing to a string can't fail.
fn put(html: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(text);
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

/// `text` as HTML shows it literally, in attributes too.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
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
    }
}
