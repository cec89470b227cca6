//! Pieces that the pages of several commands are made of. A page is one file and opens without a server.

pub mod thumbnail;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use reliad_generation::report::STYLE;

use crate::measure::Figure;

/// A whole page: its title, a line under it, and what follows.
pub fn page(title: &str, note: &str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    header {
                        h1 { (title) }
                        p.soft { (note) }
                    }
                    (content)
                }
            }
        }
    }
    .into_string()
}

/// A part of a page under its own heading.
pub fn panel(title: &str, content: &Markup) -> Markup {
    html! {
        section.panel {
            h2 { (title) }
            (content)
        }
    }
}

/// Large figures in a row, each with what it is.
pub fn tiles(tiles: &[(Markup, &str)]) -> Markup {
    html! {
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

/// A share as a tile shows it.
pub fn percent(figure: Option<Figure>) -> Markup {
    html! {
        @match figure {
            Some(figure) => { (format!("{:.0} ", 100.0 * figure.value)) small { "%" } }
            None => "–"
        }
    }
}

/// A row of a table of class `figures`: name, words, value and interval, drawn on a scale up to `longest`.
pub fn figure_row(name: &str, words: &str, figure: Option<Figure>, longest: f64) -> Markup {
    let share = |value: f64| 100.0 * value / longest;
    html! {
        tr {
            td { (name) br; span.soft { (words) } }
            @match figure {
                None => {
                    td {}
                    td.number { "–" }
                    td {}
                    td {}
                }
                Some(Figure { value, low, high, n }) => {
                    td {
                        div.interval {
                            i style=(format!("left:{:.1}%;width:{:.1}%", share(low), share(high - low))) {}
                            u style=(format!("left:{:.1}%", share(value))) {}
                        }
                    }
                    td.number { b { (format!("{value:.3}")) } }
                    td.number.soft { (format!("{low:.3} to {high:.3}")) }
                    td.number.soft { "n " (n) }
                }
            }
        }
    }
}

/// A confusion matrix: `counts[row][column]`, a row's shares as shades.
pub fn matrix(title: &str, names: &[String], counts: &[Vec<usize>]) -> Markup {
    let cells = |row: usize, counts: &[usize]| {
        let total = counts.iter().sum::<usize>().max(1);
        html! {
            @for (column, &count) in counts.iter().enumerate() {
                @if count == 0 {
                    td {}
                } @else {
                    td class=(if row == column { "right" } else { "wrong" })
                        style=(format!("--share:{}%", 80 * count / total)) { (count) }
                }
            }
        }
    };
    panel(
        title,
        &html! {
            table.matrix {
                thead {
                    tr {
                        th {}
                        @for name in names {
                            th { span { (name) } }
                        }
                    }
                }
                tbody {
                    @for (row, (name, counts)) in names.iter().zip(counts).enumerate() {
                        tr {
                            th { (name) }
                            (cells(row, counts))
                        }
                    }
                }
            }
        },
    )
}

/// A grid of [`cell`]s with a line above them.
pub fn grid(title: &str, note: &str, cells: &[Markup]) -> Markup {
    panel(
        title,
        &html! {
            p.soft { (note) }
            div.grid {
                @for cell in cells {
                    (cell)
                }
            }
        },
    )
}

/// A picture in a grid: an image's source, and what stands under it.
pub fn cell(source: &str, text: &Markup) -> Markup {
    html! {
        div.cell {
            img src=(source) alt="" loading="lazy";
            p { (text) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_titles_can_not_break_out_of_the_page() {
        let bad = "<script>\"&";
        let name = bad.to_owned();
        let content = html! {
            (matrix(bad, &[name], &[vec![3]]))
            (grid(bad, bad, &[cell(bad, &html! { (bad) })]))
            table { (figure_row(bad, bad, None, 1.0)) }
        };
        let page = page(bad, bad, &content);
        assert!(!page.contains("<script>"));
        // Three in the page's head, three in the matrix, four in the grid and its cell, two in the row.
        assert_eq!(page.matches("&lt;script&gt;&quot;&amp;").count(), 12);
    }

    #[test]
    fn an_interval_is_drawn_on_its_scale() {
        let figure = Figure {
            value: 0.5,
            low: 0.25,
            high: 0.75,
            n: 8,
        };
        let row = figure_row("F1", "of available", Some(figure), 2.0).into_string();
        assert!(
            row.contains("left:12.5%;width:25.0%") && row.contains("left:25.0%"),
            "{row}"
        );
        assert!(
            row.contains("0.250 to 0.750") && row.contains("n 8"),
            "{row}"
        );
    }
}
