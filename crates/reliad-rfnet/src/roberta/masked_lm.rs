//! RoBERTa with the head that guesses masked tokens, as transformers' `RobertaForMaskedLM`.
//!
//! | transformers key | ours |
//! |---|---|
//! | `roberta.*` | `roberta.*`, see [`Roberta`] |
//! | `lm_head.dense`, `lm_head.LayerNorm` or `lm_head.layer_norm`, `lm_head.bias` | the same, norms as `layer_norm` |
//! | `lm_head.decoder` | none: it is the word embeddings' table and `lm_head.bias` |

use burn::module::{Module, Param};
use burn::nn::{Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};
use reliad_kernels::activation::gelu;
use reliad_weights::{KeyMap, ModelDir};

use super::{Roberta, RobertaConfig};
use crate::error::Result;

/// The encoder and its head.
#[derive(Module, Debug)]
pub struct RobertaForMaskedLm {
    /// The encoder.
    pub roberta: Roberta,
    lm_head: LmHead,
}

#[derive(Module, Debug)]
struct LmHead {
    dense: Linear,
    layer_norm: LayerNorm,
    bias: Param<Tensor<1>>,
}

impl RobertaForMaskedLm {
    /// A fresh network.
    ///
    /// # Errors
    /// As [`RobertaConfig::validate`].
    pub fn init(config: &RobertaConfig, device: &Device) -> Result<Self> {
        Ok(Self {
            roberta: config.init(device)?,
            lm_head: LmHead {
                dense: LinearConfig::new(config.hidden_size, config.hidden_size).init(device),
                layer_norm: LayerNormConfig::new(config.hidden_size)
                    .with_epsilon(config.layer_norm_eps)
                    .init(device),
                bias: Initializer::Zeros.init([config.vocab_size], device),
            },
        })
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config = RobertaConfig::from_json(&reliad_weights::read_config(dir, "config.json")?)?;
        Ok(reliad_weights::load(
            Self::init(&config, device)?,
            dir,
            &Self::key_map(),
        )?)
    }

    /// transformers' names to ours; see the table at the top of the file.
    pub fn key_map() -> KeyMap {
        KeyMap::new(&Roberta::RENAMED).ignoring(&[
            "pooler",
            "lm_head.decoder",
            "embeddings.position_ids",
        ])
    }

    /// Logits of the vocabulary at chosen places.
    ///
    /// # Shapes
    /// - ids, mask: as [`Roberta::forward`], `[n, tokens]`
    /// - places: `[m]`, each `row * tokens + column`
    /// - output: `[m, vocab_size]`
    pub fn forward(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Bool>,
        places: Tensor<1, Int>,
    ) -> Tensor<2> {
        let hidden: Tensor<2> = self.roberta.forward(ids, mask).flatten(0, 1);
        let hidden = self.lm_head.dense.forward(hidden.select(0, places));
        let hidden = self.lm_head.layer_norm.forward(gelu(hidden));
        hidden.matmul(self.roberta.words().transpose()) + self.lm_head.bias.val().unsqueeze()
    }
}
