//! The one preprocessing: from pictures in [0, 1] to what RFNet sees, for training, inference and the reward alike.
//!
//! Every step is a tensor operation, so gradients reach the picture:
//! 1. the product is laid on the config's background; maps are repeated over three channels;
//! 2. the picture is stretched to a square of `image_size` with an antialiased bilinear (triangle) filter, the same
//!    as PyTorch's `interpolate(mode="bilinear", antialias=True)` and Pillow's `BILINEAR`; any size and aspect;
//! 3. `(x - mean) / std` per channel.
//!
//! Mean, deviation and size are part of the weights' record (`rfnet/config.json`), as a network can't be used with
//! others.

use burn::tensor::{Device, Tensor, TensorData};
use image::{GrayImage, RgbImage, RgbaImage};
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
        let size = self.config.image_size;
        self.normalise(resize(picture, size, size))
    }

    /// # Shapes
    /// - product: `[n, 4, h, w]`, straight-alpha RGBA in [0, 1]
    /// - output: `[n, 3, image_size, image_size]`, normalised
    pub fn product(&self, product: Tensor<4>) -> Tensor<4> {
        let device = product.device();
        let colour = product.clone().narrow(1, 0, 3);
        let alpha = product.narrow(1, 3, 1);
        let background = channels(self.config.product_background, &device);
        let laid = (colour - background.clone()) * alpha + background;
        self.generated(laid)
    }

    /// # Shapes
    /// - map: `[n, 1, h, w]` in [0, 1], depth or saliency
    /// - output: `[n, 3, image_size, image_size]`, normalised
    pub fn map(&self, map: Tensor<4>) -> Tensor<4> {
        let size = self.config.image_size;
        self.normalise(resize(map, size, size).repeat_dim(1, 3))
    }

    fn normalise(&self, x: Tensor<4>) -> Tensor<4> {
        let device = x.device();
        let mean = channels(self.config.image_mean, &device);
        let std = channels(self.config.image_std, &device);
        (x - mean) / std
    }
}

fn channels(values: [f32; 3], device: &Device) -> Tensor<4> {
    Tensor::<1>::from_floats(values, device).reshape([1, 3, 1, 1])
}

/// Antialiased bilinear resampling to `height` x `width`: two matrix products, differentiable.
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

/// A picture as `[1, 3, h, w]` in [0, 1].
pub fn rgb_tensor(picture: &RgbImage, device: &Device) -> Tensor<4> {
    planes::<3>(picture.as_raw(), picture.dimensions(), device)
}

/// A straight-alpha picture as `[1, 4, h, w]` in [0, 1].
pub fn rgba_tensor(picture: &RgbaImage, device: &Device) -> Tensor<4> {
    planes::<4>(picture.as_raw(), picture.dimensions(), device)
}

/// A map as `[1, 1, h, w]` in [0, 1].
pub fn gray_tensor(map: &GrayImage, device: &Device) -> Tensor<4> {
    planes::<1>(map.as_raw(), map.dimensions(), device)
}

fn planes<const C: usize>(bytes: &[u8], (w, h): (u32, u32), device: &Device) -> Tensor<4> {
    let (w, h) = (w as usize, h as usize);
    let mut values = Vec::with_capacity(bytes.len());
    for channel in 0..C {
        values.extend(
            bytes
                .iter()
                .skip(channel)
                .step_by(C)
                .map(|&b| f32::from(b) / 255.0),
        );
    }
    Tensor::from_data(TensorData::new(values, [1, C, h, w]), device)
}

/// The first map of `[n, 1, h, w]` in [0, 1], rounded to 8 bits.
///
/// # Errors
/// [`Error::Tensor`] if the values can't be read from their device.
pub fn gray_image(map: &Tensor<4>) -> Result<GrayImage> {
    let (bytes, w, h) = bytes(map.clone().narrow(0, 0, 1))?;
    GrayImage::from_raw(w, h, bytes)
        .ok_or_else(|| Error::Tensor(format!("{w} x {h} map holds another number of values")))
}

/// The first picture of `[n, 3, h, w]` in [0, 1], rounded to 8 bits.
///
/// # Errors
/// [`Error::Tensor`] if the values can't be read from their device or are of another number of channels.
pub fn rgb_image(picture: &Tensor<4>) -> Result<RgbImage> {
    let (bytes, w, h) = bytes(picture.clone().narrow(0, 0, 1))?;
    RgbImage::from_raw(w, h, bytes)
        .ok_or_else(|| Error::Tensor(format!("{w} x {h} picture is not of three channels")))
}

/// Values of `[1, channels, h, w]` as bytes, pixel by pixel; width and height.
fn bytes(picture: Tensor<4>) -> Result<(Vec<u8>, u32, u32)> {
    let [_, _, h, w] = picture.dims();
    let values = picture
        .permute([0, 2, 3, 1])
        .into_data()
        .convert::<f32>()
        .try_into_vec::<f32>()
        .map_err(|error| Error::Tensor(format!("{error:?}")))?;
    let bytes = values
        .iter()
        .map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8)
        .collect();
    Ok((bytes, w as u32, h as u32))
}
