//! RFNet's `config.json`.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::RfNet;
use crate::classes::Classes;
use crate::error::{Error, Result};
use crate::preprocess::PreprocessConfig;
use crate::resnet::ResNetConfig;
use crate::roberta::RobertaConfig;

const NETWORK: &str = "RFNet";

/// Which of the five inputs the network has. At least one image must stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inputs {
    /// The product alone (I_o). Without it there is no feature filter; a caption then joins the fusion as it is.
    pub product: bool,
    /// The generated picture (I_g).
    pub generated: bool,
    /// Its depth map (I_d).
    pub depth: bool,
    /// Its saliency map (I_s).
    pub saliency: bool,
    /// The product's title (Cap). Without it the filtered product feature is the product feature.
    pub caption: bool,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            product: true,
            generated: true,
            depth: true,
            saliency: true,
            caption: true,
        }
    }
}

impl Inputs {
    /// The number of images among them.
    pub fn images(&self) -> usize {
        [self.product, self.generated, self.depth, self.saliency]
            .into_iter()
            .filter(|&on| on)
            .count()
    }
}

/// Where a fusion layer normalises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FusionNorm {
    /// Before each branch, and once after the last layer. Trains without warm-up.
    #[default]
    Pre,
    /// After each residual sum, as in the original transformer.
    Post,
}

/// Configuration of an [`RfNet`] and of the preprocessing that belongs to its weights.
///
/// The paper gives the widths, heads and layer counts; what it leaves open is a setting here and marked "ours".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RfNetConfig {
    /// Names the architecture for `models show`; always `RFNet`.
    #[serde(rename = "_class_name", default = "class_name")]
    pub class_name: String,
    /// Size, mean, deviation and backgrounds of the pictures the network sees.
    pub preprocess: PreprocessConfig,
    /// The image encoder, without a classifier.
    pub image_encoder: ResNetConfig,
    /// One image encoder for all images (true), or one each (false; ours: the paper doesn't say). The projections
    /// to `width` are always separate.
    #[serde(default)]
    pub shared_image_encoder: bool,
    /// The caption's encoder; there exactly when `inputs.caption` is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_encoder: Option<RobertaConfig>,
    /// Captions are cut at so many tokens, `<s>` and `</s>` included (ours).
    #[serde(default = "default_caption_tokens")]
    pub max_caption_tokens: usize,
    /// Width of a token in filter and fusion. Paper: 384.
    pub width: usize,
    /// Attention heads in filter and fusion; a divisor of `width`. Paper: 8.
    pub heads: usize,
    /// Feature filter blocks, N1. Paper: 1.
    #[serde(default = "default_filter_layers")]
    pub filter_layers: usize,
    /// Kernel of the filter's convolutions, odd (ours: 1).
    #[serde(default = "default_filter_kernel")]
    pub filter_kernel: usize,
    /// Self-attention layers of the fusion, N2. Paper: 3.
    #[serde(default = "default_fusion_layers")]
    pub fusion_layers: usize,
    /// Width of a fusion layer's feed-forward part (ours: four times `width` at the paper's size).
    pub fusion_feed_forward: usize,
    /// Where fusion layers normalise (ours: pre).
    #[serde(default)]
    pub fusion_norm: FusionNorm,
    /// Learned embedding of a token's place on the image's grid, common to the images (ours).
    #[serde(default = "default_true")]
    pub position_embedding: bool,
    /// Learned embedding of which input a token comes from (ours).
    #[serde(default = "default_true")]
    pub modality_embedding: bool,
    /// Dropout in filter, fusion and head, 0 to below 1, in training only (ours).
    #[serde(default = "default_dropout")]
    pub dropout: f64,
    /// The inputs the network has.
    #[serde(default)]
    pub inputs: Inputs,
    /// Logits: 5 (the paper's classes), 6 (with Unsuitable), or 2 (available or not).
    pub classes: Classes,
}

fn class_name() -> String {
    NETWORK.to_owned()
}
fn default_caption_tokens() -> usize {
    64
}
fn default_filter_layers() -> usize {
    1
}
fn default_filter_kernel() -> usize {
    1
}
fn default_fusion_layers() -> usize {
    3
}
fn default_true() -> bool {
    true
}
fn default_dropout() -> f64 {
    0.1
}

impl RfNetConfig {
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
        let bad = |field: &str, got: String, supported: &str| {
            Err(Error::unsupported(NETWORK, field, got, supported))
        };
        if self.class_name != NETWORK {
            return bad("_class_name", self.class_name.clone(), NETWORK);
        }
        self.preprocess.validate()?;
        self.image_encoder.validate()?;
        if let Some(classes) = self.image_encoder.num_classes {
            return bad("image_encoder.num_classes", classes.to_string(), "absent");
        }
        let size = self.preprocess.image_size;
        let stride = self.image_encoder.stride();
        if !size.is_multiple_of(stride) {
            let supported = format!("a multiple of {stride}");
            return bad("preprocess.image_size", size.to_string(), &supported);
        }
        if self.inputs.images() == 0 {
            return bad("inputs", "no image".to_owned(), "at least one image");
        }
        match (&self.text_encoder, self.inputs.caption) {
            (Some(text), true) => {
                text.validate()?;
                if !(2..=text.max_tokens()).contains(&self.max_caption_tokens) {
                    let supported = format!("2 to {}", text.max_tokens());
                    let got = self.max_caption_tokens.to_string();
                    return bad("max_caption_tokens", got, &supported);
                }
            }
            (None, true) => {
                return bad(
                    "text_encoder",
                    "absent".to_owned(),
                    "one, as inputs.caption is on",
                );
            }
            (Some(_), false) => {
                return bad(
                    "text_encoder",
                    "given".to_owned(),
                    "none, as inputs.caption is off",
                );
            }
            (None, false) => {}
        }
        if self.heads == 0 || self.width == 0 || !self.width.is_multiple_of(self.heads) {
            let supported = format!("a divisor of width {}", self.width);
            return bad("heads", self.heads.to_string(), &supported);
        }
        if self.filter_kernel.is_multiple_of(2) {
            return bad(
                "filter_kernel",
                self.filter_kernel.to_string(),
                "an odd number",
            );
        }
        if self.filters_product() && self.filter_layers == 0 {
            return bad("filter_layers", "0".to_owned(), "1 or more");
        }
        if self.fusion_feed_forward == 0 {
            return bad("fusion_feed_forward", "0".to_owned(), "1 or more");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return bad("dropout", self.dropout.to_string(), "0 to below 1");
        }
        if !self.classes.is_supported() {
            return bad("classes", self.classes.count().to_string(), "2, 5 or 6");
        }
        Ok(())
    }

    /// Whether there is a feature filter: it needs both the product and the caption.
    pub fn filters_product(&self) -> bool {
        self.inputs.product && self.inputs.caption
    }

    /// Tokens of one image.
    pub fn image_tokens(&self) -> usize {
        (self.preprocess.image_size / self.image_encoder.stride()).pow(2)
    }

    /// Builds the network.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<RfNet> {
        self.validate()?;
        RfNet::new(self, device)
    }
}
