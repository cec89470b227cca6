//! BLIP's text encoder with a picture in sight: BERT with cross-attention in every layer (Li et al. 2022, 2201.12086).
//!
//! | key | ours |
//! |---|---|
//! | `embeddings.word_embeddings` / `position_embeddings` | the same; BLIP has no token types |
//! | `*.LayerNorm` | `*.layer_norm` |
//! | `encoder.layer.N.attention.self` / `crossattention.self` | `*.self_attention` |
//! | `encoder.layer.N.*.output.dense`, `intermediate.dense`, `output.dense` | the same |
//! | `embeddings.position_ids` | none: 0, 1, 2, ... |

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig};
use burn::tensor::{Bool, Device, Tensor};
use reliad_rfnet::roberta::{
    CaptionTokens, HiddenAct, RobertaAttention, RobertaConfig, RobertaIntermediate, RobertaOutput,
};
use serde::{Deserialize, Serialize};

/// Configuration of the text encoder: the fields of BERT, by default those of BLIP's `med_config.json`.
///
/// The fields of that file which change nothing here (`architectures`, dropouts, `type_vocab_size`, ...) are let through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextConfig {
    /// Entries of the vocabulary: BERT's 30,522 and `[DEC]`, `[ENC]`.
    pub vocab_size: usize,
    /// Width of a token.
    pub hidden_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Attention heads; must divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Activation of the feed-forward part.
    pub hidden_act: HiddenAct,
    /// Rows of the position table.
    pub max_position_embeddings: usize,
    /// Epsilon of every layer norm.
    pub layer_norm_eps: f64,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_524,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: HiddenAct::Gelu,
            max_position_embeddings: 512,
            layer_norm_eps: 1e-12,
        }
    }
}

impl TextConfig {
    /// Everything that is wrong, a sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let (heads, width) = (self.num_attention_heads, self.hidden_size);
        if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
            problems.push(format!(
                "`text.num_attention_heads` is {heads}; supported: a divisor of text.hidden_size {width}"
            ));
        }
        for (field, value) in [
            ("vocab_size", self.vocab_size),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if value == 0 {
                problems.push(format!("`text.{field}` is 0; supported: 1 or more"));
            }
        }
        problems
    }

    /// The same as RoBERTa's layers are told it. Dropouts play no part: the network is never trained here.
    fn layers(&self) -> RobertaConfig {
        RobertaConfig {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            hidden_act: self.hidden_act,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            max_position_embeddings: self.max_position_embeddings,
            layer_norm_eps: self.layer_norm_eps,
            ..RobertaConfig::default()
        }
    }
}

/// The encoder of texts.
#[derive(Module, Debug)]
pub(super) struct BlipText {
    embeddings: Embeddings,
    encoder: Encoder,
}

#[derive(Module, Debug)]
struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    layer_norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
}

/// Attention to the text, then to the picture, then feed-forward, each added to its input and normalised.
#[derive(Module, Debug)]
struct Layer {
    attention: RobertaAttention,
    crossattention: RobertaAttention,
    intermediate: RobertaIntermediate,
    output: RobertaOutput,
}

impl BlipText {
    /// `seen` is the width of a picture's tokens.
    pub(super) fn new(config: &TextConfig, seen: usize, device: &Device) -> Self {
        let layers = config.layers();
        let width = config.hidden_size;
        let table = |rows: usize| {
            EmbeddingConfig::new(rows, width)
                .with_initializer(Initializer::Normal {
                    mean: 0.0,
                    std: 0.02,
                })
                .init(device)
        };
        let layer = |_| Layer {
            attention: RobertaAttention::new(&layers, width, device),
            crossattention: RobertaAttention::new(&layers, seen, device),
            intermediate: RobertaIntermediate::new(&layers, device),
            output: RobertaOutput::new(&layers, config.intermediate_size, device),
        };
        Self {
            embeddings: Embeddings {
                word_embeddings: table(config.vocab_size),
                position_embeddings: table(config.max_position_embeddings),
                layer_norm: LayerNormConfig::new(width)
                    .with_epsilon(config.layer_norm_eps)
                    .init(device),
            },
            encoder: Encoder {
                layer: (0..config.num_hidden_layers).map(layer).collect(),
            },
        }
    }

    /// The last hidden state.
    ///
    /// # Shapes
    /// - tokens: of `n` texts; seen: `[n, picture tokens, width of a picture's token]`
    /// - output: `[n, tokens, hidden_size]`; rows at padding hold values that mean nothing
    pub(super) fn forward(&self, tokens: CaptionTokens, seen: Tensor<3>) -> Tensor<3> {
        let CaptionTokens { ids, mask } = tokens;
        let embeddings = &self.embeddings;
        let [_, length] = ids.dims();
        let places = embeddings.position_embeddings.weight.val();
        let places = places.narrow(0, 0, length).unsqueeze::<3>();
        let x = embeddings.word_embeddings.forward(ids) + places;
        let x = embeddings.layer_norm.forward(x);
        let layers = self.encoder.layer.iter();
        layers.fold(x, |x, layer| layer.forward(x, mask.clone(), seen.clone()))
    }
}

impl Layer {
    fn forward(&self, x: Tensor<3>, mask: Tensor<2, Bool>, seen: Tensor<3>) -> Tensor<3> {
        let x = self.attention.forward(x.clone(), x, Some(mask));
        let x = self.crossattention.forward(x, seen, None);
        let wide = self.intermediate.forward(x.clone());
        self.output.forward(wide, x)
    }
}
