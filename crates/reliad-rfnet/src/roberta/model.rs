//! The RoBERTa encoder with transformers' names.
//!
//! | transformers key (`RobertaModel`; a leading `roberta.` is accepted) | ours |
//! |---|---|
//! | `embeddings.word_embeddings` / `position_embeddings` / `token_type_embeddings` | the same |
//! | `*.LayerNorm` | `*.layer_norm` |
//! | `encoder.layer.N.attention.self.query` / `key` / `value` | `encoder.layer.N.attention.self_attention...` |
//! | `encoder.layer.N.attention.output.dense`, `intermediate.dense`, `output.dense` | the same |
//! | `pooler`, `lm_head`, `classifier`, `embeddings.position_ids` | none: not part of the encoder |
//!
//! Architecture: BERT (1810.04805) with post-norm layers; RoBERTa (1907.11692) counts positions from
//! `pad_token_id + 1` over the tokens that aren't padding.

use burn::module::Module;
use burn::nn::{
    Dropout, DropoutConfig, Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig,
    Linear, LinearConfig,
};
use burn::tensor::activation::{gelu_approximate, relu};
use burn::tensor::{Bool, Device, Int, Tensor};
use reliad_kernels::activation::gelu;
use reliad_kernels::dropout::dropout;
use reliad_weights::{KeyMap, ModelDir};

use super::{HiddenAct, RobertaConfig};
use crate::attention::multi_head_attention;
use crate::error::Result;

const INIT: Initializer = Initializer::Normal {
    mean: 0.0,
    std: 0.02,
};

/// The encoder. Built by [`RobertaConfig::init`].
#[derive(Module, Debug)]
pub struct Roberta {
    embeddings: RobertaEmbeddings,
    encoder: RobertaEncoder,
}

#[derive(Module, Debug)]
struct RobertaEmbeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Embedding,
    layer_norm: LayerNorm,
    dropout: Dropout,
    pad_token_id: usize,
}

#[derive(Module, Debug)]
struct RobertaEncoder {
    layer: Vec<RobertaLayer>,
}

/// One post-norm layer: attention, then feed-forward, each added to its input and normalised.
#[derive(Module, Debug)]
pub struct RobertaLayer {
    attention: RobertaAttention,
    intermediate: RobertaIntermediate,
    output: RobertaOutput,
}

/// Attention whose result joins the residual stream: BERT's, to the same tokens or to others.
#[derive(Module, Debug)]
pub struct RobertaAttention {
    self_attention: RobertaSelfAttention,
    output: RobertaOutput,
}

#[derive(Module, Debug)]
struct RobertaSelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    dropout: Dropout,
    heads: usize,
}

/// The wide half of a feed-forward part, with its activation.
#[derive(Module, Debug)]
pub struct RobertaIntermediate {
    dense: Linear,
    #[module(skip)]
    hidden_act: HiddenAct,
}

/// A projection whose result joins the residual stream.
#[derive(Module, Debug)]
pub struct RobertaOutput {
    dense: Linear,
    layer_norm: LayerNorm,
    dropout: Dropout,
}

fn linear(input: usize, output: usize, device: &Device) -> Linear {
    let mut linear = LinearConfig::new(input, output)
        .with_initializer(INIT)
        .init(device);
    linear.bias = Some(Initializer::Zeros.init([output], device));
    linear
}

impl RobertaOutput {
    /// A projection of `input` numbers a token to `hidden_size`.
    pub fn new(config: &RobertaConfig, input: usize, device: &Device) -> Self {
        Self {
            dense: linear(input, config.hidden_size, device),
            layer_norm: norm(config, device),
            dropout: DropoutConfig::new(config.hidden_dropout_prob).init(),
        }
    }

    /// `norm(dense(x) + residual)`.
    ///
    /// # Shapes
    /// - x: `[n, tokens, input]`; residual, output: `[n, tokens, hidden_size]`
    pub fn forward(&self, x: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let x = dropout(&self.dropout, self.dense.forward(x));
        self.layer_norm.forward(x + residual)
    }
}

fn norm(config: &RobertaConfig, device: &Device) -> LayerNorm {
    LayerNormConfig::new(config.hidden_size)
        .with_epsilon(config.layer_norm_eps)
        .init(device)
}

impl RobertaAttention {
    /// Attention of tokens to tokens of `context_width`, which is `hidden_size` where they attend to themselves.
    pub fn new(config: &RobertaConfig, context_width: usize, device: &Device) -> Self {
        let width = config.hidden_size;
        Self {
            self_attention: RobertaSelfAttention {
                query: linear(width, width, device),
                key: linear(context_width, width, device),
                value: linear(context_width, width, device),
                dropout: DropoutConfig::new(config.attention_probs_dropout_prob).init(),
                heads: config.num_attention_heads,
            },
            output: RobertaOutput::new(config, width, device),
        }
    }

    /// Attends from `x` to `context`; `mask` is true where the context may be attended to.
    ///
    /// # Shapes
    /// - x, output: `[n, tokens, hidden_size]`; context: `[n, others, context_width]`; mask: `[n, others]`
    pub fn forward(
        &self,
        x: Tensor<3>,
        context: Tensor<3>,
        mask: Option<Tensor<2, Bool>>,
    ) -> Tensor<3> {
        let projections = &self.self_attention;
        let attended = multi_head_attention(
            projections.query.forward(x.clone()),
            projections.key.forward(context.clone()),
            projections.value.forward(context),
            mask,
            projections.heads,
            &projections.dropout,
        );
        self.output.forward(attended, x)
    }
}

impl RobertaIntermediate {
    /// From `hidden_size` to `intermediate_size` numbers a token.
    pub fn new(config: &RobertaConfig, device: &Device) -> Self {
        Self {
            dense: linear(config.hidden_size, config.intermediate_size, device),
            hidden_act: config.hidden_act,
        }
    }

    /// # Shapes
    /// - x: `[n, tokens, hidden_size]`; output: `[n, tokens, intermediate_size]`
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let hidden = self.dense.forward(x);
        match self.hidden_act {
            HiddenAct::Gelu => gelu(hidden),
            HiddenAct::GeluNew => gelu_approximate(hidden),
            HiddenAct::Relu => relu(hidden),
        }
    }
}

impl RobertaLayer {
    fn new(config: &RobertaConfig, device: &Device) -> Self {
        Self {
            attention: RobertaAttention::new(config, config.hidden_size, device),
            intermediate: RobertaIntermediate::new(config, device),
            output: RobertaOutput::new(config, config.intermediate_size, device),
        }
    }

    fn forward(&self, x: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        let x = self.attention.forward(x.clone(), x, Some(mask));
        let hidden = self.intermediate.forward(x.clone());
        self.output.forward(hidden, x)
    }
}

impl Roberta {
    pub(super) fn new(config: &RobertaConfig, device: &Device) -> Self {
        let width = config.hidden_size;
        let table = |rows: usize| {
            EmbeddingConfig::new(rows, width)
                .with_initializer(INIT)
                .init(device)
        };
        Self {
            embeddings: RobertaEmbeddings {
                word_embeddings: table(config.vocab_size),
                position_embeddings: table(config.max_position_embeddings),
                token_type_embeddings: table(config.type_vocab_size),
                layer_norm: norm(config, device),
                dropout: DropoutConfig::new(config.hidden_dropout_prob).init(),
                pad_token_id: config.pad_token_id,
            },
            encoder: RobertaEncoder {
                layer: (0..config.num_hidden_layers)
                    .map(|_| RobertaLayer::new(config, device))
                    .collect(),
            },
        }
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config = RobertaConfig::from_json(&reliad_weights::read_config(dir, "config.json")?)?;
        Ok(reliad_weights::load(
            config.init(device)?,
            dir,
            &Self::key_map(),
        )?)
    }

    /// The table of word embeddings, `[vocab_size, hidden_size]`.
    pub(super) fn words(&self) -> Tensor<2> {
        self.embeddings.word_embeddings.weight.val()
    }

    /// transformers' names to ours; see the table at the top of the file.
    pub fn key_map() -> KeyMap {
        KeyMap::new(&Self::RENAMED)
            .optional_prefixes(&["roberta"])
            .ignoring(&["pooler", "lm_head", "classifier", "embeddings.position_ids"])
    }

    /// The renamed segments, for networks that contain a RoBERTa.
    pub(crate) const RENAMED: [(&'static str, &'static str); 2] = [
        ("attention.self", "attention.self_attention"),
        ("LayerNorm", "layer_norm"),
    ];

    /// The last hidden state.
    ///
    /// # Shapes
    /// - ids: `[n, tokens]`, at most [`RobertaConfig::max_tokens`] of them
    /// - mask: `[n, tokens]`, true where a token is real and false at padding
    /// - output: `[n, tokens, hidden_size]`; rows at padding hold values that mean nothing
    pub fn forward(&self, ids: Tensor<2, Int>, mask: Tensor<2, Bool>) -> Tensor<3> {
        let x = self.embeddings.forward(ids);
        self.encoder
            .layer
            .iter()
            .fold(x, |x, layer| layer.forward(x, mask.clone()))
    }
}

impl RobertaEmbeddings {
    fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let pad = self.pad_token_id as i64;
        let real = ids.clone().not_equal_elem(pad).int();
        let positions = real.clone().cumsum(1) * real + pad;
        let types = ids.zeros_like();
        let x = self.word_embeddings.forward(ids)
            + self.token_type_embeddings.forward(types)
            + self.position_embeddings.forward(positions);
        dropout(&self.dropout, self.layer_norm.forward(x))
    }
}
