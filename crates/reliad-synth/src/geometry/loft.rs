//! Bodies between cross-sections: rounded outlines that change along the y axis, as of tubes, bags, shoes.

use super::ray::slab;
use super::vector::{Vec3, greater, lesser, v3};

/// An outline across the y axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Section {
    /// Its height.
    pub at: f32,
    /// Half sizes along x and z.
    pub half: (f32, f32),
    /// Its middle, x and z.
    pub middle: (f32, f32),
}

impl Section {
    /// An outline around the axis.
    pub const fn new(at: f32, x: f32, z: f32) -> Self {
        Section {
            at,
            half: (x, z),
            middle: (0.0, 0.0),
        }
    }

    /// The same outline around another middle.
    pub const fn around(mut self, x: f32, z: f32) -> Self {
        self.middle = (x, z);
        self
    }
}

/// A body through cross-sections, smooth along its axis, with flat ends.
///
/// Each outline is `u^4 + v^4 + 2 (1 - square) u^2 v^2 = 1` with u and v in half sizes: an ellipse for
/// `square` 0, a superellipse for 1, slightly pillowed rectangles up to 1.4.
#[derive(Clone, Debug)]
pub struct Loft {
    /// Equally spaced rows of half x, half z, middle x, middle z.
    rows: Box<[[f32; 4]; ROWS]>,
    low: f32,
    high: f32,
    square: f32,
    bounds: (Vec3, Vec3),
}

/// Where a ray enters a body.
enum Entry {
    /// Through a flat end, at this distance.
    End(f32),
    /// Between a point outside and one inside, each a distance with its value.
    Wall { out: (f32, f32), inside: (f32, f32) },
}

const ROWS: usize = 64;
/// Steps across the bounding box; a body's wall can't be thinner than that along the ray.
const STEPS: f32 = 44.0;

impl Loft {
    /// The body through at least two sections in rising order.
    pub fn new(sections: &[Section], square: f32) -> Self {
        let (low, high) = match (sections.first(), sections.last()) {
            (Some(first), Some(last)) => (first.at, last.at.max(first.at + 1e-4)),
            _ => (0.0, 1e-4),
        };
        let columns: [fn(&Section) -> f32; 4] = [
            |s| s.half.0.max(1e-4),
            |s| s.half.1.max(1e-4),
            |s| s.middle.0,
            |s| s.middle.1,
        ];
        let at: Vec<f32> = sections.iter().map(|s| s.at).collect();
        let curves = columns.map(|column| {
            let values: Vec<f32> = sections.iter().map(column).collect();
            monotone(&at, &values, low, high)
        });
        let row = |i: usize| std::array::from_fn(|column| curves[column][i]);
        let rows = Box::new(std::array::from_fn(row));
        let mut loft = Loft {
            rows,
            low,
            high,
            square,
            bounds: (Vec3::ZERO, Vec3::ZERO),
        };
        loft.bounds = loft.rings(1, 64).into_iter().fold(
            (Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY)),
            |(a, b), p| (a.min(p), b.max(p)),
        );
        // The widest points lie between those.
        let margin = (loft.bounds.1 - loft.bounds.0) * 0.004;
        let margin = v3(margin.x, 0.0, margin.z);
        loft.bounds = (loft.bounds.0 - margin, loft.bounds.1 + margin);
        loft
    }

    /// The box around the body.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        self.bounds
    }

    /// The same body, `k` times as large.
    pub fn scaled(&self, k: f32) -> Self {
        Loft {
            rows: Box::new(self.rows.map(|row| row.map(|v| v * k))),
            low: self.low * k,
            high: self.high * k,
            square: self.square,
            bounds: (self.bounds.0 * k, self.bounds.1 * k),
        }
    }

    /// Points of the surface.
    pub fn outline(&self) -> Vec<Vec3> {
        self.rings(3, 32)
    }

    /// `around` points of each `every`th row.
    fn rings(&self, every: usize, around: usize) -> Vec<Vec3> {
        let cross = 2.0 * (1.0 - self.square);
        let turn: Vec<(f32, f32, f32)> = (0..around)
            .map(|j| {
                let (s, c) = (j as f32 / around as f32 * std::f32::consts::TAU).sin_cos();
                let (s2, c2) = (s * s, c * c);
                let r = (s2 * s2 + c2 * c2 + cross * s2 * c2).max(1e-3).powf(-0.25);
                (s, c, r)
            })
            .collect();
        let mut points = Vec::with_capacity((ROWS / every + 1) * around);
        for i in (0..ROWS).step_by(every) {
            let [a, b, x, z] = self.rows[i];
            let y = self.low + (self.high - self.low) * i as f32 / (ROWS - 1) as f32;
            let ring = turn.iter();
            points.extend(ring.map(|&(s, c, r)| v3(x + a * r * c, y, z + b * r * s)));
        }
        points
    }

    /// Signed distance to the outline at the point's height, roughly; exact in sign.
    #[inline]
    fn beyond(&self, p: Vec3) -> f32 {
        let along = (p.y - self.low) / (self.high - self.low) * (ROWS - 1) as f32;
        // A narrow integer takes the fewest instructions; what lies below is 0.
        let i = usize::from(along as u16).min(ROWS - 2);
        let f = (along - i as f32).clamp(0.0, 1.0);
        let (below, above) = (&self.rows[i], &self.rows[i + 1]);
        let [a, b, x, z]: [f32; 4] =
            std::array::from_fn(|column| below[column] + (above[column] - below[column]) * f);
        let (a, b) = (a.max(1e-5), b.max(1e-5));
        let (u, v) = ((p.x - x) / a, (p.z - z) / b);
        let (u2, v2) = (u * u, v * v);
        let w = u2 * u2 + v2 * v2 + 2.0 * (1.0 - self.square) * u2 * v2;
        (w.max(0.0).sqrt().sqrt() - 1.0) * lesser(a, b)
    }

    /// First crossing of the ray within `(near, far)`: distance, and the outward unit normal on demand.
    pub fn meet(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<(f32, impl Fn() -> Vec3)> {
        let (t, at_end) = match self.enter(o, d, near, far)? {
            Entry::End(t) => (t, true),
            Entry::Wall { out, inside } => (self.refine(o, d, out, inside), false),
        };
        let normal = move || {
            if at_end {
                v3(0.0, -d.y.signum(), 0.0)
            } else {
                self.slope(o + d * t)
            }
        };
        Some((t, normal))
    }

    /// Whether the ray crosses the body within `(near, far)`.
    pub fn blocks(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> bool {
        self.enter(o, d, near, far).is_some()
    }

    /// Where a ray enters the body within `(near, far)`, to one step.
    fn enter(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<Entry> {
        let (t0, t1, axis) = slab(self.bounds.0, self.bounds.1, o, d)?;
        let (start, end) = (greater(t0, near), lesser(t1, far));
        if start >= end {
            return None;
        }
        let first = self.beyond(o + d * start);
        if first < 0.0 && t0 > near && axis == 1 {
            return Some(Entry::End(t0));
        }
        let least = (t1 - t0).max(1e-6) / STEPS;
        let (mut t, mut gap) = (start, first);
        // A ray that starts inside is leaving.
        while gap < 0.0 {
            t += least;
            if t > end {
                return None;
            }
            gap = self.beyond(o + d * t);
        }
        loop {
            let next = lesser(t + greater(gap * 0.8, least), end);
            let there = self.beyond(o + d * next);
            if there < 0.0 {
                return Some(Entry::Wall {
                    out: (t, gap),
                    inside: (next, there),
                });
            }
            if next >= end {
                return None;
            }
            (t, gap) = (next, there);
        }
    }

    /// The crossing between a point outside and one inside, each a distance with its value.
    fn refine(&self, o: Vec3, d: Vec3, mut out: (f32, f32), mut inside: (f32, f32)) -> f32 {
        for step in 0..5 {
            // The false position, and the middle in between against flat curves.
            let share = if step == 2 {
                0.5
            } else {
                (out.1 / (out.1 - inside.1)).clamp(0.02, 0.98)
            };
            let t = out.0 + (inside.0 - out.0) * share;
            let value = self.beyond(o + d * t);
            if value < 0.0 {
                inside = (t, value);
            } else {
                out = (t, value);
            }
        }
        out.0
    }

    /// The unit normal at a point of the wall.
    fn slope(&self, p: Vec3) -> Vec3 {
        let along = (self.high - self.low) / (ROWS - 1) as f32;
        let e = v3(along * 0.1, along, along * 0.1);
        // The gradient from the corners of a tetrahedron.
        let corners = [
            v3(1.0, -1.0, -1.0),
            v3(-1.0, -1.0, 1.0),
            v3(-1.0, 1.0, -1.0),
            v3(1.0, 1.0, 1.0),
        ];
        let n = corners
            .iter()
            .fold(Vec3::ZERO, |n, &k| n + k * self.beyond(p + k * e));
        v3(n.x / e.x, n.y / e.y, n.z / e.z).normalized()
    }
}

/// `ROWS` equally spaced values of the curve through the points that overshoots none of them
/// (Fritsch and Carlson, 1980, with harmonic mean slopes).
fn monotone(at: &[f32], values: &[f32], low: f32, high: f32) -> Vec<f32> {
    let n = values.len();
    let secant: Vec<f32> = (1..n)
        .map(|i| (values[i] - values[i - 1]) / (at[i] - at[i - 1]).max(1e-6))
        .collect();
    let slope = |i: usize| {
        if i == 0 || i + 1 == n {
            return secant[if i == 0 { 0 } else { i - 1 }];
        }
        let (a, b) = (secant[i - 1], secant[i]);
        if a * b <= 0.0 {
            0.0
        } else {
            2.0 * a * b / (a + b)
        }
    };
    (0..ROWS)
        .map(|row| {
            let y = low + (high - low) * row as f32 / (ROWS - 1) as f32;
            if n < 2 {
                return values.first().copied().unwrap_or(1e-4);
            }
            let i = at[1..n - 1].iter().take_while(|&&edge| edge <= y).count();
            let width = (at[i + 1] - at[i]).max(1e-6);
            let t = ((y - at[i]) / width).clamp(0.0, 1.0);
            let (t2, t3) = (t * t, t * t * t);
            values[i] * (2.0 * t3 - 3.0 * t2 + 1.0)
                + values[i + 1] * (3.0 * t2 - 2.0 * t3)
                + width * (slope(i) * (t3 - 2.0 * t2 + t) + slope(i + 1) * (t3 - t2))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Shape;

    #[test]
    fn a_round_column_is_met_like_a_cylinder() {
        let loft = Shape::Loft(Loft::new(
            &[Section::new(0.0, 1.0, 1.0), Section::new(2.0, 1.0, 1.0)],
            0.0,
        ));
        let (t, n) = loft
            .hit(v3(-5.0, 1.0, 0.0), v3(1.0, 0.0, 0.0), 1e-4, 1e9)
            .expect("the side");
        assert!((t - 4.0).abs() < 1e-2 && (n - v3(-1.0, 0.0, 0.0)).length() < 1e-2);
        let (t, n) = loft
            .hit(v3(0.3, 5.0, 0.2), v3(0.0, -1.0, 0.0), 1e-4, 1e9)
            .expect("the top");
        assert!((t - 3.0).abs() < 1e-4 && (n - Vec3::UP).length() < 1e-4);
        assert!(
            loft.hit(v3(-5.0, 2.5, 0.0), v3(1.0, 0.0, 0.0), 1e-4, 1e9)
                .is_none()
        );
    }

    #[test]
    fn sections_pass_through_their_sizes() {
        let loft = Shape::Loft(Loft::new(
            &[
                Section::new(0.0, 1.0, 1.0),
                Section::new(1.0, 2.0, 0.5).around(0.0, 0.3),
                Section::new(2.0, 1.0, 0.1),
            ],
            0.0,
        ));
        let (t, _) = loft
            .hit(v3(0.0, 1.0, 9.0), v3(0.0, 0.0, -1.0), 1e-4, 1e9)
            .expect("the front");
        assert!((9.0 - t - 0.8).abs() < 0.02, "{t}");
    }
}
