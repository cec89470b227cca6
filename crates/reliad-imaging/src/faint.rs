//! The product's box, and what becomes of faint pixels around it.

use image::{Rgba, RgbaImage};

use crate::cutout::{MIN_SIDE, SOLID};
use crate::edge::neighbours;
use crate::{Bounds, Warning};

/// Where a product lies in its picture.
pub(crate) struct Boxes {
    /// The box of everything at least half opaque: what the product's size is measured by.
    pub solid: Bounds,
    /// The box of everything visible; holds `solid`.
    pub visible: Bounds,
    /// Told where faint pixels lie further outside than a soft edge.
    pub warning: Option<Warning>,
}

/// Measures the product; `None` where nothing is visible.
///
/// The box is that of alpha from one half on, as the paper's reference takes it. Faint pixels outside it that touch the
/// product, directly or through others (a soft edge, a glow, a shadow), stay; those that don't (dust, what an eraser
/// left) are made transparent. A product without a solid part of [`MIN_SIDE`] pixels is measured by all that is visible.
pub(crate) fn measure(picture: &mut RgbaImage) -> Option<Boxes> {
    let visible = Bounds::of_alpha(picture, 1)?;
    let solid = Bounds::of_alpha(picture, SOLID)
        .filter(|solid| solid.width.max(solid.height) >= MIN_SIDE)
        .unwrap_or(visible);
    let distance = beyond(solid, visible);
    // The width of an edge that is the product's own, as for taking white out of it.
    let edge = (solid.width.max(solid.height) / 100).clamp(4, 64);
    if distance <= edge {
        return Some(Boxes {
            solid,
            visible,
            warning: None,
        });
    }
    let dropped = drop_apart(picture, solid);
    Some(Boxes {
        solid,
        visible: Bounds::of_alpha(picture, 1)?,
        warning: Some(Warning::Faint { distance, dropped }),
    })
}

/// How far one box reaches out of the other at most.
fn beyond(inner: Bounds, outer: Bounds) -> u32 {
    [
        inner.x - outer.x,
        inner.y - outer.y,
        outer.x + outer.width - inner.x - inner.width,
        outer.y + outer.height - inner.y - inner.height,
    ]
    .into_iter()
    .fold(0, u32::max)
}

/// Makes faint pixels outside the box transparent unless they are joined to a solid one; how many.
fn drop_apart(picture: &mut RgbaImage, solid: Bounds) -> u64 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let alpha = |index: usize| picture.as_raw()[index * 4 + 3];
    let mut joined: Vec<bool> = (0..width * height)
        .map(|index| alpha(index) >= SOLID)
        .collect();
    // Pixels are counted in 32 bits: no picture that is read has more.
    let mut open: Vec<u32> = Vec::new();
    let spread = |from: usize, joined: &mut [bool], open: &mut Vec<u32>| {
        for near in neighbours(from, width, height) {
            if !joined[near] && alpha(near) > 0 {
                joined[near] = true;
                open.push(near as u32);
            }
        }
    };
    for index in 0..width * height {
        if alpha(index) >= SOLID {
            spread(index, &mut joined, &mut open);
        }
    }
    while let Some(index) = open.pop() {
        spread(index as usize, &mut joined, &mut open);
    }
    let mut dropped = 0;
    for ((x, y, pixel), is_joined) in picture.enumerate_pixels_mut().zip(joined) {
        if pixel.0[3] > 0 && !is_joined && !solid.contains(x, y) {
            *pixel = Rgba([0; 4]);
            dropped += 1;
        }
    }
    dropped
}
