//! `config.json` of a U2-Net.

use burn::tensor::Device;
use reliad_weights::Source;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::u2net::U2Net;

const NETWORK: &str = "U2-Net";

/// Widths of one residual U-block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "[usize; 2]", into = "[usize; 2]")]
pub struct Widths {
    /// Channels inside the block.
    pub inner: usize,
    /// Channels that it gives.
    pub outer: usize,
}

impl From<[usize; 2]> for Widths {
    fn from([inner, outer]: [usize; 2]) -> Self {
        Self { inner, outer }
    }
}

impl From<Widths> for [usize; 2] {
    fn from(widths: Widths) -> Self {
        [widths.inner, widths.outer]
    }
}

/// Configuration of a [`U2Net`]. The public repository has none, so the fields are ours.
///
/// Fields of the picture's way into the network (`image_size`, `image_mean`, `image_std`, `resample`) and out of it
/// (`min_max`) may stand in the same file: see [`SaliencyNetwork`](crate::saliency_network::SaliencyNetwork).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct U2NetConfig {
    /// Always `"u2net"`.
    pub model_type: String,
    /// Channels of the picture.
    #[serde(default = "default_in_channels")]
    pub in_channels: usize,
    /// `[inner, outer]` of `stage1` .. `stage6`.
    pub encoder: [Widths; 6],
    /// `[inner, outer]` of `stage1d` .. `stage5d`.
    pub decoder: [Widths; 5],
}

fn default_in_channels() -> usize {
    3
}

impl U2NetConfig {
    /// The published network: 44 M parameters.
    pub fn full() -> Self {
        Self {
            model_type: "u2net".into(),
            in_channels: 3,
            encoder: [
                [32, 64],
                [32, 128],
                [64, 256],
                [128, 512],
                [256, 512],
                [256, 512],
            ]
            .map(Widths::from),
            decoder: [[16, 64], [32, 64], [64, 128], [128, 256], [256, 512]].map(Widths::from),
        }
    }

    /// All stages of one width: `uniform(16, 64)` is the published small network, `u2netp`, 1.1 M parameters.
    pub fn uniform(inner: usize, outer: usize) -> Self {
        Self {
            model_type: "u2net".into(),
            in_channels: 3,
            encoder: [Widths { inner, outer }; 6],
            decoder: [Widths { inner, outer }; 5],
        }
    }

    /// Reads and checks a `config.json`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] or [`Error::Config`], naming the field.
    pub fn from_json(json: &Value) -> Result<Self> {
        let config: Self =
            serde_json::from_value(json.clone()).map_err(|source| Error::Config {
                network: NETWORK,
                source,
            })?;
        config.validate()?;
        Ok(config)
    }

    /// The configuration that fits weights without one, by their tensors' shapes.
    ///
    /// # Errors
    /// [`Error::Unsupported`], naming a tensor that isn't there or is no convolution.
    pub fn of_weights(source: &Source) -> Result<Self> {
        let outputs_and_inputs = |name: &str| {
            let name = format!("{name}.conv_s1.weight");
            match source.get(&name).map(|entry| entry.shape.as_slice()) {
                Some(&[outputs, inputs, 3, 3]) => Ok((outputs, inputs)),
                found => {
                    let found = found.map_or("absent".to_owned(), |shape| format!("{shape:?}"));
                    let field = format!("{name} of {}", source.file());
                    Err(Error::unsupported(NETWORK, field, found, "[n, m, 3, 3]"))
                }
            }
        };
        let widths = |stage: String| -> Result<Widths> {
            Ok(Widths {
                inner: outputs_and_inputs(&format!("{stage}.rebnconv1"))?.0,
                outer: outputs_and_inputs(&format!("{stage}.rebnconvin"))?.0,
            })
        };
        let mut config = Self {
            in_channels: outputs_and_inputs("stage1.rebnconvin")?.1,
            ..Self::full()
        };
        for (number, of) in (1..).zip(&mut config.encoder) {
            *of = widths(format!("stage{number}"))?;
        }
        for (number, of) in (1..).zip(&mut config.decoder) {
            *of = widths(format!("stage{number}d"))?;
        }
        Ok(config)
    }

    /// Builds the network, with the initialisation of PyTorch's layers.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<U2Net> {
        self.validate()?;
        Ok(U2Net::new(self, device))
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`], naming the field.
    pub fn validate(&self) -> Result<()> {
        if self.model_type != "u2net" {
            return Err(Error::unsupported(
                NETWORK,
                "model_type",
                &self.model_type,
                "u2net",
            ));
        }
        if self.in_channels == 0 {
            return Err(Error::unsupported(NETWORK, "in_channels", 0, "1 or more"));
        }
        for (field, stages) in [
            ("encoder", &self.encoder[..]),
            ("decoder", &self.decoder[..]),
        ] {
            if stages
                .iter()
                .any(|widths| widths.inner == 0 || widths.outer == 0)
            {
                let got = serde_json::to_string(stages).unwrap_or_default();
                return Err(Error::unsupported(
                    NETWORK,
                    field,
                    got,
                    "widths of 1 or more",
                ));
            }
        }
        Ok(())
    }
}
