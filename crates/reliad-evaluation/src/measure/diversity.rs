//! How different two pictures are to a network's eye, outside the product.
//!
//! The form of LPIPS (Zhang et al. 2018, equation 1) without its learned weights: at every stage both maps are brought
//! to unit length over their channels, and the squared distance is averaged over the places. Stages count equally.

use burn::tensor::Tensor;
use image::GrayImage;
use reliad_pictures::{gray_tensor, resize};

/// Distance of two pictures, 0 (alike) to 2: the mean over their stages, weighted at every place by what `cover` (255
/// at the product, 0 elsewhere) leaves free. 0 where it leaves nothing free.
///
/// # Shapes
/// - stages: `[1, channels, h, w]` each, equal in both
pub fn distance(a: &[Tensor<4>], b: &[Tensor<4>], cover: &GrayImage) -> f64 {
    let sum: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| {
            let [_, _, height, width] = a.dims();
            let free = gray_tensor(cover, &a.device()).neg().add_scalar(1.0);
            let free = resize(free, height, width);
            let apart = (unit(a.clone()) - unit(b.clone())).square().sum_dim(1);
            let total = free.clone().sum().into_scalar::<f64>();
            let weighted = (apart * free).sum().into_scalar::<f64>();
            if total > 0.0 { weighted / total } else { 0.0 }
        })
        .sum();
    sum / a.len().max(1) as f64
}

/// Each place's channels as a vector of length 1; a vector of nothing stays one.
fn unit(map: Tensor<4>) -> Tensor<4> {
    let length = map.clone().square().sum_dim(1).sqrt().clamp_min(1e-10);
    map / length
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use image::Luma;

    /// Two channels on 1x2 places: the left one `left`, the right one (1, 0).
    fn map(left: [f32; 2]) -> Tensor<4> {
        Tensor::from_floats([[[[left[0], 1.0]], [[left[1], 0.0]]]], &Device::flex())
    }

    #[test]
    fn distances_by_hand() {
        let free = GrayImage::new(2, 1);
        let far = |a: [f32; 2], b: [f32; 2], cover: &GrayImage| {
            distance(&[map(a), map(a)], &[map(b), map(b)], cover)
        };
        assert!(
            far([3.0, 0.0], [1.0, 0.0], &free) < 1e-9,
            "length doesn't count"
        );
        // One of two places is orthogonal: 2 there, 0 beside it.
        assert!((far([1.0, 0.0], [0.0, 5.0], &free) - 1.0).abs() < 1e-6);
        let covered = GrayImage::from_fn(2, 1, |x, _| Luma([if x == 0 { 255 } else { 0 }]));
        assert!(far([1.0, 0.0], [0.0, 5.0], &covered) < 1e-9);
        let all = GrayImage::from_pixel(2, 1, Luma([255]));
        assert_eq!(far([1.0, 0.0], [0.0, 5.0], &all), 0.0);
        assert!((far([0.0, 0.0], [0.0, 5.0], &free) - 0.5).abs() < 1e-6);
    }
}
