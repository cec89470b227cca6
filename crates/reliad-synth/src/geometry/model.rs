//! A thing made of parts: bodies with a place, a rotation and a material.

use super::ray::corners;
use super::shape::Shape;
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

/// A few parts with bounding spheres, so that most rays skip all or most of them at once.
#[derive(Clone, Debug)]
pub struct Model {
    /// The bodies.
    pub parts: Vec<Part>,
    all: Sphere,
    /// One a part; empty for a single part.
    each: Vec<Sphere>,
}

/// A sphere that holds a body.
#[derive(Clone, Copy, Debug)]
pub struct Sphere {
    /// Its middle.
    pub centre: Vec3,
    /// Its radius.
    pub radius: f32,
}

impl Sphere {
    /// Around the box of these points.
    fn around(points: &[Vec3]) -> Self {
        let (low, high) = points.iter().fold(
            (Vec3::splat(f32::INFINITY), Vec3::splat(f32::NEG_INFINITY)),
            |(low, high), p| (low.min(*p), high.max(*p)),
        );
        let centre = (low + high) * 0.5;
        let reach = points.iter().map(|p| (*p - centre).length());
        Sphere {
            centre,
            radius: reach.fold(0.0, f32::max) * 1.0001,
        }
    }

    /// Whether the ray misses it within `far`.
    #[inline]
    fn is_missed(&self, o: Vec3, d: Vec3, far: f32) -> bool {
        let to = self.centre - o;
        let along = to.dot(d);
        let distance = to.dot(to);
        let room = self.radius * self.radius;
        distance - along * along > room
            || (along < 0.0 && distance > room)
            || along - self.radius > far
    }
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
        let boxes: Vec<[Vec3; 8]> = parts
            .iter()
            .map(|part| {
                let (low, high) = part.shape.bounds();
                corners(low, high).map(|corner| part.rotation.apply(corner) + part.origin)
            })
            .collect();
        let all = Sphere::around(boxes.as_flattened());
        let each = if parts.len() > 1 {
            boxes.iter().map(|b| Sphere::around(b)).collect()
        } else {
            Vec::new()
        };
        Model { parts, all, each }
    }

    /// Points whose projections bound the model's.
    pub fn outline(&self) -> Vec<Vec3> {
        let mut points = Vec::new();
        for part in &self.parts {
            let own = part.shape.outline().into_iter();
            points.extend(own.map(|p| part.rotation.apply(p) + part.origin));
        }
        points
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

    /// Whether its body, which is its first part, is a box.
    pub fn is_boxy(&self) -> bool {
        matches!(
            self.parts.first().map(|part| &part.shape),
            Some(Shape::Block { .. })
        )
    }

    /// A sphere around all parts.
    pub fn sphere(&self) -> Sphere {
        self.all
    }

    /// A sphere around one part.
    pub fn part_sphere(&self, index: usize) -> Sphere {
        self.each.get(index).copied().unwrap_or(self.all)
    }

    /// First crossing within `(near, far)`.
    #[inline]
    pub fn hit(&self, o: Vec3, d: Vec3, near: f32, far: f32) -> Option<ModelHit> {
        if self.all.is_missed(o, d, far) {
            return None;
        }
        let mut best: Option<ModelHit> = None;
        let mut limit = far;
        for (index, part) in self.parts.iter().enumerate() {
            if self
                .each
                .get(index)
                .is_some_and(|s| s.is_missed(o, d, limit))
            {
                continue;
            }
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
