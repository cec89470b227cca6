//! Parts asked by many rays from one point.

use super::model::{Part, Sphere};
use super::vector::Vec3;

/// A part as seen from a point, with what all rays from there share.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    part: &'a Part,
    /// The point in the body's own coordinates.
    local: Vec3,
    /// From the point to the middle of the sphere around the body.
    to: Vec3,
    radius: f32,
    /// Squared length of a tangent from the point to the sphere; negative inside.
    tangent: f32,
}

impl<'a> Target<'a> {
    /// The part, which the sphere holds, seen from a point.
    pub fn new(part: &'a Part, sphere: Sphere, from: Vec3) -> Self {
        let to = sphere.centre - from;
        Target {
            part,
            local: part.local(from),
            to,
            radius: sphere.radius,
            tangent: to.dot(to) - sphere.radius * sphere.radius,
        }
    }

    /// The point in the body's own coordinates.
    #[inline]
    pub fn local(&self) -> Vec3 {
        self.local
    }

    /// Whether the point lies in the sphere or next to it.
    #[inline]
    pub fn is_close(&self) -> bool {
        self.tangent < self.radius * self.radius
    }

    /// The direction in the body's own coordinates, unless the ray misses the sphere within `far`.
    #[inline]
    fn aim(&self, d: Vec3, far: f32) -> Option<Vec3> {
        let along = self.to.dot(d);
        let missed = self.tangent > along * along
            || (along < 0.0 && self.tangent > 0.0)
            || along - self.radius > far;
        (!missed).then(|| self.part.rotation.invert(d))
    }

    /// First crossing within `(near, far)`: distance and outward unit normal.
    #[inline]
    pub fn hit(&self, d: Vec3, near: f32, far: f32) -> Option<(f32, Vec3)> {
        let local_d = self.aim(d, far)?;
        let (t, normal) = self.part.shape.hit(self.local, local_d, near, far)?;
        Some((t, self.part.rotation.apply(normal)))
    }

    /// Distance of the first crossing within `(near, far)`.
    #[inline]
    pub fn distance(&self, d: Vec3, near: f32, far: f32) -> Option<f32> {
        let local_d = self.aim(d, far)?;
        self.part.shape.distance(self.local, local_d, near, far)
    }

    /// Whether the ray crosses the body within `(near, far)`.
    #[inline]
    pub fn blocks(&self, d: Vec3, near: f32, far: f32) -> bool {
        self.aim(d, far)
            .is_some_and(|local_d| self.part.shape.blocks(self.local, local_d, near, far))
    }
}
