//! The camera: a perspective view that puts the product's bounding box where the canvas wants it.

use crate::geometry::{Vec3, v3};

/// A pinhole camera with a shifted and scaled image plane.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    /// Where it stands.
    pub position: Vec3,
    right: Vec3,
    up: Vec3,
    forward: Vec3,
    /// Image-plane coordinates of the canvas centre.
    centre: (f32, f32),
    /// Image-plane length of the whole canvas.
    span: f32,
}

impl Camera {
    /// A camera at `distance` from `target`, `pitch` radians above it, turned so that the outline's
    /// projection is centred and its larger side is `share` of the canvas.
    pub fn framing(target: Vec3, distance: f32, pitch: f32, outline: &[Vec3], share: f32) -> Self {
        let (s, c) = pitch.sin_cos();
        let back = v3(0.0, s, c);
        let position = target + back * distance;
        let forward = -back;
        let right = v3(1.0, 0.0, 0.0);
        let up = right.cross(forward).normalized();
        let mut camera = Camera {
            position,
            right,
            up,
            forward,
            centre: (0.0, 0.0),
            span: 1.0,
        };
        let (mut low, mut high) = (
            (f32::INFINITY, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        );
        for point in outline {
            let (x, y) = camera.plane(*point);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        camera.centre = ((low.0 + high.0) * 0.5, (low.1 + high.1) * 0.5);
        camera.span = (high.0 - low.0).max(high.1 - low.1) / share;
        camera
    }

    /// The same view, moved and zoomed so that a box of the canvas (0..1 from left and top) is
    /// centred and its larger side is `share` of the canvas.
    pub fn reframed(&self, low: (f32, f32), high: (f32, f32), share: f32) -> Self {
        let middle = ((low.0 + high.0) * 0.5 - 0.5, (low.1 + high.1) * 0.5 - 0.5);
        Camera {
            centre: (
                self.centre.0 + middle.0 * self.span,
                self.centre.1 - middle.1 * self.span,
            ),
            span: self.span * (high.0 - low.0).max(high.1 - low.1) / share,
            ..*self
        }
    }

    fn plane(&self, point: Vec3) -> (f32, f32) {
        let v = point - self.position;
        let depth = v.dot(self.forward).max(1e-6);
        (v.dot(self.right) / depth, v.dot(self.up) / depth)
    }

    /// Where a point falls on the canvas: 0..1 from the left and from the top.
    pub fn project(&self, point: Vec3) -> (f32, f32) {
        let (x, y) = self.plane(point);
        (
            0.5 + (x - self.centre.0) / self.span,
            0.5 - (y - self.centre.1) / self.span,
        )
    }

    /// The unit direction through a place on the canvas, 0..1 from the left and from the top.
    #[inline]
    pub fn ray(&self, u: f32, v: f32) -> Vec3 {
        let x = self.centre.0 + (u - 0.5) * self.span;
        let y = self.centre.1 - (v - 0.5) * self.span;
        (self.forward + self.right * x + self.up * y).normalized()
    }

    /// Distance of a point along the view axis.
    pub fn depth(&self, point: Vec3) -> f32 {
        (point - self.position).dot(self.forward)
    }

    /// Canvas length of a unit at this depth.
    pub fn unit_at(&self, depth: f32) -> f32 {
        1.0 / (depth * self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_is_framed_and_rays_are_inverse_to_projection() {
        let outline = [v3(-0.2, 0.0, 0.1), v3(0.2, 0.0, 0.0), v3(0.0, 1.0, -0.1)];
        let camera = Camera::framing(v3(0.0, 0.5, 0.0), 4.0, 0.2, &outline, 0.7);
        let top = camera.project(outline[2]);
        let bottom = camera.project(outline[0]);
        assert!((bottom.1 - top.1 - 0.7).abs() < 1e-3 && (bottom.1 + top.1 - 1.0).abs() < 1e-3);
        let d = camera.ray(top.0, top.1);
        assert!(
            d.cross((outline[2] - camera.position).normalized())
                .length()
                < 1e-4
        );
    }
}
