//! Plain checks of a finished picture that explain themselves: is the product what it was, has it grown, is it cut off.
//!
//! Ours. They need no trained judge but for the saliency map, and say what they saw in numbers.

use image::{GrayImage, Luma, RgbImage, RgbaImage};

use crate::{Bounds, dilate};

/// Alpha from which on a pixel is the product's alone.
const SOLID: u8 = 250;
/// Saliency from which on a place belongs to what stands out.
const SALIENT: u8 = 128;
/// Part of the product's longest side by which the saliency map may be off.
const SLACK: f64 = 0.04;

/// How far the product's pixels are from what they were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Altered {
    /// Mean CIE76 distance (CIELAB, D65) under the solid part of the alpha; 2.3 is just noticeable.
    pub mean: f32,
    /// Share of these pixels that are more than 10 away.
    pub share: f32,
}

/// Compares the picture with the product on its canvas. `None` without a solid pixel.
///
/// # Panics
/// When the two differ in size.
pub fn altered(picture: &RgbImage, product: &RgbaImage) -> Option<Altered> {
    assert_eq!(picture.dimensions(), product.dimensions());
    let (mut sum, mut far, mut count) = (0.0f64, 0u64, 0u64);
    let solid = eroded(product);
    for ((pixel, there), is_solid) in product.pixels().zip(picture.pixels()).zip(solid) {
        if !is_solid {
            continue;
        }
        let [r, g, b, _] = pixel.0;
        let (a, b) = (lab([r, g, b]), lab(there.0));
        let apart: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
        let apart = apart.sqrt();
        sum += f64::from(apart);
        far += u64::from(apart > 10.0);
        count += 1;
    }
    (count > 0).then(|| Altered {
        mean: (sum / count as f64) as f32,
        share: far as f32 / count as f32,
    })
}

/// Solid pixels whose eight neighbours are solid too: the edge is blended.
fn eroded(product: &RgbaImage) -> Vec<bool> {
    let mut hollow = GrayImage::new(product.width(), product.height());
    for (pixel, out) in product.pixels().zip(hollow.pixels_mut()) {
        *out = Luma([if pixel.0[3] < SOLID { 255 } else { 0 }]);
    }
    dilate(&hollow, 3)
        .pixels()
        .map(|pixel| pixel.0[0] == 0)
        .collect()
}

/// CIELAB under D65 of an sRGB colour (IEC 61966-2-1, CIE 15).
fn lab(color: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = color.map(|value| {
        let value = f32::from(value) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    });
    let x = (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47;
    let y = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175 * b;
    let z = (0.019_333_9 * r + 0.119_192 * g + 0.950_304_1 * b) / 1.088_83;
    let [x, y, z] = [x, y, z].map(|value| {
        if value > 216.0 / 24389.0 {
            value.cbrt()
        } else {
            (24389.0 / 27.0 * value + 16.0) / 116.0
        }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// How far what stands out reaches beyond the product: the area of the saliency map's part that is joined to the product
/// and lies outside it, over the product's own area. 0 without a visible product. The map may have another size.
pub fn grown(saliency: &GrayImage, product: &RgbaImage) -> f32 {
    let (width, height) = saliency.dimensions();
    let alpha = GrayImage::from_fn(product.width(), product.height(), |x, y| {
        Luma([product.get_pixel(x, y).0[3]])
    });
    let alpha = match alpha.dimensions() == saliency.dimensions() {
        true => alpha,
        false => crate::resize::gray(&alpha, width, height),
    };
    let own: Vec<bool> = alpha.pixels().map(|pixel| pixel.0[0] >= SALIENT).collect();
    let area = own.iter().filter(|own| **own).count();
    let Some(longest) = longest(&own, width as usize) else {
        return 0.0;
    };
    let slack = (2.0 * SLACK * longest as f64).ceil() as u32 | 1;
    let near = dilate(
        &GrayImage::from_fn(width, height, |x, y| {
            Luma([if own[(y * width + x) as usize] {
                255
            } else {
                0
            }])
        }),
        slack,
    );
    let salient = |at: usize| saliency.as_raw()[at] >= SALIENT;
    // A flood from the product through what stands out.
    let mut reached = own.clone();
    let mut open: Vec<usize> = (0..own.len()).filter(|&at| own[at]).collect();
    while let Some(at) = open.pop() {
        let (x, y) = (at as u32 % width, at as u32 / width);
        let around = [
            (x > 0).then(|| at - 1),
            (x + 1 < width).then(|| at + 1),
            (y > 0).then(|| at - width as usize),
            (y + 1 < height).then(|| at + width as usize),
        ];
        for next in around.into_iter().flatten() {
            if !reached[next] && salient(next) {
                reached[next] = true;
                open.push(next);
            }
        }
    }
    let beyond = (0..own.len()).filter(|&at| reached[at] && near.as_raw()[at] == 0);
    beyond.count() as f32 / area as f32
}

/// The longer side of the box of marked pixels.
fn longest(marked: &[bool], width: usize) -> Option<usize> {
    let places = || {
        (0..marked.len())
            .filter(|&at| marked[at])
            .map(|at| (at % width, at / width))
    };
    let (left, right) = (places().map(|p| p.0).min()?, places().map(|p| p.0).max()?);
    let (top, bottom) = (places().map(|p| p.1).min()?, places().map(|p| p.1).max()?);
    Some((right - left + 1).max(bottom - top + 1))
}

/// The longest run of solid product pixels along one of the picture's four edges, over the side of the product's box that
/// is parallel to it; 0 where the product touches none. A product that reaches out of the picture has been cut.
pub fn cut_off(product: &RgbaImage) -> f32 {
    let (width, height) = product.dimensions();
    let Some(bounds) = Bounds::of_visible(product) else {
        return 0.0;
    };
    let solid = |x: u32, y: u32| product.get_pixel(x, y).0[3] >= SOLID;
    let run = |of: &mut dyn Iterator<Item = bool>| {
        let (mut most, mut now) = (0u32, 0);
        for is in of {
            now = if is { now + 1 } else { 0 };
            most = most.max(now);
        }
        most as f32
    };
    let across = |y: u32| run(&mut (0..width).map(|x| solid(x, y))) / bounds.width as f32;
    let down = |x: u32| run(&mut (0..height).map(|y| solid(x, y))) / bounds.height as f32;
    [across(0), across(height - 1), down(0), down(width - 1)]
        .into_iter()
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, Rgba};

    use super::*;

    /// A grey square of 40 pixels in the middle of 100.
    fn product() -> RgbaImage {
        RgbaImage::from_fn(100, 100, |x, y| {
            let inside = (30..70).contains(&x) && (30..70).contains(&y);
            if inside {
                Rgba([120, 120, 120, 255])
            } else {
                Rgba([0; 4])
            }
        })
    }

    #[test]
    fn colours_are_told_apart_as_in_the_standard() {
        // skimage 0.26, rgb2lab of sRGB red, and of mid grey.
        let near = |a: [f32; 3], b: [f32; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 0.05);
        assert!(near(lab([255, 0, 0]), [53.24, 80.09, 67.20]));
        assert!(near(lab([128, 128, 128]), [53.59, 0.0, 0.0]));
        assert!(near(lab([255, 255, 255]), [100.0, 0.0, 0.0]));
    }

    #[test]
    fn altered_pixels_are_measured_inside_the_product_only() {
        let product = product();
        let same = RgbImage::from_fn(100, 100, |x, y| match product.get_pixel(x, y).0[3] {
            0 => Rgb([250, 10, 10]),
            _ => Rgb([120, 120, 120]),
        });
        let found = altered(&same, &product);
        assert_eq!(
            found,
            Some(Altered {
                mean: 0.0,
                share: 0.0
            })
        );
        let mut stained = same;
        for y in 40..50 {
            for x in 30..70 {
                stained.put_pixel(x, y, Rgb([250, 10, 10]));
            }
        }
        let found = altered(&stained, &product).expect("a solid product");
        // Ten rows of the 38 that are not at the edge.
        assert!((found.share - 10.0 / 38.0).abs() < 1e-6);
        assert!(found.mean > 20.0);
        assert_eq!(altered(&stained, &RgbaImage::new(100, 100)), None);
    }

    #[test]
    fn an_invented_stand_is_growth_and_a_prop_is_not() {
        let product = product();
        let map = |marked: &dyn Fn(u32, u32) -> bool| {
            GrayImage::from_fn(100, 100, |x, y| {
                let own = product.get_pixel(x, y).0[3] > 0;
                Luma([if own || marked(x, y) { 255 } else { 0 }])
            })
        };
        assert_eq!(grown(&map(&|_, _| false), &product), 0.0);
        // A base of 40 x 20 pixels under it, of which the first rows are slack.
        let base = grown(
            &map(&|x, y| (30..70).contains(&x) && (70..90).contains(&y)),
            &product,
        );
        assert!((0.4..=0.5).contains(&base), "{base}");
        // The same area apart from it.
        let prop = grown(
            &map(&|x, y| (30..70).contains(&x) && (78..98).contains(&y)),
            &product,
        );
        assert_eq!(prop, 0.0);
        // A map of half the size tells about the same.
        let small = crate::resize::gray(
            &map(&|x, y| (30..70).contains(&x) && (70..90).contains(&y)),
            50,
            50,
        );
        assert!((grown(&small, &product) - base).abs() < 0.08);
        assert_eq!(grown(&small, &RgbaImage::new(100, 100)), 0.0);
    }

    #[test]
    fn a_product_that_leaves_the_picture_is_cut() {
        assert_eq!(cut_off(&product()), 0.0);
        let mut cut = RgbaImage::new(100, 100);
        image::imageops::replace(&mut cut, &product(), 0, 50);
        assert_eq!(cut_off(&cut), 1.0);
        assert_eq!(cut_off(&RgbaImage::new(10, 10)), 0.0);
    }
}
