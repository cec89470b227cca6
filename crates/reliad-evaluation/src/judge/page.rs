//! The page of a judge's evaluation: figures, curves, confusions, the worst mistakes. It opens without a server.

use reliad_dataset::Modality;
use reliad_generation::report::escape;

use super::charts;
use super::figures::Figures;
use super::judging::Judgement;
use crate::error::Result;
use crate::measure::verdicts::Judged;
use crate::page::thumbnail::source;
use crate::page::{self, cell, close_grid, figure_row, matrix, open_grid, percent, put};

/// Mistakes shown of each kind.
const SHOWN: usize = 12;

/// The page's HTML.
///
/// # Errors
/// A picture that can't be encoded.
pub fn page(figures: &Figures, judgement: &Judgement) -> Result<String> {
    let note = format!(
        "judge {} · {} part · {} samples of {} products · reliad {}",
        escape(&figures.judge),
        escape(&figures.split),
        figures.samples,
        figures.products,
        env!("CARGO_PKG_VERSION")
    );
    let mut html = page::begin("Judge evaluation", &note);
    let tiles = [
        (percent(figures.f1), "F1 of available"),
        (percent(figures.ap), "AP of available"),
        (percent(figures.rejected), "of the bad are rejected"),
        (percent(figures.accuracy), "right over all classes"),
    ];
    page::tiles(&mut html, tiles);
    table(&mut html, figures);
    classes(&mut html, figures);
    html.push_str("<div class=\"matrices\">");
    matrix(
        &mut html,
        "Confusions (row: label, column: verdict)",
        &figures.names,
        &figures.confusion,
    );
    curves(&mut html, figures);
    html.push_str("</div>\n");
    mistakes(&mut html, judgement, figures)?;
    Ok(page::end(html))
}

fn table(html: &mut String, figures: &Figures) {
    put(
        html,
        format_args!(
            "<section class=\"panel\"><h2>Figures</h2><p class=\"soft\">With 95 % intervals: bootstrap over products. A \
             judge that calls everything available has F1 {:.3}.</p><table class=\"figures\">",
            figures.f1_of_yes
        ),
    );
    for (name, words, figure) in figures.lines() {
        figure_row(html, name, words, figure, 1.0);
    }
    html.push_str("</table></section>\n");
}

fn classes(html: &mut String, figures: &Figures) {
    html.push_str("<section class=\"panel\"><h2>Classes</h2><table class=\"figures\">");
    for (slug, of) in &figures.classes {
        let words = slug.replace('_', " ");
        let samples = format!("{} samples", of.samples);
        figure_row(html, &format!("{words}: F1"), &samples, of.f1, 1.0);
        figure_row(html, &format!("{words}: AP"), "", of.ap, 1.0);
    }
    html.push_str("</table></section>\n");
}

fn curves(html: &mut String, figures: &Figures) {
    let base = figures
        .precision_recall
        .last()
        .map_or(0.0, |[_, precision]| *precision);
    put(
        html,
        format_args!(
            "<section class=\"panel\"><h2>Precision over recall</h2>{}</section>\
             <section class=\"panel\"><h2>Reliability</h2>{}<p class=\"soft\"><i class=\"key train\"></i>calibrated \
             <i class=\"key test\"></i>bare</p></section>",
            charts::precision_recall(&figures.precision_recall, base),
            charts::reliability(&figures.calibrated.bins, &figures.uncalibrated.bins)
        ),
    );
}

/// The mistakes that the judge was surest of.
fn mistakes(html: &mut String, judgement: &Judgement, figures: &Figures) -> Result<()> {
    let sure = |sample: &Judged| sample.probabilities[sample.verdict];
    let show = |html: &mut String,
                title: &str,
                note: &str,
                is: fn(&Judged) -> bool|
     -> Result<()> {
        let mut found: Vec<&Judged> = judgement
            .judged
            .iter()
            .filter(|sample| is(sample))
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        found.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
        open_grid(html, &format!("{title} ({})", found.len()), note);
        for sample in found.into_iter().take(SHOWN) {
            let record = &judgement.folder.records()[sample.sample];
            let picture = judgement.folder.picture(record, Modality::Image)?;
            let text = format!(
                "<span class=\"badge\">{} {:.0} %</span> <span class=\"no\">is: {}</span><br><span class=\"soft\">{}</span>",
                figures.names[sample.verdict],
                100.0 * sure(sample),
                figures.names[sample.label],
                escape(&record.title)
            );
            cell(html, &source(&picture.into_rgb8())?, &text);
        }
        close_grid(html);
        Ok(())
    };
    show(
        html,
        "Passed, though not available",
        "What would have been published. The surest first.",
        |sample| sample.verdict == 0 && sample.label != 0,
    )?;
    show(
        html,
        "Rejected, though available",
        "What would have been drawn again for nothing.",
        |sample| sample.verdict != 0 && sample.label == 0,
    )?;
    show(
        html,
        "Rejected for another reason",
        "Redrawing for a cause would have changed the wrong thing.",
        |sample| sample.verdict != 0 && sample.label != 0 && sample.verdict != sample.label,
    )
}
