//! A product on its canvas as what the painter takes: the one way from its pixels to tensors.

use burn::tensor::{Device, Tensor};
use reliad_imaging::PlacedProduct;
use reliad_pictures::{gray_tensor, rgb_tensor};

use crate::vae::signed;

/// What a product asks of a picture.
#[derive(Debug, Clone)]
pub struct ProductConditions {
    /// Its edges, which the ControlNet follows `[1, 3, H, W]`: 0 or 1.
    pub edges: Tensor<4>,
    /// The known picture `[1, 3, H, W]`, in `[-1, 1]`: the product on grey.
    pub known: Tensor<4>,
    /// `[1, 1, H, W]`: 1 where the scene may be painted, 0 where the product stays.
    pub paint: Tensor<4>,
}

impl ProductConditions {
    /// Of `product`, with Canny's thresholds (low, high) and the side of the square by which the painter may go beyond the
    /// product's edge, in pixels.
    pub fn new(
        product: &PlacedProduct,
        canny: [f32; 2],
        mask_kernel: u32,
        device: &Device,
    ) -> Self {
        Self {
            edges: edges(product, canny, device),
            known: signed(rgb_tensor(&product.on_grey(), device)),
            paint: gray_tensor(&product.free(mask_kernel), device),
        }
    }
}

/// The edges of `product` alone, as [`ProductConditions`] has them.
pub fn edges(product: &PlacedProduct, canny: [f32; 2], device: &Device) -> Tensor<4> {
    control(gray_tensor(&product.edges(canny), device))
}

/// Edges as a ControlNet takes them: in all its channels.
///
/// # Shapes
/// - edges: `[n, 1, H, W]`; output: `[n, 3, H, W]`
pub fn control(edges: Tensor<4>) -> Tensor<4> {
    edges.repeat_dim(1, 3)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use image::{Rgba, RgbaImage};

    use super::*;

    #[test]
    fn conditions_are_the_pixels_in_their_ranges() {
        let rgba = RgbaImage::from_fn(24, 16, |x, y| match (x, y) {
            (8..16, 4..12) => Rgba([255, 0, 51, 255]),
            _ => Rgba([0; 4]),
        });
        let product = PlacedProduct::from_canvas_rgba(rgba).unwrap();
        let device = Device::flex();
        let ProductConditions {
            edges,
            known,
            paint,
        } = ProductConditions::new(&product, [100.0, 200.0], 3, &device);
        let dims = [&edges, &known, &paint].map(|tensor| tensor.dims());
        assert_eq!(dims, [[1, 3, 16, 24], [1, 3, 16, 24], [1, 1, 16, 24]]);
        let values =
            |tensor: &Tensor<4>| -> Vec<f32> { tensor.clone().into_data().iter::<f32>().collect() };
        let (edges, known, paint) = (values(&edges), values(&known), values(&paint));
        let plane = 16 * 24;
        let drawn = product.edges([100.0, 200.0]).into_raw();
        assert!(drawn.contains(&255));
        for (at, &edge) in drawn.iter().enumerate() {
            for channel in 0..3 {
                assert_eq!(edges[channel * plane + at], f32::from(edge / 255));
            }
        }
        let inside = 8 * 24 + 12;
        let colour = [0, 1, 2].map(|channel| known[channel * plane + inside]);
        for (found, expected) in colour.iter().zip([1.0, -1.0, -0.6]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        // 127 of 255: the nearest byte to 0.
        assert!((known[0] + 1.0 / 255.0).abs() < 1e-6, "{}", known[0]);
        assert_eq!((paint[0], paint[inside]), (1.0, 0.0));
        assert_eq!(paint[8 * 24 + 8], 1.0, "a rim of the product is painted");
    }
}
