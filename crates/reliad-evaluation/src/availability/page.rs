//! The page of a comparison: figures side by side, curves over attempts, differences, failures, and the same items by all
//! painters. It opens without a server.

use maud::{Markup, html};
use reliad_imaging::Class;
use reliad_training::random;

use super::figures::{Comparison, Figures};
use super::items::Try;
use super::{Evaluated, curve};
use crate::error::Result;
use crate::measure::Figure;
use crate::page::thumbnail::source;
use crate::page::{self, panel, percent, tiles};

/// Items shown at random, and of those on which painters differ.
const RANDOM: usize = 12;
const APART: usize = 12;

/// The page's HTML.
///
/// # Errors
/// A picture that can't be read any more.
pub(super) fn page(of: &Evaluated) -> Result<String> {
    let figures = &of.figures;
    let count = of.items.records().len();
    let mut rng = random::generator(figures.settings.seed, "page", 0);
    let order = random::shuffled(count, &mut rng);
    let apart: Vec<usize> = order
        .iter()
        .copied()
        .filter(|&item| {
            let mut verdicts = of
                .painted
                .iter()
                .map(|painted| painted.first(item).available);
            let first = verdicts.next();
            verdicts.any(|verdict| Some(verdict) != first)
        })
        .take(APART)
        .collect();
    let content = html! {
        (head(figures))
        (table(figures))
        @if !figures.differences.0.is_empty() {
            (differences(figures))
        }
        (attempts(figures))
        (failures(figures))
        @if let Some(comparison) = &figures.comparison {
            (preferences(comparison))
        }
        (pictures(
            of,
            "The same items by all",
            "First attempts, drawn by lot: one product, prompt and noise a row. Under each picture the judge's verdict.",
            &order[..RANDOM.min(count)],
        )?)
        @if !apart.is_empty() {
            (pictures(
                of,
                "Where the judge tells them apart",
                "Items whose first attempt is available by some and not by others.",
                &apart,
            )?)
        }
    };
    Ok(page::page("Availability", &settings(figures), &content))
}

/// What was measured, with what.
fn settings(figures: &Figures) -> String {
    let settings = &figures.settings;
    let held_out = settings.held_out.as_ref();
    let held_out = held_out.map_or(String::new(), |named| {
        format!(" · held-out judge {}", named.name)
    });
    format!(
        "model {} · judge {}{held_out} · {} products: {} · up to {} attempts · seed {} · {}×{} · {} steps · {} · reliad {}",
        settings.model,
        settings.judge.name,
        settings.count,
        settings.products,
        settings.attempts,
        settings.seed,
        settings.sampling.width,
        settings.sampling.height,
        settings.sampling.steps,
        settings.sampling.guidance_words(),
        settings.reliad,
    )
}

fn head(figures: &Figures) -> Markup {
    let of: Vec<(Markup, &str)> = figures
        .controlnets
        .0
        .iter()
        .map(|(name, of)| (percent(of.availability), name.as_str()))
        .collect();
    html! {
        (tiles(&of))
        p.soft { "Available at the first attempt, by the judge that painters may have been tuned towards: a network's word." }
    }
}

/// The key of a painter's colour with its name.
fn named(place: usize, name: &str) -> Markup {
    html! {
        i.key style=(format!("background:{}", curve::color(place))) {}
        (name)
    }
}

fn shown(figure: Option<Figure>, digits: usize) -> Markup {
    html! {
        @match figure {
            None => "–",
            Some(Figure { value, low, high, .. }) => {
                b { (format!("{value:.digits$}")) } br;
                span.soft { (format!("{low:.digits$} to {high:.digits$}")) }
            }
        }
    }
}

/// Digits after the point that a figure is worth.
fn digits(name: &str) -> usize {
    if name.ends_with("per_available") {
        2
    } else {
        3
    }
}

/// Figures in rows, painters in columns.
fn table(figures: &Figures) -> Markup {
    let painters = &figures.controlnets.0;
    let rows = painters
        .first()
        .map(|(_, of)| of.lines())
        .unwrap_or_default();
    let columns: Vec<_> = painters.iter().map(|(_, of)| of.lines()).collect();
    let of_row = |column: &Vec<(&str, Option<Figure>, &str)>, name: &str| {
        let line = column.iter().find(|line| line.0 == name);
        line.and_then(|line| line.1)
    };
    panel(
        "Figures",
        &html! {
            p.soft { "With 95 % intervals: bootstrap over products." }
            div.wide {
                table.figures.columns-of-painters {
                    tr {
                        th {}
                        @for (place, (name, of)) in painters.iter().enumerate() {
                            th { (named(place, name)) br; span.soft { (of.kind) } }
                        }
                    }
                    @for (name, _, words) in &rows {
                        tr {
                            td { (name) br; span.soft { (words) } }
                            @for column in &columns {
                                td.number { (shown(of_row(column, name), digits(name))) }
                            }
                        }
                    }
                    tr {
                        td { "seconds a picture" br; span.soft { "painting and judging, on this machine, and how many pictures it is of" } }
                        @for (_, of) in painters {
                            td.number {
                                @match of.time.each() {
                                    None => "–",
                                    Some(seconds) => {
                                        b { (format!("{seconds:.2}")) } br;
                                        span.soft { "n " (of.time.pictures) ", " (of.time.this_run) " of them now" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

fn differences(figures: &Figures) -> Markup {
    let first = figures
        .controlnets
        .0
        .first()
        .map_or("", |(name, _)| name.as_str());
    panel(
        &format!("More than {first}"),
        &html! {
            p.soft {
                "Differences on the same products and noise, with 95 % intervals: bootstrap over products. An interval that holds \
                 0 shows no difference. A tuning has helped when availability rises, the held-out judge or people agree, and \
                 variety and prompt agreement don't fall."
            }
            table.figures {
                @for (place, (name, of)) in (1..).zip(&figures.differences.0) {
                    @for (at, (figure, value)) in of.lines().into_iter().enumerate() {
                        tr {
                            td { @if at == 0 { (named(place, name)) } }
                            td { (figure) }
                            td { (scale(value)) }
                            td.number { b { (value.map_or("–".to_owned(), |figure| format!("{:+.3}", figure.value))) } }
                            td.number.soft {
                                @if let Some(Figure { low, high, .. }) = value { (format!("{low:+.3} to {high:+.3}")) }
                            }
                            td.number.soft { @if let Some(figure) = value { "n " (figure.n) } }
                        }
                    }
                }
            }
        },
    )
}

/// A difference drawn around 0, from -0.5 to 0.5.
fn scale(figure: Option<Figure>) -> Markup {
    let at = |value: f64| 100.0 * (value.clamp(-0.5, 0.5) + 0.5);
    html! {
        @if let Some(Figure { value, low, high, .. }) = figure {
            div.interval.around {
                i style=(format!("left:{:.1}%;width:{:.1}%", at(low), at(high) - at(low))) {}
                u style=(format!("left:{:.1}%", at(value))) {}
            }
        }
    }
}

fn attempts(figures: &Figures) -> Markup {
    let painters = &figures.controlnets.0;
    let curves: Vec<(&str, &[Figure])> = painters
        .iter()
        .map(|(name, of)| (name.as_str(), of.available_within.as_slice()))
        .collect();
    let longest = curves.iter().map(|(_, figures)| figures.len()).max();
    html! {
        @if longest > Some(1) {
            (panel("Drawing again", &html! {
                p.soft { "Products with an available picture within so many attempts, by the judge." }
                p { @for (place, (name, _)) in curves.iter().enumerate() { (named(place, name)) " " } }
                (curve::within(&curves))
            }))
        }
    }
}

fn failures(figures: &Figures) -> Markup {
    let painters = &figures.controlnets.0;
    let slugs = painters.first().map(|(_, of)| of.failure_shares.keys());
    let most = painters
        .iter()
        .flat_map(|(_, of)| of.failure_shares.values())
        .fold(0.01, |most, figure| figure.value.max(most));
    panel(
        "Failures",
        &html! {
            p.soft { "Shares of all first attempts that the judge rejects, by its reason." }
            @for slug in slugs.into_iter().flatten() {
                h3 { (Class::from_slug(slug).map_or("Not available", Class::name)) }
                div.reasons {
                    @for (place, (name, of)) in painters.iter().enumerate() {
                        @if let Some(figure) = of.failure_shares.get(slug) {
                            @let [value, low, high] = [figure.value, figure.low, figure.high].map(|share| 100.0 * share);
                            span { (name) }
                            div.bar {
                                i style=(format!("width:{:.1}%;background:{}", value / most, curve::color(place))) {}
                            }
                            span.soft { (format!("{value:.1} % ({low:.1} to {high:.1})")) }
                        }
                    }
                }
            }
        },
    )
}

fn preferences(comparison: &Comparison) -> Markup {
    let Comparison {
        first,
        second,
        people,
        preference,
    } = comparison;
    let Figure {
        value,
        low,
        high,
        n,
    } = preference.win_rate;
    let parts = [
        (first.as_str(), preference.first),
        (second.as_str(), preference.second),
        ("neither", preference.neither),
    ];
    panel(
        "What people prefer",
        &html! {
            p {
                (second) " wins " b { (format!("{:.1} %", 100.0 * value)) }
                (format!(" ({:.1} to {:.1}) of the pairs against ", 100.0 * low, 100.0 * high)) (first)
                ", an answer for neither counted as half: " (n) " answers of " (people) " people."
            }
            div.reasons {
                @for (name, figure) in parts {
                    span { (name) }
                    div.bar.plain { i style=(format!("width:{:.1}%", 100.0 * figure.value)) {} }
                    span.soft { (format!("{:.1} %", 100.0 * figure.value)) }
                }
            }
        },
    )
}

fn pictures(of: &Evaluated, title: &str, note: &str, items: &[usize]) -> Result<Markup> {
    let columns = format!(
        "grid-template-columns:repeat({},minmax(0,200px))",
        of.names.len()
    );
    let mut rows = Vec::new();
    for &item in items {
        let mut cells = Vec::new();
        for painter in 0..of.names.len() {
            cells.push(cell(of, painter, item)?);
        }
        let record = &of.items.records()[item];
        rows.push(html! {
            p.soft.prompt { (record.title) " · " (record.prompt) }
            div.grid.by-painter style=(columns) {
                @for cell in &cells { (cell) }
            }
        });
    }
    Ok(panel(
        title,
        &html! {
            p.soft { (note) }
            div.grid.by-painter style=(columns) {
                @for (place, name) in of.names.iter().enumerate() {
                    div { (named(place, name)) }
                }
            }
            @for row in &rows { (row) }
        },
    ))
}

fn cell(of: &Evaluated, painter: usize, item: usize) -> Result<Markup> {
    let painted = &of.painted[painter];
    let (_, picture) = of.viewers().finished(&painted.hand, Try::first(item))?;
    let verdict = painted.first(item);
    let class = if verdict.available {
        "cell yes"
    } else {
        "cell not"
    };
    Ok(html! {
        div class=(class) {
            img src=(source(&picture)?) alt="" loading="lazy";
            p {
                span.badge.good[verdict.available] { (verdict.label()) }
                @match of.held_out[painter][item] {
                    Some(held_out) if held_out != verdict.available => {
                        " " span.no { "held-out: " (if held_out { "available" } else { "not available" }) }
                    }
                    _ => {}
                }
                @match painted.found()[item] {
                    Some(at) if at > 0 => { " " span.soft { "attempt " (at + 1) " is available" } }
                    None if painted.tries[item].len() > 1 => { " " span.soft { "nor any of " (painted.tries[item].len()) } }
                    _ => {}
                }
            }
        }
    })
}
