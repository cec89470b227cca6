//! The network of a judge, whichever it is: RFNet, or one of its rivals.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_weights::{KeyMap, ModelDir, Precision};
use serde::Serialize;

use crate::classes::Classes;
use crate::classifier::{self, Architecture, Classifier, ClassifierConfig};
use crate::error::Result;
use crate::preprocess::PreprocessConfig;
use crate::rfnet::{Inputs, RfNet, RfNetConfig, RfNetInput};
use crate::roberta::RobertaConfig;

/// `rfnet/config.json`; its `_class_name` says which network it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "there is one judge in a process")]
pub enum DetectorConfig {
    /// RFNet.
    RfNet(RfNetConfig),
    /// A classifier of the picture alone.
    Classifier(ClassifierConfig),
}

/// The network of a judge. Built by [`DetectorConfig::init`].
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one judge in a process")]
pub enum Detector {
    /// RFNet.
    RfNet(RfNet),
    /// A classifier of the picture alone.
    Classifier(Classifier),
}

impl DetectorConfig {
    /// Reads a parsed `config.json` and checks it.
    ///
    /// # Errors
    /// As [`RfNetConfig::from_json`] and [`ClassifierConfig::from_json`].
    pub fn from_json(json: &serde_json::Value) -> Result<Self> {
        if json["_class_name"] == classifier::NETWORK {
            ClassifierConfig::from_json(json).map(Self::Classifier)
        } else {
            RfNetConfig::from_json(json).map(Self::RfNet)
        }
    }

    /// What the logits stand for.
    pub fn classes(&self) -> Classes {
        match self {
            Self::RfNet(config) => config.classes,
            Self::Classifier(config) => config.classes(),
        }
    }

    /// The image encoder: RFNet's, or the classifier itself.
    pub fn image_encoder(&self) -> Architecture {
        match self {
            Self::RfNet(config) => Architecture::Resnet(config.image_encoder.clone()),
            Self::Classifier(config) => config.network.clone(),
        }
    }

    /// How pictures are prepared.
    pub fn preprocess(&self) -> &PreprocessConfig {
        match self {
            Self::RfNet(config) => &config.preprocess,
            Self::Classifier(config) => &config.preprocess,
        }
    }

    /// What the network looks at.
    pub fn inputs(&self) -> Inputs {
        match self {
            Self::RfNet(config) => config.inputs,
            Self::Classifier(_) => Inputs {
                product: false,
                generated: true,
                depth: false,
                saliency: false,
                caption: false,
            },
        }
    }

    /// The text encoder, and how many tokens of a title it is given; `None` where titles aren't read.
    pub fn text_encoder(&self) -> Option<(&RobertaConfig, usize)> {
        match self {
            Self::RfNet(config) => {
                let text = config.text_encoder.as_ref()?;
                Some((text, config.max_caption_tokens))
            }
            Self::Classifier(_) => None,
        }
    }

    /// Names in the file to ours.
    pub fn key_map(&self) -> KeyMap {
        match self {
            Self::RfNet(_) => RfNet::key_map(),
            Self::Classifier(config) => config.key_map(),
        }
    }

    /// Builds the network.
    ///
    /// # Errors
    /// An unsupported field.
    pub fn init(&self, device: &Device) -> Result<Detector> {
        match self {
            Self::RfNet(config) => config.init(device).map(Detector::RfNet),
            Self::Classifier(config) => config.init(device).map(Detector::Classifier),
        }
    }
}

impl Detector {
    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<(Self, DetectorConfig)> {
        let config = DetectorConfig::from_json(&reliad_weights::read_config(dir, "config.json")?)?;
        let keys = config.key_map();
        let network = match config.init(device)? {
            Self::RfNet(network) => Self::RfNet(reliad_weights::load(network, dir, &keys)?),
            Self::Classifier(network) => Self::Classifier(network.load(dir, &keys)?),
        };
        Ok((network, config))
    }

    /// Writes `model.safetensors` and `config.json` into `dir`.
    ///
    /// # Errors
    /// A disk that can't be written.
    pub fn save(&self, config: &DetectorConfig, dir: &Path, precision: Precision) -> Result<()> {
        let file = dir.join("model.safetensors");
        let keys = config.key_map();
        match self {
            Self::RfNet(network) => reliad_weights::save(network, &file, precision, &keys)?,
            Self::Classifier(network) => network.save(&file, precision, &keys)?,
        }
        reliad_weights::write_config(&dir.join("config.json"), config)?;
        Ok(())
    }

    /// The logits of the classes.
    ///
    /// # Shapes
    /// As [`RfNet::forward`]; a classifier reads `generated` only.
    ///
    /// # Panics
    /// If an input that the network looks at is missing.
    pub fn forward(&self, input: RfNetInput) -> Tensor<2> {
        match self {
            Self::RfNet(network) => network.forward(input),
            Self::Classifier(network) => {
                let picture = input.generated.expect("a classifier looks at the picture");
                network.forward(picture)
            }
        }
    }
}
