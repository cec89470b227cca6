//! What painting does to a picture, done to rendered ones: softness, noise, blocks, exposure. Labels survive it.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use reliad_pictures::resize;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::random;

/// How far pictures are changed; each picture draws its own strengths up to these. Ours.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Softening {
    /// Pictures are reduced to this share of their side at least, and enlarged again; 0 < share <= 1.
    pub reduction: f64,
    /// Greatest standard deviation of a Gaussian blur in pixels of the input.
    pub blur: f64,
    /// Greatest share by which 4x4 blocks are drawn to their mean, as strong JPEG compression does; 0 to 1.
    pub blocks: f64,
    /// Greatest standard deviation of noise on the picture (0 to 1).
    pub noise: f64,
    /// Standard deviation of a gain of all channels; each channel has a quarter of it besides.
    pub exposure: f64,
}

impl Default for Softening {
    fn default() -> Self {
        Self {
            reduction: 0.35,
            blur: 1.2,
            blocks: 0.4,
            noise: 0.05,
            exposure: 0.06,
        }
    }
}

impl Softening {
    /// # Errors
    /// [`Error::Setting`] for a value out of its range.
    pub fn check(&self) -> Result<()> {
        let wrong = |name, reason: &str| {
            Err(Error::Setting {
                name,
                reason: reason.to_owned(),
            })
        };
        if !(self.reduction > 0.0 && self.reduction <= 1.0) {
            return wrong("reduction", "must be above 0 and at most 1");
        }
        if !(0.0..=1.0).contains(&self.blocks) {
            return wrong("blocks", "must be between 0 and 1");
        }
        let others = [
            ("blur", self.blur),
            ("noise", self.noise),
            ("exposure", self.exposure),
        ];
        for (name, value) in others {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(name, "must be a finite number, 0 or more");
            }
        }
        Ok(())
    }
}

/// Softens every picture by strengths of its own; half of them are left sharp.
///
/// # Shapes
/// `[n, c, size, size]` in [0, 1] to the same.
pub fn soften(pictures: Tensor<4>, softening: &Softening, rng: &mut ChaCha8Rng) -> Tensor<4> {
    let [n, channels, height, width] = pictures.dims();
    let device = pictures.device();
    // Random numbers in the pictures' order, then the pictures side by side.
    let drawn: Vec<(Option<[f64; 3]>, Tensor<4>)> = (0..n)
        .map(|_| {
            // Drawn whether used or not, so that settings don't move the stream.
            let [reduction, blur, blocks, noise]: [f64; 4] = std::array::from_fn(|_| rng.random());
            let strengths = rng.random::<bool>().then_some([reduction, blur, blocks]);
            let grain = random::normal(rng, [1, channels, height, width], &device);
            (strengths, grain * (softening.noise * noise))
        })
        .collect();
    let softened: Vec<Tensor<4>> = drawn
        .into_par_iter()
        .enumerate()
        .map(|(index, (strengths, grain))| {
            let mut picture = pictures.clone().narrow(0, index, 1);
            if let Some([reduction, blur, blocks]) = strengths {
                let share = softening.reduction + (1.0 - softening.reduction) * reduction;
                picture = reduced(picture, share);
                picture = blurred(picture, softening.blur * blur);
                picture = blocky(picture, softening.blocks * blocks);
            }
            picture + grain
        })
        .collect();
    let gain = random::normal(rng, [n, 1, 1, 1], &device) * softening.exposure + 1.0;
    let tint = random::normal(rng, [n, channels, 1, 1], &device) * (0.25 * softening.exposure);
    (Tensor::cat(softened, 0) * (tint + gain)).clamp(0.0, 1.0)
}

/// Pictures reduced to `share` of their side (at least 1 pixel) and enlarged again.
pub fn reduced(pictures: Tensor<4>, share: f64) -> Tensor<4> {
    let [_, _, height, width] = pictures.dims();
    let small = |side: usize| ((side as f64 * share).round() as usize).clamp(1, side);
    if small(height) == height && small(width) == width {
        return pictures;
    }
    resize(resize(pictures, small(height), small(width)), height, width)
}

/// Gaussian blur with the standard deviation `sigma` in pixels; the picture's edge dims nothing.
pub(crate) fn blurred(pictures: Tensor<4>, sigma: f64) -> Tensor<4> {
    if sigma < 0.2 {
        return pictures;
    }
    let [n, c, height, width] = pictures.dims();
    let device = pictures.device();
    let across = gaussian_filter(width, sigma, &device).transpose();
    let down = gaussian_filter(height, sigma, &device).reshape([1, 1, height, height]);
    let blurred = pictures
        .reshape([n * c * height, width])
        .matmul(across)
        .reshape([n, c, height, width]);
    down.expand([n, c, height, height]).matmul(blurred)
}

/// The weights `[size, size]` of a Gaussian filter, normalised row by row.
fn gaussian_filter(size: usize, sigma: f64, device: &Device) -> Tensor<2> {
    let mut weights = vec![0.0f32; size * size];
    for (row, weights) in weights.chunks_exact_mut(size).enumerate() {
        let weight = |at: usize| (-0.5 * ((at as f64 - row as f64) / sigma).powi(2)).exp();
        let total: f64 = (0..size).map(weight).sum();
        for (at, value) in weights.iter_mut().enumerate() {
            *value = (weight(at) / total) as f32;
        }
    }
    Tensor::from_data(TensorData::new(weights, [size, size]), device)
}

/// Each 4x4 block drawn to its mean by `share`; pictures whose side isn't divisible stay.
fn blocky(pictures: Tensor<4>, share: f64) -> Tensor<4> {
    const BLOCK: usize = 4;
    let [n, c, height, width] = pictures.dims();
    if share == 0.0 || !height.is_multiple_of(BLOCK) || !width.is_multiple_of(BLOCK) {
        return pictures;
    }
    let (rows, columns) = (height / BLOCK, width / BLOCK);
    let means = pictures
        .clone()
        .reshape([n * c * rows, BLOCK, columns, BLOCK])
        .mean_dim(3)
        .mean_dim(1)
        .expand([n * c * rows, BLOCK, columns, BLOCK])
        .reshape([n, c, height, width]);
    pictures * (1.0 - share) + means * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(device: &Device) -> Tensor<4> {
        let values: Vec<f32> = (0..64).map(|i| ((i * 37) % 64) as f32 / 63.0).collect();
        Tensor::from_data(TensorData::new(values, [1, 1, 8, 8]), device)
    }

    fn spread(picture: &Tensor<4>) -> f64 {
        let values: Vec<f64> = picture.clone().into_data().iter::<f64>().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (v - mean).powi(2)).sum()
    }

    #[test]
    fn every_kind_of_softness_keeps_the_mean_and_takes_contrast() {
        let device = Device::flex();
        let picture = ramp(&device);
        let mean = picture.clone().mean().into_scalar::<f64>();
        for soft in [
            reduced(picture.clone(), 0.5),
            blocky(picture.clone(), 0.5),
            blurred(picture.clone(), 1.0),
        ] {
            assert!((soft.clone().mean().into_scalar::<f64>() - mean).abs() < 0.03);
            assert!(spread(&soft) < 0.8 * spread(&picture));
        }
        assert_eq!(
            reduced(picture.clone(), 1.0).into_data(),
            picture.into_data()
        );
    }

    #[test]
    fn a_step_draws_the_same_softness_again_and_values_stay_in_range() {
        let device = Device::flex();
        let soft = |seed| {
            let mut rng = random::generator(seed, "soften", 0);
            let pictures = ramp(&device).repeat_dim(0, 3);
            soften(pictures, &Softening::default(), &mut rng).into_data()
        };
        assert_eq!(soft(1), soft(1));
        assert_ne!(soft(1), soft(2));
        assert!(
            soft(1)
                .iter::<f32>()
                .all(|value| (0.0..=1.0).contains(&value))
        );
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let broken = Softening {
            reduction: 0.0,
            ..Softening::default()
        };
        assert!(
            broken
                .check()
                .is_err_and(|e| e.to_string().contains("reduction"))
        );
        let broken = Softening {
            noise: f64::NAN,
            ..Softening::default()
        };
        assert!(
            broken
                .check()
                .is_err_and(|e| e.to_string().contains("noise"))
        );
    }
}
