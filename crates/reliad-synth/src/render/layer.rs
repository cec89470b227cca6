//! One layer of a picture: which surfaces its pixels see, and how much light reaches them.
//!
//! Shadow and occlusion rays are interleaved: each pixel of a 4x4 tile takes its own 4 of 64
//! directions, and a 5x5 mean over pixels of the same surface joins them, so that a few rays a pixel
//! give soft shadows without noise.

use super::casters::{Casters, Cone};
use super::mean::join_light;
use super::scene::{Hit, Role, Scene};
use super::sight::Sight;
use crate::geometry::{Shape, Vec3, v3};

const RAYS: usize = 4;
const TILE: usize = 16;
/// How far bodies darken the ambient light.
const REACH: f32 = 0.9;
/// Lens blur, as a share of the canvas, from which on half the rays suffice.
const BLURRED: f32 = 0.012;

/// What one pixel sees.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The surface, `None` where the layer is empty.
    pub hit: Option<Hit>,
    /// Where, in world coordinates.
    pub point: Vec3,
    /// Share of the key light that arrives.
    pub key: f32,
    /// Share of the ambient light that arrives.
    pub open: f32,
    /// Reflected light, for polished sets.
    pub mirror: Vec3,
}

/// The pixels of a layer, row by row.
pub struct Layer {
    /// Canvas size in pixels.
    pub size: usize,
    /// One entry a pixel.
    pub seen: Vec<Seen>,
}

/// The fixed sample directions of a scene.
struct Samples {
    key: Vec<Vec3>,
    dome: Vec<Vec3>,
}

impl Samples {
    fn new(scene: &Scene) -> Self {
        let golden = 2.399_963_2_f32;
        let (a, b) = scene.light.direction.tangents();
        let count = (RAYS * TILE) as f32;
        // Stride 27 is coprime to 64: neighbours in the list are far apart on the disc.
        let order: Vec<usize> = (0..RAYS * TILE).map(|i| (i * 27) % (RAYS * TILE)).collect();
        let key = order
            .iter()
            .map(|&i| {
                let r = ((i as f32 + 0.5) / count).sqrt() * scene.light.spread;
                let (s, c) = (i as f32 * golden).sin_cos();
                (scene.light.direction + a * (r * c) + b * (r * s)).normalized()
            })
            .collect();
        let dome = order
            .iter()
            .map(|&i| {
                let u = (i as f32 + 0.5) / count;
                let (s, c) = (i as f32 * golden).sin_cos();
                v3(u.sqrt() * c, (1.0 - u).sqrt(), u.sqrt() * s)
            })
            .collect();
        Samples { key, dome }
    }
}

impl Layer {
    /// Renders visibility and light for what is in sight; `shaders` can shade it.
    /// Pixels that are not `wanted` stay empty.
    pub fn render(scene: &Scene, sight: &Sight, shaders: u8, wanted: Option<&[bool]>) -> Layer {
        let samples = Samples::new(scene);
        let mut casters = Casters::new(scene, shaders, REACH);
        let Sight { size, roles, .. } = *sight;
        let step = 1.0 / size as f32;
        let mut seen = Vec::with_capacity(size * size);
        for y in 0..size {
            for x in 0..size {
                let mut pixel = Seen {
                    hit: None,
                    point: Vec3::ZERO,
                    key: 1.0,
                    open: 1.0,
                    mirror: Vec3::ZERO,
                };
                if wanted.is_some_and(|wanted| !wanted[y * size + x]) {
                    seen.push(pixel);
                    continue;
                }
                let d = scene
                    .camera
                    .ray((x as f32 + 0.5) * step, (y as f32 + 0.5) * step);
                let o = scene.camera.position;
                pixel.hit = sight.trace(x, y, d);
                if let Some(hit) = pixel.hit {
                    pixel.point = o + d * hit.t;
                    let phase = (x & 3) + (y & 3) * 4;
                    light(
                        scene,
                        &samples,
                        &mut casters,
                        &mut pixel,
                        hit,
                        d,
                        phase,
                        roles,
                    );
                }
                seen.push(pixel);
            }
        }
        join_light(&mut seen, size);
        Layer { size, seen }
    }

    /// The light at the pixel of the same surface next to `(x, y)`.
    pub fn light_near(&self, x: usize, y: usize, hit: &Hit) -> (f32, f32, Vec3) {
        let mut best = (1.0, 0.85, Vec3::ZERO);
        let mut closest = f32::NEG_INFINITY;
        for py in y.saturating_sub(1)..=(y + 1).min(self.size - 1) {
            for px in x.saturating_sub(1)..=(x + 1).min(self.size - 1) {
                let there = &self.seen[py * self.size + px];
                let Some(other) = there.hit else { continue };
                let same = f32::from(u8::from(other.thing == hit.thing))
                    + f32::from(u8::from(other.part == hit.part));
                let score = same * 4.0 + other.normal.dot(hit.normal)
                    - if (px, py) == (x, y) { 0.0 } else { 0.05 };
                if score > closest {
                    closest = score;
                    best = (there.key, there.open, there.mirror);
                }
            }
        }
        best
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one inner step of the loop above, split for reading"
)]
fn light(
    scene: &Scene,
    samples: &Samples,
    casters: &mut Casters,
    pixel: &mut Seen,
    hit: Hit,
    d: Vec3,
    phase: usize,
    roles: u8,
) {
    let n = hit.normal;
    let from = pixel.point + n * 2e-3;
    // A single convex body can't shade itself.
    let parts = &scene.things[hit.thing].model.parts;
    let convex = matches!(parts.as_slice(), [one] if matches!(one.shape, Shape::Block { .. } | Shape::Ellipsoid { .. }));
    let skip = convex.then_some(hit.thing);
    let product_layer = roles == Role::Product as u8;
    // The lens blur averages light as well: half the rays do.
    let blur = scene.blur_radius(1.0 / scene.camera.depth(pixel.point));
    let rays = if !product_layer && blur > BLURRED {
        RAYS / 2
    } else {
        RAYS
    };
    let towards = scene.light.direction;
    let key = (n.dot(towards) > -0.15).then_some(Cone {
        axis: towards,
        spread: scene.light.spread,
    });
    casters.gather(from, n, skip, key.as_ref());
    if key.is_some() {
        let mut lit = 0;
        let mut asked = 0;
        for ray in 0..rays {
            let to = samples.key[phase + ray * TILE];
            if n.dot(to) <= 0.0 {
                continue;
            }
            asked += 1;
            lit += i32::from(!casters.hide(to, 30.0));
        }
        pixel.key = if asked > 0 {
            let share = if product_layer {
                1.0
            } else {
                scene.light.gobo.share(pixel.point, scene.light.direction)
            };
            lit as f32 / asked as f32 * share
        } else {
            0.0
        };
    } else {
        pixel.key = 0.0;
    }
    let (a, b) = n.tangents();
    let mut closed = 0.0;
    for ray in 0..rays {
        let s = samples.dome[phase + ray * TILE];
        let to = a * s.x + n * s.y + b * s.z;
        let mut t = casters.distance(to);
        if product_layer && to.y < -1e-3 {
            // A cut-out was photographed standing on something.
            t = t.min((from.y / -to.y).max(0.0));
        }
        let near = 1.0 - t / REACH;
        closed += near.max(0.0).sqrt();
    }
    pixel.open = 1.0 - closed / rays as f32;
    let material = &scene.things[hit.thing].model.parts[hit.part].material;
    if scene.things[hit.thing].role == Role::Set && material.gloss > 0.3 {
        let s = samples.dome[phase];
        let rough = (1.0 - material.gloss) * 0.25;
        let to = (d.reflect(n) + a * (s.x * rough) + b * (s.z * rough)).normalized();
        let all = Role::Product as u8 | Role::Extension as u8 | Role::Prop as u8 | Role::Set as u8;
        pixel.mirror = match scene.trace(from, to, 1e-3, 1e9, all) {
            Some(m) => {
                let part = &scene.things[m.thing].model.parts[m.part];
                let p = part.local(from + to * m.t);
                let color = part
                    .material
                    .pattern
                    .color(p, part.rotation.invert(m.normal));
                let key = scene.light.key * m.normal.dot(scene.light.direction).max(0.0) * 0.8;
                color
                    * (key + scene.light.ambient(m.normal) * 0.8 + Vec3::splat(part.material.glow))
            }
            None => scene.light.environment(to).min(Vec3::splat(1.2)),
        };
    }
}
