//! Pieces that the pages of several commands are made of. A page is one file and opens without a server.

pub mod thumbnail;

use std::fmt::Write;

use crate::measure::Figure;
use reliad_generation::report::{STYLE, escape};

/// Writing to a string can't fail.
pub fn put(html: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(text);
}

/// A page up to its heading; `note` is HTML.
pub fn begin(title: &str, note: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{}</style></head><body><main>\n\
         <header><h1>{title}</h1><p class=\"soft\">{note}</p></header>",
        include_str!("page.css")
    )
}

/// The page's end.
pub fn end(mut html: String) -> String {
    html.push_str("</main></body></html>\n");
    html
}

/// Large figures in a row: HTML, and what it is.
pub fn tiles<'a>(html: &mut String, tiles: impl IntoIterator<Item = (String, &'a str)>) {
    html.push_str("<div class=\"tiles\">");
    for (figure, label) in tiles {
        put(
            html,
            format_args!(
                "<div class=\"tile\"><b>{figure}</b><span class=\"soft\">{label}</span></div>"
            ),
        );
    }
    html.push_str("</div>\n");
}

/// A share as a tile shows it.
pub fn percent(figure: Option<Figure>) -> String {
    figure.map_or("–".to_owned(), |figure| {
        format!("{:.0} <small>%</small>", 100.0 * figure.value)
    })
}

/// A row of a table of class `figures`: name, words, value and interval, drawn on a scale up to `longest`.
pub fn figure_row(
    html: &mut String,
    name: &str,
    words: &str,
    figure: Option<Figure>,
    longest: f64,
) {
    put(
        html,
        format_args!("<tr><td>{name}<br><span class=\"soft\">{words}</span></td>"),
    );
    let Some(Figure {
        value,
        low,
        high,
        n,
    }) = figure
    else {
        html.push_str("<td></td><td class=\"number\">–</td><td></td><td></td></tr>");
        return;
    };
    let share = |value: f64| 100.0 * value / longest;
    put(
        html,
        format_args!(
            "<td><div class=\"interval\"><i style=\"left:{:.1}%;width:{:.1}%\"></i><u style=\"left:{:.1}%\"></u></div>\
             </td><td class=\"number\"><b>{value:.3}</b></td><td class=\"number soft\">{low:.3} to {high:.3}</td>\
             <td class=\"number soft\">n {n}</td></tr>",
            share(low),
            share(high - low),
            share(value),
        ),
    );
}

/// A confusion matrix: `counts[row][column]`, a row's shares as shades.
pub fn matrix(html: &mut String, title: &str, names: &[String], counts: &[Vec<usize>]) {
    put(
        html,
        format_args!(
            "<section class=\"panel\"><h2>{title}</h2><table class=\"matrix\"><thead><tr><th></th>"
        ),
    );
    for name in names {
        put(html, format_args!("<th><span>{}</span></th>", escape(name)));
    }
    html.push_str("</tr></thead><tbody>");
    for (row, (name, counts)) in names.iter().zip(counts).enumerate() {
        put(html, format_args!("<tr><th>{}</th>", escape(name)));
        let total = counts.iter().sum::<usize>().max(1);
        for (column, &count) in counts.iter().enumerate() {
            let kind = if row == column { "right" } else { "wrong" };
            let share = 80 * count / total;
            match count {
                0 => html.push_str("<td></td>"),
                _ => put(
                    html,
                    format_args!("<td class=\"{kind}\" style=\"--share:{share}%\">{count}</td>"),
                ),
            }
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></section>");
}

/// Begins a grid of pictures; [`close_grid`] ends it.
pub fn open_grid(html: &mut String, title: &str, note: &str) {
    put(
        html,
        format_args!(
            "<section class=\"panel\"><h2>{title}</h2><p class=\"soft\">{note}</p><div class=\"grid\">"
        ),
    );
}

/// A picture in a grid: an image's source, and HTML under it.
pub fn cell(html: &mut String, source: &str, text: &str) {
    put(
        html,
        format_args!(
            "<div class=\"cell\"><img src=\"{source}\" alt=\"\" loading=\"lazy\"><p>{text}</p></div>"
        ),
    );
}

/// Ends a grid.
pub fn close_grid(html: &mut String) {
    html.push_str("</div></section>\n");
}
