//! The saliency network: a picture in, the probability that a pixel belongs to its subject out.

use std::path::Path;

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use reliad_weights::{ModelDir, Precision, Source};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::maps::{NetworkInput, bilinear, min_max};
use crate::u2net::{U2Net, U2NetConfig};

/// Mean and standard deviation where a config has none: those of ImageNet, with which the published weights work.
const DEFAULTS: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
/// Side of the input of the published weights.
const PUBLISHED_SIDE: usize = 320;

/// A saliency estimator with its preprocessing, as a component directory `saliency/` holds it.
///
/// `config.json` is a [`U2NetConfig`] (`model_type` `"u2net"`) with the fields of the preprocessing (`image_size`,
/// `image_mean`, `image_std`, `resample`) and, if wanted, `"min_max": true`: then each picture's map is stretched to
/// 0..1 by its least and greatest value, as U2-Net's own demonstration does. The default is false: the sigmoid as it
/// is, so that a picture without a subject stays dark. (That demonstration also divides a picture by its greatest
/// value before it normalises; we don't.)
#[derive(Clone, Debug)]
pub struct SaliencyNetwork {
    network: U2Net,
    input: NetworkInput,
    min_max: bool,
}

impl SaliencyNetwork {
    /// Loads a component directory. The network is frozen: running statistics also on a device with gradients.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config: Value = reliad_weights::read_config(dir, "config.json")?;
        let input = NetworkInput::read("U2-Net", dir, &config, DEFAULTS)?;
        let network = U2NetConfig::from_json(&config)?.init(device)?;
        let network = reliad_weights::load(network, dir, &U2Net::key_map())?;
        Ok(Self::new(network.freeze(), input, min_max_of(&config)?))
    }

    /// Loads weights alone, of any widths, as `u2net.pth` and `u2netp.pth` are published: at 320 pixels, the map stretched
    /// (`min_max`). The network is frozen.
    ///
    /// # Errors
    /// A file that can't be read, or whose tensors aren't those of a U2-Net.
    pub fn load_file(path: &Path, device: &Device) -> Result<Self> {
        let source = Source::open(path)?;
        let network = U2NetConfig::of_weights(&source)?.init(device)?;
        let network = reliad_weights::load_source(network, &source, &U2Net::key_map())?;
        let (mean, std) = DEFAULTS;
        let input = NetworkInput {
            height: PUBLISHED_SIDE,
            width: PUBLISHED_SIDE,
            mean,
            std,
        };
        Ok(Self::new(network.freeze(), input, true))
    }

    /// An untrained network from a `config.json`, trainable, in its initial state.
    ///
    /// # Errors
    /// An unsupported field.
    pub fn init(config: &Value, device: &Device) -> Result<Self> {
        let input = NetworkInput::from_json("U2-Net", config.clone(), DEFAULTS)?;
        let network = U2NetConfig::from_json(config)?.init(device)?;
        Ok(Self::new(network, input, min_max_of(config)?))
    }

    /// A network with its preprocessing; `min_max` as [`SaliencyNetwork`] says.
    pub fn new(network: U2Net, input: NetworkInput, min_max: bool) -> Self {
        Self {
            network,
            input,
            min_max,
        }
    }

    /// The bare network, for training: its [`U2Net::forward`] gives the seven logit maps.
    pub fn network(&self) -> &U2Net {
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
            &U2Net::key_map(),
        )?)
    }

    /// Saliency of each picture: the sigmoid of the fused map, or that stretched to 0..1 (`min_max`).
    ///
    /// Differentiable. Pictures of any shape are squeezed to the network's input size, and the map is brought back to
    /// theirs.
    ///
    /// # Shapes
    /// - pictures: `[n, 3, h, w]` in 0..1
    /// - output: `[n, 1, h, w]` in 0..1
    pub fn estimate(&self, pictures: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = pictures.dims();
        let logits = self.network.forward(self.input.apply(pictures)).fused;
        let map = bilinear(sigmoid(logits), [height, width], false);
        if self.min_max { min_max(map) } else { map }
    }
}

fn min_max_of(config: &Value) -> Result<bool> {
    match config.get("min_max") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(Error::unsupported(
            "U2-Net",
            "min_max",
            other,
            "true or false",
        )),
    }
}
