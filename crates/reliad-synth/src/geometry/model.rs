//! A thing made of parts: bodies with a place, a rotation and a material.

use super::shape::{Shape, corners};
use super::vector::{Rotation, Vec3};
use crate::material::Material;

/// One body of a model.
#[derive(Clone, Debug)]
pub struct Part {
    /// The body in its own coordinates.
    pub shape: Shape,
    /// From the body's coordinates to the model's.
    pub rotation: Rotation,
    /// Where the body's origin lies.
    pub origin: Vec3,
    /// What it is made of.
    pub material: Material,
}

/// A few parts with a bounding sphere, so that most rays skip all of them at once.
#[derive(Clone, Debug)]
pub struct Model {
    /// The bodies.
    pub parts: Vec<Part>,
    centre: Vec3,
    radius: f32,
}

/// Where a ray met a model.
#[derive(Clone, Copy, Debug)]
pub struct ModelHit {
    /// Distance along the ray.
    pub t: f32,
    /// Unit normal, outward.
    pub normal: Vec3,
    /// Which part.
    pub part: usize,
}

impl Part {
    /// A body that stands where it was made.
    pub fn new(shape: Shape, material: Material) -> Self {
        Part {
            shape,
            rotation: Rotation::IDENTITY,
            origin: Vec3::ZERO,
            material,
        }
    }

    /// The same body elsewhere.
    pub fn at(mut self, origin: Vec3) -> Self {
        self.origin = origin;
        self
    }

    /// The same body turned about its own origin.
    pub fn turned(mut self, rotation: Rotation) -> Self {
        self.rotation = rotation;
        self
    }

    /// A point in the body's own coordinates.
    #[inline]
    pub fn local(&self, point: Vec3) -> Vec3 {
        self.rotation.invert(point - self.origin)
    }
}

impl Model {
    /// A model of these parts.
    pub fn new(parts: Vec<Part>) -> Self {
        let mut low = Vec3::splat(f32::INFINITY);
        let mut high = Vec3::splat(f32::NEG_INFINITY);
        let mut points = Vec::with_capacity(parts.len() * 8);
        for part in &parts {
            let (a, b) = part.shape.bounds();
            for corner in corners(a, b) {
                let p = part.rotation.apply(corner) + part.origin;
                low = low.min(p);
                high = high.max(p);
                points.push(p);
            }
        }
        let centre = (low + high) * 0.5;
        let radius = points
            .iter()
            .map(|p| (*p - centre).length())
            .fold(0.0, f32::max);
        Model {
            parts,
            centre,
            radius: radius * 1.0001,
        }
    }

    /// Points whose projections bound the model's.
    pub fn outline(&self) -> Vec<Vec3> {
        self.parts
            .iter()
            .flat_map(|part| {
                part.shape
                    .outline()
                    .into_iter()
                    .map(|p| part.rotation.apply(p) + part.origin)
            })
            .collect()
    }

    /// The axis-aligned box around the outline.
    pub fn extent(&self) -> (Vec3, Vec3) {
        self.outline().into_iter().fold(
            (Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY)),
            |(low, high), p| (low.min(p), high.max(p)),
        )
    }

    /// `k` times as large, about the origin.
    pub fn scaled(&self, k: f32) -> Self {
        Model::new(
            self.parts
                .iter()
                .map(|p| Part {
                    shape: p.shape.scaled(k),
                    rotation: p.rotation,
                    origin: p.origin * k,
                    material: p.material.scaled(k),
                })
                .collect(),
        )
    }

    /// Turned about the origin, then moved.
    pub fn placed(&self, rotation: Rotation, origin: Vec3) -> Self {
        Model::new(
            self.parts
                .iter()
                .map(|p| Part {
                    rotation: rotation.after(&p.rotation),
                    origin: rotation.apply(p.origin) + origin,
                    ..p.clone()
                })
                .collect(),
        )
    }

    /// A sphere around all parts: its middle and radius.
    pub fn sphere(&self) -> (Vec3, f32) {
        (self.centre, self.radius)
    }

    /// First crossing within `(near, far)`.
    #[inline]
    pub fn hit(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<ModelHit> {
        let to = self.centre - o;
        let along = to.dot(d);
        let aside = to.dot(to) - along * along;
        let room = self.radius * self.radius;
        if aside > room || (along < 0.0 && to.dot(to) > room) || along - self.radius > far {
            return None;
        }
        let mut best: Option<ModelHit> = None;
        let mut limit = far;
        for (index, part) in self.parts.iter().enumerate() {
            let local_o = part.rotation.invert(o - part.origin);
            let local_d = part.rotation.invert(d);
            if let Some((t, normal)) = part.shape.hit(local_o, local_d, near, limit) {
                limit = t;
                best = Some(ModelHit {
                    t,
                    normal,
                    part: index,
                });
            }
        }
        best.map(|hit| ModelHit {
            normal: self.parts[hit.part].rotation.apply(hit.normal),
            ..hit
        })
    }
}
