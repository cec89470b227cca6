//! Nearly white parts of a product on white: told from shadows on the ground by how they begin.
//!
//! Ours. A white ground has a level of its own, which its border shows; a product of 247 on a ground of 255 is told from
//! it by that, where noise and JPEG's ringing are thin and a shadow fades.

use image::RgbaImage;

use crate::Warning;
use crate::edge::{FAR, distances, neighbours};
use crate::white_ground::{TOLERANCE, darkness, flood};

/// Steps from the ground at which an area's edge is looked at, past the pixel that is a mixture of both.
const RING: std::ops::RangeInclusive<u8> = 2..=3;
/// Least darkness of an area's edge, as a part of its middle's: a shadow begins at the ground's own level.
const SHARP: f64 = 0.75;
/// Levels by which that edge is at least darker than the ground gets.
const STEP: f64 = 1.5;
/// Least part of the product that an area taken for a shadow must have to be told of.
const TELLING: f64 = 0.05;

/// Takes nearly white areas that are set off from the ground out of it.
///
/// `ground` is what is within [`TOLERANCE`] of white and connected to the border; `border` its near white pixels. The
/// ground proper is as dark as 99 of 100 of them. What else was taken for ground, is thicker than 1/64 of the picture
/// (3 to 8 pixels) and begins with a step is kept; the rest stays ground.
pub(crate) fn keep(picture: &RgbaImage, border: &[usize], ground: &mut [bool]) -> Option<Warning> {
    let size = (picture.width() as usize, picture.height() as usize);
    let own = own_darkness(picture, border);
    if own >= TOLERANCE {
        return None;
    }
    let proper = flood(picture, border, own);
    let doubtful: Vec<bool> = (0..ground.len())
        .map(|index| ground[index] && !proper[index])
        .collect();
    if !doubtful.contains(&true) {
        return None;
    }
    let reach = (size.0.max(size.1) / 64).clamp(3, 8) as u8;
    let inward = distances(size, reach, false, |i| !doubtful[i], |i| doubtful[i]);
    let is_core = |index: usize| doubtful[index] && inward[index] == FAR;
    let from_ground = distances(size, *RING.end(), false, |i| proper[i], |i| doubtful[i]);
    let from_core = distances(size, reach, false, is_core, |i| doubtful[i]);

    let product = ground.iter().filter(|&&is_ground| !is_ground).count();
    let (mut kept, mut lifted) = (0, 0);
    let mut seen = vec![false; ground.len()];
    for first in 0..ground.len() {
        if seen[first] || !is_core(first) {
            continue;
        }
        let area = connected(first, size, &doubtful, &mut seen);
        let mean = |of: &dyn Fn(usize) -> bool| {
            let (sum, count) = area
                .iter()
                .filter(|&&index| of(index))
                .fold((0, 0u64), |(sum, count), &index| {
                    (sum + u64::from(darkness(picture, index)), count + 1)
                });
            sum as f64 / count.max(1) as f64
        };
        let middle = mean(&is_core);
        let edge = mean(&|index| RING.contains(&from_ground[index]));
        let part: Vec<usize> = area
            .iter()
            .copied()
            .filter(|&index| from_core[index] <= reach)
            .collect();
        if edge >= SHARP * middle && edge >= f64::from(own) + STEP {
            part.iter().for_each(|&index| ground[index] = false);
            kept += part.len();
        } else if part.len() as f64 >= TELLING * (product + part.len()) as f64 {
            lifted += part.len();
        }
    }
    let percent = |count: usize| (100 * count).div_ceil(ground.len()) as u32;
    match (kept, lifted) {
        (0, 0) => None,
        (0, lifted) => Some(Warning::WhiteLifted {
            percent: percent(lifted),
        }),
        (kept, _) => Some(Warning::WhiteKept {
            percent: percent(kept),
        }),
    }
}

/// How dark the ground gets: what 99 of 100 pixels of the border stay within, and a level for rounding.
fn own_darkness(picture: &RgbaImage, border: &[usize]) -> u8 {
    let mut darks: Vec<u8> = border
        .iter()
        .map(|&index| darkness(picture, index))
        .collect();
    darks.sort_unstable();
    let place = (99 * darks.len() / 100).min(darks.len().saturating_sub(1));
    (darks.get(place).copied().unwrap_or(0) + 1).max(2)
}

/// The marked pixels that are joined to `first`, through any of 8 neighbours.
fn connected(
    first: usize,
    (width, height): (usize, usize),
    marked: &[bool],
    seen: &mut [bool],
) -> Vec<usize> {
    seen[first] = true;
    let mut found = vec![first];
    let mut next = 0;
    while next < found.len() {
        for near in neighbours(found[next], width, height) {
            if marked[near] && !seen[near] {
                seen[near] = true;
                found.push(near);
            }
        }
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use image::Rgba;

    use super::*;
    use crate::Cutout;

    /// A blue label on what `level` says of the place, on white.
    fn labelled(level: impl Fn(u32, u32) -> u8) -> Cutout {
        Cutout::from_rgba(RgbaImage::from_fn(200, 200, |x, y| {
            let is_label = (80..120).contains(&x) && (85..115).contains(&y);
            match is_label {
                true => Rgba([40, 40, 200, 255]),
                false => {
                    let level = level(x, y);
                    Rgba([level, level, level, 255])
                }
            }
        }))
        .unwrap()
    }

    #[test]
    fn a_whitish_box_is_kept() {
        let inside = |x: u32, y: u32| (50..150).contains(&x) && (40..160).contains(&y);
        // A ground with a little noise, and a box with its edge mixed in one pixel.
        let cutout = labelled(|x, y| match inside(x, y) {
            true if !inside(x.wrapping_sub(1), y) => 251,
            true => 246 + ((x * 7 + y * 3) % 3) as u8,
            false => 254 + ((x + y) % 2) as u8,
        });
        let bounds = cutout.bounds();
        assert!(bounds.x.abs_diff(50) <= 1 && bounds.width.abs_diff(100) <= 1);
        assert_eq!((bounds.y, bounds.height), (40, 120));
        let [Warning::WhiteKept { percent }] = cutout.warnings() else {
            panic!("{:?}", cutout.warnings())
        };
        assert!((26..=31).contains(percent), "{percent}");
    }

    #[test]
    fn a_fading_shadow_goes_and_is_told_of() {
        let cutout = labelled(|x, y| {
            let far = (f64::from(x) - 100.0).hypot(f64::from(y) - 115.0);
            (244.0 + far / 6.0).min(255.0) as u8
        });
        assert_eq!(cutout.bounds().width, 40);
        assert!(matches!(
            cutout.warnings(),
            [Warning::WhiteLifted { percent: 10.. }]
        ));
    }

    #[test]
    fn thin_ringing_and_a_plain_ground_are_silent() {
        let ringing = labelled(|x, y| {
            let near = (76..124).contains(&x) && (81..119).contains(&y);
            if near {
                246 + ((x + y) % 2) as u8 * 8
            } else {
                255
            }
        });
        assert_eq!(ringing.warnings(), []);
        assert_eq!(ringing.bounds().width, 40);
        assert_eq!(labelled(|_, _| 250).warnings(), []);
    }
}
