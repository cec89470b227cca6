//! The page of a judge's evaluation: figures, curves, confusions, the worst mistakes. It opens without a server.

use maud::{Markup, html};
use reliad_dataset::Modality;

use super::charts;
use super::figures::Figures;
use super::judging::Judgement;
use crate::error::Result;
use crate::measure::verdicts::Judged;
use crate::page::thumbnail::source;
use crate::page::{self, cell, figure_row, grid, matrix, panel, percent, tiles};

/// Mistakes shown of each kind.
const SHOWN: usize = 12;

/// The page's HTML.
///
/// # Errors
/// A picture that can't be encoded.
pub fn page(figures: &Figures, judgement: &Judgement) -> Result<String> {
    let note = format!(
        "judge {} · {} part · {} samples of {} products · reliad {}",
        figures.judge,
        figures.split,
        figures.samples,
        figures.products,
        env!("CARGO_PKG_VERSION")
    );
    let content = html! {
        (tiles(&[
            (percent(figures.f1), "F1 of available"),
            (percent(figures.ap), "AP of available"),
            (percent(figures.rejected), "of the bad are rejected"),
            (percent(figures.accuracy), "right over all classes"),
        ]))
        (table(figures))
        (classes(figures))
        div.matrices {
            (matrix("Confusions (row: label, column: verdict)", &figures.names, &figures.confusion))
            (curves(figures))
        }
        (mistakes(judgement, figures)?)
    };
    Ok(page::page("Judge evaluation", &note, &content))
}

fn table(figures: &Figures) -> Markup {
    panel(
        "Figures",
        &html! {
            p.soft {
                "With 95 % intervals: bootstrap over products. A judge that calls everything available has F1 "
                (format!("{:.3}", figures.f1_of_yes)) "."
            }
            table.figures {
                @for (name, words, figure) in figures.lines() {
                    (figure_row(name, words, figure, 1.0))
                }
            }
        },
    )
}

fn classes(figures: &Figures) -> Markup {
    panel(
        "Classes",
        &html! {
            table.figures {
                @for (slug, of) in &figures.classes {
                    @let words = slug.replace('_', " ");
                    (figure_row(&format!("{words}: F1"), &format!("{} samples", of.samples), of.f1, 1.0))
                    (figure_row(&format!("{words}: AP"), "", of.ap, 1.0))
                }
            }
        },
    )
}

fn curves(figures: &Figures) -> Markup {
    let last = figures.precision_recall.last();
    let base = last.map_or(0.0, |[_, precision]| *precision);
    html! {
        (panel("Precision over recall", &charts::precision_recall(&figures.precision_recall, base)))
        (panel("Reliability", &html! {
            (charts::reliability(&figures.calibrated.bins, &figures.uncalibrated.bins))
            p.soft { i.key.train {} "calibrated " i.key.test {} "bare" }
        }))
    }
}

/// The mistakes that the judge was surest of.
fn mistakes(judgement: &Judgement, figures: &Figures) -> Result<Markup> {
    let sure = |sample: &Judged| sample.probabilities[sample.verdict];
    let show = |title: &str, note: &str, is: fn(&Judged) -> bool| -> Result<Option<Markup>> {
        let mut found: Vec<&Judged> = judgement
            .judged
            .iter()
            .filter(|sample| is(sample))
            .collect();
        if found.is_empty() {
            return Ok(None);
        }
        found.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
        let title = format!("{title} ({})", found.len());
        let cells = found.into_iter().take(SHOWN).map(|sample| {
            let record = &judgement.folder.records()[sample.sample];
            let picture = judgement.folder.picture(record, Modality::Image)?;
            let text = html! {
                span.badge {
                    (figures.names[sample.verdict]) (format!(" {:.0} %", 100.0 * sure(sample)))
                }
                " " span.no { "is: " (figures.names[sample.label]) }
                br;
                span.soft { (record.title) }
            };
            Ok(cell(&source(&picture.into_rgb8())?, &text))
        });
        let cells = cells.collect::<Result<Vec<Markup>>>()?;
        Ok(Some(grid(&title, note, &cells)))
    };
    let kinds = [
        show(
            "Passed, though not available",
            "What would have been published. The surest first.",
            |sample| sample.verdict == 0 && sample.label != 0,
        )?,
        show(
            "Rejected, though available",
            "What would have been drawn again for nothing.",
            |sample| sample.verdict != 0 && sample.label == 0,
        )?,
        show(
            "Rejected for another reason",
            "Redrawing for a cause would have changed the wrong thing.",
            |sample| sample.verdict != 0 && sample.label != 0 && sample.verdict != sample.label,
        )?,
    ];
    Ok(html! {
        @for kind in kinds.iter().flatten() {
            (kind)
        }
    })
}
