//! Curves as SVG inside the page: precision over recall, and shares over probabilities.
//!
//! Drawn here and not by a plotting library, whose colours are fixed: these are the page's own, light or dark as the reader has it.

use maud::{Markup, html};

use crate::measure::verdicts::Bin;

/// Side of a chart's plane, and room for its scales.
const SIDE: f64 = 260.0;
const ROOM: f64 = 40.0;

/// Precision over recall; `base` is the precision of calling everything available.
pub fn precision_recall(points: &[[f64; 2]], base: f64) -> Markup {
    let curves = html! {
        (line(&[[0.0, base], [1.0, base]], "var(--soft)", "4 4"))
        (line(points, "var(--plain)", ""))
    };
    plane("recall", "precision", &curves)
}

/// The share of available pictures over p(available), calibrated and bare; a dot's area is its bin's count.
pub fn reliability(calibrated: &[Bin], bare: &[Bin]) -> Markup {
    let curves = html! {
        (line(&[[0.0, 0.0], [1.0, 1.0]], "var(--soft)", "4 4"))
        @for (bins, color) in [(bare, "var(--bad)"), (calibrated, "var(--plain)")] {
            (dotted(bins, color))
        }
    };
    plane("p(available)", "share that is available", &curves)
}

fn dotted(bins: &[Bin], color: &str) -> Markup {
    let at = |bin: &Bin| [bin.confidence, bin.available];
    let points: Vec<[f64; 2]> = bins.iter().map(at).collect();
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1) as f64;
    html! {
        (line(&points, color, ""))
        @for bin in bins {
            (dot(at(bin), 2.0 + 6.0 * (bin.count as f64 / most).sqrt(), color))
        }
    }
}

/// A unit square with scales, and `curves` on it.
fn plane(across: &str, up: &str, curves: &Markup) -> Markup {
    let whole = SIDE + ROOM + 10.0;
    let [left, bottom] = place([0.0, 0.0]);
    let (middle, below) = (ROOM + SIDE / 2.0, SIDE + ROOM + 6.0);
    let up_at = 10.0 + SIDE / 2.0;
    html! {
        svg.chart viewBox=(format!("0 0 {whole} {whole}")) width=(whole) role="img" {
            @for tick in 0..=4 {
                @let value = f64::from(tick) / 4.0;
                @let [x, y] = place([value, value]);
                path d=(format!("M{x:.1} 10V{bottom:.1}M{left:.1} {y:.1}H{:.1}", left + SIDE)) stroke="var(--line)" {}
                text x=(format!("{x:.1}")) y=(format!("{:.1}", bottom + 14.0)) text-anchor="middle" { (value) }
                text x=(format!("{:.1}", left - 5.0)) y=(format!("{:.1}", y + 4.0)) text-anchor="end" { (value) }
            }
            text x=(middle) y=(below) text-anchor="middle" { (across) }
            text x="10" y=(up_at) text-anchor="middle" transform=(format!("rotate(-90 10 {up_at})")) { (up) }
            (curves)
        }
    }
}

/// A point of the unit square in the picture.
fn place([x, y]: [f64; 2]) -> [f64; 2] {
    [ROOM + SIDE * x, 10.0 + SIDE * (1.0 - y)]
}

fn line(points: &[[f64; 2]], color: &str, dashes: &str) -> Markup {
    let mut path = String::new();
    for (number, point) in points.iter().enumerate() {
        let [x, y] = place(*point);
        path += &format!("{}{x:.1} {y:.1}", if number == 0 { 'M' } else { 'L' });
    }
    html! {
        path d=(path) fill="none" stroke=(color) stroke-width="2" stroke-dasharray=(dashes) {}
    }
}

fn dot(point: [f64; 2], radius: f64, color: &str) -> Markup {
    let [x, y] = place(point);
    html! {
        circle cx=(format!("{x:.1}")) cy=(format!("{y:.1}")) r=(format!("{radius:.1}")) fill=(color) fill-opacity=".7" {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mark_of_a_chart_stands_inside_another() {
        let bins = [Bin {
            count: 3,
            confidence: 0.5,
            available: 0.25,
        }];
        let chart = reliability(&bins, &bins).into_string();
        // HTML closes no element of an SVG by itself, and what stands inside a path isn't drawn.
        assert_eq!(
            chart.matches("<path").count(),
            chart.matches("></path>").count()
        );
        assert_eq!(chart.matches("></circle>").count(), 2);
        assert!(
            chart.contains("cx=\"170.0\" cy=\"205.0\" r=\"8.0\""),
            "{chart}"
        );
    }
}
