//! Value noise, the one source of irregularity in surfaces, a pure function of the point; and smooth steps.

use crate::geometry::Vec3;

/// A hash of a lattice point, uniform in 0..1.
#[inline]
pub fn lattice(x: i32, y: i32, z: i32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ (z as u32).wrapping_mul(0xcb1a_b31f);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^= h >> 12;
    h = h.wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 / (1u32 << 24) as f32
}

/// Smooth noise in 0..1 with features of about unit size.
pub fn noise(p: Vec3) -> f32 {
    let (fx, fy, fz) = (p.x.floor(), p.y.floor(), p.z.floor());
    let (ix, iy, iz) = (fx as i32, fy as i32, fz as i32);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v, w) = (ease(p.x - fx), ease(p.y - fy), ease(p.z - fz));
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let row = |y: i32, z: i32| mix(lattice(ix, y, z), lattice(ix.wrapping_add(1), y, z), u);
    let plane = |z: i32| mix(row(iy, z), row(iy.wrapping_add(1), z), v);
    mix(plane(iz), plane(iz.wrapping_add(1)), w)
}

/// Noise with `octaves` finer layers, in 0..1.
pub fn fbm(p: Vec3, octaves: u32) -> f32 {
    let (mut sum, mut weight, mut total, mut q) = (0.0, 0.5, 0.0, p);
    for _ in 0..octaves {
        sum += noise(q) * weight;
        total += weight;
        weight *= 0.5;
        q = q * 2.03 + Vec3::splat(1.7);
    }
    sum / total
}

/// Hermite step from `a` (0) to `b` (1); `a` may lie above `b`.
#[inline]
pub fn smooth(a: f32, b: f32, x: f32) -> f32 {
    let t = ((x - a) / (b - a)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
