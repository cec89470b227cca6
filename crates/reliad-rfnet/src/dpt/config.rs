//! `config.json` of a DPT, in Hugging Face's fields.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dpt::Dpt;
use crate::error::{Error, Result};

const NETWORK: &str = "DPT";

/// What becomes of the class token when tokens are put back on a grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readout {
    /// It is dropped.
    Ignore,
    /// It is added to every token.
    Add,
    /// It is concatenated to every token; a linear layer and GELU bring the width back.
    Project,
}

/// Configuration of a [`Dpt`] with a ViT backbone: the fields and defaults of transformers' `DPTConfig`.
///
/// DPT-large is `hidden_size` 1024, 24 layers, 16 heads, `intermediate_size` 4096, `backbone_out_indices`
/// `[5, 11, 17, 23]`, `neck_hidden_sizes` `[256, 512, 1024, 1024]`, all else default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DptConfig {
    /// Always `"dpt"`.
    pub model_type: String,
    /// Width of the tokens.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Attention heads; they divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Width inside a layer's feed-forward part.
    pub intermediate_size: usize,
    /// `"gelu"` (the exact one).
    pub hidden_act: String,
    /// Must be 0.
    pub hidden_dropout_prob: f64,
    /// Must be 0.
    pub attention_probs_dropout_prob: f64,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Side of the square picture that the position embeddings were made for, in pixels.
    pub image_size: usize,
    /// Side of a square patch, in pixels.
    pub patch_size: usize,
    /// Channels of the picture.
    pub num_channels: usize,
    /// Must be false: no convolutional stem.
    pub is_hybrid: bool,
    /// Whether query, key and value have a bias.
    pub qkv_bias: bool,
    /// Layers (from 0, ascending) whose outputs go to the neck.
    pub backbone_out_indices: Vec<usize>,
    /// Treatment of the class token.
    pub readout_type: Readout,
    /// Resolution of each neck map over that of the token grid: a whole number, 1, or 1 over a whole number.
    pub reassemble_factors: Vec<f64>,
    /// Channels of each neck map.
    pub neck_hidden_sizes: Vec<usize>,
    /// Channels while maps are fused.
    pub fusion_hidden_size: usize,
    /// Which fused map the head reads: -1 is the last and finest.
    pub head_in_index: isize,
    /// Whether the residual units of the fusion have batch norms.
    pub use_batch_norm_in_fusion_residual: bool,
    /// Whether their convolutions have a bias; absent: when there are no batch norms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_bias_in_fusion_residual: Option<bool>,
    /// Must be false: no further convolution before the head.
    pub add_projection: bool,
    /// Must be absent: no other backbone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backbone_config: Option<Value>,
    /// Must be absent: no other backbone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backbone: Option<Value>,
}

impl Default for DptConfig {
    fn default() -> Self {
        Self {
            model_type: "dpt".into(),
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".into(),
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            layer_norm_eps: 1e-12,
            image_size: 384,
            patch_size: 16,
            num_channels: 3,
            is_hybrid: false,
            qkv_bias: true,
            backbone_out_indices: vec![2, 5, 8, 11],
            readout_type: Readout::Project,
            reassemble_factors: vec![4.0, 2.0, 1.0, 0.5],
            neck_hidden_sizes: vec![96, 192, 384, 768],
            fusion_hidden_size: 256,
            head_in_index: -1,
            use_batch_norm_in_fusion_residual: false,
            use_bias_in_fusion_residual: None,
            add_projection: false,
            backbone_config: None,
            backbone: None,
        }
    }
}

impl DptConfig {
    /// Reads and checks a `config.json`. Fields that concern other heads or training are ignored; `null` is a field's
    /// default.
    ///
    /// # Errors
    /// [`Error::Unsupported`] or [`Error::Config`], naming the field.
    pub fn from_json(json: &Value) -> Result<Self> {
        let mut json = json.clone();
        if let Some(fields) = json.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
            for field in ["image_size", "patch_size"] {
                if let Some(value) = fields.get(field).filter(|value| !value.is_u64()) {
                    return Err(Error::unsupported(
                        NETWORK,
                        field,
                        value,
                        "one whole number",
                    ));
                }
            }
        }
        let config: Self = serde_json::from_value(json).map_err(|source| Error::Config {
            network: NETWORK,
            source,
        })?;
        config.validate()?;
        Ok(config)
    }

    /// Builds the network, ready to be trained from nothing or to take weights.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<Dpt> {
        self.validate()?;
        Ok(Dpt::new(self, device))
    }

    /// Checks every field that changes the result.
    ///
    /// # Errors
    /// [`Error::Unsupported`], naming the field.
    pub fn validate(&self) -> Result<()> {
        let fail = |field: &str, got: String, supported: &str| {
            Err(Error::unsupported(NETWORK, field, got, supported))
        };
        if self.model_type != "dpt" {
            return fail("model_type", self.model_type.clone(), "dpt");
        }
        if self.is_hybrid {
            return fail("is_hybrid", "true".into(), "false (a ViT backbone)");
        }
        for (field, value) in [
            ("backbone_config", &self.backbone_config),
            ("backbone", &self.backbone),
        ] {
            if let Some(value) = value {
                return fail(field, value.to_string(), "null (DPT's own ViT)");
            }
        }
        if self.add_projection {
            return fail("add_projection", "true".into(), "false");
        }
        if self.hidden_act != "gelu" {
            return fail("hidden_act", self.hidden_act.clone(), "gelu");
        }
        for (field, value) in [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            (
                "attention_probs_dropout_prob",
                self.attention_probs_dropout_prob,
            ),
        ] {
            if value != 0.0 {
                return fail(field, value.to_string(), "0");
            }
        }
        for (field, value) in [
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("num_channels", self.num_channels),
            ("patch_size", self.patch_size),
        ] {
            if value == 0 {
                return fail(field, "0".into(), "1 or more");
            }
        }
        if self.image_size < self.patch_size {
            return fail(
                "image_size",
                self.image_size.to_string(),
                "patch_size or more",
            );
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return fail(
                "num_attention_heads",
                self.num_attention_heads.to_string(),
                "a divisor of hidden_size",
            );
        }
        if self.fusion_hidden_size < 2 {
            return fail(
                "fusion_hidden_size",
                self.fusion_hidden_size.to_string(),
                "2 or more",
            );
        }
        let stages = self.backbone_out_indices.len();
        let ascending = self.backbone_out_indices.is_sorted_by(|a, b| a < b);
        let inside = |index: &usize| *index < self.num_hidden_layers;
        if stages == 0 || !ascending || !self.backbone_out_indices.iter().all(inside) {
            return fail(
                "backbone_out_indices",
                format!("{:?}", self.backbone_out_indices),
                "ascending layers, each below num_hidden_layers",
            );
        }
        if self.neck_hidden_sizes.len() != stages || self.neck_hidden_sizes.contains(&0) {
            return fail(
                "neck_hidden_sizes",
                format!("{:?}", self.neck_hidden_sizes),
                "as many widths as backbone_out_indices",
            );
        }
        if self.reassemble_factors.len() != stages
            || !self
                .reassemble_factors
                .iter()
                .all(|factor| is_ratio(*factor))
        {
            return fail(
                "reassemble_factors",
                format!("{:?}", self.reassemble_factors),
                "as many factors as backbone_out_indices, each n or 1/n with n a whole number",
            );
        }
        if self.head_stage().is_none() {
            return fail(
                "head_in_index",
                self.head_in_index.to_string(),
                "the index of a fused map, from 0, or from -1 backwards",
            );
        }
        Ok(())
    }

    /// The fused map that the head reads, counted from the coarsest.
    pub(super) fn head_stage(&self) -> Option<usize> {
        let stages = self.backbone_out_indices.len();
        let index = if self.head_in_index < 0 {
            stages.checked_add_signed(self.head_in_index)?
        } else {
            self.head_in_index.unsigned_abs()
        };
        (index < stages).then_some(index)
    }

    /// Side of the position embeddings' grid.
    pub(super) fn grid(&self) -> usize {
        self.image_size / self.patch_size
    }
}

fn is_ratio(factor: f64) -> bool {
    let whole = |value: f64| value.is_finite() && (value - value.round()).abs() < 1e-6;
    factor > 0.0
        && if factor >= 1.0 {
            whole(factor)
        } else {
            whole(1.0 / factor)
        }
}
