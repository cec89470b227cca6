//! Depth and saliency against the pictures, and against the scene traced anew.

use image::{GrayImage, RgbImage, RgbaImage};
use reliad_imaging::Class;

use crate::draw::Draw;
use crate::failure::Failure;
use crate::render::scene::Role;
use crate::render::{BEHIND, PRODUCT};
use crate::world::{Plan, Sample};

const AROUND: u8 = Role::Prop as u8 | Role::Set as u8;

/// Pixels of a sample that are traced anew.
const TRACED: usize = 24;
/// Largest difference of a traced depth, of the range 0..1: rounding of 32-bit numbers.
const TOLERANCE: f32 = 2e-4;

/// What the pictures alone show to be wrong.
pub fn violations(
    class: Class,
    product: &RgbaImage,
    picture: &RgbImage,
    saliency: &GrayImage,
    depth: &[f32],
) -> Vec<String> {
    let size = picture.dimensions();
    if product.dimensions() != size
        || saliency.dimensions() != size
        || depth.len() * 3 != picture.as_raw().len()
    {
        return vec!["picture, product, depth and saliency differ in size".to_string()];
    }
    let mut found = Vec::new();
    let (mut lost, mut added, mut changed) = (0, 0, 0);
    for ((p, s), shown) in product
        .pixels()
        .zip(saliency.pixels())
        .zip(picture.pixels())
    {
        lost += u32::from(s[0] < p[3]);
        added += u32::from(s[0] > p[3]);
        changed += u32::from(p[3] == 255 && p.0[..3] != shown.0);
    }
    if lost > 0 {
        found.push(format!(
            "saliency is below the product's alpha in {lost} pixels"
        ));
    }
    if (added > 0) != (class == Class::ShapeHallucination) {
        found.push(format!("saliency adds {added} pixels to the product"));
    }
    if changed > 0 {
        found.push(format!("{changed} of the product's pixels are changed"));
    }
    let (low, high) = depth.iter().fold((f32::INFINITY, 0f32), |(low, high), &d| {
        (low.min(d), high.max(d))
    });
    if (low, high) != (0.0, 1.0) {
        found.push(format!("depth spans {low} to {high}"));
    }
    found
}

/// Traces the scene through random pixels and compares depth, coverage and order.
pub fn retrace(sample: &Sample, plan: &Plan, index: u64) -> Vec<String> {
    let scene = &plan.scene;
    let n = sample.picture.width() as usize;
    let place = |i: usize| ((i % n) as f32 + 0.5, (i / n) as f32 + 0.5);
    // Inverse depth of what a pixel's middle sees, of the product alone, and of the rest.
    let trace = |i: usize, roles: u8| {
        let (x, y) = place(i);
        let d = scene.camera.ray(x / n as f32, y / n as f32);
        let hit = scene.trace(scene.camera.position, d, 1e-3, 1e9, roles);
        hit.map_or(0.0, |hit| {
            1.0 / scene.camera.depth(scene.camera.position + d * hit.t)
        })
    };
    let kept = |i: usize| {
        let (x, y) = place(i);
        scene
            .damage
            .is_none_or(|damage| damage.keeps(x / n as f32, y / n as f32))
    };
    // The product is a layer over all else, as it is in the picture.
    let shown = |i: usize| {
        let product = if kept(i) { trace(i, PRODUCT) } else { 0.0 };
        if product > 0.0 {
            product
        } else {
            trace(i, BEHIND)
        }
    };
    let order = |a: &usize, b: &usize| sample.depth[*a].total_cmp(&sample.depth[*b]);
    let (Some(far), Some(near)) = ((0..n * n).min_by(order), (0..n * n).max_by(order)) else {
        return Vec::new();
    };
    let (low, high) = (shown(far), shown(near));
    let mut found = Vec::new();
    let mut draw = Draw::new(0x6175_6474, index, 0);
    for _ in 0..TRACED {
        let i = draw.below(n * n);
        let expected = (shown(i) - low) / (high - low).max(1e-9);
        if (expected - sample.depth[i]).abs() > TOLERANCE {
            found.push(format!(
                "depth of pixel {i} is {}, traced {expected}",
                sample.depth[i]
            ));
        }
        let (x, y) = ((i % n) as u32, (i / n) as u32);
        let solid = sample.product.get_pixel(x, y)[3] == 255;
        if !solid {
            continue;
        }
        // The product's own depth knows nothing of its support: it is that of a scene without one.
        let alone = trace(i, PRODUCT);
        let own = low + sample.depth[i] * (high - low);
        if alone > 0.0 && kept(i) && (alone - own).abs() > TOLERANCE * (high - low) {
            found.push(format!(
                "the product's depth in pixel {i} depends on the scene"
            ));
        }
    }
    // Sunk products have their support before them, and an invented top grows out of the product.
    if !matches!(sample.parameters.failure, Some(Failure::Sinks { .. })) {
        let (mut solid, mut hidden) = (0u32, 0u32);
        for i in (0..n * n).step_by(7) {
            let (x, y) = ((i % n) as u32, (i / n) as u32);
            if sample.product.get_pixel(x, y)[3] == 255 && kept(i) {
                solid += 1;
                let own = trace(i, PRODUCT);
                hidden += u32::from(own > 0.0 && trace(i, AROUND) > own * 1.02);
            }
        }
        if hidden * 50 > solid {
            found.push(format!(
                "something stands before the product in {hidden} of {solid} pixels"
            ));
        }
    }
    found
}
