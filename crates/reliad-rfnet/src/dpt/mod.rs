//! DPT, the dense prediction transformer that estimates depth, with Hugging Face's names.
//!
//! | key of `DPTForDepthEstimation` | ours |
//! |---|---|
//! | `dpt.embeddings.*`, `dpt.encoder.layer.N.*`, `dpt.layernorm` | the same |
//! | `neck.reassemble_stage.layers.N.{projection,resize}`, `.readout_projects.N.0` | the same |
//! | `neck.convs.N`, `neck.fusion_stage.layers.N.*` | the same |
//! | `head.head.{0,2,4}` | the same |
//! | `*.num_batches_tracked` | none: a counter that changes no result |
//! | `dpt.pooler.*` | none: no output reads it |
//!
//! Architecture: Ranftl et al., *Vision Transformers for Dense Prediction* (2103.13413); details as in transformers'
//! `modeling_dpt.py`.

mod config;
mod head;
mod neck;
mod vit;

pub use config::{DptConfig, Readout};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use reliad_weights::{KeyMap, ModelDir};
use serde_json::Value;

use crate::error::Result;
use head::DepthHead;
use neck::Neck;
use vit::Vit;

/// A depth estimator: ViT, neck, head. Built by [`DptConfig::init`].
#[derive(Module, Debug)]
pub struct Dpt {
    dpt: Vit,
    neck: Neck,
    head: DepthHead,
    patch_size: usize,
    head_stage: usize,
}

impl Dpt {
    fn new(config: &DptConfig, device: &Device) -> Self {
        Self {
            dpt: Vit::new(config, device),
            neck: Neck::new(config, device),
            head: DepthHead::new(config, device),
            patch_size: config.patch_size,
            head_stage: config.head_stage().unwrap_or_default(),
        }
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let json: Value = reliad_weights::read_config(dir, "config.json")?;
        let network = DptConfig::from_json(&json)?.init(device)?;
        Ok(reliad_weights::load(network, dir, &Self::key_map())?)
    }

    /// Hugging Face's names to ours.
    pub fn key_map() -> KeyMap {
        KeyMap::identity().ignoring(&["num_batches_tracked", "pooler"])
    }

    /// The raw prediction: inverse depth up to scale and shift, 0 or more, near things large.
    ///
    /// Position embeddings are interpolated (bilinear) when the picture is not of the config's size. A rest of the
    /// picture that fills no patch is not seen.
    ///
    /// # Shapes
    /// - picture: `[n, num_channels, h, w]`, normalised as the weights expect; h and w at least `patch_size`
    /// - output: `[n, 1, h', w']`; with the default factors and patches of 16, h' and w' are h and w when those divide
    ///   by 32
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = picture.dims();
        let grid = [height / self.patch_size, width / self.patch_size];
        let states = self.dpt.forward(picture, grid);
        let mut maps = self.neck.forward(states, grid);
        self.head.forward(maps.swap_remove(self.head_stage))
    }
}
