//! RoBERTa's `config.json`, as transformers writes it.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Roberta;
use crate::error::{Error, Result};

const NETWORK: &str = "RoBERTa";

/// The activation of a layer's feed-forward part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAct {
    /// `x * Phi(x)`, with the error function.
    #[default]
    Gelu,
    /// The tanh approximation of GELU.
    GeluNew,
    /// `max(x, 0)`.
    Relu,
}

/// Configuration of a [`Roberta`]; defaults are those of transformers, so roberta-base's own file says the rest.
///
/// Fields that describe files or training (`architectures`, `torch_dtype`, `use_cache`, ...) are let through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RobertaConfig {
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Width of a token.
    pub hidden_size: usize,
    /// Encoder layers.
    pub num_hidden_layers: usize,
    /// Attention heads; must divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Activation of the feed-forward part.
    pub hidden_act: HiddenAct,
    /// Dropout of embeddings and of both residual branches, 0 to below 1; in training only.
    pub hidden_dropout_prob: f64,
    /// Dropout of attention weights, 0 to below 1; in training only.
    pub attention_probs_dropout_prob: f64,
    /// Rows of the position table. Positions start at `pad_token_id + 1`, so 514 rows serve 512 tokens.
    pub max_position_embeddings: usize,
    /// Rows of the token type table; every token here has type 0.
    pub type_vocab_size: usize,
    /// Epsilon of every layer norm.
    pub layer_norm_eps: f64,
    /// Id of the padding token.
    pub pad_token_id: usize,
    /// Kind of position embedding; only `absolute` is supported.
    pub position_embedding_type: String,
    /// Only `false` is supported.
    pub is_decoder: bool,
    /// Only `false` is supported.
    pub add_cross_attention: bool,
}

impl Default for RobertaConfig {
    fn default() -> Self {
        Self {
            vocab_size: 50265,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: HiddenAct::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            pad_token_id: 1,
            position_embedding_type: "absolute".to_owned(),
            is_decoder: false,
            add_cross_attention: false,
        }
    }
}

impl RobertaConfig {
    /// Reads a parsed `config.json` and checks it.
    ///
    /// # Errors
    /// [`Error::Config`] for a value of the wrong type, [`Error::Unsupported`] for one that isn't supported, by field.
    pub fn from_json(json: &serde_json::Value) -> Result<Self> {
        let config = Self::deserialize(json).map_err(|source| Error::Config {
            network: NETWORK,
            source,
        })?;
        config.validate()?;
        Ok(config)
    }

    /// The longest token sequence, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_position_embeddings
            .saturating_sub(self.pad_token_id + 1)
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        let positive = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("type_vocab_size", self.type_vocab_size),
        ];
        for (field, value) in positive {
            if value == 0 {
                return Err(Error::unsupported(NETWORK, field, value, "1 or more"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let supported = format!("a divisor of hidden_size {}", self.hidden_size);
            let got = self.num_attention_heads;
            return Err(Error::unsupported(
                NETWORK,
                "num_attention_heads",
                got,
                supported,
            ));
        }
        if self.max_tokens() < 2 {
            let supported = format!("at least pad_token_id + 3 = {}", self.pad_token_id + 3);
            let got = self.max_position_embeddings;
            return Err(Error::unsupported(
                NETWORK,
                "max_position_embeddings",
                got,
                supported,
            ));
        }
        if self.pad_token_id >= self.vocab_size {
            let got = self.pad_token_id;
            return Err(Error::unsupported(
                NETWORK,
                "pad_token_id",
                got,
                "below vocab_size",
            ));
        }
        for (field, value) in [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            (
                "attention_probs_dropout_prob",
                self.attention_probs_dropout_prob,
            ),
        ] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::unsupported(NETWORK, field, value, "0 to below 1"));
            }
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps.is_finite()) {
            let got = self.layer_norm_eps;
            return Err(Error::unsupported(
                NETWORK,
                "layer_norm_eps",
                got,
                "a positive number",
            ));
        }
        if self.position_embedding_type != "absolute" {
            let got = &self.position_embedding_type;
            return Err(Error::unsupported(
                NETWORK,
                "position_embedding_type",
                got,
                "absolute",
            ));
        }
        for (field, value) in [
            ("is_decoder", self.is_decoder),
            ("add_cross_attention", self.add_cross_attention),
        ] {
            if value {
                return Err(Error::unsupported(NETWORK, field, value, "false"));
            }
        }
        Ok(())
    }

    /// Builds the network with transformers' initialisation (normal, 0.02).
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<Roberta> {
        self.validate()?;
        Ok(Roberta::new(self, device))
    }
}
