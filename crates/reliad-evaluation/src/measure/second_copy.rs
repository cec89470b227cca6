//! Whether a painting shows a second subject beside the product: a large salient thing where only the scene should be.

use image::{GrayImage, Luma};
use reliad_imaging::dilate;

/// How far around the product salience is its own, as a share of the longer side. Ours.
pub const MARGIN: f32 = 0.06;
/// Area of a second subject as a share of the product's, at least. Ours.
pub const LEAST_AREA: f64 = 0.15;
/// A map's value above which a pixel is salient: one half.
const SALIENT: u8 = 127;

/// Whether `saliency` holds, outside the product's mask (alpha of one half and more) grown by [`MARGIN`], a connected
/// region of at least [`LEAST_AREA`] of the product's area. Neighbours touch along sides and corners.
///
/// # Panics
/// When the two differ in size.
pub fn has_second_copy(saliency: &GrayImage, alpha: &GrayImage) -> bool {
    assert_eq!(saliency.dimensions(), alpha.dimensions());
    let mut product = alpha.clone();
    for pixel in product.pixels_mut() {
        *pixel = Luma([if pixel.0[0] >= 128 { 255 } else { 0 }]);
    }
    let area = product.pixels().filter(|pixel| pixel.0[0] > 0).count();
    let longer = alpha.width().max(alpha.height());
    let margin = (MARGIN * longer as f32).round() as u32;
    let product = dilate(&product, 2 * margin + 1);
    let width = saliency.width() as usize;
    let outside = saliency
        .as_raw()
        .iter()
        .zip(product.as_raw())
        .map(|(&salient, &product)| salient > SALIENT && product == 0)
        .collect();
    let largest = largest_region(outside, width);
    area > 0 && largest as f64 >= LEAST_AREA * area as f64
}

/// Pixels of the largest connected region.
fn largest_region(mut inside: Vec<bool>, width: usize) -> usize {
    let height = inside.len() / width.max(1);
    let mut largest = 0;
    for start in 0..inside.len() {
        if !inside[start] {
            continue;
        }
        inside[start] = false;
        let (mut open, mut area) = (vec![start], 0);
        while let Some(at) = open.pop() {
            area += 1;
            let (x, y) = (at % width, at / width);
            for y in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let near = y * width + x;
                    if inside[near] {
                        inside[near] = false;
                        open.push(near);
                    }
                }
            }
        }
        largest = largest.max(area);
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    type Area = (std::ops::Range<u32>, std::ops::Range<u32>);

    fn boxes(areas: &[Area]) -> GrayImage {
        GrayImage::from_fn(100, 100, |x, y| {
            let inside = areas
                .iter()
                .any(|(xs, ys)| xs.contains(&x) && ys.contains(&y));
            Luma([if inside { 200 } else { 0 }])
        })
    }

    #[test]
    fn only_a_large_region_away_from_the_product_is_a_second_copy() {
        let product: Area = (40..60, 30..80);
        let alpha = boxes(std::slice::from_ref(&product));
        let with = |area: Area| has_second_copy(&boxes(&[product.clone(), area]), &alpha);
        assert!(!has_second_copy(&alpha, &alpha));
        // 15 % of 1,000 pixels are 150.
        assert!(with((5..20, 30..40)));
        assert!(!with((5..20, 30..39)));
        // A halo within 6 pixels of the product is its own.
        assert!(!has_second_copy(&boxes(&[(34..66, 24..86)]), &alpha));
        assert!(has_second_copy(&boxes(&[(24..66, 24..86)]), &alpha));
        // Two regions that don't touch aren't added up; touching corners join them.
        let twice = |second: Area| {
            has_second_copy(&boxes(&[product.clone(), (5..15, 30..40), second]), &alpha)
        };
        assert!(!twice((5..15, 50..60)));
        assert!(twice((15..25, 40..50)));
        assert!(!has_second_copy(&boxes(&[(0..100, 0..20)]), &boxes(&[])));
    }

    #[test]
    fn what_is_less_than_half_salient_is_no_copy() {
        let alpha = boxes(&[(40..60, 30..80)]);
        let dim = GrayImage::from_pixel(100, 100, Luma([127]));
        assert!(!has_second_copy(&dim, &alpha));
        let bright = GrayImage::from_pixel(100, 100, Luma([128]));
        assert!(has_second_copy(&bright, &alpha));
    }
}
