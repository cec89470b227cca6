//! Rays against boxes and against distances: what several bodies share.

use super::vector::{Vec3, lesser, v3};

/// The eight corners of a box.
pub fn corners(low: Vec3, high: Vec3) -> [Vec3; 8] {
    std::array::from_fn(|i| {
        v3(
            if i & 1 == 0 { low.x } else { high.x },
            if i & 2 == 0 { low.y } else { high.y },
            if i & 4 == 0 { low.z } else { high.z },
        )
    })
}

/// Entry and exit distances of a box, and the axis of the entry face.
#[inline]
pub fn slab(low: Vec3, high: Vec3, o: Vec3, d: Vec3) -> Option<(f32, f32, usize)> {
    let x = between(low.x, high.x, o.x, d.x);
    let y = between(low.y, high.y, o.y, d.y);
    let z = between(low.z, high.z, o.z, d.z);
    let (mut t0, mut axis) = (x.0, 0);
    if y.0 > t0 {
        (t0, axis) = (y.0, 1);
    }
    if z.0 > t0 {
        (t0, axis) = (z.0, 2);
    }
    let t1 = lesser(lesser(x.1, y.1), z.1);
    (t0 <= t1 && t1 > 0.0).then_some((t0, t1, axis))
}

/// Sphere tracing between two distances, with the normal from central differences.
pub fn march(
    distance: impl Fn(Vec3) -> f32,
    o: Vec3,
    d: Vec3,
    t0: f32,
    t1: f32,
    eps: f32,
) -> Option<(f32, impl Fn() -> Vec3)> {
    if t0 > t1 {
        return None;
    }
    let mut t = t0;
    for _ in 0..40 {
        let gap = distance(o + d * t);
        if gap < eps {
            // A ray that starts inside the tolerance is leaving: step on until it is out.
            if t > t0 || gap < -eps {
                break;
            }
            t += eps * 2.0;
            continue;
        }
        t += gap;
        if t > t1 {
            return None;
        }
    }
    let p = o + d * t;
    if t > t1 || distance(p) > eps * 8.0 {
        return None;
    }
    let normal = move || {
        let e = eps.max(1e-4);
        let n = v3(
            distance(p + v3(e, 0.0, 0.0)) - distance(p - v3(e, 0.0, 0.0)),
            distance(p + v3(0.0, e, 0.0)) - distance(p - v3(0.0, e, 0.0)),
            distance(p + v3(0.0, 0.0, e)) - distance(p - v3(0.0, 0.0, e)),
        );
        n.normalized()
    };
    Some((t, normal))
}

/// Distances at which a ray enters and leaves the space between two parallel planes; entry lies
/// behind exit where it never does.
#[inline]
fn between(low: f32, high: f32, o: f32, d: f32) -> (f32, f32) {
    if d.abs() < 1e-12 {
        return if o < low || o > high {
            (f32::INFINITY, f32::NEG_INFINITY)
        } else {
            (f32::NEG_INFINITY, f32::INFINITY)
        };
    }
    let inverse = 1.0 / d;
    let (a, b) = ((low - o) * inverse, (high - o) * inverse);
    if a < b { (a, b) } else { (b, a) }
}
