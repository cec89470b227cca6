//! The page of an evaluation: figures, confusions, pictures at random, the worst ones, edges, diversity. It opens
//! without a server.

use reliad_generation::report::escape;
use reliad_imaging::Class;
use reliad_synth::Sizes;
use reliad_training::random;

use super::figures::Figures;
use super::looks::{Looks, Own, Viewers, picture_edges, product_edges};
use super::series::{Job, Purpose};
use super::traced::traced;
use crate::error::Result;
use crate::page::thumbnail::source;
use crate::page::{self, cell, close_grid, figure_row, matrix, open_grid, percent, put};

/// Pictures shown at random, of the worst, and rows of examples.
const RANDOM: usize = 24;
const WORST: usize = 12;
const ROWS: usize = 6;

/// The page's HTML.
///
/// # Errors
/// A picture that can't be read any more.
pub fn page(figures: &Figures, looks: &Looks, viewers: &Viewers, jobs: &[Job]) -> Result<String> {
    let mut html = page::begin("Painter evaluation", &settings(figures));
    head(&mut html, figures);
    table(&mut html, figures);
    verdicts(&mut html, figures);
    html.push_str("<div class=\"matrices\">");
    let prompts = "Scene families (row: prompt, column: seen)";
    matrix(
        &mut html,
        prompts,
        &figures.confusion_families.names,
        &figures.confusion_families.counts,
    );
    let prompts = "Main colours, where the prompt names one";
    matrix(
        &mut html,
        prompts,
        &figures.confusion_colors.names,
        &figures.confusion_colors.counts,
    );
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
    Ok(page::end(html))
}

/// What was measured, with what.
fn settings(figures: &Figures) -> String {
    let settings = &figures.settings;
    format!(
        "model {} ({}) · judge {} · scene network of {} · {} samples of products no training saw, in {} · seed {} · {}×{} · {} \
         steps · {} · reliad {}",
        escape(&settings.model.name),
        settings.model.digest.get(..12).unwrap_or_default(),
        escape(&settings.judge.name),
        escape(&settings.scene.name),
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
        escape(&settings.reliad),
    )
}

fn head(html: &mut String, figures: &Figures) {
    let distance = figures
        .distance
        .map_or("–".to_owned(), |figure| format!("{:.2}", figure.value));
    let tiles = [
        (percent(figures.prompt_agreement), "show what was asked for"),
        (percent(figures.availability), "available, says the judge"),
        (percent(figures.edge_recall), "of edges followed"),
        (distance, "distance to rendered pictures"),
    ];
    page::tiles(html, tiles);
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
        figure_row(html, name, words, *figure, longest(name));
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
    html: &mut String,
    title: &str,
    note: &str,
    items: &[usize],
    looks: &Looks,
    viewers: &Viewers,
) -> Result<()> {
    open_grid(html, title, note);
    for &item in items {
        let (_, picture) = viewers.finished(own(item))?;
        let text = caption(item, &looks.own[item], viewers);
        cell(html, &source(&picture)?, &text);
    }
    close_grid(html);
    Ok(())
}

fn caption(item: usize, look: &Own, viewers: &Viewers) -> String {
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

fn edges(html: &mut String, looks: &Looks, viewers: &Viewers) -> Result<()> {
    if looks.followed.is_empty() {
        return Ok(());
    }
    let note = "Painted from text and edges alone, nothing of the product put back: with the ControlNet, and with its \
                strength at 0. The product's edges are green where the picture has one within 2 pixels, else red.";
    open_grid(html, "Obedience to the ControlNet", note);
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
    close_grid(html);
    Ok(())
}

fn diversity(html: &mut String, looks: &Looks, viewers: &Viewers, jobs: &[Job]) -> Result<()> {
    let note = "Three pictures of one product and prompt, with other noise; the distance is the mean over their pairs.";
    open_grid(html, "Diversity of the painter", note);
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
    open_grid(html, "Diversity of the rendered world", note);
    for pair in looks.rendered_pairs.iter().take(ROWS) {
        for item in pair.items {
            let text = format!("distance {:.3}", pair.distance);
            cell(html, &source(&viewers.series.rendered(item)?)?, &text);
        }
    }
    close_grid(html);
    Ok(())
}
