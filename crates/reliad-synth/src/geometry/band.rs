//! Arches of flat or round stock: handles, straps, headbands.

use super::ray::{march, slab};
use super::vector::{Vec3, greater, lesser, v3};

/// A closed band around the z axis (a circle or a rounded rectangle in the xy plane), kept above a height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// Radius of the corners' centre line.
    pub major: f32,
    /// Half thickness in the xy plane.
    pub thick: f32,
    /// Half width along z.
    pub wide: f32,
    /// Half lengths of the straight parts along x and y.
    pub stretch: (f32, f32),
    /// What lies below this y is left out.
    pub cut: f32,
}

impl Band {
    fn outer(&self) -> (f32, f32) {
        let out = self.major + self.thick;
        (out + self.stretch.0, out + self.stretch.1)
    }

    /// The box around the band.
    pub fn bounds(&self) -> (Vec3, Vec3) {
        let (x, y) = self.outer();
        (v3(-x, self.cut.max(-y), -self.wide), v3(x, y, self.wide))
    }

    /// The same band, `k` times as large.
    pub fn scaled(&self, k: f32) -> Self {
        Band {
            major: self.major * k,
            thick: self.thick * k,
            wide: self.wide * k,
            stretch: (self.stretch.0 * k, self.stretch.1 * k),
            cut: self.cut * k,
        }
    }

    /// Points of the outer edges.
    pub fn outline(&self) -> Vec<Vec3> {
        let out = self.major + self.thick;
        let mut points = Vec::with_capacity(96);
        for i in 0..48 {
            let (s, c) = (i as f32 / 48.0 * std::f32::consts::TAU).sin_cos();
            let x = out * c + self.stretch.0.copysign(c);
            let y = (out * s + self.stretch.1.copysign(s)).max(self.cut);
            points.push(v3(x, y, self.wide));
            points.push(v3(x, y, -self.wide));
        }
        points
    }

    /// First crossing of the ray within `(near, far)`: distance, and the outward unit normal on demand.
    pub fn meet(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<(f32, impl Fn() -> Vec3)> {
        let (low, high) = self.bounds();
        let (t0, t1, _) = slab(low, high, o, d)?;
        let round = self.thick.min(self.wide) * 0.75;
        let (thick, wide) = (self.thick - round, self.wide - round);
        let distance = move |p: Vec3| {
            let x = p.x - p.x.clamp(-self.stretch.0, self.stretch.0);
            let y = p.y - p.y.clamp(-self.stretch.1, self.stretch.1);
            let across = ((x * x + y * y).sqrt() - self.major).abs() - thick;
            let aside = p.z.abs() - wide;
            let (a, b) = (across.max(0.0), aside.max(0.0));
            let inside = greater(across, aside).min(0.0);
            greater((a * a + b * b).sqrt() + inside - round, self.cut - p.y)
        };
        let (start, end) = (greater(t0, near), lesser(t1, far));
        march(distance, o, d, start, end, round * 4e-3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Shape;

    #[test]
    fn an_arch_is_met_at_its_crown_and_open_below() {
        let band = Shape::Band(Band {
            major: 1.0,
            thick: 0.1,
            wide: 0.2,
            stretch: (0.5, 0.0),
            cut: 0.0,
        });
        let (t, n) = band
            .hit(v3(0.0, 5.0, 0.0), v3(0.0, -1.0, 0.0), 1e-4, 1e9)
            .expect("the crown");
        assert!((t - 3.9).abs() < 1e-2 && (n - Vec3::UP).length() < 0.05);
        assert!(
            band.hit(v3(0.0, 0.4, 5.0), v3(0.0, 0.0, -1.0), 1e-4, 1e9)
                .is_none()
        );
    }
}
