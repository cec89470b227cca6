//! The text encoder of Stable Diffusion: `CLIPTextModel` of transformers, from its `config.json`.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, activation};
use reliad_kernels::activation::gelu;
use reliad_kernels::{LayerNorm, LayerNormConfig, linear};
use reliad_weights::{KeyMap, ModelDir};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Error;
use crate::attention::scaled_dot_product;
use crate::config::Fields;

/// The activation between the two layers of the feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClipActivation {
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
    /// The exact one, by the error function.
    Gelu,
}

/// `config.json` of a `CLIPTextModel`. Field names and defaults are transformers'.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClipTextConfig {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Width of the embedding.
    pub hidden_size: usize,
    /// Width inside the feed-forward layers.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// The longest text in tokens.
    pub max_position_embeddings: usize,
    /// Between the feed-forward layers.
    pub hidden_act: ClipActivation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
}

impl ClipTextConfig {
    /// The class name in the ecosystem's files.
    pub const CLASS: &'static str = "CLIPTextModel";

    /// Reads the fields of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] names every field whose value is unknown, unsupported or contradictory.
    pub fn from_json(json: &Value) -> Result<Self, Error> {
        let mut fields = Fields::new(Self::CLASS, json);
        fields.only("attention_dropout", &[json!(0)]);
        fields.only("dropout", &[json!(0)]);
        // Token ids only pool the text to one vector, which diffusion does not use; the rest steers training and output
        // containers of transformers.
        fields.ignore(&[
            "bos_token_id",
            "eos_token_id",
            "pad_token_id",
            "projection_dim",
            "initializer_factor",
            "initializer_range",
            "chunk_size_feed_forward",
            "id2label",
            "label2id",
            "is_encoder_decoder",
            "output_attentions",
            "output_hidden_states",
            "problem_type",
            "return_dict",
            "use_cache",
        ]);
        let config = Self {
            vocab_size: fields.take("vocab_size", 49408),
            hidden_size: fields.take("hidden_size", 512),
            intermediate_size: fields.take("intermediate_size", 2048),
            num_hidden_layers: fields.take("num_hidden_layers", 12),
            num_attention_heads: fields.take("num_attention_heads", 8),
            max_position_embeddings: fields.take("max_position_embeddings", 77),
            hidden_act: fields.take("hidden_act", ClipActivation::QuickGelu),
            layer_norm_eps: fields.take("layer_norm_eps", 1e-5),
        };
        let (width, heads) = (config.hidden_size, config.num_attention_heads);
        fields.check(
            heads > 0 && width > 0 && width.is_multiple_of(heads),
            || format!("`num_attention_heads` = {heads} does not divide `hidden_size` = {width}"),
        );
        for (name, value) in [
            ("vocab_size", config.vocab_size),
            ("intermediate_size", config.intermediate_size),
            ("max_position_embeddings", config.max_position_embeddings),
        ] {
            fields.check(value > 0, || format!("`{name}` must be above zero"));
        }
        fields.finish(config)
    }

    /// The fields as transformers reads them.
    pub fn to_json(&self) -> Value {
        let mut json = json!(self);
        json["architectures"] = json!([Self::CLASS]);
        json["model_type"] = json!("clip_text_model");
        json
    }

    /// A network with fresh weights: PyTorch's defaults, embeddings within 0.02 as transformers does.
    pub fn init(&self, device: &Device) -> ClipTextModel {
        let width = self.hidden_size;
        let layer = ClipLayerConfig {
            hidden_size: width,
            intermediate_size: self.intermediate_size,
            num_attention_heads: self.num_attention_heads,
            hidden_act: self.hidden_act,
            layer_norm_eps: self.layer_norm_eps,
        };
        let embedding = |count: usize| {
            EmbeddingConfig::new(count, width)
                .with_initializer(Initializer::Normal {
                    mean: 0.0,
                    std: 0.02,
                })
                .init(device)
        };
        ClipTextModel {
            embeddings: ClipTextEmbeddings {
                token_embedding: embedding(self.vocab_size),
                position_embedding: embedding(self.max_position_embeddings),
            },
            encoder: ClipEncoder {
                layers: (0..self.num_hidden_layers)
                    .map(|_| layer.init(device))
                    .collect(),
            },
            final_layer_norm: LayerNormConfig::new(width)
                .with_epsilon(self.layer_norm_eps)
                .init(device),
        }
    }
}

/// A layer of either of CLIP's encoders, of texts and of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipLayerConfig {
    /// Width of a token.
    pub hidden_size: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Attention heads; they split the width evenly.
    pub num_attention_heads: usize,
    /// Between the feed-forward layers.
    pub hidden_act: ClipActivation,
    /// Epsilon of both layer norms.
    pub layer_norm_eps: f64,
}

impl ClipLayerConfig {
    /// A layer with fresh weights, by PyTorch's defaults.
    pub fn init(&self, device: &Device) -> ClipEncoderLayer {
        let width = self.hidden_size;
        let norm = || {
            LayerNormConfig::new(width)
                .with_epsilon(self.layer_norm_eps)
                .init(device)
        };
        let layer = |from: usize, to: usize| LinearConfig::new(from, to).init(device);
        ClipEncoderLayer {
            self_attn: ClipAttention {
                k_proj: layer(width, width),
                v_proj: layer(width, width),
                q_proj: layer(width, width),
                out_proj: layer(width, width),
                heads: self.num_attention_heads,
            },
            layer_norm1: norm(),
            mlp: ClipMlp {
                fc1: layer(width, self.intermediate_size),
                fc2: layer(self.intermediate_size, width),
                activation: self.hidden_act,
            },
            layer_norm2: norm(),
        }
    }
}

/// The text encoder of CLIP (Radford et al., arXiv 2103.00020).
#[derive(Module, Debug)]
pub struct ClipTextModel {
    /// Of tokens and places.
    pub embeddings: ClipTextEmbeddings,
    /// The layers.
    pub encoder: ClipEncoder,
    /// After the last layer.
    pub final_layer_norm: LayerNorm,
}

/// Sum of a token's and its place's embedding.
#[derive(Module, Debug)]
pub struct ClipTextEmbeddings {
    /// `[vocab_size, hidden_size]`.
    pub token_embedding: Embedding,
    /// `[max_position_embeddings, hidden_size]`.
    pub position_embedding: Embedding,
}

/// A stack of layers.
#[derive(Module, Debug)]
pub struct ClipEncoder {
    /// Run in order.
    pub layers: Vec<ClipEncoderLayer>,
}

/// Self-attention and a feed-forward part, each after a layer norm and added to its input.
#[derive(Module, Debug)]
pub struct ClipEncoderLayer {
    /// Self-attention.
    pub self_attn: ClipAttention,
    /// Before the attention.
    pub layer_norm1: LayerNorm,
    /// Feed-forward part.
    pub mlp: ClipMlp,
    /// Before the feed-forward part.
    pub layer_norm2: LayerNorm,
}

/// Self-attention.
#[derive(Module, Debug)]
pub struct ClipAttention {
    /// `[hidden_size, hidden_size]`.
    pub k_proj: Linear,
    /// `[hidden_size, hidden_size]`.
    pub v_proj: Linear,
    /// `[hidden_size, hidden_size]`.
    pub q_proj: Linear,
    /// `[hidden_size, hidden_size]`.
    pub out_proj: Linear,
    /// Number of heads.
    pub heads: usize,
}

/// Two linear layers with an activation between.
#[derive(Module, Debug)]
pub struct ClipMlp {
    /// `[hidden_size, intermediate_size]`.
    pub fc1: Linear,
    /// `[intermediate_size, hidden_size]`.
    pub fc2: Linear,
    #[module(skip)]
    activation: ClipActivation,
}

impl ClipTextModel {
    /// Names of the ecosystem's files, which stand under `text_model.` (newest transformers: without it).
    pub fn key_map() -> KeyMap {
        KeyMap::new(&[
            ("text_model.embeddings", "embeddings"),
            ("text_model.encoder", "encoder"),
            ("text_model.final_layer_norm", "final_layer_norm"),
        ])
        .ignoring(&["position_ids"])
    }

    /// Loads `config.json` and the weights of a component directory (`text_encoder/`).
    ///
    /// # Errors
    /// [`Error::Config`], or [`Error::Weights`] when a file is missing or does not fit.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self, Error> {
        let config = ClipTextConfig::from_json(&dir.read_json("config.json")?)?;
        Ok(reliad_weights::load(
            config.init(device),
            dir,
            &Self::key_map(),
        )?)
    }

    /// The last hidden state, after the final layer norm.
    ///
    /// # Shapes
    /// - ids: `[n, tokens]`, each below `vocab_size`, at most `max_position_embeddings` tokens
    /// - output: `[n, tokens, hidden_size]`
    ///
    /// # Panics
    /// When there are more tokens than places.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, tokens] = ids.dims();
        let places = self.embeddings.position_embedding.weight.val();
        assert!(
            tokens <= places.dims()[0],
            "{tokens} tokens, but the text encoder has places for {}",
            places.dims()[0]
        );
        let places = places.narrow(0, 0, tokens).unsqueeze::<3>();
        let embedded = self.embeddings.token_embedding.forward(ids) + places;
        let hidden = self
            .encoder
            .layers
            .iter()
            .fold(embedded, |hidden, layer| layer.forward(hidden, true));
        self.final_layer_norm.forward(hidden)
    }
}

impl ClipEncoderLayer {
    /// With `causal`, as in the encoder of texts, a token sees only itself and those before it.
    ///
    /// # Shapes
    /// - input, output: `[n, tokens, hidden_size]`
    pub fn forward(&self, x: Tensor<3>, causal: bool) -> Tensor<3> {
        let normed = self.layer_norm1.forward(x.clone());
        let attention = &self.self_attn;
        let mixed = scaled_dot_product(
            linear(&attention.q_proj, normed.clone()),
            linear(&attention.k_proj, normed.clone()),
            linear(&attention.v_proj, normed),
            attention.heads,
            causal,
        );
        let x = x + linear(&attention.out_proj, mixed);
        let wide = linear(&self.mlp.fc1, self.layer_norm2.forward(x.clone()));
        let wide = match self.mlp.activation {
            ClipActivation::QuickGelu => wide.clone() * activation::sigmoid(wide * 1.702),
            ClipActivation::Gelu => gelu(wide),
        };
        x + linear(&self.mlp.fc2, wide)
    }
}
