//! How CLIP's family sees a picture: its shorter side resized, the middle square cut out, normalised. Differentiable.

use burn::tensor::Tensor;
use reliad_pictures::{Filter, normalise, resize_by};
use serde::{Deserialize, Serialize};

/// Size and statistics of the input of a network of CLIP's family; the statistics' defaults are CLIP's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CentreSquare {
    /// Height and width the network sees, in pixels.
    pub image_size: usize,
    /// Mean of each channel, subtracted.
    #[serde(default = "clip_mean")]
    pub image_mean: [f32; 3],
    /// Deviation of each channel, divided by.
    #[serde(default = "clip_std")]
    pub image_std: [f32; 3],
}

pub(crate) fn clip_mean() -> [f32; 3] {
    [0.481_454_66, 0.457_827_5, 0.408_210_73]
}

pub(crate) fn clip_std() -> [f32; 3] {
    [0.268_629_54, 0.261_302_6, 0.275_777_1]
}

impl CentreSquare {
    /// CLIP's statistics.
    pub fn new(image_size: usize) -> Self {
        Self {
            image_size,
            image_mean: clip_mean(),
            image_std: clip_std(),
        }
    }

    /// What is wrong with the statistics, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        let bad = |std: &f32| !(*std > 0.0 && std.is_finite());
        if self.image_std.iter().any(bad) {
            return Some(format!(
                "`image_std` is {:?}; supported: positive numbers",
                self.image_std
            ));
        }
        if self.image_mean.iter().any(|mean| !mean.is_finite()) {
            return Some(format!(
                "`image_mean` is {:?}; supported: finite numbers",
                self.image_mean
            ));
        }
        None
    }

    /// What the network sees of pictures: `Resize(size, BICUBIC)`, `CenterCrop(size)`, `Normalize` of torchvision, without
    /// rounding to 8 bits in between. What bicubic resampling brings beyond [0, 1] is cut off, as 8 bits cut it off.
    /// Where a side has an odd number of pixels too many, one more goes at its end.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in [0, 1]; output: `[n, 3, image_size, image_size]`, normalised
    pub fn apply(&self, pictures: Tensor<4>) -> Tensor<4> {
        let [.., h, w] = pictures.dims();
        let size = self.image_size;
        let longer = |longer: usize, shorter: usize| size * longer / shorter.max(1);
        let (height, width) = if h <= w {
            (size, longer(w, h))
        } else {
            (longer(h, w), size)
        };
        let mut x = pictures;
        if (h, w) != (height, width) {
            x = resize_by(Filter::Bicubic, x, height, width).clamp(0.0, 1.0);
        }
        let x = x.narrow(2, (height - size) / 2, size);
        let x = x.narrow(3, (width - size) / 2, size);
        normalise(x, self.image_mean, self.image_std)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn plain(image_size: usize) -> CentreSquare {
        CentreSquare {
            image_mean: [0.0; 3],
            image_std: [1.0; 3],
            ..CentreSquare::new(image_size)
        }
    }

    #[test]
    fn the_middle_of_a_long_picture_is_seen() {
        let device = Device::flex();
        let ramp = Tensor::<1>::from_floats([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], &device);
        let wide = ramp.reshape([1, 1, 1, 6]).expand([1, 3, 2, 6]);
        let seen = plain(2).apply(wide.clone());
        assert_eq!(seen.dims(), [1, 3, 2, 2]);
        let first: Vec<f32> = seen.into_data().iter::<f32>().take(2).collect();
        assert_eq!(first, [0.4, 0.6]);
        let tall = plain(4).apply(wide.swap_dims(2, 3));
        assert_eq!(tall.dims(), [1, 3, 4, 4]);
    }

    #[test]
    fn nothing_is_beyond_the_range_and_gradients_pass() {
        let device = Device::flex().autodiff();
        let edge = Tensor::<1>::from_floats([0.0, 0.0, 1.0, 1.0], &device);
        let edge = edge.reshape([1, 1, 1, 4]).expand([1, 3, 4, 4]);
        let edge = edge.require_grad();
        let seen = plain(9).apply(edge.clone());
        let (low, high) = (seen.clone().min(), seen.clone().max());
        assert_eq!(
            (low.into_scalar::<f32>(), high.into_scalar::<f32>()),
            (0.0, 1.0)
        );
        let gradients = seen.sum().backward();
        let gradient = edge.grad(&gradients);
        assert!(gradient.is_some_and(|it| it.abs().max().into_scalar::<f32>() > 0.5));
    }

    #[test]
    fn statistics_that_divide_by_nothing_are_named() {
        let broken = CentreSquare {
            image_std: [1.0, 0.0, 1.0],
            ..plain(2)
        };
        assert!(broken.problem().is_some_and(|it| it.contains("image_std")));
        assert_eq!(plain(2).problem(), None);
    }
}
