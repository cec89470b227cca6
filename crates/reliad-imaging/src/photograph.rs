//! A product cut out of a photograph with a background, by a map of what stands out in it.

use image::{GrayImage, Luma, Rgba, RgbaImage};

use crate::edge::{FAR, carry_outwards, distances, neighbours};
use crate::{Problem, resize};

/// What stands out less is ground, and what stands out more is the product alone. Ours: a network's map is seldom at its
/// ends, and a ground of faint alpha would be taken for a part of the product.
const RAMP: (f32, f32) = (0.35 * 255.0, 0.65 * 255.0);
/// Parts smaller than this share of the greatest one are no product.
const LEAST_PART: usize = 10;
/// Shares of the picture within which a product must lie to be one.
const PRODUCT: std::ops::RangeInclusive<f32> = 0.005..=0.98;

/// The photograph with an alpha of what stands out: opaque from two thirds on, invisible below one third, without parts
/// smaller than a tenth of the greatest. Along the edge the product's colour is carried over the ground's. The map may
/// be of another size.
///
/// # Errors
/// [`Problem::NoSubject`] when next to nothing or next to everything stands out.
pub fn cut_out(photograph: &RgbaImage, saliency: &GrayImage) -> Result<RgbaImage, Problem> {
    let (width, height) = photograph.dimensions();
    let map = resize::gray(&without_small_parts(saliency), width, height);
    let alphas: Vec<u8> = map.pixels().map(|pixel| alpha(pixel.0[0])).collect();
    let opaque = alphas.iter().filter(|&&alpha| alpha == 255).count();
    let share = opaque as f32 / alphas.len().max(1) as f32;
    if !PRODUCT.contains(&share) {
        return Err(Problem::NoSubject { share });
    }
    let mut picture = photograph.clone();
    let size = (width as usize, height as usize);
    let longer = width.max(height);
    // A network's edge is never quite the product's: the rim of what is opaque may show the ground, too.
    let rim = distances(
        size,
        (longer / 200).clamp(2, 16) as u8,
        false,
        |index| alphas[index] < 255,
        |index| alphas[index] == 255,
    );
    let from_inside = distances(
        size,
        (longer / 40).clamp(8, 80) as u8,
        false,
        |index| rim[index] == FAR,
        |index| alphas[index] > 0 && rim[index] != FAR,
    );
    let edge = carry_outwards(photograph, &from_inside);
    for (index, own) in edge {
        let (x, y) = (index as u32 % width, index as u32 / width);
        let [red, green, blue] = own.map(|value| value.round() as u8);
        picture.put_pixel(x, y, Rgba([red, green, blue, 255]));
    }
    for ((pixel, alpha), distance) in picture.pixels_mut().zip(alphas).zip(from_inside) {
        match alpha {
            // What is half there and far from all that is wholly there is ground that stands out a little.
            0 => pixel.0 = [0; 4],
            1..=254 if distance == FAR => pixel.0 = [0; 4],
            _ => pixel.0[3] = alpha,
        }
    }
    Ok(picture)
}

fn alpha(saliency: u8) -> u8 {
    let (low, high) = RAMP;
    let share = (f32::from(saliency) - low) / (high - low);
    (255.0 * share.clamp(0.0, 1.0)).round() as u8
}

/// The map without the parts of it that are small beside the greatest.
fn without_small_parts(map: &GrayImage) -> GrayImage {
    let (width, height) = (map.width() as usize, map.height() as usize);
    let values = map.as_raw();
    let mut part_of = vec![0usize; values.len()];
    // Sizes of the parts, counted where they surely stand out; part 0 is the ground.
    let mut sizes = vec![0usize];
    for start in 0..values.len() {
        if part_of[start] != 0 || alpha(values[start]) == 0 {
            continue;
        }
        let part = sizes.len();
        sizes.push(0);
        part_of[start] = part;
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            sizes[part] += usize::from(alpha(values[at]) == 255);
            for near in neighbours(at, width, height) {
                if part_of[near] == 0 && alpha(values[near]) > 0 {
                    part_of[near] = part;
                    open.push(near);
                }
            }
        }
    }
    let greatest = sizes.iter().copied().max().unwrap_or(0);
    let kept = |part: usize| part != 0 && sizes[part] * LEAST_PART >= greatest;
    GrayImage::from_fn(map.width(), map.height(), |x, y| {
        let at = y as usize * width + x as usize;
        Luma([if kept(part_of[at]) { values[at] } else { 0 }])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cutout;
    use crate::{Error, Result};

    const RED: Rgba<u8> = Rgba([200, 30, 30, 255]);

    fn photograph() -> RgbaImage {
        RgbaImage::from_fn(80, 60, |x, y| match inside(x, y) {
            true => RED,
            false => Rgba([40, (x * 3) as u8, 160, 255]),
        })
    }

    fn inside(x: u32, y: u32) -> bool {
        (30..60).contains(&x) && (20..50).contains(&y)
    }

    /// A map of half the size: the square with a soft edge, a little of everything else, and a speck.
    fn map() -> GrayImage {
        GrayImage::from_fn(40, 30, |x, y| {
            let speck = (3..5).contains(&x) && y == 3;
            let edge = inside(2 * x + 3, 2 * y) || inside((2 * x).saturating_sub(3), 2 * y);
            Luma([match (inside(2 * x, 2 * y) || speck, edge) {
                (true, _) => 240,
                (_, true) => 130,
                _ => 60,
            }])
        })
    }

    #[test]
    fn the_product_stays_and_the_ground_with_its_specks_goes() -> Result<()> {
        let cut = cut_out(&photograph(), &map()).map_err(Error::Picture)?;
        assert_eq!(cut.dimensions(), (80, 60));
        for (x, y) in [(0, 0), (79, 59), (7, 6), (20, 30)] {
            assert_eq!(cut.get_pixel(x, y).0, [0; 4], "{x}, {y}");
        }
        assert_eq!(*cut.get_pixel(45, 35), RED);
        let soft = cut.pixels().filter(|pixel| (1..255).contains(&pixel.0[3]));
        let mut count = 0;
        for pixel in soft {
            count += 1;
            assert!(
                pixel.0[0].abs_diff(200) <= 2,
                "the ground's colour: {pixel:?}"
            );
        }
        assert!(count > 20, "{count}");
        let bounds = Cutout::from_rgba(cut)?.bounds();
        assert!(
            bounds.x.abs_diff(27) <= 3 && bounds.width.abs_diff(36) <= 6,
            "{bounds:?}"
        );
        Ok(())
    }

    #[test]
    fn a_map_that_finds_nothing_or_everything_is_told() {
        for value in [10, 250] {
            let map = GrayImage::from_pixel(20, 20, Luma([value]));
            let cut = cut_out(&photograph(), &map);
            assert!(matches!(cut, Err(Problem::NoSubject { .. })), "{value}");
        }
    }
}
