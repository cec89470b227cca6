//! Edges drawn over what they were found in.

use image::{GrayImage, Rgb, RgbImage};
use reliad_imaging::dilate;

use crate::measure::edges::REACH;

/// Edges of the product that the picture has, and those it lacks.
const FOUND: [u8; 3] = [64, 200, 120];
const MISSED: [u8; 3] = [235, 80, 60];

/// The picture's edges in grey under those of the product: green where the picture has one within reach, else red.
pub fn traced(product: &GrayImage, edges: &GrayImage) -> RgbImage {
    let near = dilate(edges, 2 * REACH + 1);
    // Lines of one pixel would vanish in a thumbnail.
    let (thick, own) = (dilate(product, 2), dilate(edges, 2));
    RgbImage::from_fn(product.width(), product.height(), |x, y| {
        let at = |map: &GrayImage| map.get_pixel(x, y).0[0] > 0;
        Rgb(match (at(&thick), at(&near), at(&own)) {
            (true, true, _) => FOUND,
            (true, false, _) => MISSED,
            (false, _, true) => [120; 3],
            (false, _, false) => [24; 3],
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn found_and_missed_edges_have_their_colours() {
        let line = |rows: std::ops::Range<u32>| {
            GrayImage::from_fn(16, 16, |x, y| {
                Luma([if x == 8 && rows.contains(&y) { 255 } else { 0 }])
            })
        };
        let picture = traced(&line(0..16), &line(0..6));
        assert_eq!(picture.get_pixel(8, 2).0, FOUND);
        assert_eq!(picture.get_pixel(8, 12).0, MISSED);
        assert_eq!(picture.get_pixel(2, 2).0, [24; 3]);
    }
}
