//! What a product on its canvas tells the painter, as pixels: edges to follow, a picture that is known, a mask of what is
//! free.

use image::{GrayImage, Luma, RgbImage};

use crate::{PlacedProduct, background_mask, canny};

/// The colour around the product in the known picture: the middle, 0 to a VAE that takes -1 to 1, so that no colour leaks
/// from outside the product.
const GREY: [u8; 3] = [127; 3];

impl PlacedProduct {
    /// Canny edges of the product on black, which steer the ControlNet: 255 on an edge, else 0. `thresholds` are
    /// [`canny()`]'s, low and high.
    pub fn edges(&self, thresholds: [f32; 2]) -> GrayImage {
        let [low, high] = thresholds;
        canny(&self.on_black(), low, high)
    }

    /// The product on grey: what is known of the picture before it is painted.
    pub fn on_grey(&self) -> RgbImage {
        self.over(GREY)
    }

    /// Where the scene may be painted: 255, and 0 where the product stays. [`background_mask`] of the product's alpha, made
    /// binary, as diffusers' inpainting pipelines do it.
    pub fn free(&self, kernel: u32) -> GrayImage {
        let mut mask = background_mask(&self.alpha(), kernel);
        for Luma([value]) in mask.pixels_mut() {
            *value = if *value >= 128 { 255 } else { 0 };
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use image::{Rgba, RgbaImage};

    use super::*;

    /// A block on a canvas of 32x32, with a soft column at its right.
    fn block() -> PlacedProduct {
        let rgba = RgbaImage::from_fn(32, 32, |x, y| match (x, y) {
            (8..20, 8..24) => Rgba([200, 40, 40, 255]),
            (20, 8..24) => Rgba([200, 40, 40, 100]),
            _ => Rgba([0; 4]),
        });
        PlacedProduct::from_canvas_rgba(rgba).unwrap()
    }

    #[test]
    fn the_mask_is_binary_and_grows_into_the_product() {
        let product = block();
        let row = |kernel: u32| -> Vec<u8> {
            let mask = product.free(kernel);
            (0..32).map(|x| mask.get_pixel(x, 16).0[0]).collect()
        };
        let kept = |row: Vec<u8>| (0..32).filter(|&x| row[x] == 0).collect::<Vec<_>>();
        // The soft pixel is 155 of 255 free.
        assert_eq!(kept(row(0)), (8..20).collect::<Vec<_>>());
        assert_eq!(kept(row(3)), (9..19).collect::<Vec<_>>());
        assert!(row(3).iter().all(|&value| value == 0 || value == 255));
    }

    #[test]
    fn edges_run_along_the_product_and_grey_around_it() {
        let product = block();
        let edges = product.edges(canny::THRESHOLDS);
        assert!(edges.pixels().any(|edge| edge.0[0] == 255));
        for (x, y, edge) in edges.enumerate_pixels() {
            let inside = (10..18).contains(&x) && (10..22).contains(&y);
            let outside = !(6..23).contains(&x) || !(6..26).contains(&y);
            assert!(edge.0[0] == 0 || !(inside || outside), "edge at {x} {y}");
        }
        // Thresholds that nothing reaches.
        let none = product.edges([4000.0, 5000.0]);
        assert!(none.pixels().all(|edge| edge.0[0] == 0));
        let known = product.on_grey();
        assert_eq!(known.get_pixel(0, 0).0, [127; 3]);
        assert_eq!(known.get_pixel(12, 12).0, [200, 40, 40]);
    }
}
