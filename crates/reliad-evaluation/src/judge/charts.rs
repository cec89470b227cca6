//! Curves as SVG inside the page: precision over recall, and shares over probabilities.

use std::fmt::Write as _;

use crate::measure::verdicts::Bin;

/// Side of a chart's plane, and room for its scales.
const SIDE: f64 = 260.0;
const ROOM: f64 = 40.0;

/// Precision over recall; `base` is the precision of calling everything available.
pub fn precision_recall(points: &[[f64; 2]], base: f64) -> String {
    let mut plane = Plane::new("recall", "precision");
    plane.line(&[[0.0, base], [1.0, base]], "var(--soft)", "4 4");
    plane.line(points, "var(--plain)", "");
    plane.finish()
}

/// The share of available pictures over p(available), calibrated and bare; a dot's area is its bin's count.
pub fn reliability(calibrated: &[Bin], bare: &[Bin]) -> String {
    let mut plane = Plane::new("p(available)", "share that is available");
    plane.line(&[[0.0, 0.0], [1.0, 1.0]], "var(--soft)", "4 4");
    for (bins, color) in [(bare, "var(--bad)"), (calibrated, "var(--plain)")] {
        let points: Vec<[f64; 2]> = bins
            .iter()
            .map(|bin| [bin.confidence, bin.available])
            .collect();
        plane.line(&points, color, "");
        let most = bins.iter().map(|bin| bin.count).max().unwrap_or(1) as f64;
        for (bin, point) in bins.iter().zip(points) {
            plane.dot(point, 2.0 + 6.0 * (bin.count as f64 / most).sqrt(), color);
        }
    }
    plane.finish()
}

/// A unit square with scales.
struct Plane(String);

impl Plane {
    fn new(across: &str, up: &str) -> Self {
        let whole = SIDE + ROOM + 10.0;
        let mut plane = Self(format!(
            "<svg viewBox=\"0 0 {whole} {whole}\" width=\"{whole}\" role=\"img\" class=\"chart\">"
        ));
        for tick in 0..=4 {
            let value = f64::from(tick) / 4.0;
            let ([x, y], [_, bottom], [left, _]) = (
                Self::at([value, value]),
                Self::at([0.0, 0.0]),
                Self::at([0.0, 0.0]),
            );
            plane.put(format_args!(
                "<path d=\"M{x:.1} 10V{bottom:.1}M{left:.1} {y:.1}H{:.1}\" stroke=\"var(--line)\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
                left + SIDE,
                bottom + 14.0,
                left - 5.0,
                y + 4.0
            ));
        }
        let (middle, bottom) = (ROOM + SIDE / 2.0, SIDE + ROOM + 6.0);
        let up_at = 10.0 + SIDE / 2.0;
        plane.put(format_args!(
            "<text x=\"{middle}\" y=\"{bottom}\" text-anchor=\"middle\">{across}</text>\
             <text x=\"10\" y=\"{up_at}\" text-anchor=\"middle\" transform=\"rotate(-90 10 {up_at})\">{up}</text>"
        ));
        plane
    }

    fn at([x, y]: [f64; 2]) -> [f64; 2] {
        [ROOM + SIDE * x, 10.0 + SIDE * (1.0 - y)]
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = self.0.write_fmt(text);
    }

    fn line(&mut self, points: &[[f64; 2]], color: &str, dashes: &str) {
        let mut path = String::new();
        for (place, point) in points.iter().enumerate() {
            let [x, y] = Self::at(*point);
            let _ = write!(path, "{}{x:.1} {y:.1}", if place == 0 { 'M' } else { 'L' });
        }
        self.put(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>"
        ));
    }

    fn dot(&mut self, point: [f64; 2], radius: f64, color: &str) {
        let [x, y] = Self::at(point);
        self.put(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{color}\" fill-opacity=\".7\"/>"
        ));
    }

    fn finish(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }
}
