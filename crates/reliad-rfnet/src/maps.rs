//! What the depth and the saliency network share: the picture's way in, and the raw map's way out.

use burn::tensor::Tensor;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use reliad_pictures::{normalise, resize};
use reliad_weights::ModelDir;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// Bilinear interpolation to `[height, width]` without antialiasing, as the networks use it inside.
pub(crate) fn bilinear(map: Tensor<4>, size: [usize; 2], align_corners: bool) -> Tensor<4> {
    let [_, _, height, width] = map.dims();
    if [height, width] == size {
        return map;
    }
    let options = InterpolateOptions::new(InterpolateMode::Bilinear)
        .with_align_corners(align_corners)
        .with_output_size(size);
    interpolate(map, options)
}

/// [`bilinear`] to another map's size, half-pixel centres.
pub(crate) fn bilinear_to(map: Tensor<4>, target: &Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = target.dims();
    bilinear(map, [height, width], false)
}

/// Scales each picture's map so that its least value is 0 and its greatest 1; an even map becomes 0.
///
/// # Shapes
/// `[n, 1, h, w]` to the same.
pub(crate) fn min_max(map: Tensor<4>) -> Tensor<4> {
    let [n, channels, height, width] = map.dims();
    let flat = map.reshape([n, channels * height * width]);
    let least = flat.clone().min_dim(1);
    let span = (flat.clone().max_dim(1) - least.clone()).clamp_min(1e-6);
    ((flat - least) / span).reshape([n, channels, height, width])
}

/// How a picture in 0..1 becomes a network's input: resampled to one size, then `(x - mean) / std` by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkInput {
    /// Height of the input in pixels.
    pub height: usize,
    /// Width of the input in pixels.
    pub width: usize,
    /// Mean by channel, of values in 0..1.
    pub mean: [f32; 3],
    /// Standard deviation by channel.
    pub std: [f32; 3],
}

/// The fields of transformers' `preprocessor_config.json` that change the result.
#[derive(Deserialize)]
struct Fields {
    size: Option<Value>,
    image_size: Option<Value>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    resample: Option<u32>,
    do_resize: Option<bool>,
    do_normalize: Option<bool>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    do_pad: Option<bool>,
    keep_aspect_ratio: Option<bool>,
}

impl NetworkInput {
    /// From `config.json`, overruled by a `preprocessor_config.json` beside it where there is one.
    ///
    /// Fields: `size` (a number, or `{"height", "width"}`; else `image_size`), `image_mean`, `image_std`, `resample`
    /// (2: bilinear, antialiased). `defaults` are mean and standard deviation where neither file has
    /// them.
    ///
    /// # Errors
    /// [`Error::Unsupported`] or [`Error::Config`], naming the field.
    pub(crate) fn read(
        network: &'static str,
        dir: &ModelDir,
        config: &Value,
        defaults: ([f32; 3], [f32; 3]),
    ) -> Result<Self> {
        let mut merged = config.clone();
        if dir.contains("preprocessor_config.json") {
            let over: Value = reliad_weights::read_config(dir, "preprocessor_config.json")?;
            if let (Some(fields), Value::Object(over)) = (merged.as_object_mut(), over) {
                fields.extend(over);
            }
        }
        Self::from_json(network, merged, defaults)
    }

    /// From the fields of one JSON object; see [`read`](Self::read).
    pub(crate) fn from_json(
        network: &'static str,
        json: Value,
        (mean, std): ([f32; 3], [f32; 3]),
    ) -> Result<Self> {
        let fields: Fields =
            serde_json::from_value(json).map_err(|source| Error::Config { network, source })?;
        let fail = |field: &str, got: String, supported: &str| {
            Err(Error::unsupported(network, field, got, supported))
        };
        for (field, value, supported) in [
            ("do_resize", fields.do_resize, true),
            ("do_rescale", fields.do_rescale, true),
            ("do_pad", fields.do_pad, false),
            ("keep_aspect_ratio", fields.keep_aspect_ratio, false),
        ] {
            if value.is_some_and(|value| value != supported) {
                return fail(field, (!supported).to_string(), &supported.to_string());
            }
        }
        if let Some(factor) = fields.rescale_factor
            && (factor * 255.0 - 1.0).abs() > 1e-3
        {
            return fail("rescale_factor", factor.to_string(), "1/255");
        }
        if let Some(filter) = fields.resample.filter(|filter| *filter != 2) {
            return fail("resample", filter.to_string(), "2 (bilinear, antialiased)");
        }
        let (field, size) = match (&fields.size, &fields.image_size) {
            (Some(size), _) => ("size", size),
            (None, Some(size)) => ("image_size", size),
            (None, None) => return fail("image_size", "absent".into(), "pixels, 1 to 4096"),
        };
        let side = |value: &Value| {
            let side = value.as_u64().and_then(|side| usize::try_from(side).ok());
            side.filter(|side| (1..=4096).contains(side))
        };
        let (height, width) = match size {
            Value::Object(sides) => (
                sides.get("height").and_then(side),
                sides.get("width").and_then(side),
            ),
            one => (side(one), side(one)),
        };
        let (Some(height), Some(width)) = (height, width) else {
            return fail(
                field,
                size.to_string(),
                "pixels, 1 to 4096, or {height, width}",
            );
        };
        let (mean, std) = match fields.do_normalize {
            Some(false) => ([0.0; 3], [1.0; 3]),
            _ => (
                fields.image_mean.unwrap_or(mean),
                fields.image_std.unwrap_or(std),
            ),
        };
        if std.iter().any(|std| !std.is_normal()) {
            return fail("image_std", format!("{std:?}"), "numbers other than 0");
        }
        Ok(Self {
            height,
            width,
            mean,
            std,
        })
    }

    /// The network's input for a batch of pictures. Differentiable.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in 0..1
    /// - output: `[n, 3, height, width]`
    pub fn apply(&self, pictures: Tensor<4>) -> Tensor<4> {
        let resampled = resize(pictures, self.height, self.width);
        normalise(resampled, self.mean, self.std)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use burn::tensor::Device;

    use super::*;
    use serde_json::json;

    const HALF: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);

    #[test]
    fn min_max_is_by_picture_and_an_even_map_is_zero() {
        let map = Tensor::<4>::from_floats(
            [[[[1.0, 3.0], [2.0, 5.0]]], [[[7.0, 7.0], [7.0, 7.0]]]],
            &Device::default(),
        );
        let got: Vec<f32> = min_max(map).into_data().try_to_vec().unwrap();
        assert_eq!(got, [0.0, 0.5, 0.25, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn sizes_and_normalisation_come_from_the_fields() {
        let read = |json| NetworkInput::from_json("DPT", json, HALF);
        let input = read(json!({"image_size": 384, "size": {"height": 96, "width": 64}})).unwrap();
        assert_eq!((input.height, input.width, input.mean), (96, 64, [0.5; 3]));
        let input = read(json!({"image_size": 384, "do_normalize": false})).unwrap();
        assert_eq!(
            (input.height, input.mean, input.std),
            (384, [0.0; 3], [1.0; 3])
        );
    }

    #[test]
    fn fields_that_cannot_be_honoured_are_named() {
        for (field, json) in [
            ("image_size", json!({})),
            ("size", json!({"size": {"shortest_edge": 384}})),
            ("size", json!({"size": 100_000})),
            (
                "keep_aspect_ratio",
                json!({"size": 8, "keep_aspect_ratio": true}),
            ),
            ("do_pad", json!({"size": 8, "do_pad": true})),
            ("resample", json!({"size": 8, "resample": 1})),
            ("rescale_factor", json!({"size": 8, "rescale_factor": 1.0})),
            (
                "image_std",
                json!({"size": 8, "image_std": [1.0, 0.0, 1.0]}),
            ),
        ] {
            let error = NetworkInput::from_json("DPT", json, HALF)
                .unwrap_err()
                .to_string();
            assert!(error.contains(&format!("`{field}`")), "{error}");
        }
    }
}
