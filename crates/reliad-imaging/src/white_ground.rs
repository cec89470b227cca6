//! Lifting a product off a white ground: flood fill from the border, soft edge, white un-mixed.

use image::{Rgba, RgbaImage};

use crate::edge::{FAR, carry_outwards, distances, share_of_white, without_white};
use crate::{Problem, Warning, whitish};

/// A pixel is near white if no channel is further than this from 255: what JPEG and a photo
/// studio's falloff leave of white paper.
pub(crate) const TOLERANCE: u8 = 12;
/// The share of the border pixels that must be near white for the ground to be called white; the
/// product may run out of the picture elsewhere.
const LEAST_WHITE_BORDER: f32 = 0.6;
/// How far, in pixels, the product's edge may be mixed with the ground.
const EDGE: u8 = 2;
/// Below this share of white an edge pixel counts as covered by the product: its alpha stays 255,
/// so that a product's texture doesn't turn transparent.
const LEAST_SHARE: f32 = 0.06;

/// Makes the white ground of an opaque picture transparent.
///
/// The ground is what is near white and connected to the border; white enclosed by the product
/// (the hole of a handle, a label) stays. So does a nearly white part of the product, if it is set off
/// from the ground ([`whitish::keep`]); it and what was rather taken for a shadow are told of. Pixels within
/// 2 of the ground get the alpha and colour that, mixed with white, give the colour seen, if the
/// product's own colour is taken from just inside. A product too white to tell from the ground keeps a
/// hard edge, and a shadow on the ground that is darker than near white stays part of the product.
///
/// # Errors
/// [`Problem::NoGround`] if the border isn't white, [`Problem::OnlyWhite`] if nothing else is there.
pub(crate) fn lift(picture: &mut RgbaImage) -> Result<Option<Warning>, Problem> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let border = white_border(picture).ok_or(Problem::NoGround)?;
    let mut ground = flood(picture, &border, TOLERANCE);
    let warning = whitish::keep(picture, &border, &mut ground);
    if !ground.contains(&false) {
        return Err(Problem::OnlyWhite);
    }
    let from_ground = distances(
        (width, height),
        EDGE,
        false,
        |index| ground[index],
        |index| !ground[index],
    );
    let is_edge = |index: usize| (1..=EDGE).contains(&from_ground[index]);
    let from_inside = distances(
        (width, height),
        EDGE + 1,
        false,
        |index| from_ground[index] == FAR,
        is_edge,
    );
    let mut edge = carry_outwards(picture, &from_inside);
    let thin = (0..ground.len()).filter(|&index| is_edge(index) && from_inside[index] == FAR);
    edge.extend(thin.map(|index| (index, least_white(picture, &ground, index))));

    let seen = picture.clone();
    for (index, own) in edge {
        let (x, y) = ((index % width) as u32, (index / width) as u32);
        let mixed = [0, 1, 2].map(|channel| f32::from(seen.get_pixel(x, y).0[channel]));
        if let Some(share) = share_of_white(mixed, own) {
            let [red, green, blue] = without_white(mixed, own, share);
            let cover = if share < LEAST_SHARE {
                1.0
            } else {
                1.0 - share
            };
            let alpha = (cover * 255.0).round() as u8;
            picture.put_pixel(x, y, Rgba([red, green, blue, alpha]));
        }
    }
    for (pixel, is_ground) in picture.pixels_mut().zip(ground) {
        if is_ground {
            pixel.0 = [0; 4];
        }
    }
    Ok(warning)
}

/// How far a pixel is from white: its darkest channel's distance from 255.
pub(crate) fn darkness(picture: &RgbaImage, index: usize) -> u8 {
    let pixel = &picture.as_raw()[index * 4..index * 4 + 3];
    255 - pixel.iter().copied().min().unwrap_or(0)
}

/// The near white pixels of the border; `None` if too little of it is near white.
fn white_border(picture: &RgbaImage) -> Option<Vec<usize>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let at_border = |index: &usize| {
        let (x, y) = (index % width, index / width);
        x == 0 || y == 0 || x + 1 == width || y + 1 == height
    };
    let border: Vec<usize> = (0..width * height).filter(at_border).collect();
    let white: Vec<usize> = border
        .iter()
        .copied()
        .filter(|&index| darkness(picture, index) <= TOLERANCE)
        .collect();
    (white.len() as f32 >= LEAST_WHITE_BORDER * border.len() as f32).then_some(white)
}

/// Which pixels are at most `tolerance` from white and connected to those of the border through their 4 neighbours.
pub(crate) fn flood(picture: &RgbaImage, border: &[usize], tolerance: u8) -> Vec<bool> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let near_white = |index: usize| darkness(picture, index) <= tolerance;
    let mut open: Vec<usize> = border
        .iter()
        .copied()
        .filter(|&index| near_white(index))
        .collect();
    let mut ground = vec![false; width * height];
    open.iter().for_each(|&index| ground[index] = true);
    while let Some(index) = open.pop() {
        let (x, y) = (index % width, index / width);
        let sides = [
            (x > 0).then(|| index - 1),
            (x + 1 < width).then_some(index + 1),
            (y > 0).then(|| index - width),
            (y + 1 < height).then_some(index + width),
        ];
        for near in sides.into_iter().flatten() {
            if !ground[near] && near_white(near) {
                ground[near] = true;
                open.push(near);
            }
        }
    }
    ground
}

/// The colour furthest from white within 2 pixels: a thin part's own colour, where it has no inside.
fn least_white(picture: &RgbaImage, ground: &[bool], index: usize) -> [f32; 3] {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (x, y) = (index % width, index / width);
    let reach = usize::from(EDGE);
    let rows = y.saturating_sub(reach)..=(y + reach).min(height - 1);
    rows.flat_map(|y| {
        let columns = x.saturating_sub(reach)..=(x + reach).min(width - 1);
        columns.map(move |x| y * width + x)
    })
    .filter(|&near| !ground[near])
    .map(|near| {
        let pixel = &picture.as_raw()[near * 4..near * 4 + 3];
        [pixel[0], pixel[1], pixel[2]]
    })
    .min_by_key(|colour| colour.iter().map(|&value| u32::from(value)).sum::<u32>())
    .unwrap_or([255; 3])
    .map(f32::from)
}
