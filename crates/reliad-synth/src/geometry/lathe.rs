//! Surfaces of revolution: a profile of straight segments turned around the y axis, met exactly.

use super::vector::{Vec3, greater, lesser, v3};

/// The profile of a turned body, from its lowest to its last point, as (radius, height) pairs.
///
/// Corners are smoothed in shading where the profile bends by less than 40 degrees; a fillet adds
/// real points.
#[derive(Clone, Debug)]
pub struct Lathe {
    segments: Vec<Segment>,
    low: f32,
    high: f32,
    radius: f32,
}

/// Segments overlap by this length, so that rounding opens no cracks between them.
const SEAM: f32 = 2e-5;
/// Change of height below which a segment is a flat ring.
const FLAT: f32 = 1e-6;

/// A segment, with what all rays need to know of it.
#[derive(Clone, Copy, Debug)]
struct Segment {
    r0: f32,
    y0: f32,
    r1: f32,
    y1: f32,
    n0: (f32, f32),
    n1: (f32, f32),
    /// Lowest and highest y.
    low: f32,
    high: f32,
    /// Change of the radius, and of the height.
    dr: f32,
    dy: f32,
    /// Change of the radius with the height.
    slope: f32,
    /// Overlap at each end, as a share of the segment.
    slack: f32,
}

impl Lathe {
    /// A body with this profile; the side to the right of the walking direction is outside.
    pub fn new(points: &[(f32, f32)]) -> Self {
        let mut clean: Vec<(f32, f32)> = Vec::with_capacity(points.len());
        for &point in points {
            let far = clean
                .last()
                .is_none_or(|l| (l.0 - point.0).abs() + (l.1 - point.1).abs() > 1e-6);
            if far {
                clean.push(point);
            }
        }
        let face: Vec<(f32, f32)> = clean
            .windows(2)
            .map(|w| {
                let (dr, dy) = (w[1].0 - w[0].0, w[1].1 - w[0].1);
                let length = (dr * dr + dy * dy).sqrt().max(1e-12);
                (dy / length, -dr / length)
            })
            .collect();
        let corner = |a: (f32, f32), b: (f32, f32)| {
            if a.0 * b.0 + a.1 * b.1 < 0.77 {
                return None;
            }
            let (r, y) = (a.0 + b.0, a.1 + b.1);
            let length = (r * r + y * y).sqrt();
            Some((r / length, y / length))
        };
        let segments: Vec<Segment> = clean
            .windows(2)
            .enumerate()
            .map(|(i, w)| {
                let n = face[i];
                let n0 = if i > 0 { corner(face[i - 1], n) } else { None };
                let n1 = if i + 1 < face.len() {
                    corner(n, face[i + 1])
                } else {
                    None
                };
                Segment::new(w[0], w[1], n0.unwrap_or(n), n1.unwrap_or(n))
            })
            .collect();
        let low = clean.iter().map(|p| p.1).fold(f32::INFINITY, f32::min);
        let high = clean.iter().map(|p| p.1).fold(f32::NEG_INFINITY, f32::max);
        let radius = clean.iter().map(|p| p.0).fold(0.0, f32::max);
        Lathe {
            segments,
            low,
            high,
            radius,
        }
    }

    /// The profile of a closed drum between two heights with edges rounded by `fillet`.
    pub fn drum(radius: f32, low: f32, high: f32, fillet: f32) -> Self {
        Self::new(&fillets(
            &[(0.0, low), (radius, low), (radius, high), (0.0, high)],
            fillet,
        ))
    }

    /// Lowest and highest y, and the largest radius.
    pub fn extent(&self) -> (f32, f32, f32) {
        (self.low, self.high, self.radius)
    }

    /// The same body, `k` times as large.
    pub fn scaled(&self, k: f32) -> Self {
        let segments = self
            .segments
            .iter()
            .map(|s| Segment::new((s.r0 * k, s.y0 * k), (s.r1 * k, s.y1 * k), s.n0, s.n1))
            .collect();
        Lathe {
            segments,
            low: self.low * k,
            high: self.high * k,
            radius: self.radius * k,
        }
    }

    /// Points of the surface, `around` for each profile point.
    pub fn outline(&self, around: usize) -> Vec<Vec3> {
        let turn: Vec<(f32, f32)> = (0..around)
            .map(|i| (i as f32 / around as f32 * std::f32::consts::TAU).sin_cos())
            .collect();
        let first = self.segments.first().map(|s| (s.r0, s.y0));
        let rings = first
            .into_iter()
            .chain(self.segments.iter().map(|s| (s.r1, s.y1)));
        let mut points = Vec::with_capacity((self.segments.len() + 1) * around);
        for (r, y) in rings {
            points.extend(turn.iter().map(|&(s, c)| v3(r * c, y, r * s)));
        }
        points
    }

    /// First crossing of the ray within `(near, far)`: distance and outward unit normal.
    pub fn hit(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<(f32, Vec3)> {
        let (t, normal) = self.meet(o, d, near, far)?;
        Some((t, normal()))
    }

    /// First crossing of the ray within `(near, far)`: distance, and the outward unit normal on demand.
    pub fn meet(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<(f32, impl Fn() -> Vec3)> {
        let (mut t0, mut t1) = (near, far);
        if d.y.abs() > 1e-9 {
            let (a, b) = ((self.low - o.y) / d.y, (self.high - o.y) / d.y);
            t0 = greater(t0, lesser(a, b) - 1e-5);
            t1 = lesser(t1, greater(a, b) + 1e-5);
        } else if o.y < self.low || o.y > self.high {
            return None;
        }
        let flat = d.x * d.x + d.z * d.z;
        let half = o.x * d.x + o.z * d.z;
        let from_axis = o.x * o.x + o.z * o.z;
        let reach = self.radius * 1.0001;
        if flat > 1e-12 {
            let disc = half * half - flat * (from_axis - reach * reach);
            if disc < 0.0 {
                return None;
            }
            let root = disc.sqrt();
            t0 = greater(t0, (-half - root) / flat - 1e-5);
            t1 = lesser(t1, (-half + root) / flat + 1e-5);
        } else if from_axis > reach * reach {
            return None;
        }
        if t0 > t1 {
            return None;
        }
        let (ya, yb) = (o.y + d.y * t0, o.y + d.y * t1);
        let (y_low, y_high) = (lesser(ya, yb) - 1e-4, greater(ya, yb) + 1e-4);
        let mut best = far;
        let mut found: Option<(&Segment, f32)> = None;
        for segment in &self.segments {
            if segment.low > y_high || segment.high < y_low {
                continue;
            }
            if let Some((t, along)) = segment.hit(o, d, flat, half, from_axis, near, best) {
                best = t;
                found = Some((segment, along));
            }
        }
        let (segment, along) = found?;
        let normal = move || {
            let p = o + d * best;
            let r = (p.x * p.x + p.z * p.z).sqrt().max(1e-9);
            let nr = segment.n0.0 + (segment.n1.0 - segment.n0.0) * along;
            let ny = segment.n0.1 + (segment.n1.1 - segment.n0.1) * along;
            v3(nr * p.x / r, ny, nr * p.z / r).normalized()
        };
        Some((best, normal))
    }
}

impl Segment {
    /// The segment between two points of the profile, with the normals there.
    fn new(from: (f32, f32), to: (f32, f32), n0: (f32, f32), n1: (f32, f32)) -> Self {
        let (dr, dy) = (to.0 - from.0, to.1 - from.1);
        let is_flat = dy.abs() < FLAT;
        let slack = SEAM
            / if is_flat {
                dr.abs().max(1e-9)
            } else {
                dy.abs()
            };
        Segment {
            r0: from.0,
            y0: from.1,
            r1: to.0,
            y1: to.1,
            n0,
            n1,
            low: lesser(from.1, to.1),
            high: greater(from.1, to.1),
            dr,
            dy,
            slope: if is_flat { 0.0 } else { dr / dy },
            slack,
        }
    }

    #[inline]
    #[expect(
        clippy::too_many_arguments,
        reason = "the ray's products are shared by all segments of a body"
    )]
    fn hit(
        &self,
        o: Vec3,
        d: Vec3,
        flat: f32,
        half: f32,
        from_axis: f32,
        near: f32,
        far: f32,
    ) -> Option<(f32, f32)> {
        let Segment { dr, dy, slack, .. } = *self;
        if dy.abs() < FLAT {
            if d.y.abs() < 1e-9 {
                return None;
            }
            let t = (self.y0 - o.y) / d.y;
            if t <= near || t >= far {
                return None;
            }
            let (x, z) = (o.x + d.x * t, o.z + d.z * t);
            let r = (x * x + z * z).sqrt();
            let along = (r - self.r0) / if dr.abs() > 1e-9 { dr } else { 1e-9 };
            return (-slack..=1.0 + slack)
                .contains(&along)
                .then_some((t, along));
        }
        // |p_xz|^2 = r(y)^2 with r linear in y: a quadratic in the distance.
        let a0 = self.r0 + self.slope * (o.y - self.y0);
        let m = self.slope * d.y;
        let a = flat - m * m;
        let b = half - a0 * m;
        let c = from_axis - a0 * a0;
        let accept = |t: f32| {
            if t <= near || t >= far {
                return None;
            }
            let along = (o.y + d.y * t - self.y0) / dy;
            // The mirrored half of the cone has a negative radius.
            ((-slack..=1.0 + slack).contains(&along) && a0 + m * t >= 0.0).then_some((t, along))
        };
        if a.abs() < 1e-9 {
            return if b.abs() < 1e-12 {
                None
            } else {
                accept(-0.5 * c / b)
            };
        }
        let disc = b * b - a * c;
        if disc < 0.0 {
            return None;
        }
        let root = disc.sqrt();
        let q = -(b + root.copysign(b));
        let (first, second) = if q.abs() < 1e-12 {
            (0.0, 0.0)
        } else {
            (q / a, c / q)
        };
        let (first, second) = if first < second {
            (first, second)
        } else {
            (second, first)
        };
        accept(first).or_else(|| accept(second))
    }
}

/// The profile with each inner corner replaced by an arc of about this radius (less where the
/// neighbouring segments are short).
pub fn fillets(points: &[(f32, f32)], radius: f32) -> Vec<(f32, f32)> {
    let mut out = Vec::with_capacity(points.len() * 4);
    for (i, &p) in points.iter().enumerate() {
        if i == 0 || i + 1 == points.len() || radius <= 0.0 {
            out.push(p);
            continue;
        }
        let (a, b) = (points[i - 1], points[i + 1]);
        let back = ((a.0 - p.0).powi(2) + (a.1 - p.1).powi(2)).sqrt();
        let ahead = ((b.0 - p.0).powi(2) + (b.1 - p.1).powi(2)).sqrt();
        let cut = radius.min(back * 0.48).min(ahead * 0.48);
        if cut < 1e-6 {
            out.push(p);
            continue;
        }
        let start = (
            p.0 + (a.0 - p.0) / back * cut,
            p.1 + (a.1 - p.1) / back * cut,
        );
        let end = (
            p.0 + (b.0 - p.0) / ahead * cut,
            p.1 + (b.1 - p.1) / ahead * cut,
        );
        let cosine = ((p.0 - a.0) * (b.0 - p.0) + (p.1 - a.1) * (b.1 - p.1)) / (back * ahead);
        let steps = ((cosine.clamp(-1.0, 1.0).acos() / 0.17).ceil() as usize).clamp(2, 10);
        for step in 0..=steps {
            let t = step as f32 / steps as f32;
            let (u, v, w) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            out.push((
                u * start.0 + v * p.0 + w * end.0,
                u * start.1 + v * p.1 + w * end.1,
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drum_is_met_at_its_side_and_top() {
        let drum = Lathe::drum(1.0, 0.0, 2.0, 0.0);
        let (t, n) = drum
            .hit(v3(-5.0, 1.0, 0.0), v3(1.0, 0.0, 0.0), 1e-4, 1e9)
            .expect("the ray meets the side");
        assert!((t - 4.0).abs() < 1e-4 && (n - v3(-1.0, 0.0, 0.0)).length() < 1e-4);
        let (t, n) = drum
            .hit(v3(0.3, 5.0, 0.2), v3(0.0, -1.0, 0.0), 1e-4, 1e9)
            .expect("the ray meets the top");
        assert!((t - 3.0).abs() < 1e-4 && (n - Vec3::UP).length() < 1e-4);
        assert!(
            drum.hit(v3(-5.0, 2.5, 0.0), v3(1.0, 0.0, 0.0), 1e-4, 1e9)
                .is_none()
        );
    }
}
