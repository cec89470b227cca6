//! From a surface point and the light that reaches it to a colour.

use super::scene::{Hit, Light, Role, Scene};
use crate::color::to_srgb;
use crate::geometry::Vec3;
use crate::material::{Material, Surface};
use crate::texture::smooth;

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
    let (local, local_n) = (part.local(point), part.rotation.invert(n));
    let printed = material.pattern.color(local, local_n);
    let label;
    // A label on glass or metal is paper.
    let material = if material.pattern.is_label(printed) {
        label = Material::glossy(printed, material.gloss.min(0.35));
        &label
    } else {
        material
    };
    let albedo = printed * material.surface.texture(local, local_n);
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
    let lit = Lit {
        n,
        d,
        facing,
        key: key_share,
        falloff,
        occlusion,
    };
    let reflected = if thing.role == Role::Set && material.gloss > 0.3 {
        mirror
    } else {
        reflection(l, material, part.rotation.apply(Vec3::UP), &lit) * (0.35 + 0.65 * open)
    };
    let color = match material.surface {
        Surface::Glass => glass(l, albedo, &lit, reflected),
        _ if material.metal => metal(l, material, albedo, &lit, reflected),
        _ => coat(l, material, albedo, &lit, reflected),
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

/// A surface point with its view and its share of the lights.
struct Lit {
    /// Unit normal, towards the viewer.
    n: Vec3,
    /// Direction of view.
    d: Vec3,
    /// Cosine to the key light, at least 0.
    facing: f32,
    /// Share of the key light.
    key: f32,
    /// Factor of the key light's nearness.
    falloff: f32,
    /// Share of the ambient light.
    occlusion: f32,
}

impl Lit {
    /// The key light in a lobe of this width, before any share.
    fn lobe(&self, light: &Light, power: f32) -> f32 {
        let half = (light.direction - self.d).normalized();
        let lobe = self.n.dot(half).max(0.0).powf(power) * (power + 8.0) / 60.0;
        lobe * self.key * self.facing.min(1.0)
    }

    /// 0 where the surface faces the viewer, 1 at its outline.
    fn rim(&self) -> f32 {
        1.0 - (-self.d.dot(self.n)).clamp(0.0, 1.0)
    }
}

/// What a surface mirrors; brushed metal smears it along `axis`.
fn reflection(light: &Light, material: &Material, axis: Vec3, lit: &Lit) -> Vec3 {
    if material.surface != Surface::Brushed {
        return light.environment(lit.d.reflect(lit.n));
    }
    let smeared = [-0.3f32, 0.0, 0.3].map(|by| {
        let n = (lit.n + axis * by).normalized();
        light.environment(lit.d.reflect(n))
    });
    (smeared[0] + smeared[1] + smeared[2]) / 3.0
}

/// Scattered light under a clear coat, or threads without one.
fn coat(light: &Light, material: &Material, albedo: Vec3, lit: &Lit, reflected: Vec3) -> Vec3 {
    let gloss = material.gloss;
    let key = light.key * (lit.facing * lit.key * lit.falloff);
    let ambient = light.ambient(lit.n) * lit.occlusion;
    let mut diffuse = albedo * (key + ambient + Vec3::splat(material.glow));
    let rim = lit.rim();
    if material.surface == Surface::Fabric {
        // Loose fibres scatter light towards the viewer where the surface turns away.
        diffuse += (ambient + key * 0.4) * albedo.mix(Vec3::ONE, 0.15) * (0.35 * rim.powi(3));
    }
    let f0 = if material.surface == Surface::Glaze {
        0.07
    } else {
        0.04
    };
    let fresnel = f0 + (1.0 - f0) * rim.powi(5) * gloss;
    let power = 6.0 + 220.0 * gloss * gloss;
    let highlight = light.key * (lit.lobe(light, power) * (0.04 + 0.25 * gloss));
    let coat = fresnel * smooth(0.05, 0.6, gloss);
    diffuse * (1.0 - coat) + reflected * coat + highlight
}

/// Highlights in the body's own colour.
fn metal(light: &Light, material: &Material, albedo: Vec3, lit: &Lit, reflected: Vec3) -> Vec3 {
    let gloss = material.gloss;
    let power = 6.0 + 220.0 * gloss * gloss;
    let highlight = light.key * (lit.lobe(light, power) * (0.04 + 0.25 * gloss));
    albedo
        * (reflected * (0.75 + 0.45 * gloss)
            + light.ambient(lit.n) * (0.2 * lit.occlusion)
            + light.key * (0.3 * lit.facing * lit.key))
        + albedo * highlight
}

/// Tinted glass: light that has passed through it glows on the side away from the lamp, the thick
/// middle is darker than the thin rim, the outline is drawn dark, and the surface mirrors sharply.
fn glass(light: &Light, albedo: Vec3, lit: &Lit, reflected: Vec3) -> Vec3 {
    let rim = lit.rim();
    let across = (lit.n - lit.d * lit.n.dot(lit.d)).dot(light.direction);
    let through = smooth(0.0, 0.85, -across) * 1.05 + 0.22 * lit.facing;
    let thin = 0.72 + 0.78 * smooth(0.12, 0.62, rim);
    let edge = 1.0 - 0.6 * smooth(0.72, 0.97, rim);
    let passed = light.key * (through * (0.4 + 0.6 * lit.key)) + light.ambient(-lit.n) * 0.65;
    let body = albedo * passed * (thin * edge * (0.4 + 0.6 * lit.occlusion));
    let fresnel = 0.06 + 0.5 * rim.powi(4);
    body * (1.0 - fresnel) + reflected * fresnel + light.key * (lit.lobe(light, 300.0) * 0.3)
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
