//! What the camera sees where: the few bodies that rays through one part of the canvas can meet.

use super::scene::{Hit, Scene};
use crate::camera::Camera;
use crate::geometry::{Part, Target, Vec3, corners};

/// Side of a tile, in pixels.
const TILE: usize = 8;
/// Depth behind which a body is taken to be everywhere on the canvas.
const CLOSEST: f32 = 0.05;
/// Share of the canvas by which outlines are widened, so that rounding leaves nothing out.
const MARGIN: f32 = 1e-3;

/// A part that the camera looks at.
struct Body<'a> {
    thing: usize,
    part: usize,
    target: Target<'a>,
}

/// The things of some roles, sorted by the tiles of a square canvas that they may cover.
pub struct Sight<'a> {
    /// Canvas size in pixels.
    pub size: usize,
    /// Roles of the things.
    pub roles: u8,
    bodies: Vec<Body<'a>>,
    /// For each tile, row by row, its bodies in the scene's order.
    tiles: Vec<Vec<usize>>,
}

impl<'a> Sight<'a> {
    /// The view of the things with these roles (a union of [`Role`](super::scene::Role) bits).
    pub fn new(scene: &'a Scene, size: usize, roles: u8) -> Self {
        let mut bodies = Vec::new();
        let across = size.div_ceil(TILE);
        let mut tiles = vec![Vec::new(); across * across];
        for (thing, shown) in scene.things.iter().enumerate() {
            if shown.role as u8 & roles == 0 {
                continue;
            }
            for (index, part) in shown.model.parts.iter().enumerate() {
                let (low, high) = outline(&scene.camera, part);
                let tile = |share: f32| (share.clamp(0.0, 1.0) * size as f32) as usize / TILE;
                let last = |share: f32| tile(share).min(across - 1);
                for y in tile(low.1)..=last(high.1) {
                    for x in tile(low.0)..=last(high.0) {
                        tiles[y * across + x].push(bodies.len());
                    }
                }
                let sphere = shown.model.part_sphere(index);
                bodies.push(Body {
                    thing,
                    part: index,
                    target: Target::new(part, sphere, scene.camera.position),
                });
            }
        }
        Sight {
            size,
            roles,
            bodies,
            tiles,
        }
    }

    /// First body that a ray through pixel `(x, y)` meets.
    #[inline]
    pub fn trace(&self, x: usize, y: usize, d: Vec3) -> Option<Hit> {
        let tile = &self.tiles[y / TILE * self.size.div_ceil(TILE) + x / TILE];
        let mut best: Option<Hit> = None;
        let mut limit = 1e9;
        for &index in tile {
            let body = &self.bodies[index];
            if let Some((t, normal)) = body.target.hit(d, 1e-3, limit) {
                limit = t;
                best = Some(Hit {
                    t,
                    normal,
                    thing: body.thing,
                    part: body.part,
                });
            }
        }
        best.map(|hit| hit.towards(d))
    }
}

/// The box of the canvas, 0..1 from left and top, outside which no ray meets the part.
fn outline(camera: &Camera, part: &Part) -> ((f32, f32), (f32, f32)) {
    let (low, high) = part.shape.bounds();
    let corners = corners(low, high).map(|corner| part.rotation.apply(corner) + part.origin);
    if corners.iter().any(|&corner| camera.depth(corner) < CLOSEST) {
        return ((0.0, 0.0), (1.0, 1.0));
    }
    let (mut low, mut high) = ((1.0f32, 1.0f32), (0.0f32, 0.0f32));
    for (u, v) in corners.map(|corner| camera.project(corner)) {
        low = (low.0.min(u - MARGIN), low.1.min(v - MARGIN));
        high = (high.0.max(u + MARGIN), high.1.max(v + MARGIN));
    }
    (low, high)
}
