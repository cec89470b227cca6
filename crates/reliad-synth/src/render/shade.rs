//! From a surface point and the light that reaches it to a colour.

use super::scene::{Hit, Role, Scene, smooth};
use crate::color::to_srgb;
use crate::geometry::Vec3;

/// Linear light from a surface point towards the camera.
pub fn shade(
    scene: &Scene,
    hit: &Hit,
    point: Vec3,
    d: Vec3,
    light: (f32, f32, Vec3),
    canvas: (f32, f32),
) -> Vec3 {
    let (key_share, open, mirror) = light;
    let thing = &scene.things[hit.thing];
    let part = &thing.model.parts[hit.part];
    let material = &part.material;
    let n = hit.normal;
    let albedo = material
        .pattern
        .color(part.local(point), part.rotation.invert(n));
    let l = &scene.light;
    let facing = n.dot(l.direction).max(0.0);
    // A wide key light is hidden in corners too: the contact shadow.
    let key_share = key_share * (0.5 + 0.5 * open);
    let occlusion = 0.12 + 0.88 * open;
    // The lamp is near: surfaces on its side get more.
    let falloff = if thing.role == Role::Set {
        (1.0 + 0.2 * point.x * l.direction.x).clamp(0.6, 1.5)
    } else {
        1.0
    };
    let diffuse = albedo
        * (l.key * (facing * key_share * falloff)
            + l.ambient(n) * occlusion
            + Vec3::splat(material.glow));
    let gloss = material.gloss;
    let cosine = (-d.dot(n)).clamp(0.0, 1.0);
    let grazing = (1.0 - cosine).powi(5);
    let f0 = if material.metal { 0.85 } else { 0.04 };
    let fresnel = f0 + (1.0 - f0) * grazing * gloss;
    let reflected = if thing.role == Role::Set && gloss > 0.3 {
        mirror
    } else {
        l.environment(d.reflect(n)) * (0.35 + 0.65 * open)
    };
    let half = (l.direction - d).normalized();
    let power = 6.0 + 220.0 * gloss * gloss;
    let lobe = n.dot(half).max(0.0).powf(power) * (power + 8.0) / 60.0;
    let highlight = l.key * (lobe * key_share * facing.min(1.0) * (0.04 + 0.25 * gloss));
    let color = if material.metal {
        albedo
            * (reflected * (0.75 + 0.45 * gloss)
                + l.ambient(n) * (0.2 * occlusion)
                + l.key * (0.3 * facing * key_share))
            + albedo * highlight
    } else {
        let coat = fresnel * smooth(0.05, 0.6, gloss);
        diffuse * (1.0 - coat) + reflected * coat + highlight
    };
    match &scene.seamless {
        Some(seam) if thing.role == Role::Set && part.origin.y < 0.5 => {
            let far = smooth(seam.start, seam.end, -point.z);
            let shaded = 0.6 + 0.4 * (key_share * 0.5 + open * 0.5);
            color.mix(scene.backdrop.color(canvas.0, canvas.1) * shaded, far)
        }
        _ => color,
    }
}

/// Linear light to display values 0..1: linear to 0.72, then a soft shoulder.
#[inline]
pub fn tone(linear: Vec3) -> Vec3 {
    to_srgb(linear.map(|c| {
        let c = c.max(0.0);
        if c <= 0.72 {
            c
        } else {
            let over = c - 0.72;
            0.72 + 0.28 * over / (over + 0.28)
        }
    }))
}
