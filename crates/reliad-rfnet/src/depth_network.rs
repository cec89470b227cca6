//! The depth network: a picture in, its inverse depth out.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_weights::{ModelDir, Precision};
use serde_json::Value;

use crate::dpt::{Dpt, DptConfig};
use crate::error::Result;
use crate::maps::{NetworkInput, bilinear, min_max};

/// Mean and standard deviation where a config has none: those of the published DPTs.
const DEFAULTS: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);

/// A depth estimator with its preprocessing, as a component directory `depth/` holds it.
///
/// `config.json` is a [`DptConfig`] (`model_type` `"dpt"`). Input size, mean and standard deviation come from the same
/// file (`image_size`, `image_mean`, `image_std`, `resample`) or from a `preprocessor_config.json` beside it, so that
/// a published directory works as it is.
#[derive(Clone, Debug)]
pub struct DepthNetwork {
    network: Dpt,
    input: NetworkInput,
}

impl DepthNetwork {
    /// Loads a component directory. The network is frozen: running statistics also on a device with gradients.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config: Value = reliad_weights::read_config(dir, "config.json")?;
        let input = NetworkInput::read("DPT", dir, &config, DEFAULTS)?;
        let network = DptConfig::from_json(&config)?.init(device)?;
        let network = reliad_weights::load(network, dir, &Dpt::key_map())?;
        Ok(Self::new(network.freeze(), input))
    }

    /// An untrained network from a `config.json`, trainable, in its initial state.
    ///
    /// # Errors
    /// An unsupported field.
    pub fn init(config: &Value, device: &Device) -> Result<Self> {
        let input = NetworkInput::from_json("DPT", config.clone(), DEFAULTS)?;
        Ok(Self::new(
            DptConfig::from_json(config)?.init(device)?,
            input,
        ))
    }

    /// A network with its preprocessing.
    pub fn new(network: Dpt, input: NetworkInput) -> Self {
        Self { network, input }
    }

    /// The bare network, for training: its [`Dpt::forward`] gives the raw prediction.
    pub fn network(&self) -> &Dpt {
        &self.network
    }

    /// The preprocessing that comes before the bare network.
    pub fn input(&self) -> &NetworkInput {
        &self.input
    }

    /// Writes `config.json` and `model.safetensors` into a component directory.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn save(&self, dir: &Path, config: &Value, precision: Precision) -> Result<()> {
        reliad_weights::write_config(&dir.join("config.json"), config)?;
        let file = dir.join("model.safetensors");
        Ok(reliad_weights::save(
            &self.network,
            &file,
            precision,
            &Dpt::key_map(),
        )?)
    }

    /// Inverse depth of each picture, scaled by its own least and greatest value: 1 is nearest, 0 farthest.
    ///
    /// Differentiable. Pictures of any shape are squeezed to the network's input size, and the map is brought back to
    /// theirs.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in 0..1
    /// - output: `[n, 1, h, w]` in 0..1
    pub fn estimate(&self, pictures: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = pictures.dims();
        let raw = self.network.forward(self.input.apply(pictures));
        min_max(bilinear(raw, [height, width], false))
    }
}
