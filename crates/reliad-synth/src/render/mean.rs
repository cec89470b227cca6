//! The mean that joins the light of neighbouring pixels, several pixels at a time.

use super::layer::Seen;
use crate::geometry::{Vec3, v3};

/// Pixels that are averaged at once.
const LANES: usize = 4;
/// Pixels on each side that a mean takes in, with their weights.
const REACH: usize = 2;
const WEIGHTS: [f32; 2 * REACH + 1] = [0.5, 1.0, 1.0, 1.0, 0.5];
const TAPS: usize = WEIGHTS.len() * WEIGHTS.len();
/// Least cosine between the normals of pixels that share light.
const ALIGNED: f32 = 0.8;
/// Largest distance of a pixel that shares light from the other's tangent plane.
const LEVEL: f32 = 0.03;
/// The surface of pixels that see none.
const NONE: u32 = u32::MAX;

/// One number a pixel, with an empty margin that spares the taps any look at the canvas's edge.
#[derive(Clone)]
struct Plane<T>(Vec<T>);

impl<T: Copy> Plane<T> {
    #[inline]
    fn lanes(&self, at: usize) -> [T; LANES] {
        let row = &self.0[at..at + LANES];
        std::array::from_fn(|lane| row[lane])
    }
}

#[inline]
fn vector([x, y, z]: &[[f32; LANES]; 3], lane: usize) -> Vec3 {
    v3(x[lane], y[lane], z[lane])
}

/// What means are taken of, and what decides who takes part.
struct Planes {
    /// Length of a row.
    stride: usize,
    /// From the first tap of a pixel to each.
    taps: [usize; TAPS],
    /// Thing and part, of which a scene has far fewer than 2^16.
    surface: Plane<u32>,
    normal: [Plane<f32>; 3],
    point: [Plane<f32>; 3],
    /// Key, open.
    light: [Plane<f32>; 2],
    /// Absent where nothing is polished.
    mirror: Option<[Plane<f32>; 3]>,
}

impl Planes {
    fn new(seen: &[Seen], n: usize) -> Self {
        let stride = n.next_multiple_of(LANES) + 2 * REACH;
        let length = stride * (n + 2 * REACH);
        let plane = Plane(vec![0.0; length]);
        let planes = || std::array::from_fn(|_| plane.clone());
        let polished = seen.iter().any(|pixel| pixel.mirror != Vec3::ZERO);
        let side = WEIGHTS.len();
        let mut all = Planes {
            stride,
            taps: std::array::from_fn(|tap| tap / side * stride + tap % side),
            surface: Plane(vec![NONE; length]),
            normal: planes(),
            point: planes(),
            light: [plane.clone(), plane.clone()],
            mirror: polished.then(planes),
        };
        for (index, pixel) in seen.iter().enumerate() {
            let Some(hit) = pixel.hit else { continue };
            let at = all.place(index % n, index / n);
            all.surface.0[at] = ((hit.thing as u32) << 16) | hit.part as u32;
            for axis in 0..3 {
                all.normal[axis].0[at] = hit.normal[axis];
                all.point[axis].0[at] = pixel.point[axis];
            }
            all.light[0].0[at] = pixel.key;
            all.light[1].0[at] = pixel.open;
            if let Some(mirror) = &mut all.mirror {
                for (axis, plane) in mirror.iter_mut().enumerate() {
                    plane.0[at] = pixel.mirror[axis];
                }
            }
        }
        all
    }

    /// Where a pixel lies in a plane.
    fn place(&self, x: usize, y: usize) -> usize {
        (y + REACH) * self.stride + x + REACH
    }

    /// Where the taps of the pixel at `at` lie, row by row.
    #[inline]
    fn taps(&self, at: usize) -> impl Iterator<Item = usize> {
        let first = at - REACH * self.stride - REACH;
        self.taps.iter().map(move |tap| first + tap)
    }

    /// The weight of each tap for the pixels from `at` on: 0 on another surface.
    fn weights(&self, at: usize) -> [[f32; LANES]; TAPS] {
        let surface = self.surface.lanes(at);
        let normal = self.normal.each_ref().map(|plane| plane.lanes(at));
        let point = self.point.each_ref().map(|plane| plane.lanes(at));
        let mut weights = [[0.0; LANES]; TAPS];
        for (tap, (there, weights)) in self.taps(at).zip(&mut weights).enumerate() {
            let weight = WEIGHTS[tap % WEIGHTS.len()] * WEIGHTS[tap / WEIGHTS.len()];
            let other = self.surface.lanes(there);
            let other_normal = self.normal.each_ref().map(|plane| plane.lanes(there));
            let other_point = self.point.each_ref().map(|plane| plane.lanes(there));
            for lane in 0..LANES {
                let (n, m) = (vector(&normal, lane), vector(&other_normal, lane));
                let (p, q) = (vector(&point, lane), vector(&other_point, lane));
                let shares = (other[lane] == surface[lane])
                    & (m.dot(n) >= ALIGNED)
                    & ((q - p).dot(n).abs() <= LEVEL);
                weights[lane] = if shares { weight } else { 0.0 };
            }
        }
        weights
    }

    /// The weighted sums of one plane for the pixels from `at` on.
    fn sums(&self, plane: &Plane<f32>, at: usize, weights: &[[f32; LANES]; TAPS]) -> [f32; LANES] {
        let mut sums = [0.0; LANES];
        for (there, weights) in self.taps(at).zip(weights) {
            let values = plane.lanes(there);
            for lane in 0..LANES {
                sums[lane] += values[lane] * weights[lane];
            }
        }
        sums
    }
}

/// Replaces the light of each pixel by the mean over the pixels around it that see the same surface.
pub fn join_light(seen: &mut [Seen], n: usize) {
    let planes = Planes::new(seen, n);
    for y in 0..n {
        for x in (0..n).step_by(LANES) {
            let pixels = &mut seen[y * n + x..y * n + (x + LANES).min(n)];
            if pixels.iter().all(|pixel| pixel.hit.is_none()) {
                continue;
            }
            let at = planes.place(x, y);
            let weights = planes.weights(at);
            let mut total = [0.0; LANES];
            for weights in &weights {
                for lane in 0..LANES {
                    total[lane] += weights[lane];
                }
            }
            let [key, open] = planes
                .light
                .each_ref()
                .map(|p| planes.sums(p, at, &weights));
            let mirror = planes
                .mirror
                .as_ref()
                .map(|mirror| mirror.each_ref().map(|p| planes.sums(p, at, &weights)));
            for (lane, pixel) in pixels.iter_mut().enumerate() {
                if pixel.hit.is_none() {
                    continue;
                }
                pixel.key = key[lane] / total[lane];
                pixel.open = open[lane] / total[lane];
                if let Some(mirror) = &mirror {
                    pixel.mirror = vector(mirror, lane) / total[lane];
                }
            }
        }
    }
}
