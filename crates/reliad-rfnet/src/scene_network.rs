//! The scene network: which kind of scene a picture shows, the main colour behind its product, and where its light is from.
//!
//! Ours. It measures painters, it judges nothing: a small ResNet over the picture with the product covered, and two or
//! three heads on its pooled map. What it sees of a scene is also what distances between pictures are measured in.
//!
//! | key in the file | ours |
//! |---|---|
//! | `encoder.*` | torchvision's names of a ResNet, see [`resnet`](crate::resnet) |
//! | `family_head.*`, `color_head.*`, `light_head.*` | the same |

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use image::{GrayImage, RgbImage};
use reliad_pictures::{gray_tensor, rgb_tensor};
use reliad_weights::{KeyMap, ModelDir};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::preprocess::{Preprocess, PreprocessConfig};
use crate::resnet::{ResNet, ResNetConfig};

const NETWORK: &str = "scene network";

/// Directory of the component in a model directory.
pub const COMPONENT: &str = "scene";

/// `scene/config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneNetworkConfig {
    /// Size and statistics of the input.
    pub preprocess: PreprocessConfig,
    /// The encoder, without classifier.
    pub image_encoder: ResNetConfig,
    /// How far the product's cover reaches beyond the product, as a share of the picture's longer side, 0 to 0.25.
    pub product_margin: f32,
    /// Names of the scene families, in the order of their logits.
    #[serde(default)]
    pub families: Vec<String>,
    /// Names of the colours, in the order of their logits.
    #[serde(default)]
    pub colors: Vec<String>,
    /// Names of the sides that the key light comes from, in the order of their logits; empty: the network doesn't tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lights: Vec<String>,
}

impl SceneNetworkConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        self.preprocess.validate()?;
        self.image_encoder.validate()?;
        let bad = |field: &str, got: String, supported: &str| {
            Err(Error::unsupported(NETWORK, field, got, supported))
        };
        if let Some(classes) = self.image_encoder.num_classes {
            return bad("image_encoder.num_classes", classes.to_string(), "absent");
        }
        if !(0.0..=0.25).contains(&self.product_margin) {
            return bad(
                "product_margin",
                self.product_margin.to_string(),
                "0 to 0.25",
            );
        }
        for (field, names) in [("families", &self.families), ("colors", &self.colors)] {
            if names.is_empty() {
                return bad(field, "empty".to_owned(), "at least one name");
            }
        }
        Ok(())
    }

    /// Builds an untrained network.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<SceneNetwork> {
        self.validate()?;
        let channels = self.image_encoder.channels();
        Ok(SceneNetwork {
            encoder: self.image_encoder.init(device)?,
            family_head: LinearConfig::new(channels, self.families.len()).init(device),
            color_head: LinearConfig::new(channels, self.colors.len()).init(device),
            light_head: (!self.lights.is_empty())
                .then(|| LinearConfig::new(channels, self.lights.len()).init(device)),
        })
    }

    /// Where the product hides the scene: 255 in and around what `alpha` shows, 0 elsewhere.
    pub fn cover(&self, alpha: &GrayImage) -> GrayImage {
        let longer = alpha.width().max(alpha.height());
        let margin = (self.product_margin * longer as f32).round() as u32;
        let mut cover = reliad_imaging::dilate(alpha, 2 * margin + 1);
        for pixel in cover.pixels_mut() {
            pixel.0 = [if pixel.0[0] > 0 { 255 } else { 0 }];
        }
        cover
    }
}

/// The bare network. Built by [`SceneNetworkConfig::init`].
#[derive(Module, Debug)]
pub struct SceneNetwork {
    encoder: ResNet,
    family_head: Linear,
    color_head: Linear,
    light_head: Option<Linear>,
}

/// What the heads say of some pictures, before any softmax.
#[derive(Clone, Debug)]
pub struct SceneLogits {
    /// `[n, families]`
    pub family: Tensor<2>,
    /// `[n, colors]`
    pub color: Tensor<2>,
    /// `[n, lights]`, where the network tells.
    pub light: Option<Tensor<2>>,
}

impl SceneNetwork {
    /// Names in the file to ours.
    pub fn key_map() -> KeyMap {
        KeyMap::identity().ignoring(&["num_batches_tracked"])
    }

    /// Maps of the four stages for a prepared input; see [`ResNet::stages`].
    pub fn stages(&self, input: Tensor<4>) -> [Tensor<4>; 4] {
        self.encoder.stages(input)
    }

    /// The last stage's map, averaged over its places.
    ///
    /// # Shapes
    /// - input: `[n, 3, h, w]`, prepared
    /// - output: `[n, channels]`
    pub fn features(&self, input: Tensor<4>) -> Tensor<2> {
        self.encoder.forward(input)
    }

    /// Logits from pooled features.
    ///
    /// # Shapes
    /// - features: `[n, channels]`
    pub fn classify(&self, features: Tensor<2>) -> SceneLogits {
        let light = self.light_head.as_ref();
        SceneLogits {
            family: self.family_head.forward(features.clone()),
            color: self.color_head.forward(features.clone()),
            light: light.map(|head| head.forward(features)),
        }
    }
}

/// What the network makes of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Index into [`SceneNetworkConfig::families`].
    pub family: usize,
    /// Index into [`SceneNetworkConfig::colors`].
    pub color: usize,
    /// Index into [`SceneNetworkConfig::lights`], where the network tells.
    pub light: Option<usize>,
    /// Probability of each family, 0 to 1.
    pub family_probabilities: Vec<f32>,
    /// Probability of each colour, 0 to 1.
    pub color_probabilities: Vec<f32>,
}

/// A loaded scene network with its preprocessing.
#[derive(Debug)]
pub struct SceneClassifier {
    network: SceneNetwork,
    config: SceneNetworkConfig,
    preprocess: Preprocess,
    device: Device,
}

impl SceneClassifier {
    /// Loads `scene/` of `model`.
    ///
    /// # Errors
    /// [`Error::Absent`] where there is none, an unsupported field, or weights that don't fit it.
    pub fn load(model: &ModelDir, device: &Device) -> Result<Self> {
        if !model.contains("scene/config.json") {
            return Err(Error::Absent {
                model: model.display(""),
                component: COMPONENT,
                command: "reliad train scene",
            });
        }
        let dir = model.sub(COMPONENT);
        let config: SceneNetworkConfig = reliad_weights::read_config(&dir, "config.json")?;
        let network = config.init(device)?;
        let network = reliad_weights::load(network, &dir, &SceneNetwork::key_map())?;
        Ok(Self {
            network: network.freeze(),
            preprocess: config.preprocess.init()?,
            config,
            device: device.clone(),
        })
    }

    /// The network's configuration, with the names of families and colours.
    pub fn config(&self) -> &SceneNetworkConfig {
        &self.config
    }

    /// Family, colour and light of a picture whose product `cover` hides (see [`SceneNetworkConfig::cover`]).
    ///
    /// # Errors
    /// A picture and cover of different sizes.
    pub fn classify(&self, picture: &RgbImage, cover: &GrayImage) -> Result<Scene> {
        let input = self.covered(picture, cover)?;
        let SceneLogits {
            family,
            color,
            light,
        } = self.network.classify(self.network.features(input));
        let [family, color] = [family, color].map(probabilities);
        Ok(Scene {
            family: largest(&family),
            color: largest(&color),
            light: light.map(|light| largest(&probabilities(light))),
            family_probabilities: family,
            color_probabilities: color,
        })
    }

    /// Pooled features of a picture, product and all: [`ResNetConfig::channels`] numbers.
    pub fn features(&self, picture: &RgbImage) -> Vec<f32> {
        let input = self.preprocess.generated(rgb_tensor(picture, &self.device));
        self.network
            .features(input)
            .into_data()
            .iter::<f32>()
            .collect()
    }

    /// Maps of the four stages for a picture whose product `cover` hides, `[1, c, h, w]` each.
    ///
    /// # Errors
    /// As [`classify`](Self::classify).
    pub fn stages(&self, picture: &RgbImage, cover: &GrayImage) -> Result<[Tensor<4>; 4]> {
        Ok(self.network.stages(self.covered(picture, cover)?))
    }

    /// Maps of the four stages for pictures as large as they are, product and all; with gradients on a device that has them.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in [0, 1]
    /// - output: `[n, c, h / s, w / s]` each
    pub fn maps(&self, pictures: Tensor<4>) -> [Tensor<4>; 4] {
        self.network.stages(self.preprocess.normalised(pictures))
    }

    fn covered(&self, picture: &RgbImage, cover: &GrayImage) -> Result<Tensor<4>> {
        let (size, product) = (picture.dimensions(), cover.dimensions());
        if size != product {
            return Err(Error::SizeMismatch {
                picture: size,
                product,
            });
        }
        let picture = rgb_tensor(picture, &self.device);
        let cover = gray_tensor(cover, &self.device);
        Ok(self
            .preprocess
            .generated(fill(picture, cover, &self.config.preprocess)))
    }
}

/// Pictures with the colour `image_mean` where `cover` is 1: what the network takes as nothing.
///
/// # Shapes
/// - pictures: `[n, 3, h, w]` in [0, 1]; cover: `[n, 1, h, w]` in [0, 1]; output: as pictures
pub fn fill(pictures: Tensor<4>, cover: Tensor<4>, preprocess: &PreprocessConfig) -> Tensor<4> {
    let mean =
        Tensor::<1>::from_floats(preprocess.image_mean, &pictures.device()).reshape([1, 3, 1, 1]);
    // Not a step from the picture towards the mean: its rounding would let the product through.
    pictures * (cover.clone().neg() + 1.0) + mean * cover
}

fn probabilities(logits: Tensor<2>) -> Vec<f32> {
    softmax(logits, 1).into_data().iter::<f32>().collect()
}

fn largest(values: &[f32]) -> usize {
    (0..values.len())
        .max_by(|&a, &b| values[a].total_cmp(&values[b]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use image::{Luma, Rgb};
    use reliad_weights::Precision;
    use serde_json::json;

    fn config() -> SceneNetworkConfig {
        serde_json::from_value(json!({
            "preprocess": { "image_size": 64 },
            "image_encoder": { "block": "basic", "layers": [1, 1, 1, 1], "base_width": 4 },
            "product_margin": 0.05, "families": ["wood", "garden"], "colors": ["navy", "teal", "red"]
        }))
        .unwrap()
    }

    #[test]
    fn the_product_changes_no_verdict_and_the_scene_does() {
        let dir = tempfile::tempdir().unwrap();
        let device = Device::flex();
        let network = config().init(&device).unwrap();
        let scene = dir.path().join(COMPONENT);
        reliad_weights::write_config(&scene.join("config.json"), &config()).unwrap();
        let file = scene.join("model.safetensors");
        reliad_weights::save(&network, &file, Precision::F32, &SceneNetwork::key_map()).unwrap();
        let model = ModelDir::open(dir.path()).unwrap();
        let loaded = SceneClassifier::load(&model, &device).unwrap();

        let inside = |x: u32, y: u32| (20..40).contains(&x) && (20..50).contains(&y);
        let alpha = GrayImage::from_fn(64, 64, |x, y| Luma([if inside(x, y) { 255 } else { 0 }]));
        let cover = config().cover(&alpha);
        // 5 % of 64 pixels, rounded: 3 on every side.
        assert_eq!(cover.get_pixel(17, 30).0, [255]);
        assert_eq!(cover.get_pixel(16, 30).0, [0]);
        let picture = |product: [u8; 3], scene: [u8; 3]| {
            RgbImage::from_fn(64, 64, |x, y| {
                Rgb(if inside(x, y) { product } else { scene })
            })
        };
        let see = |picture: &RgbImage| {
            let [.., last] = loaded.stages(picture, &cover).unwrap();
            last.into_data().iter::<f32>().collect::<Vec<_>>()
        };
        let base = see(&picture([200, 0, 0], [20, 90, 200]));
        assert_eq!(base, see(&picture([0, 200, 250], [20, 90, 200])));
        assert_ne!(base, see(&picture([200, 0, 0], [220, 90, 20])));
        assert_eq!(loaded.features(&picture([9, 9, 9], [1, 2, 3])).len(), 32);
        let wrong = loaded.classify(&RgbImage::new(8, 8), &cover).unwrap_err();
        assert!(wrong.to_string().contains("(8, 8)"), "{wrong}");
    }

    #[test]
    fn a_model_without_the_network_says_how_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let model = ModelDir::open(dir.path()).unwrap();
        let error = SceneClassifier::load(&model, &Device::flex()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("no scene/") && text.contains("`reliad train scene`"),
            "{text}"
        );
    }

    #[test]
    fn fields_that_cannot_be_honoured_are_named() {
        let broken = SceneNetworkConfig {
            product_margin: 0.4,
            ..config()
        };
        assert!(
            broken
                .validate()
                .unwrap_err()
                .to_string()
                .contains("product_margin")
        );
        let broken = SceneNetworkConfig {
            colors: Vec::new(),
            ..config()
        };
        assert!(
            broken
                .validate()
                .unwrap_err()
                .to_string()
                .contains("colors")
        );
    }
}
