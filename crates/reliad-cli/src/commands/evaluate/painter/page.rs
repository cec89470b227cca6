//! The page of an evaluation: figures, confusions, pictures at random, the worst ones, edges, diversity. It opens
//! without a server.

use std::fmt::Write;

use anyhow::Result;
use reliad_generation::report::{STYLE, escape};
use reliad_imaging::Class;
use reliad_training::measure::Figure;
use reliad_training::random;

use super::figures::{Confusion, Figures};
use super::looks::{Looks, Own, Viewers, picture_edges, product_edges};
use super::series::{Job, Purpose};
use super::traced::traced;
use crate::thumbnail::source;

/// Pictures shown at random, of the worst, and rows of examples.
const RANDOM: usize = 24;
const WORST: usize = 12;
const ROWS: usize = 6;

/// The page's HTML.
///
/// # Errors
/// A picture that can't be read any more.
pub fn page(
    figures: &Figures,
    looks: &Looks,
    viewers: &Viewers<'_>,
    jobs: &[Job],
) -> Result<String> {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Painter evaluation</title>\n<style>\n{STYLE}{}</style></head><body><main>\n",
        include_str!("page.css")
    );
    head(&mut html, figures);
    table(&mut html, figures);
    verdicts(&mut html, figures);
    html.push_str("<div class=\"matrices\">");
    let prompts = "Scene families (row: prompt, column: seen)";
    matrix(&mut html, prompts, &figures.confusion_families);
    let prompts = "Main colours, where the prompt names one";
    matrix(&mut html, prompts, &figures.confusion_colors);
    html.push_str("</div>\n");
    let mut rng = random::generator(figures.settings.seed, "page", 0);
    let note = "Painted once each, drawn by lot. Under each: the judge's verdict, then what the scene network sees \
                where it isn't what was asked for.";
    let chosen = random::shuffled(looks.own.len(), &mut rng);
    let chosen = &chosen[..RANDOM.min(chosen.len())];
    pictures(
        &mut html,
        "Pictures at random",
        note,
        chosen,
        looks,
        viewers,
    )?;
    let worst = worst(&looks.own);
    if !worst.is_empty() {
        let note =
            "Those to which the scene network gives what was asked for the least probability.";
        pictures(
            &mut html,
            "Farthest from their prompts",
            note,
            &worst,
            looks,
            viewers,
        )?;
    }
    edges(&mut html, looks, viewers)?;
    diversity(&mut html, looks, viewers, jobs)?;
    html.push_str("</main></body></html>\n");
    Ok(html)
}

/// Writing to a string can't fail.
fn put(html: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(text);
}

fn head(html: &mut String, figures: &Figures) {
    let settings = &figures.settings;
    put(
        html,
        format_args!(
            "<header><h1>Painter evaluation</h1><p class=\"soft\">model {} ({}) · judge {} · scene network of {} · \
             {} samples of products no training saw · seed {} · {}×{} · {} steps · guidance {} · reliad {}</p></header>",
            escape(&settings.model.name),
            settings.model.digest.get(..12).unwrap_or_default(),
            escape(&settings.judge.name),
            escape(&settings.scene.name),
            settings.count,
            settings.seed,
            settings.size,
            settings.size,
            settings.sampling.steps,
            settings.sampling.guidance,
            escape(&settings.reliad),
        ),
    );
    html.push_str("<div class=\"tiles\">");
    let percent = |figure: Option<Figure>| {
        figure.map_or("–".to_owned(), |figure| {
            format!("{:.0} <small>%</small>", 100.0 * figure.value)
        })
    };
    let distance = figures
        .distance
        .map_or("–".to_owned(), |figure| format!("{:.2}", figure.value));
    for (figure, label) in [
        (percent(figures.prompt_agreement), "show what was asked for"),
        (percent(figures.availability), "available, says the judge"),
        (percent(figures.edge_recall), "of edges followed"),
        (distance, "distance to rendered pictures"),
    ] {
        put(
            html,
            format_args!(
                "<div class=\"tile\"><b>{figure}</b><span class=\"soft\">{label}</span></div>"
            ),
        );
    }
    html.push_str("</div>\n");
}

fn table(html: &mut String, figures: &Figures) {
    html.push_str(
        "<section class=\"panel\"><h2>Figures</h2><p class=\"soft\">With 95 % intervals: bootstrap over pictures; for \
         the distances, over random halves.</p><table class=\"figures\">",
    );
    let lines = figures.lines();
    // Figures that aren't shares are drawn beside what they compare with.
    let longest = |name: &str| {
        let kin = |other: &str| other.split('_').next() == name.split('_').next();
        let same = lines.iter().filter(|line| kin(line.0));
        let ends = same.filter_map(|line| line.1.map(|figure| figure.high));
        let unit = !name.starts_with("distance") && !name.starts_with("diversity");
        ends.fold(if unit { 1.0 } else { 1e-9 }, f64::max)
    };
    for (name, figure, words) in &lines {
        put(
            html,
            format_args!("<tr><td>{name}<br><span class=\"soft\">{words}</span></td>"),
        );
        match figure {
            Some(Figure {
                value,
                low,
                high,
                n,
            }) => {
                let share = |value: f64| 100.0 * value / longest(name);
                put(
                    html,
                    format_args!(
                        "<td><div class=\"interval\"><i style=\"left:{:.1}%;width:{:.1}%\"></i><u style=\"left:{:.1}%\">\
                         </u></div></td><td class=\"number\"><b>{value:.3}</b></td><td class=\"number soft\">{low:.3} to \
                         {high:.3}</td><td class=\"number soft\">n {n}</td></tr>",
                        share(*low),
                        share(high - low),
                        share(*value),
                    ),
                );
            }
            None => html.push_str("<td></td><td class=\"number\">–</td><td></td><td></td></tr>"),
        }
    }
    html.push_str("</table></section>\n");
}

fn verdicts(html: &mut String, figures: &Figures) {
    html.push_str(
        "<section class=\"panel\"><h2>The judge's verdicts</h2><p class=\"soft\">Of a network, at the first attempt; no \
         person has looked.</p><div class=\"reasons\">",
    );
    let available = figures
        .availability
        .map(|figure| (Class::Available.name(), figure, " good"));
    let failed = figures.failure_shares.iter().map(|(slug, figure)| {
        let name = Class::from_slug(slug).map_or("Not available", Class::name);
        (name, *figure, "")
    });
    for (name, figure, good) in available.into_iter().chain(failed) {
        put(
            html,
            format_args!(
                "<span>{name}</span><div class=\"bar{good}\"><i style=\"width:{:.1}%\"></i></div><span class=\"soft\">\
                 {:.1} % ({:.1} to {:.1})</span>",
                100.0 * figure.value,
                100.0 * figure.value,
                100.0 * figure.low,
                100.0 * figure.high,
            ),
        );
    }
    html.push_str("</div></section>\n");
}

fn matrix(html: &mut String, title: &str, confusion: &Confusion) {
    put(
        html,
        format_args!(
            "<section class=\"panel\"><h2>{title}</h2><table class=\"matrix\"><thead><tr><th></th>"
        ),
    );
    for name in &confusion.names {
        put(html, format_args!("<th><span>{}</span></th>", escape(name)));
    }
    html.push_str("</tr></thead><tbody>");
    for (row, (name, counts)) in confusion.names.iter().zip(&confusion.counts).enumerate() {
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

/// Pictures that disagree with their prompts, the least probable first.
fn worst(own: &[Own]) -> Vec<usize> {
    let probability = |item: &usize| own[*item].asked.probability(&own[*item].painted);
    let mut wrong: Vec<usize> = (0..own.len())
        .filter(|&item| !own[item].asked.agrees(&own[item].painted))
        .collect();
    wrong.sort_by(|a, b| probability(a).total_cmp(&probability(b)));
    wrong.truncate(WORST);
    wrong
}

fn own(item: usize) -> Job {
    Job {
        item,
        prompt_of: item,
        picture: 0,
        purpose: Purpose::Own,
    }
}

fn cell(html: &mut String, source: &str, text: &str) {
    put(
        html,
        format_args!(
            "<div class=\"cell\"><img src=\"{source}\" alt=\"\" loading=\"lazy\"><p>{text}</p></div>"
        ),
    );
}

fn open(html: &mut String, title: &str, note: &str) {
    put(
        html,
        format_args!(
            "<section class=\"panel\"><h2>{title}</h2><p class=\"soft\">{note}</p><div class=\"grid\">"
        ),
    );
}

fn pictures(
    html: &mut String,
    title: &str,
    note: &str,
    items: &[usize],
    looks: &Looks,
    viewers: &Viewers<'_>,
) -> Result<()> {
    open(html, title, note);
    for &item in items {
        let (_, picture) = viewers.finished(own(item))?;
        let text = caption(item, &looks.own[item], viewers);
        cell(html, &source(&picture)?, &text);
    }
    html.push_str("</div></section>\n");
    Ok(())
}

fn caption(item: usize, look: &Own, viewers: &Viewers<'_>) -> String {
    let classes = viewers.scene.config();
    let kind = if look.verdict.available { " good" } else { "" };
    let verdict = look.verdict.label();
    let mut seen = Vec::new();
    if !look.asked.has_family(&look.painted) {
        seen.push(classes.families[look.painted.family].as_str());
    }
    if look.asked.has_color(&look.painted) == Some(false) {
        seen.push(classes.colors[look.painted.color].as_str());
    }
    let seen = match seen.is_empty() {
        true => String::new(),
        false => format!(
            " <span class=\"no\">seen: {}</span>",
            escape(&seen.join(", "))
        ),
    };
    format!(
        "<span class=\"badge{kind}\">{verdict}</span>{seen}<br><span class=\"soft\">{}</span>",
        escape(&viewers.series.records()[item].prompt)
    )
}

fn edges(html: &mut String, looks: &Looks, viewers: &Viewers<'_>) -> Result<()> {
    if looks.followed.is_empty() {
        return Ok(());
    }
    let note = "Painted from text and edges alone, nothing of the product put back: with the ControlNet, and with its \
                strength at 0. The product's edges are green where the picture has one within 2 pixels, else red.";
    open(html, "Obedience to the ControlNet", note);
    for look in looks.followed.iter().take(ROWS / 2) {
        let show = |html: &mut String, purpose, words: &str, recall: f64| -> Result<()> {
            let drawing = viewers.series.drawing(Job {
                purpose,
                ..own(look.item)
            })?;
            let painting = viewers.painting(&drawing)?;
            let traced = traced(&product_edges(&drawing), &picture_edges(&painting));
            cell(html, &source(&painting)?, words);
            cell(html, &source(&traced)?, &format!("recall {recall:.2}"));
            Ok(())
        };
        let (drawing, _) = viewers.finished(own(look.item))?;
        cell(html, &source(&drawing.product.on_black())?, "the product");
        let edges = product_edges(&drawing);
        cell(html, &source(&traced(&edges, &edges))?, "its edges");
        show(html, Purpose::Free, "with the ControlNet", look.controlled)?;
        show(html, Purpose::Uncontrolled, "without it", look.uncontrolled)?;
    }
    html.push_str("</div></section>\n");
    Ok(())
}

fn diversity(html: &mut String, looks: &Looks, viewers: &Viewers<'_>, jobs: &[Job]) -> Result<()> {
    let note = "Three pictures of one product and prompt, with other noise; the distance is the mean over their pairs.";
    open(html, "Diversity of the painter", note);
    for look in looks.varied.iter().take(ROWS) {
        let alike = jobs.iter().filter(|job| {
            job.item == look.item && matches!(job.purpose, Purpose::Own | Purpose::Again)
        });
        for &job in alike {
            let (_, picture) = viewers.finished(job)?;
            cell(
                html,
                &source(&picture)?,
                &format!("distance {:.3}", look.distance),
            );
        }
    }
    html.push_str("</div></section>\n");
    if looks.rendered_pairs.is_empty() {
        return Ok(());
    }
    let note = "Pairs of rendered pictures that share family, surface and main colour; both products are covered where \
                they are compared.";
    open(html, "Diversity of the rendered world", note);
    for pair in looks.rendered_pairs.iter().take(ROWS) {
        for item in pair.items {
            let text = format!("distance {:.3}", pair.distance);
            cell(html, &source(&viewers.series.rendered(item)?)?, &text);
        }
    }
    html.push_str("</div></section>\n");
    Ok(())
}
