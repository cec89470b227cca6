//! How much of a product's outline a painting follows.

use image::GrayImage;
use reliad_imaging::dilate;

/// Pixels by which an edge may be off. Ours.
pub const REACH: u32 = 2;

/// The share of the product's edge pixels (255 in `product`) that have an edge of the painting within `reach` pixels,
/// along both axes. `None` for a product without edges.
///
/// # Panics
/// When the two differ in size.
pub fn recall(product: &GrayImage, painting: &GrayImage, reach: u32) -> Option<f64> {
    assert_eq!(product.dimensions(), painting.dimensions());
    let near = dilate(painting, 2 * reach + 1);
    let wanted = product
        .pixels()
        .zip(near.pixels())
        .filter(|(edge, _)| edge.0[0] > 0);
    let (count, found) = wanted.fold((0u32, 0u32), |(count, found), (_, near)| {
        (count + 1, found + u32::from(near.0[0] > 0))
    });
    (count > 0).then(|| f64::from(found) / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    fn line(at: u32, rows: std::ops::Range<u32>) -> GrayImage {
        GrayImage::from_fn(32, 20, |x, y| {
            Luma([if x == at && rows.contains(&y) { 255 } else { 0 }])
        })
    }

    #[test]
    fn edges_count_within_two_pixels_and_by_their_length() {
        let product = line(10, 0..20);
        assert_eq!(recall(&product, &product, 2), Some(1.0));
        assert_eq!(recall(&product, &line(12, 0..20), 2), Some(1.0));
        assert_eq!(recall(&product, &line(8, 0..20), 2), Some(1.0));
        assert_eq!(recall(&product, &line(13, 0..20), 2), Some(0.0));
        // Five of twenty rows, and two more that it reaches down to.
        assert_eq!(recall(&product, &line(10, 0..5), 2), Some(7.0 / 20.0));
        // What the painting adds costs nothing: this is recall.
        let busy = GrayImage::from_pixel(32, 20, Luma([255]));
        assert_eq!(recall(&product, &busy, 0), Some(1.0));
        assert_eq!(
            recall(&GrayImage::new(4, 4), &GrayImage::new(4, 4), 2),
            None
        );
    }
}
