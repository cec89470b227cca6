//! The one preprocessing: from pictures in [0, 1] to what RFNet sees, for training, inference and the reward alike.
//!
//! Every step is a tensor operation, so gradients reach the picture:
//! 1. the product is laid on the config's background;
//! 2. the picture is stretched to a square of `image_size` ([`resize`]): a *view*, of which training keeps 8 bits;
//! 3. maps are repeated over three channels, and the view becomes `(x - mean) / std` per channel.
//!
//! Mean, deviation and size are part of the weights' record (`rfnet/config.json`), as a network can't be used with
//! others.

use burn::tensor::Tensor;
use reliad_pictures::{normalise, over, resize};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const NETWORK: &str = "RFNet";

/// The preprocessing that belongs to a network's weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessConfig {
    /// Height and width the network sees. Paper: 384.
    pub image_size: usize,
    /// Mean of each channel, subtracted. Default: ImageNet's.
    #[serde(default = "imagenet_mean")]
    pub image_mean: [f32; 3],
    /// Deviation of each channel, divided by. Default: ImageNet's.
    #[serde(default = "imagenet_std")]
    pub image_std: [f32; 3],
    /// Colour behind the product, each channel in [0, 1] (ours: white).
    #[serde(default = "white")]
    pub product_background: [f32; 3],
}

fn imagenet_mean() -> [f32; 3] {
    [0.485, 0.456, 0.406]
}
fn imagenet_std() -> [f32; 3] {
    [0.229, 0.224, 0.225]
}
fn white() -> [f32; 3] {
    [1.0; 3]
}

impl PreprocessConfig {
    /// ImageNet's statistics, a white background.
    pub fn new(image_size: usize) -> Self {
        Self {
            image_size,
            image_mean: imagenet_mean(),
            image_std: imagenet_std(),
            product_background: white(),
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        let bad = |field: &str, got: String, supported: &str| {
            Err(Error::unsupported(
                NETWORK,
                format!("preprocess.{field}"),
                got,
                supported,
            ))
        };
        if self.image_size == 0 {
            return bad("image_size", "0".to_owned(), "1 or more");
        }
        if self.image_mean.iter().any(|mean| !mean.is_finite()) {
            return bad(
                "image_mean",
                format!("{:?}", self.image_mean),
                "finite numbers",
            );
        }
        if self
            .image_std
            .iter()
            .any(|std| !(*std > 0.0 && std.is_finite()))
        {
            return bad(
                "image_std",
                format!("{:?}", self.image_std),
                "positive numbers",
            );
        }
        if self
            .product_background
            .iter()
            .any(|value| !(0.0..=1.0).contains(value))
        {
            let got = format!("{:?}", self.product_background);
            return bad("product_background", got, "numbers in 0 to 1");
        }
        Ok(())
    }

    /// Makes the preprocessing.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self) -> Result<Preprocess> {
        self.validate()?;
        Ok(Preprocess {
            config: self.clone(),
        })
    }
}

/// The preprocessing of one network. Built by [`PreprocessConfig::init`]. It holds no weights.
#[derive(Clone, Debug)]
pub struct Preprocess {
    config: PreprocessConfig,
}

impl Preprocess {
    /// # Shapes
    /// - picture: `[n, 3, h, w]` in [0, 1]
    /// - output: `[n, 3, image_size, image_size]`, normalised
    pub fn generated(&self, picture: Tensor<4>) -> Tensor<4> {
        self.normalised(self.view(picture))
    }

    /// # Shapes
    /// - product: `[n, 4, h, w]`, straight-alpha RGBA in [0, 1]
    /// - output: `[n, 3, image_size, image_size]`, normalised
    pub fn product(&self, product: Tensor<4>) -> Tensor<4> {
        self.normalised(self.product_view(product))
    }

    /// # Shapes
    /// - map: `[n, 1, h, w]` in [0, 1], depth or saliency
    /// - output: `[n, 3, image_size, image_size]`, normalised
    pub fn map(&self, map: Tensor<4>) -> Tensor<4> {
        self.normalised(self.view(map))
    }

    /// A picture or map at the network's size.
    ///
    /// # Shapes
    /// - picture: `[n, channels, h, w]` in [0, 1]
    /// - output: `[n, channels, image_size, image_size]` in [0, 1]
    pub fn view(&self, picture: Tensor<4>) -> Tensor<4> {
        let size = self.config.image_size;
        resize(picture, size, size)
    }

    /// A product on the config's background, at the network's size. The product is laid on the background before it is
    /// resized, without rounding in between.
    ///
    /// # Shapes
    /// - product: `[n, 4, h, w]`, straight-alpha RGBA in [0, 1]
    /// - output: `[n, 3, image_size, image_size]` in [0, 1]
    pub fn product_view(&self, product: Tensor<4>) -> Tensor<4> {
        self.view(over(product, self.config.product_background))
    }

    /// Views as the network's encoders take them.
    ///
    /// # Shapes
    /// - view: `[n, 3 or 1, h, w]` in [0, 1]
    /// - output: `[n, 3, h, w]`, normalised
    pub fn normalised(&self, view: Tensor<4>) -> Tensor<4> {
        let view = match view.dims()[1] {
            1 => view.repeat_dim(1, 3),
            _ => view,
        };
        normalise(view, self.config.image_mean, self.config.image_std)
    }
}
