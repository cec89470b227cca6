//! The bodies that scenes are built from, each with an exact or marched ray intersection.

use super::band::Band;
use super::lathe::Lathe;
use super::loft::Loft;
use super::ray::{corners, march, slab};
use super::vector::{Vec3, greater, lesser, v3};

/// A body in its own coordinates.
#[derive(Clone, Debug)]
pub enum Shape {
    /// An ellipsoid around the origin.
    Ellipsoid {
        /// Half axes.
        radii: Vec3,
    },
    /// A box around the origin with rounded edges.
    Block {
        /// Half sizes, rounding included.
        half: Vec3,
        /// Radius of the edges; 0 is sharp.
        round: f32,
    },
    /// A turned body around the y axis.
    Turned(Lathe),
    /// A stretched ring in the xy plane, kept where `x > cut`.
    Ring {
        /// From the centre line of the ring to its middle.
        major: f32,
        /// Half thickness.
        minor: f32,
        /// Length of the straight parts, halved, along y.
        stretch: f32,
        /// What lies left of this x is left out.
        cut: f32,
    },
    /// A body through cross-sections along the y axis.
    Loft(Loft),
    /// A flat or round arch in the xy plane.
    Band(Band),
}

impl Shape {
    /// Half-open bounding box `(low, high)`.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        match self {
            Shape::Ellipsoid { radii } => (-*radii, *radii),
            Shape::Block { half, .. } => (-*half, *half),
            Shape::Turned(lathe) => {
                let (low, high, r) = lathe.extent();
                (v3(-r, low, -r), v3(r, high, r))
            }
            Shape::Ring {
                major,
                minor,
                stretch,
                cut,
            } => {
                let out = major + minor;
                (
                    v3(cut.max(-out), -out - stretch, -minor),
                    v3(out, out + stretch, *minor),
                )
            }
            Shape::Loft(loft) => loft.bounds(),
            Shape::Band(band) => band.bounds(),
        }
    }

    /// How far the body reaches along a direction, or a little more: no point of it has a larger
    /// scalar product with the direction.
    pub fn reach(&self, along: Vec3) -> f32 {
        match self {
            Shape::Ellipsoid { radii } => (*radii * along).length(),
            Shape::Turned(lathe) => {
                let (low, high, r) = lathe.extent();
                let aside = (along.x * along.x + along.z * along.z).sqrt();
                greater(along.y * low, along.y * high) + r * aside
            }
            _ => {
                let (low, high) = self.bounds();
                let far = (low * along).max(high * along);
                far.x + far.y + far.z
            }
        }
    }

    /// The same body, `k` times as large.
    pub fn scaled(&self, k: f32) -> Self {
        match self {
            Shape::Ellipsoid { radii } => Shape::Ellipsoid { radii: *radii * k },
            Shape::Block { half, round } => Shape::Block {
                half: *half * k,
                round: round * k,
            },
            Shape::Turned(lathe) => Shape::Turned(lathe.scaled(k)),
            Shape::Ring {
                major,
                minor,
                stretch,
                cut,
            } => Shape::Ring {
                major: major * k,
                minor: minor * k,
                stretch: stretch * k,
                cut: cut * k,
            },
            Shape::Loft(loft) => Shape::Loft(loft.scaled(k)),
            Shape::Band(band) => Shape::Band(band.scaled(k)),
        }
    }

    /// Points whose projections bound the projection of the body to about one per cent.
    pub fn outline(&self) -> Vec<Vec3> {
        match self {
            Shape::Turned(lathe) => lathe.outline(48),
            Shape::Loft(loft) => loft.outline(),
            Shape::Band(band) => band.outline(),
            Shape::Ellipsoid { radii } => {
                let mut points = Vec::with_capacity(24 * 13);
                for i in 0..=12 {
                    let (s, c) = (i as f32 / 12.0 * std::f32::consts::PI).sin_cos();
                    for j in 0..24 {
                        let (u, v) = (j as f32 / 24.0 * std::f32::consts::TAU).sin_cos();
                        points.push(*radii * v3(s * v, c, s * u));
                    }
                }
                points
            }
            Shape::Block { half, round } => {
                // The eight corner balls of the rounded box.
                let inner = *half - Vec3::splat(*round);
                let ball = Shape::Ellipsoid {
                    radii: Vec3::splat(*round),
                }
                .outline();
                let ball = if *round > 0.0 { ball } else { vec![Vec3::ZERO] };
                let mut points = Vec::with_capacity(8 * ball.len());
                for corner in corners(-inner, inner) {
                    points.extend(ball.iter().map(|p| corner + *p));
                }
                points
            }
            Shape::Ring {
                major,
                minor,
                stretch,
                cut,
            } => {
                let mut points = Vec::new();
                for i in 0..48 {
                    let (s, c) = (i as f32 / 48.0 * std::f32::consts::TAU).sin_cos();
                    let out = major + minor;
                    let x = (out * c).max(*cut);
                    points.push(v3(x, out * s + stretch.copysign(s), *minor * 0.5));
                    points.push(v3(x, out * s + stretch.copysign(s), -*minor * 0.5));
                }
                points
            }
        }
    }

    /// First crossing within `(near, far)`: distance and outward unit normal.
    #[inline]
    pub fn hit(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<(f32, Vec3)> {
        self.meet(o, d, near, far, |t, normal| (t, normal()))
    }

    /// Distance of the first crossing within `(near, far)`.
    #[inline]
    pub fn distance(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<f32> {
        self.meet(o, d, near, far, |t, _| t)
    }

    /// Whether there is a crossing within `(near, far)`.
    #[inline]
    pub fn blocks(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> bool {
        match self {
            Shape::Loft(loft) => loft.blocks(o, d, near, far),
            _ => self.distance(o, d, near, far).is_some(),
        }
    }

    /// What `of` makes of the first crossing within `(near, far)`: of its distance, and of the
    /// outward unit normal, which costs nothing unless asked for.
    #[inline]
    fn meet<T>(
        &self,
        o: Vec3,
        d: Vec3,
        near: f32,
        far: f32,
        of: impl Fn(f32, &dyn Fn() -> Vec3) -> T,
    ) -> Option<T> {
        match self {
            Shape::Ellipsoid { radii } => {
                meet_ellipsoid(*radii, o, d, near, far).map(|(t, normal)| of(t, &normal))
            }
            Shape::Block { half, round } => {
                meet_block(*half, *round, o, d, near, far).map(|(t, normal)| of(t, &normal))
            }
            Shape::Turned(lathe) => lathe
                .meet(o, d, near, far)
                .map(|(t, normal)| of(t, &normal)),
            Shape::Loft(loft) => loft.meet(o, d, near, far).map(|(t, normal)| of(t, &normal)),
            Shape::Band(band) => band.meet(o, d, near, far).map(|(t, normal)| of(t, &normal)),
            Shape::Ring {
                major,
                minor,
                stretch,
                cut,
            } => {
                let (low, high) = self.bounds();
                let (t0, t1, _) = slab(low, high, o, d)?;
                let distance = |p: Vec3| {
                    let y = p.y - p.y.clamp(-stretch, *stretch);
                    let across = (p.x * p.x + y * y).sqrt() - major;
                    greater((across * across + p.z * p.z).sqrt() - minor, cut - p.x)
                };
                let (start, end) = (greater(t0, near), lesser(t1, far));
                march(distance, o, d, start, end, minor * 2e-3).map(|(t, normal)| of(t, &normal))
            }
        }
    }
}

fn axis_normal(axis: usize, sign: f32) -> Vec3 {
    match axis {
        0 => v3(sign, 0.0, 0.0),
        1 => v3(0.0, sign, 0.0),
        _ => v3(0.0, 0.0, sign),
    }
}

fn meet_block(
    half: Vec3,
    round: f32,
    o: Vec3,
    d: Vec3,
    near: f32,
    far: f32,
) -> Option<(f32, impl Fn() -> Vec3)> {
    let (t0, t1, axis) = slab(-half, half, o, d)?;
    if t0 >= far || t1 <= near {
        return None;
    }
    let inner = half - Vec3::splat(round);
    // Most rays meet a sharp box or a face's flat middle: no marching.
    let flat = || {
        let p = (o + d * t0).abs();
        (axis == 0 || p.x <= inner.x)
            && (axis == 1 || p.y <= inner.y)
            && (axis == 2 || p.z <= inner.z)
    };
    let (t, edge) = if round <= 0.0 {
        (t0 > near).then_some((t0, None))?
    } else if t0 > near && flat() {
        (t0, None)
    } else {
        let distance = move |p: Vec3| (p.abs() - inner).max(Vec3::ZERO).length() - round;
        let (start, end) = (greater(t0, near), lesser(t1, far));
        let (t, normal) = march(distance, o, d, start, end, round * 2e-3)?;
        (t, Some(normal))
    };
    let normal = move || match &edge {
        Some(normal) => normal(),
        None => axis_normal(axis, -d[axis].signum()),
    };
    Some((t, normal))
}

fn meet_ellipsoid(
    radii: Vec3,
    o: Vec3,
    d: Vec3,
    near: f32,
    far: f32,
) -> Option<(f32, impl Fn() -> Vec3)> {
    let inverse = v3(1.0 / radii.x, 1.0 / radii.y, 1.0 / radii.z);
    let (oo, dd) = (o * inverse, d * inverse);
    let a = dd.dot(dd);
    let b = oo.dot(dd);
    let c = oo.dot(oo) - 1.0;
    let disc = b * b - a * c;
    if disc < 0.0 {
        return None;
    }
    let root = disc.sqrt();
    let first = (-b - root) / a;
    let t = if first > near { first } else { (-b + root) / a };
    if t <= near || t >= far {
        return None;
    }
    Some((t, move || ((oo + dd * t) * inverse).normalized()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_met_at_faces_and_rounded_edges() {
        let block = Shape::Block {
            half: v3(1.0, 1.0, 1.0),
            round: 0.2,
        };
        let (t, n) = block
            .hit(v3(0.0, 0.0, 5.0), v3(0.0, 0.0, -1.0), 1e-4, 1e9)
            .expect("face");
        assert!((t - 4.0).abs() < 1e-5 && n == v3(0.0, 0.0, 1.0));
        let from = v3(5.0, 0.0, 5.0);
        let (t, n) = block
            .hit(from, v3(-1.0, 0.0, -1.0).normalized(), 1e-4, 1e9)
            .expect("edge");
        let expected = 5.0 * 2f32.sqrt() - (0.8 * 2f32.sqrt() + 0.2);
        assert!((t - expected).abs() < 2e-3, "{t} {expected}");
        assert!((n - v3(1.0, 0.0, 1.0).normalized()).length() < 1e-2);
    }

    #[test]
    fn an_ellipsoid_is_met_at_its_pole() {
        let egg = Shape::Ellipsoid {
            radii: v3(1.0, 2.0, 1.0),
        };
        let (t, n) = egg
            .hit(v3(0.0, 9.0, 0.0), v3(0.0, -1.0, 0.0), 1e-4, 1e9)
            .expect("pole");
        assert!((t - 7.0).abs() < 1e-5 && (n - Vec3::UP).length() < 1e-5);
    }
}
