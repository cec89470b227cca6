//! The one resampling of tensors that come from pictures: antialiased, bilinear or bicubic.
//!
//! Networks' own interpolation, inside them, is theirs.

use burn::tensor::{Device, Tensor, TensorData};

/// The kernel by which pixels are weighted, stretched by the reduction where a picture shrinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// A triangle two pixels wide: PyTorch's and Pillow's `bilinear`.
    Bilinear,
    /// Keys's cubic convolution (1981) four pixels wide with a = -0.5: Pillow's `BICUBIC` and PyTorch's `bicubic` where it
    /// is antialiased. Results may lie beyond the input's range.
    Bicubic,
}

impl Filter {
    /// How far the kernel reaches from its centre, in pixels.
    fn reach(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    /// The kernel's value at the distance `x` of 0 or more.
    fn at(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Bicubic => 0.0,
        }
    }
}

/// A picture, stretched to `height` x `width` with [`Filter::Bilinear`]. Differentiable: two matrix products.
///
/// The same as PyTorch's `interpolate(mode="bilinear", antialias=True)` and Pillow's `BILINEAR`; any size and aspect.
///
/// # Shapes
/// - x: `[n, c, h, w]`
/// - output: `[n, c, height, width]`
pub fn resize(x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    resize_by(Filter::Bilinear, x, height, width)
}

/// As [`resize`], with the kernel `filter`.
///
/// # Shapes
/// - x: `[n, c, h, w]`
/// - output: `[n, c, height, width]`
pub fn resize_by(filter: Filter, x: Tensor<4>, height: usize, width: usize) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let device = x.device();
    let mut x = x;
    if w != width {
        let columns = weights(filter, w, width, &device).transpose();
        x = x
            .reshape([n * c * h, w])
            .matmul(columns)
            .reshape([n, c, h, width]);
    }
    if h != height {
        let rows = weights(filter, h, height, &device).reshape([1, 1, height, h]);
        x = rows.expand([n, c, height, h]).matmul(x);
    }
    x
}

/// The weights `[output, input]` of a kernel as wide as the reduction, cut off at the edges and normalised.
/// Sampling points are pixel centres (`align_corners=False`).
fn weights(filter: Filter, input: usize, output: usize, device: &Device) -> Tensor<2> {
    let scale = input as f64 / output as f64;
    let stretch = scale.max(1.0);
    let reach = filter.reach() * stretch;
    let mut weights = vec![0.0_f32; input * output];
    for (row, weights) in weights.chunks_exact_mut(input).enumerate() {
        let centre = scale * (row as f64 + 0.5);
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let last = ((centre + reach + 0.5) as usize).min(input);
        let weight = |at: usize| filter.at(((at as f64 + 0.5 - centre) / stretch).abs());
        let total: f64 = (first..last).map(weight).sum();
        for (at, value) in weights.iter_mut().enumerate().take(last).skip(first) {
            *value = (weight(at) / total) as f32;
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

    /// PyTorch 2.15: `interpolate(x, (1, width), mode="bicubic", antialias=True)`. Tolerance: the digits written here.
    #[test]
    fn bicubic_is_pytorchs() {
        let values = [0.1, 0.9, 0.3, 0.7, 0.2, 1.0, 0.0];
        let x = Tensor::<1>::from_floats(values, &Device::flex()).reshape([1, 1, 1, 7]);
        let cases: [&[f32]; 3] = [
            &[0.4875, 0.513919, 0.468952],
            &[0.4499, 0.542907, 0.512187, 0.437899],
            &[
                0.051544, 0.564851, 0.825, 0.3091, 0.586731, 0.539788, 0.212806, 0.896094,
                0.584288, -0.06057,
            ],
        ];
        for expected in cases {
            let found = resize_by(Filter::Bicubic, x.clone(), 1, expected.len());
            let down = resize_by(
                Filter::Bicubic,
                x.clone().swap_dims(2, 3),
                expected.len(),
                1,
            );
            for found in [found, down] {
                for (found, expected) in found.into_data().iter::<f32>().zip(expected) {
                    assert!((found - expected).abs() < 2e-6, "{found} {expected}");
                }
            }
        }
    }
}
