//! The tables of detectors for people, beside the paper's figures.

use std::path::Path;

use maud::{Markup, html};

use super::score::{Row, Score};
use crate::page::{self, panel};

/// The paper's F1 and AP in percent (2408.00418, its tables of detectors and of inputs), where it has the row.
const PAPER: [(&str, Option<f64>, f64); 11] = [
    ("rfnet", Some(85.83), 87.58),
    ("resnet50", Some(74.26), 77.29),
    ("resnext50", Some(77.30), 79.62),
    ("hrnet", Some(73.01), 73.07),
    ("vit", Some(76.93), 79.31),
    ("without-product", None, 81.17),
    ("without-generated", None, 82.06),
    ("without-depth", None, 85.31),
    ("without-saliency", None, 83.91),
    ("without-caption", None, 84.53),
    ("two-classes", None, 82.06),
];

/// What the rows were measured on, for the page's heading.
#[derive(Debug, Clone, Copy)]
pub struct Tested<'a> {
    /// Folder whose test part was measured.
    pub folder: &'a Path,
    /// How long each was trained, for people.
    pub budget: &'a str,
    /// Trainings of each detector.
    pub seeds: u64,
}

fn paper(name: &str) -> Option<(Option<f64>, f64)> {
    let row = PAPER.iter().find(|(known, ..)| *known == name)?;
    Some((row.1, row.2))
}

/// `mean ± spread` in percent.
fn percent((mean, spread): (f64, Option<f64>)) -> String {
    match spread {
        Some(spread) => format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * spread),
        None => format!("{:.1}", 100.0 * mean),
    }
}

type Column = (&'static str, fn(&Score) -> f64);

const COLUMNS: [Column; 4] = [
    ("precision", |score| score.precision),
    ("recall", |score| score.recall),
    ("F1", |score| score.f1),
    ("AP", |score| score.ap),
];

/// The rows as a Markdown table; percent, mean and sample standard deviation over the seeds.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from("| detector |");
    for (name, _) in COLUMNS {
        text += &format!(" {name} |");
    }
    text += " paper: F1 | AP |\n|---|---|---|---|---|---|---|\n";
    for row in rows {
        text += &format!("| {} |", row.name);
        for (_, figure) in COLUMNS {
            text += &format!(" {} |", percent(row.mean(figure)));
        }
        let number =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value}"));
        let (f1, ap) = paper(&row.name).map_or((None, None), |(f1, ap)| (f1, Some(ap)));
        text += &format!(" {} | {} |\n", number(f1), number(ap));
    }
    text
}

/// The rows as a page; it opens without a server.
pub fn page(rows: &[Row], tested: &Tested<'_>) -> String {
    let samples = rows.first().and_then(|row| row.scores.first());
    let note = format!(
        "{} · {} · {} seeds · {} test samples · reliad {}",
        tested.folder.display(),
        tested.budget,
        tested.seeds,
        samples.map_or(0, |score| score.samples),
        env!("CARGO_PKG_VERSION")
    );
    let content = panel(
        "AP of available",
        &html! {
            p.soft {
                "A mark is a seed, the bar their mean; trained alike, measured on products that no training saw. The \
                 paper's figures are of other data and full size."
            }
            table.figures {
                @for row in rows {
                    (shown(row))
                }
            }
        },
    );
    page::page("Detectors", &note, &content)
}

fn shown(row: &Row) -> Markup {
    let (ap, f1) = (row.mean(|score| score.ap), row.mean(|score| score.f1));
    let paper = match paper(&row.name) {
        Some((Some(f1), ap)) => format!("paper: AP {ap}, F1 {f1}"),
        Some((None, ap)) => format!("paper: AP {ap}"),
        None => String::new(),
    };
    html! {
        tr {
            td { (row.name) }
            td {
                div.interval {
                    i style=(format!("left:0%;width:{:.1}%", 100.0 * ap.0)) {}
                    @for score in &row.scores {
                        u style=(format!("left:{:.1}%", 100.0 * score.ap)) {}
                    }
                }
            }
            td.number { b { (percent(ap)) } }
            td.number.soft { "F1 " (percent(f1)) }
            td.number.soft { (paper) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_mean_spread_and_the_papers_figures() {
        let score = |seed, f1, ap| Score {
            seed,
            precision: 0.5,
            recall: 0.25,
            f1,
            ap,
            accuracy: 0.0,
            samples: 10,
            steps: 1,
            minutes: 0.0,
        };
        let rows = [
            Row {
                name: "vit".to_owned(),
                scores: vec![score(1, 0.70, 0.6), score(2, 0.72, 0.8)],
            },
            Row {
                name: "other".to_owned(),
                scores: vec![score(1, 0.5, 0.5)],
            },
        ];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "| vit | 50.0 ± 0.0 | 25.0 ± 0.0 | 71.0 ± 1.4 | 70.0 ± 14.1 | 76.93 | 79.31 |"
        );
        assert_eq!(lines[3], "| other | 50.0 | 25.0 | 50.0 | 50.0 | – | – |");
    }
}
