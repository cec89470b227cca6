//! Classifiers of the picture alone: the rivals of RFNet in the paper's table of detectors.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_weights::{KeyMap, ModelDir, Precision, Source, load, load_source, save};
use serde::{Deserialize, Serialize};

use crate::classes::Classes;
use crate::error::{Error, Result};
use crate::hrnet::{HrNet, HrNetConfig};
use crate::preprocess::PreprocessConfig;
use crate::resnet::{ResNet, ResNetConfig};
use crate::vit::{VisionTransformer, VisionTransformerConfig};

pub(crate) const NETWORK: &str = "ImageClassifier";

/// Configuration of a [`Classifier`] and of the preprocessing that belongs to its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifierConfig {
    /// Names the architecture; always `ImageClassifier`.
    #[serde(rename = "_class_name")]
    pub class_name: String,
    /// Size, mean and deviation of the pictures the network sees.
    pub preprocess: PreprocessConfig,
    /// The network.
    pub network: Architecture,
}

/// The network of a [`Classifier`], by `architecture`. Its `num_classes` are the judge's classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture", rename_all = "snake_case")]
pub enum Architecture {
    /// ResNet or ResNeXt.
    Resnet(ResNetConfig),
    /// HRNet.
    Hrnet(HrNetConfig),
    /// The vision transformer; its `image_size` is the preprocessing's.
    VisionTransformer(VisionTransformerConfig),
}

/// A network over the picture alone. Built by [`ClassifierConfig::init`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one judge in a process")]
pub enum Classifier {
    /// ResNet or ResNeXt.
    Resnet(ResNet),
    /// HRNet.
    Hrnet(HrNet),
    /// The vision transformer.
    VisionTransformer(VisionTransformer),
}

impl ClassifierConfig {
    /// Reads a parsed `config.json` and checks it.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown field or a wrong type, [`Error::Unsupported`] for an unsupported value.
    pub fn from_json(json: &serde_json::Value) -> Result<Self> {
        let config = Self::deserialize(json).map_err(|source| Error::Config {
            network: NETWORK,
            source,
        })?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        self.preprocess.validate()?;
        let size = self.preprocess.image_size;
        match &self.network {
            Architecture::Resnet(config) => config.validate()?,
            Architecture::Hrnet(config) => {
                config.validate()?;
                if !size.is_multiple_of(32) {
                    let supported = "a multiple of 32";
                    return Err(Error::unsupported(
                        NETWORK,
                        "preprocess.image_size",
                        size,
                        supported,
                    ));
                }
            }
            Architecture::VisionTransformer(config) => {
                config.validate()?;
                if config.image_size != size {
                    let supported = format!("preprocess.image_size {size}");
                    return Err(Error::unsupported(
                        NETWORK,
                        "network.image_size",
                        config.image_size,
                        supported,
                    ));
                }
            }
        }
        if !self.classes().is_supported() {
            return Err(Error::unsupported(
                NETWORK,
                "network.num_classes",
                self.classes().count(),
                "2, 5 or 6",
            ));
        }
        Ok(())
    }

    /// What the logits stand for.
    pub fn classes(&self) -> Classes {
        Classes(match &self.network {
            Architecture::Resnet(config) => config.num_classes.unwrap_or(0),
            Architecture::Hrnet(config) => config.num_classes,
            Architecture::VisionTransformer(config) => config.num_classes,
        })
    }

    /// Builds the network.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<Classifier> {
        self.validate()?;
        self.network.init(device)
    }

    /// Names in the file to ours: torchvision's or timm's.
    pub fn key_map(&self) -> KeyMap {
        self.network.key_map()
    }
}

impl Architecture {
    /// The same encoder with a classifier of `classes`.
    pub fn with_classes(mut self, classes: usize) -> Self {
        match &mut self {
            Self::Resnet(config) => config.num_classes = Some(classes),
            Self::Hrnet(config) => config.num_classes = classes,
            Self::VisionTransformer(config) => config.num_classes = classes,
        }
        self
    }

    /// Builds the network; other than a judge's it may have any number of classes.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn init(&self, device: &Device) -> Result<Classifier> {
        Ok(match self {
            Self::Resnet(config) => Classifier::Resnet(config.init(device)?),
            Self::Hrnet(config) => Classifier::Hrnet(config.init(device)?),
            Self::VisionTransformer(config) => Classifier::VisionTransformer(config.init(device)?),
        })
    }

    /// Builds the network with the weights of a classifier of the same architecture as torchvision or timm publish it, in
    /// `.pth`, `.bin` or `.safetensors`; a head of other classes is fresh.
    ///
    /// # Errors
    /// A file that can't be read, or any missing, unused or mis-shaped key.
    pub fn begin_from(&self, file: &Path, device: &Device) -> Result<Classifier> {
        let source = Source::open(file)?;
        let keys = self.key_map_of(&source);
        let bias = match self {
            Self::Resnet(_) => "fc.bias",
            Self::Hrnet(_) => "classifier.bias",
            Self::VisionTransformer(_) => "heads.head.bias",
        };
        let theirs = source
            .tensors()
            .find(|(name, _)| keys.to_ours(name).as_deref() == Some(bias))
            .and_then(|(_, entry)| entry.shape.first().copied());
        let ours = self.classes();
        let classes = theirs.or(ours).unwrap_or(1);
        let network = self.clone().with_classes(classes).init(device)?;
        let network = network.load_source(&source, &keys)?;
        Ok(match ours {
            Some(ours) if ours != classes => network.with_classes(ours, device),
            _ => network,
        })
    }

    fn classes(&self) -> Option<usize> {
        match self {
            Self::Resnet(config) => config.num_classes,
            Self::Hrnet(config) => Some(config.num_classes),
            Self::VisionTransformer(config) => Some(config.num_classes),
        }
    }

    /// Names in the file to ours, by whose they are.
    fn key_map_of(&self, source: &Source) -> KeyMap {
        match self {
            // A head in the file is wanted, also by an encoder that has none: its size says how it is loaded.
            Self::Resnet(config) => Self::Resnet(config.clone()).with_classes(1).key_map(),
            Self::VisionTransformer(_) if source.get("cls_token").is_some() => {
                VisionTransformer::timm_key_map()
            }
            other => other.key_map(),
        }
    }

    /// Names in the file to ours: torchvision's or timm's.
    pub fn key_map(&self) -> KeyMap {
        match self {
            Self::Resnet(config) => config.key_map(),
            Self::Hrnet(_) => HrNet::key_map(),
            Self::VisionTransformer(_) => VisionTransformer::key_map(),
        }
    }
}

impl Classifier {
    /// Loads the weights in `dir` into the network.
    ///
    /// # Errors
    /// Any missing, unused or mis-shaped key, or an unreadable file.
    pub fn load(self, dir: &ModelDir, keys: &KeyMap) -> Result<Self> {
        Ok(match self {
            Self::Resnet(network) => Self::Resnet(load(network, dir, keys)?),
            Self::Hrnet(network) => Self::Hrnet(load(network, dir, keys)?),
            Self::VisionTransformer(network) => Self::VisionTransformer(load(network, dir, keys)?),
        })
    }

    fn load_source(self, source: &Source, keys: &KeyMap) -> Result<Self> {
        Ok(match self {
            Self::Resnet(network) => Self::Resnet(load_source(network, source, keys)?),
            Self::Hrnet(network) => Self::Hrnet(load_source(network, source, keys)?),
            Self::VisionTransformer(network) => {
                Self::VisionTransformer(load_source(network, source, keys)?)
            }
        })
    }

    /// Writes the weights.
    ///
    /// # Errors
    /// A disk that can't be written.
    pub fn save(&self, file: &Path, precision: Precision, keys: &KeyMap) -> Result<()> {
        match self {
            Self::Resnet(network) => save(network, file, precision, keys),
            Self::Hrnet(network) => save(network, file, precision, keys),
            Self::VisionTransformer(network) => save(network, file, precision, keys),
        }?;
        Ok(())
    }

    /// The same encoder with a fresh classifier of `classes`.
    pub fn with_classes(self, classes: usize, device: &Device) -> Self {
        match self {
            Self::Resnet(network) => Self::Resnet(network.with_classes(classes, device)),
            Self::Hrnet(network) => Self::Hrnet(network.with_classes(classes, device)),
            Self::VisionTransformer(network) => {
                Self::VisionTransformer(network.with_classes(classes, device))
            }
        }
    }

    /// The logits.
    ///
    /// # Shapes
    /// - picture: `[n, 3, image_size, image_size]`, made by [`Preprocess`](crate::preprocess::Preprocess)
    /// - output: `[n, classes]`
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Resnet(network) => network.forward(picture),
            Self::Hrnet(network) => network.forward(picture),
            Self::VisionTransformer(network) => network.forward(picture),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::resnet::BlockKind;

    #[test]
    fn an_encoder_without_a_classifier_gets_one() {
        let device = Device::default();
        for block in [BlockKind::Basic, BlockKind::Bottleneck] {
            let mut config = ResNetConfig::new(block, [1; 4]);
            config.base_width = 4;
            let network = Architecture::Resnet(config).init(&device).unwrap();
            let network = network.with_classes(3, &device);
            assert_eq!(
                network
                    .forward(Tensor::zeros([2, 3, 32, 32], &device))
                    .dims(),
                [2, 3]
            );
        }
    }
}
