//! The page of an evaluation: figures, confusions, pictures at random, the worst ones, edges, diversity. It opens
//! without a server.

use image::RgbImage;
use maud::{Markup, html};
use reliad_imaging::Class;
use reliad_synth::Sizes;
use reliad_training::random;

use super::figures::Figures;
use super::looks::{Looks, Own, Viewers, picture_edges, product_edges};
use super::series::{Job, Purpose};
use super::traced::traced;
use crate::error::Result;
use crate::page::thumbnail::source;
use crate::page::{self, cell, figure_row, grid, matrix, panel, percent, tiles};

/// Pictures shown at random, of the worst, and rows of examples.
const RANDOM: usize = 24;
const WORST: usize = 12;
const ROWS: usize = 6;

/// The page's HTML.
///
/// # Errors
/// A picture that can't be read any more.
pub fn page(figures: &Figures, looks: &Looks, viewers: &Viewers, jobs: &[Job]) -> Result<String> {
    let (families, colors) = (&figures.confusion_families, &figures.confusion_colors);
    let mut rng = random::generator(figures.settings.seed, "page", 0);
    let chosen = random::shuffled(looks.own.len(), &mut rng);
    let chosen = &chosen[..RANDOM.min(chosen.len())];
    let worst = worst(&looks.own);
    let content = html! {
        (head(figures))
        (table(figures))
        (verdicts(figures))
        div.matrices {
            (matrix("Scene families (row: prompt, column: seen)", &families.names, &families.counts))
            (matrix("Main colours, where the prompt names one", &colors.names, &colors.counts))
        }
        (pictures(
            "Pictures at random",
            "Painted once each, drawn by lot. Under each: the judge's verdict, then what the scene network sees where it \
             isn't what was asked for.",
            chosen,
            looks,
            viewers,
        )?)
        @if !worst.is_empty() {
            (pictures(
                "Farthest from their prompts",
                "Those to which the scene network gives what was asked for the least probability.",
                &worst,
                looks,
                viewers,
            )?)
        }
        (edges(looks, viewers)?)
        (diversity(looks, viewers, jobs)?)
    };
    Ok(page::page(
        "Painter evaluation",
        &settings(figures),
        &content,
    ))
}

/// What was measured, with what.
fn settings(figures: &Figures) -> String {
    let settings = &figures.settings;
    format!(
        "model {} ({}) · judge {} · scene network of {} · {} samples of products no training saw, in {} · seed {} · {}×{} · {} \
         steps · {} · reliad {}",
        settings.model.name,
        settings.model.digest.get(..12).unwrap_or_default(),
        settings.judge.name,
        settings.scene.name,
        settings.count,
        match settings.sizes {
            Sizes::Usual => "usual sizes",
            Sizes::Any => "any size",
        },
        settings.seed,
        settings.size,
        settings.size,
        settings.sampling.steps,
        settings.sampling.guidance_words(),
        settings.reliad,
    )
}

fn head(figures: &Figures) -> Markup {
    let distance = figures
        .distance
        .map_or("–".to_owned(), |figure| format!("{:.2}", figure.value));
    tiles(&[
        (percent(figures.prompt_agreement), "show what was asked for"),
        (percent(figures.availability), "available, says the judge"),
        (percent(figures.edge_recall), "of edges followed"),
        (html! { (distance) }, "distance to rendered pictures"),
    ])
}

fn table(figures: &Figures) -> Markup {
    let lines = figures.lines();
    // Figures that aren't shares are drawn beside what they compare with.
    let longest = |name: &str| {
        let kin = |other: &str| other.split('_').next() == name.split('_').next();
        let same = lines.iter().filter(|line| kin(line.0));
        let ends = same.filter_map(|line| line.1.map(|figure| figure.high));
        let unit = !name.starts_with("distance") && !name.starts_with("diversity");
        ends.fold(if unit { 1.0 } else { 1e-9 }, f64::max)
    };
    panel(
        "Figures",
        &html! {
            p.soft {
                "With 95 % intervals: bootstrap over pictures; for the distances, over random halves."
            }
            table.figures {
                @for (name, figure, words) in &lines {
                    (figure_row(name, words, *figure, longest(name)))
                }
            }
        },
    )
}

fn verdicts(figures: &Figures) -> Markup {
    let available = figures.availability;
    let available = available.map(|figure| (Class::Available.name(), figure, true));
    let failed = figures.failure_shares.iter().map(|(slug, figure)| {
        let name = Class::from_slug(slug).map_or("Not available", Class::name);
        (name, *figure, false)
    });
    panel(
        "The judge's verdicts",
        &html! {
            p.soft { "Of a network, at the first attempt; no person has looked." }
            div.reasons {
                @for (name, figure, good) in available.into_iter().chain(failed) {
                    @let [value, low, high] = [figure.value, figure.low, figure.high].map(|share| 100.0 * share);
                    span { (name) }
                    div.bar.good[good] { i style=(format!("width:{value:.1}%")) {} }
                    span.soft { (format!("{value:.1} % ({low:.1} to {high:.1})")) }
                }
            }
        },
    )
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

fn pictures(
    title: &str,
    note: &str,
    items: &[usize],
    looks: &Looks,
    viewers: &Viewers,
) -> Result<Markup> {
    let cells = items.iter().map(|&item| {
        let (_, picture) = viewers.finished(own(item))?;
        let text = caption(item, &looks.own[item], viewers);
        Ok(cell(&source(&picture)?, &text))
    });
    Ok(grid(title, note, &cells.collect::<Result<Vec<_>>>()?))
}

fn caption(item: usize, look: &Own, viewers: &Viewers) -> Markup {
    let classes = viewers.scene.config();
    let mut seen = Vec::new();
    if !look.asked.has_family(&look.painted) {
        seen.push(classes.families[look.painted.family].as_str());
    }
    if look.asked.has_color(&look.painted) == Some(false) {
        seen.push(classes.colors[look.painted.color].as_str());
    }
    html! {
        span.badge.good[look.verdict.available] { (look.verdict.label()) }
        @if !seen.is_empty() {
            " " span.no { "seen: " (seen.join(", ")) }
        }
        br;
        span.soft { (viewers.series.records()[item].prompt) }
    }
}

fn edges(looks: &Looks, viewers: &Viewers) -> Result<Markup> {
    let mut cells = Vec::new();
    for look in looks.followed.iter().take(ROWS / 2) {
        let (drawing, _) = viewers.finished(own(look.item))?;
        let edges = product_edges(&drawing);
        cells.push(captioned(&drawing.product.on_black(), "the product")?);
        cells.push(captioned(&traced(&edges, &edges), "its edges")?);
        for (purpose, words, recall) in [
            (Purpose::Free, "with the ControlNet", look.controlled),
            (Purpose::Uncontrolled, "without it", look.uncontrolled),
        ] {
            let drawing = viewers.series.drawing(Job {
                purpose,
                ..own(look.item)
            })?;
            let painting = viewers.painting(&drawing)?;
            let traced = traced(&product_edges(&drawing), &picture_edges(&painting));
            cells.push(captioned(&painting, words)?);
            cells.push(captioned(&traced, &format!("recall {recall:.2}"))?);
        }
    }
    let note = "Painted from text and edges alone, nothing of the product put back: with the ControlNet, and with its \
                strength at 0. The product's edges are green where the picture has one within 2 pixels, else red.";
    Ok(html! {
        @if !cells.is_empty() {
            (grid("Obedience to the ControlNet", note, &cells))
        }
    })
}

fn diversity(looks: &Looks, viewers: &Viewers, jobs: &[Job]) -> Result<Markup> {
    let distance = |distance: f64| format!("distance {distance:.3}");
    let mut painted = Vec::new();
    for look in looks.varied.iter().take(ROWS) {
        let alike = jobs.iter().filter(|job| {
            job.item == look.item && matches!(job.purpose, Purpose::Own | Purpose::Again)
        });
        for &job in alike {
            let (_, picture) = viewers.finished(job)?;
            painted.push(captioned(&picture, &distance(look.distance))?);
        }
    }
    let mut rendered = Vec::new();
    for pair in looks.rendered_pairs.iter().take(ROWS) {
        for item in pair.items {
            let picture = viewers.series.rendered(item)?;
            rendered.push(captioned(&picture, &distance(pair.distance))?);
        }
    }
    Ok(html! {
        (grid(
            "Diversity of the painter",
            "Three pictures of one product and prompt, with other noise; the distance is the mean over their pairs.",
            &painted,
        ))
        @if !rendered.is_empty() {
            (grid(
                "Diversity of the rendered world",
                "Pairs of rendered pictures that share family, surface and main colour; both products are covered where \
                 they are compared.",
                &rendered,
            ))
        }
    })
}

fn captioned(picture: &RgbImage, words: &str) -> Result<Markup> {
    Ok(cell(&source(picture)?, &html! { (words) }))
}
