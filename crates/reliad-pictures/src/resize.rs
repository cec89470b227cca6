//! The one resampling of tensors that come from pictures: antialiased bilinear.
//!
//! Networks' own interpolation, inside them, is theirs.

use burn::tensor::{Device, Tensor, TensorData};

/// A picture, stretched to `height` x `width` with a triangle filter as wide as the reduction. Differentiable: two matrix
/// products.
///
/// The same as PyTorch's `interpolate(mode="bilinear", antialias=True)` and Pillow's `BILINEAR`; any size and aspect.
///
/// # Shapes
/// - x: `[n, c, h, w]`
/// - output: `[n, c, height, width]`
pub fn resize(x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let device = x.device();
    let mut x = x;
    if w != width {
        let columns = triangle_filter(w, width, &device).transpose();
        x = x
            .reshape([n * c * h, w])
            .matmul(columns)
            .reshape([n, c, h, width]);
    }
    if h != height {
        let rows = triangle_filter(h, height, &device).reshape([1, 1, height, h]);
        x = rows.expand([n, c, height, h]).matmul(x);
    }
    x
}

/// The weights `[output, input]` of a triangle filter as wide as the reduction, cut off at the edges and normalised.
/// Sampling points are pixel centres (`align_corners=False`).
fn triangle_filter(input: usize, output: usize, device: &Device) -> Tensor<2> {
    let scale = input as f64 / output as f64;
    let support = scale.max(1.0);
    let mut weights = vec![0.0_f32; input * output];
    for (row, weights) in weights.chunks_exact_mut(input).enumerate() {
        let centre = scale * (row as f64 + 0.5);
        let first = (centre - support + 0.5).max(0.0) as usize;
        let last = ((centre + support + 0.5) as usize).min(input);
        let tent = |at: usize| (1.0 - ((at as f64 + 0.5 - centre) / support).abs()).max(0.0);
        let total: f64 = (first..last).map(tent).sum();
        for (at, weight) in weights.iter_mut().enumerate().take(last).skip(first) {
            *weight = (tent(at) / total) as f32;
        }
    }
    Tensor::from_data(TensorData::new(weights, [output, input]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f32], width: usize) -> Vec<f32> {
        let x = Tensor::<1>::from_floats(values, &Device::flex()).reshape([1, 1, 1, values.len()]);
        let y = resize(x, 1, width);
        y.into_data().iter::<f32>().collect()
    }

    #[test]
    fn any_size_is_resized_and_flat_pictures_stay_flat() {
        for (h, w) in [(1, 1), (7, 300), (64, 64), (33, 2)] {
            let x = Tensor::<4>::full([1, 2, h, w], 0.25, &Device::flex());
            let y = resize(x, 64, 64) - 0.25;
            assert_eq!(y.dims(), [1, 2, 64, 64]);
            assert!(y.abs().max().into_scalar::<f32>() < 1e-6);
        }
    }

    #[test]
    fn the_same_size_changes_no_bit() {
        let x = Tensor::<4>::random(
            [2, 3, 9, 7],
            burn::tensor::Distribution::Default,
            &Device::flex(),
        );
        assert_eq!(resize(x.clone(), 9, 7).into_data(), x.into_data());
    }

    #[test]
    fn halves_are_weighted_as_a_triangle_two_pixels_wide() {
        // Of the three pixels that each reaches, the two near ones count 3/7 and the far one 1/7.
        let found = row(&[7.0, 0.0, 0.0, 14.0], 2);
        for (found, expected) in found.iter().zip([3.0, 6.0]) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn an_enlargement_goes_straight_from_one_centre_to_the_next() {
        let found = row(&[0.0, 1.0], 4);
        for (found, expected) in found.iter().zip([0.0, 0.25, 0.75, 1.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}
