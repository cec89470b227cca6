//! The curves of a training as a picture: `curves.svg` beside `metrics.jsonl`.

use std::fs;
use std::path::Path;

use plotters::prelude::*;

use crate::error::{Cause, Error, Result};
use crate::fit::progress::Report;

/// Pixels of one panel.
const PANEL: (u32, u32) = (460, 280);
/// Panels side by side.
const COLUMNS: usize = 2;
/// The optimizer's own figure, of no use to a reader of curves.
const HIDDEN: &str = "gradient_norm";

/// One figure over the training.
struct Curve {
    name: String,
    /// Step and value; only numbers.
    points: Vec<(f64, f64)>,
    /// Measured now and then, so that the points themselves are worth showing.
    marked: bool,
}

/// Draws the loss and every figure of the reports in `metrics` over the steps into `picture` (SVG), one panel each.
/// Without a report nothing is written.
///
/// # Errors
/// [`Error::Io`] when a file can't be read or written, [`Error::Component`] when the drawing fails.
pub fn draw(metrics: &Path, picture: &Path) -> Result<()> {
    let text = fs::read_to_string(metrics).map_err(Error::io(metrics))?;
    let curves = curves(
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok()),
    );
    if curves.is_empty() {
        return Ok(());
    }
    let mut svg = String::new();
    panels(&curves, &mut svg).map_err(Error::component("training curves"))?;
    reliad_files::write(picture, svg.as_bytes()).map_err(Error::io(picture))
}

fn curves(reports: impl Iterator<Item = Report>) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    for report in reports {
        let step = report.step as f64;
        // A report without a loss is a validation's.
        let marked = report.loss.is_none();
        let loss = report.loss.map(|loss| ("loss".to_owned(), loss));
        for (name, value) in loss.into_iter().chain(report.figures) {
            if name == HIDDEN || !value.is_finite() {
                continue;
            }
            match curves.iter_mut().find(|curve| curve.name == name) {
                Some(curve) => curve.points.push((step, value)),
                None => curves.push(Curve {
                    name,
                    points: vec![(step, value)],
                    marked,
                }),
            }
        }
    }
    curves
}

fn panels(curves: &[Curve], svg: &mut String) -> std::result::Result<(), Cause> {
    let rows = curves.len().div_ceil(COLUMNS);
    let columns = curves.len().min(COLUMNS);
    let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32);
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    area.fill(&WHITE)?;
    let last = curves
        .iter()
        .flat_map(|curve| &curve.points)
        .fold(1.0, |last: f64, point| last.max(point.0));
    for (curve, panel) in curves.iter().zip(area.split_evenly((rows, columns))) {
        let (low, high) = range(&curve.points);
        let mut chart = ChartBuilder::on(&panel)
            .caption(curve.name.replace('_', " "), ("sans-serif", 15))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..last, low..high)?;
        chart
            .configure_mesh()
            .x_desc("step")
            .x_labels(6)
            .x_label_formatter(&|step| format!("{step:.0}"))
            .y_labels(6)
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.1))
            .label_style(("sans-serif", 11))
            .draw()?;
        chart.draw_series(LineSeries::new(
            curve.points.iter().copied(),
            BLUE.stroke_width(1),
        ))?;
        if curve.marked {
            let marks = curve.points.iter();
            chart.draw_series(marks.map(|&at| Circle::new(at, 3, BLUE.filled())))?;
        }
    }
    area.present()?;
    Ok(())
}

/// What the vertical axis spans: all values but the highest hundredth, which a start from nothing often is.
fn range(points: &[(f64, f64)]) -> (f64, f64) {
    let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1 - values.len() / 100;
    let (low, high) = (values[0], values[last]);
    let room = ((high - low) * 0.06).max(high.abs() * 1e-3).max(1e-9);
    (low - room, high + room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_gets_its_panel_and_a_number_that_is_none_is_left_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let (metrics, picture) = (
            dir.path().join("metrics.jsonl"),
            dir.path().join("curves.svg"),
        );
        let report = |step, loss, figures: &[(&str, f64)]| Report {
            step,
            loss,
            figures: figures
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            ..Report::default()
        };
        let reports = [
            report(10, Some(1.0), &[("gradient_norm", 3.0)]),
            report(20, Some(0.5), &[("gradient_norm", 2.0)]),
            report(20, None, &[("held_out_loss", 0.7)]),
            report(30, None, &[("held_out_loss", f64::INFINITY)]),
        ];
        let lines: Vec<String> = reports
            .iter()
            .map(|r| serde_json::to_string(r).expect("JSON"))
            .collect();
        fs::write(&metrics, lines.join("\n") + "\n{\"step\":4").expect("written");
        draw(&metrics, &picture).expect("drawn");
        let svg = fs::read_to_string(&picture).expect("there");
        assert!(svg.contains("held out loss") && svg.contains("loss") && !svg.contains("gradient"));
        assert_eq!(
            svg.matches("<circle").count(),
            1,
            "one held-out value is a number"
        );
    }
}
