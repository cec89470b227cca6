//! The product's soft edge: distances from it, colours carried over it, and white taken out of it.

use std::collections::HashMap;

use image::RgbaImage;

/// A pixel this opaque shows the product's own colour: one value of slack for matting tools that
/// never reach 255.
const OPAQUE: u8 = 254;
/// Below this distance from white (per channel, root mean square) a colour is too white for the
/// white mixed into it to be told apart.
const LEAST_CONTRAST: f32 = 24.0;
/// The distance of a pixel that wasn't reached.
pub(crate) const FAR: u8 = u8::MAX;

/// Steps (to any of 8 neighbours) from the nearest `seed` pixel, through `through` pixels only.
///
/// Seeds have 0; pixels that aren't reached within `reach` steps have [`FAR`]. `frame` makes what
/// lies outside the picture a seed too.
pub(crate) fn distances(
    (width, height): (usize, usize),
    reach: u8,
    frame: bool,
    seed: impl Fn(usize) -> bool,
    through: impl Fn(usize) -> bool,
) -> Vec<u8> {
    let mut distances: Vec<u8> = (0..width * height)
        .map(|index| if seed(index) { 0 } else { FAR })
        .collect();
    let mut front = Vec::new();
    for index in 0..width * height {
        if distances[index] == 0 || !through(index) {
            continue;
        }
        let (x, y) = (index % width, index / width);
        let at_frame = frame && (x == 0 || y == 0 || x + 1 == width || y + 1 == height);
        if at_frame || neighbours(index, width, height).any(|near| distances[near] == 0) {
            distances[index] = 1;
            front.push(index);
        }
    }
    for step in 2..=reach {
        let mut next = Vec::new();
        for index in front {
            for near in neighbours(index, width, height) {
                if distances[near] == FAR && through(near) {
                    distances[near] = step;
                    next.push(near);
                }
            }
        }
        front = next;
    }
    distances
}

/// The up to 8 neighbours of a pixel.
pub(crate) fn neighbours(index: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (index % width, index / width);
    (y.saturating_sub(1)..=(y + 1).min(height - 1))
        .flat_map(move |y| {
            (x.saturating_sub(1)..=(x + 1).min(width - 1)).map(move |x| y * width + x)
        })
        .filter(move |&near| near != index)
}

/// The product's colour at each reached pixel: that of distance 0, carried outwards step by step
/// as the mean of the neighbours one step nearer. Pairs of index and colour, nearest first.
pub(crate) fn carry_outwards(picture: &RgbaImage, distances: &[u8]) -> Vec<(usize, [f32; 3])> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let bytes = picture.as_raw();
    let mut reached: Vec<usize> = (0..distances.len())
        .filter(|&i| distances[i] != 0 && distances[i] != FAR)
        .collect();
    reached.sort_by_key(|&index| distances[index]);
    let mut place: HashMap<usize, usize> = HashMap::with_capacity(reached.len());
    let mut carried: Vec<(usize, [f32; 3])> = Vec::with_capacity(reached.len());
    for index in reached {
        let mut sum = [0.0_f32; 3];
        let mut count = 0.0;
        for near in neighbours(index, width, height) {
            if distances[near] >= distances[index] {
                continue;
            }
            let colour = match distances[near] {
                0 => std::array::from_fn(|channel| f32::from(bytes[near * 4 + channel])),
                _ => match place.get(&near) {
                    Some(&place) => carried[place].1,
                    None => continue,
                },
            };
            (0..3).for_each(|channel| sum[channel] += colour[channel]);
            count += 1.0;
        }
        // Only where the frame was a seed can a reached pixel have no nearer neighbour.
        if count > 0.0 {
            place.insert(index, carried.len());
            carried.push((index, sum.map(|value| value / count)));
        }
    }
    carried
}

/// The share of white in `mixed`, if it is a mixture of the product's colour `own` and white:
/// 0 (none) to 1. `None` if `own` is too white to tell.
pub(crate) fn share_of_white(mixed: [f32; 3], own: [f32; 3]) -> Option<f32> {
    let towards_white = own.map(|value| 255.0 - value);
    let length: f32 = towards_white.iter().map(|value| value * value).sum();
    if length < 3.0 * LEAST_CONTRAST * LEAST_CONTRAST {
        return None;
    }
    let along: f32 = (0..3)
        .map(|channel| (mixed[channel] - own[channel]) * towards_white[channel])
        .sum();
    Some((along / length).clamp(0.0, 1.0))
}

/// `mixed` without the share of white in it; what doesn't lie between `own` and white, such as
/// another hue or a shade, stays.
pub(crate) fn without_white(mixed: [f32; 3], own: [f32; 3], share: f32) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let cleaned = mixed[channel] - share * (255.0 - own[channel]);
        // A cast from float to integer saturates at 0 and 255.
        cleaned.round() as u8
    })
}

/// Takes the white out of the product's edge, so that no bright halo stays when it is pasted on a
/// dark scene.
///
/// An edge pixel is half-transparent and lies on a rim of at most 1 % of the product's longer side
/// (at least 4 pixels) between opaque and invisible pixels; wider half-transparent parts, such as
/// glass, are the product's own. The colour that an edge pixel should have is carried outwards
/// from the nearest opaque pixels; its share of white against that is subtracted. Opaque pixels
/// stay as they are, invisible ones become black.
pub(crate) fn decontaminate(picture: &mut RgbaImage, longer_side: u32) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let reach = (longer_side / 100).clamp(4, 64) as u8;
    let bytes = picture.as_raw();
    let alpha = |index: usize| bytes[index * 4 + 3];
    let is_soft = |index: usize| (1..OPAQUE).contains(&alpha(index));
    let from_opaque = distances(
        (width, height),
        reach,
        false,
        |index| alpha(index) >= OPAQUE,
        is_soft,
    );
    let from_outside = distances(
        (width, height),
        reach,
        true,
        |index| alpha(index) == 0,
        is_soft,
    );
    let carried = carry_outwards(picture, &from_opaque);
    for (index, own) in carried {
        if u16::from(from_opaque[index]) + u16::from(from_outside[index]) > u16::from(reach) + 1 {
            continue;
        }
        let pixel = &mut picture.as_mut()[index * 4..index * 4 + 3];
        let mixed = [0, 1, 2].map(|channel| f32::from(pixel[channel]));
        if let Some(share) = share_of_white(mixed, own) {
            pixel.copy_from_slice(&without_white(mixed, own, share));
        }
    }
    for pixel in picture.pixels_mut().filter(|pixel| pixel.0[3] == 0) {
        pixel.0 = [0; 4];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    const RED: [u8; 3] = [200, 20, 20];

    /// A bar of red with a soft edge on its right, mixed with white as if cut out of a white page.
    fn bar(own: [u8; 3], alphas: &[u8]) -> RgbaImage {
        RgbaImage::from_fn(20 + alphas.len() as u32 + 3, 9, |x, _| {
            let alpha = match x.checked_sub(20) {
                None => 255,
                Some(x) => alphas.get(x as usize).copied().unwrap_or(0),
            };
            let [red, green, blue] = crate::paste::blend(own, [255; 3], alpha);
            Rgba([red, green, blue, alpha])
        })
    }

    #[test]
    fn white_goes_out_of_a_soft_edge() {
        let mut picture = bar(RED, &[200, 120, 40]);
        decontaminate(&mut picture, 26);
        for pixel in picture.pixels().filter(|pixel| pixel.0[3] > 0) {
            for (value, red) in pixel.0.into_iter().zip(RED) {
                assert!(value.abs_diff(red) <= 2, "{pixel:?}");
            }
        }
    }

    #[test]
    fn shades_and_wide_glass_stay() {
        let mut shade = bar(RED, &[200, 120, 40]);
        for pixel in shade.pixels_mut().filter(|pixel| pixel.0[3] < 255) {
            pixel.0 = [10, 10, 10, pixel.0[3]];
        }
        let mut cleaned = shade.clone();
        decontaminate(&mut cleaned, 26);
        for (was, is) in shade
            .pixels()
            .zip(cleaned.pixels())
            .filter(|(was, _)| was.0[3] > 0)
        {
            assert_eq!(was, is);
        }

        let glass = bar(RED, &[120; 12]);
        let mut cleaned = glass.clone();
        decontaminate(&mut cleaned, 35);
        assert_eq!(glass.get_pixel(26, 4), cleaned.get_pixel(26, 4));
    }
}
