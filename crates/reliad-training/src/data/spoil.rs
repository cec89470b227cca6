//! Pictures spoilt so that anybody sees it, for a network that shall tell them from whole ones. Ours.

use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_pictures::over;

use crate::data::soften::{blurred, reduced};
use crate::random;

/// A way in which a picture is spoilt; each picture draws how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoiling {
    /// A Gaussian blur of 0.8 % to 3 % of the side.
    Blurred,
    /// Three to six levels a channel.
    Posterised,
    /// A seventh to a half of its contrast.
    Faded,
    /// The product before one colour, without a shadow.
    Grounded,
    /// The product before stripes or checks of two colours.
    Patterned,
    /// Noise with a deviation of 0.04 to 0.2.
    Noisy,
    /// Reduced to a fifth to a third of its side, and enlarged again.
    Reduced,
    /// A gain of each channel of its own, 0.4 to 1.6.
    Tinted,
}

/// What a network learns from.
pub const LEARNED: [Spoiling; 6] = [
    Spoiling::Blurred,
    Spoiling::Posterised,
    Spoiling::Faded,
    Spoiling::Grounded,
    Spoiling::Patterned,
    Spoiling::Noisy,
];

/// What it never sees in training: by these it is measured whether it learned more than its six kinds.
pub const UNSEEN: [Spoiling; 2] = [Spoiling::Reduced, Spoiling::Tinted];

impl Spoiling {
    /// Its name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blurred => "blurred",
            Self::Posterised => "posterised",
            Self::Faded => "faded",
            Self::Grounded => "grounded",
            Self::Patterned => "patterned",
            Self::Noisy => "noisy",
            Self::Reduced => "reduced",
            Self::Tinted => "tinted",
        }
    }

    /// A picture, spoilt.
    ///
    /// # Shapes
    /// - picture: `[1, 3, size, size]` in [0, 1]; product: `[1, 4, size, size]`, straight alpha; output: as picture
    pub fn apply(self, picture: Tensor<4>, product: Tensor<4>, rng: &mut ChaCha8Rng) -> Tensor<4> {
        let [_, _, height, width] = picture.dims();
        let device = picture.device();
        let spoilt = match self {
            Self::Blurred => blurred(picture, width as f64 * rng.random_range(0.008..0.03)),
            Self::Posterised => {
                let steps = f64::from(rng.random_range(2..=5));
                (picture * steps).round() / steps
            }
            Self::Faded => {
                let mean = picture.clone().mean_dim(3).mean_dim(2);
                (picture - mean.clone()) * rng.random_range(0.15..0.5) + mean
            }
            Self::Grounded => over(product, color(rng)),
            Self::Patterned => {
                let alpha = product.clone().narrow(1, 3, 1);
                let ground = pattern(height, width, rng, &device);
                product.narrow(1, 0, 3) * alpha.clone() + ground * (alpha.neg() + 1.0)
            }
            Self::Noisy => {
                let deviation = rng.random_range(0.04..0.2);
                picture + random::normal(rng, [1, 3, height, width], &device) * deviation
            }
            Self::Reduced => reduced(picture, rng.random_range(0.2..0.33)),
            Self::Tinted => {
                let gains: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.4..1.6));
                picture * Tensor::<1>::from_floats(gains, &device).reshape([1, 3, 1, 1])
            }
        };
        spoilt.clamp(0.0, 1.0)
    }
}

fn color(rng: &mut ChaCha8Rng) -> [f32; 3] {
    std::array::from_fn(|_| rng.random())
}

/// Stripes across or down, or checks, of two colours, `[1, 3, height, width]`; 2 to 16 pixels wide.
fn pattern(height: usize, width: usize, rng: &mut ChaCha8Rng, device: &Device) -> Tensor<4> {
    let wide = rng.random_range(2..=16usize);
    let kind = rng.random_range(0..3);
    let [first, second] = [color(rng), color(rng)];
    let mut values = Vec::with_capacity(3 * height * width);
    for (first, second) in first.into_iter().zip(second) {
        for row in 0..height {
            for column in 0..width {
                let (down, across) = (row / wide, column / wide);
                let which = [down, across, down + across][kind];
                values.push(if which.is_multiple_of(2) {
                    first
                } else {
                    second
                });
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [1, 3, height, width]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(x: &Tensor<4>) -> Vec<f32> {
        x.clone().into_data().iter::<f32>().collect()
    }

    #[test]
    fn every_kind_changes_the_picture_within_its_range_and_the_same_again() {
        let device = Device::flex();
        let mut rng = random::generator(1, "pictures", 0);
        let picture = random::normal(&mut rng, [1, 3, 32, 32], &device) * 0.2 + 0.5;
        let picture = picture.clamp(0.0, 1.0);
        let alpha = Tensor::<4>::ones([1, 1, 32, 32], &device);
        let product = Tensor::cat(vec![picture.clone() * 0.5, alpha], 1);
        for kind in LEARNED.into_iter().chain(UNSEEN) {
            let spoil = |seed| {
                let mut rng = random::generator(seed, "spoil", 0);
                values(&kind.apply(picture.clone(), product.clone(), &mut rng))
            };
            let spoilt = spoil(1);
            assert!(spoilt.iter().all(|value| (0.0..=1.0).contains(value)));
            assert_ne!(spoilt, values(&picture), "{}", kind.name());
            assert_eq!(spoilt, spoil(1), "{}", kind.name());
        }
    }

    #[test]
    fn a_product_stays_before_its_ground_and_the_ground_is_what_it_says() {
        let device = Device::flex();
        let picture = Tensor::<4>::full([1, 3, 32, 32], 0.5, &device);
        let absent = Tensor::<4>::zeros([1, 4, 32, 32], &device);
        let mut rng = random::generator(1, "spoil", 0);
        let plain = values(&Spoiling::Grounded.apply(picture.clone(), absent.clone(), &mut rng));
        let count = |values: &[f32]| {
            let mut values = values.to_vec();
            values.sort_by(f32::total_cmp);
            values.dedup();
            values.len()
        };
        assert_eq!(count(&plain[..1024]), 1);
        let pattern = values(&Spoiling::Patterned.apply(picture.clone(), absent, &mut rng));
        assert_eq!(count(&pattern[..1024]), 2);
        let whole = Tensor::<4>::ones([1, 4, 32, 32], &device);
        for kind in [Spoiling::Grounded, Spoiling::Patterned] {
            let kept = values(&kind.apply(picture.clone(), whole.clone(), &mut rng));
            assert!(kept.iter().all(|&value| value == 1.0), "{}", kind.name());
        }
    }
}
