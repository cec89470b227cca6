//! Shares over attempts as an SVG inside the page, one curve a painter with the band of its interval.

use maud::{Markup, html};

use crate::measure::Figure;

/// Size of the plane, and room for its scales.
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 260.0;
const ROOM: f64 = 44.0;
const MARGIN: f64 = 12.0;

/// Colours of the curves, over and over: told apart on light and on dark ground.
const COLORS: [&str; 8] = [
    "#5b7fb5", "#c8553d", "#2f9e6e", "#b08a1e", "#8e5bb0", "#2a9aa8", "#b5527f", "#7b7f86",
];

/// The colour of the painter at `place`.
pub fn color(place: usize) -> &'static str {
    COLORS[place % COLORS.len()]
}

/// Each curve's figures over 1, 2, ... attempts.
pub fn within(curves: &[(&str, &[Figure])]) -> Markup {
    let most = curves
        .iter()
        .map(|(_, figures)| figures.len())
        .max()
        .unwrap_or(1);
    let lows = curves
        .iter()
        .flat_map(|(_, figures)| figures.iter().map(|figure| figure.low));
    // From a tenth below the lowest, so that curves that are near each other are told apart.
    let floor = (lows.fold(1.0, f64::min) * 10.0).floor().clamp(0.0, 9.0) / 10.0;
    let plane = Plane { most, floor };
    let step = if floor < 0.5 { 0.2 } else { 0.1 };
    let ticks = (0..).map(|tick| 1.0 - step * f64::from(tick));
    let ticks: Vec<f64> = ticks.take_while(|share| *share > floor - 1e-9).collect();
    let (width, height) = (ROOM + WIDTH + MARGIN, MARGIN + HEIGHT + ROOM);
    html! {
        svg.chart viewBox=(format!("0 0 {width} {height}")) width=(width) role="img" {
            @for share in ticks {
                @let y = plane.y(share);
                path d=(format!("M{ROOM:.1} {y:.1}H{:.1}", ROOM + WIDTH)) stroke="var(--line)" {}
                text x=(format!("{:.1}", ROOM - 6.0)) y=(format!("{:.1}", y + 4.0)) text-anchor="end" {
                    (format!("{:.0} %", 100.0 * share))
                }
            }
            @for attempt in 1..=most {
                text x=(format!("{:.1}", plane.x(attempt))) y=(format!("{:.1}", MARGIN + HEIGHT + 18.0)) text-anchor="middle" {
                    (attempt)
                }
            }
            text x=(format!("{:.1}", ROOM + WIDTH / 2.0)) y=(format!("{:.1}", height - 6.0)) text-anchor="middle" { "attempts" }
            @for (place, (_, figures)) in curves.iter().enumerate() {
                path d=(plane.band(figures)) fill=(color(place)) fill-opacity=".12" {}
            }
            @for (place, (_, figures)) in curves.iter().enumerate() {
                path d=(plane.line(figures)) fill="none" stroke=(color(place)) stroke-width="2.5" {}
                @for (at, figure) in figures.iter().enumerate() {
                    circle cx=(format!("{:.1}", plane.x(at + 1))) cy=(format!("{:.1}", plane.y(figure.value))) r="3.5"
                        fill=(color(place)) {}
                }
            }
        }
    }
}

struct Plane {
    most: usize,
    floor: f64,
}

impl Plane {
    fn x(&self, attempt: usize) -> f64 {
        let last = self.most.saturating_sub(1).max(1) as f64;
        ROOM + 16.0 + (WIDTH - 32.0) * (attempt as f64 - 1.0) / last
    }

    fn y(&self, share: f64) -> f64 {
        let part = (share - self.floor) / (1.0 - self.floor);
        MARGIN + HEIGHT * (1.0 - part.clamp(0.0, 1.0))
    }

    fn path(&self, points: impl Iterator<Item = (usize, f64)>) -> String {
        let mut path = String::new();
        for (number, (attempt, share)) in points.enumerate() {
            let letter = if number == 0 { 'M' } else { 'L' };
            path += &format!("{letter}{:.1} {:.1}", self.x(attempt), self.y(share));
        }
        path
    }

    fn line(&self, figures: &[Figure]) -> String {
        self.path((1..).zip(figures.iter().map(|figure| figure.value)))
    }

    fn band(&self, figures: &[Figure]) -> String {
        let upper = (1..).zip(figures.iter().map(|figure| figure.high));
        let lower = (1..).zip(figures).map(|(at, figure)| (at, figure.low));
        let lower: Vec<_> = lower.collect();
        self.path(upper.chain(lower.into_iter().rev())) + "Z"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_end_where_their_shares_are() {
        let figure = |value| Figure {
            value,
            low: 0.5,
            high: 1.0,
            n: 4,
        };
        let chart = within(&[("a", &[figure(0.5), figure(1.0)])]).into_string();
        // The lowest share is the plane's floor, the highest its ceiling.
        assert!(chart.contains("M60.0 272.0L548.0 12.0\""), "{chart}");
        assert_eq!(
            chart.matches("<path").count(),
            chart.matches("></path>").count()
        );
        assert!(chart.contains("50 %") && chart.contains("100 %"));
        let one = within(&[("a", &[figure(0.75)])]).into_string();
        assert!(!one.contains("NaN"), "{one}");
    }
}
