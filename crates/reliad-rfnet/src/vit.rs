//! The vision transformer with torchvision's names, a rival of RFNet in the paper's table of detectors.
//!
//! | torchvision key | ours |
//! |---|---|
//! | `conv_proj`, `class_token`, `encoder.pos_embedding`, `encoder.ln` | the same |
//! | `encoder.layers.encoder_layer_N` | `encoder.layers.N` |
//! | `*.self_attention.in_proj_weight` / `in_proj_bias` / `out_proj` | the same: query, key, value in one |
//! | `*.mlp.0`, `*.mlp.3` | `*.mlp.linear_1`, `*.mlp.linear_2` |
//! | `heads.head` | the same |
//!
//! timm's names ([`VisionTransformer::timm_key_map`]):
//!
//! | timm key | ours |
//! |---|---|
//! | `patch_embed.proj`, `cls_token`, `pos_embed`, `norm` | `conv_proj`, `class_token`, `encoder.pos_embedding`, `encoder.ln` |
//! | `blocks.N` | `encoder.layers.N` |
//! | `*.norm1`, `*.norm2` | `*.ln_1`, `*.ln_2` |
//! | `*.attn.qkv`, `*.attn.proj` | `*.self_attention.in_proj_weight` / `in_proj_bias`, `*.self_attention.out_proj` |
//! | `*.mlp.fc1`, `*.mlp.fc2` | `*.mlp.linear_1`, `*.mlp.linear_2` |
//! | `head` | `heads.head` |
//!
//! Architecture: Dosovitskiy et al., *An Image is Worth 16x16 Words* (2010.11929), pre-norm.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{
    Dropout, DropoutConfig, Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig,
};
use burn::tensor::{Device, Tensor};
use reliad_kernels::activation::gelu;
use reliad_kernels::dropout::dropout;
use reliad_weights::{KeyMap, ModelDir};
use serde::{Deserialize, Serialize};

use crate::attention::multi_head_attention;
use crate::error::{Error, Result};

const NETWORK: &str = "VisionTransformer";

/// Configuration of a [`VisionTransformer`]. ViT-B/16 is 224, 16, 12, 12, 768, 3072.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisionTransformerConfig {
    /// Side of the square picture in pixels; a multiple of `patch_size`.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Encoder layers, at most 32.
    pub num_layers: usize,
    /// Attention heads; must divide `hidden_dim`.
    pub num_heads: usize,
    /// Width of a token.
    pub hidden_dim: usize,
    /// Width of the feed-forward part.
    pub mlp_dim: usize,
    /// Dropout of tokens, attention's output and the feed-forward part, 0 to below 1; in training only.
    #[serde(default)]
    pub dropout: f64,
    /// Dropout of attention weights.
    #[serde(default)]
    pub attention_dropout: f64,
    /// Classes of the head.
    pub num_classes: usize,
}

/// A transformer over patches of a picture. Built by [`VisionTransformerConfig::init`].
#[derive(Module, Debug)]
pub struct VisionTransformer {
    conv_proj: Conv2d,
    class_token: Param<Tensor<3>>,
    encoder: Encoder,
    heads: Heads,
}

#[derive(Module, Debug)]
struct Encoder {
    pos_embedding: Param<Tensor<3>>,
    dropout: Dropout,
    layers: Vec<EncoderLayer>,
    ln: LayerNorm,
}

#[derive(Module, Debug)]
struct EncoderLayer {
    ln_1: LayerNorm,
    self_attention: SelfAttention,
    dropout: Dropout,
    ln_2: LayerNorm,
    mlp: Mlp,
}

#[derive(Module, Debug)]
struct SelfAttention {
    in_proj_weight: Param<Tensor<2>>,
    in_proj_bias: Param<Tensor<1>>,
    out_proj: Linear,
    dropout: Dropout,
    heads: usize,
}

#[derive(Module, Debug)]
struct Mlp {
    linear_1: Linear,
    linear_2: Linear,
    dropout: Dropout,
}

#[derive(Module, Debug)]
struct Heads {
    head: Linear,
}

/// torchvision numbers its layers `encoder_layer_N`.
macro_rules! layers {
    ($($number:literal)*) => {
        [$((concat!("encoder_layer_", $number), $number)),*]
    };
}

const LAYERS: [(&str, &str); 32] = layers!(
    "0" "1" "2" "3" "4" "5" "6" "7" "8" "9" "10" "11" "12" "13" "14" "15"
    "16" "17" "18" "19" "20" "21" "22" "23" "24" "25" "26" "27" "28" "29" "30" "31"
);

impl VisionTransformerConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the field's name.
    pub fn validate(&self) -> Result<()> {
        let wrong = |field, got: usize, supported: String| {
            Err(Error::unsupported(NETWORK, field, got, supported))
        };
        if self.patch_size == 0 || !self.image_size.is_multiple_of(self.patch_size) {
            let supported = format!("a divisor of image_size {}", self.image_size);
            return wrong("patch_size", self.patch_size, supported);
        }
        if self.num_heads == 0 || !self.hidden_dim.is_multiple_of(self.num_heads) {
            let supported = format!("a divisor of hidden_dim {}", self.hidden_dim);
            return wrong("num_heads", self.num_heads, supported);
        }
        if self.num_layers > LAYERS.len() {
            let supported = format!("at most {}", LAYERS.len());
            return wrong("num_layers", self.num_layers, supported);
        }
        for (field, value) in [
            ("image_size", self.image_size),
            ("hidden_dim", self.hidden_dim),
            ("mlp_dim", self.mlp_dim),
            ("num_classes", self.num_classes),
        ] {
            if value == 0 {
                return wrong(field, value, "1 or more".to_owned());
            }
        }
        Ok(())
    }

    /// Builds the network; weights as torchvision begins them, where that matters (truncated normals are normal here).
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, device: &Device) -> Result<VisionTransformer> {
        self.validate()?;
        let width = self.hidden_dim;
        let normal = |std: f64| Initializer::Normal { mean: 0.0, std };
        let norm = || LayerNormConfig::new(width).with_epsilon(1e-6).init(device);
        let dropout = |share: f64| DropoutConfig::new(share).init();
        let xavier = Initializer::XavierUniform { gain: 1.0 };
        let linear = |from: usize, to: usize| {
            LinearConfig::new(from, to)
                .with_initializer(xavier.clone())
                .init(device)
        };
        let layer = || EncoderLayer {
            ln_1: norm(),
            self_attention: SelfAttention {
                in_proj_weight: xavier.init_with(
                    [3 * width, width],
                    Some(width),
                    Some(3 * width),
                    device,
                ),
                in_proj_bias: Initializer::Zeros.init([3 * width], device),
                out_proj: linear(width, width),
                dropout: dropout(self.attention_dropout),
                heads: self.num_heads,
            },
            dropout: dropout(self.dropout),
            ln_2: norm(),
            mlp: Mlp {
                linear_1: linear(width, self.mlp_dim),
                linear_2: linear(self.mlp_dim, width),
                dropout: dropout(self.dropout),
            },
        };
        let side = self.image_size / self.patch_size;
        let patch = [self.patch_size; 2];
        let fan_in = 3 * self.patch_size * self.patch_size;
        Ok(VisionTransformer {
            conv_proj: Conv2dConfig::new([3, width], patch)
                .with_stride(patch)
                .with_initializer(normal((1.0 / fan_in as f64).sqrt()))
                .init(device),
            class_token: Initializer::Zeros.init([1, 1, width], device),
            encoder: Encoder {
                pos_embedding: normal(0.02).init([1, side * side + 1, width], device),
                dropout: dropout(self.dropout),
                layers: (0..self.num_layers).map(|_| layer()).collect(),
                ln: norm(),
            },
            heads: Heads {
                head: linear(width, self.num_classes),
            },
        })
    }
}

impl SelfAttention {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let width = x.dims()[2];
        let weight = self.in_proj_weight.val().transpose().unsqueeze::<3>();
        let together = x.matmul(weight) + self.in_proj_bias.val().unsqueeze::<3>();
        let part = |at: usize| together.clone().narrow(2, at * width, width);
        let attended =
            multi_head_attention(part(0), part(1), part(2), None, self.heads, &self.dropout);
        self.out_proj.forward(attended)
    }
}

impl EncoderLayer {
    fn forward(&self, input: Tensor<3>) -> Tensor<3> {
        let x = self
            .self_attention
            .forward(self.ln_1.forward(input.clone()));
        let x = dropout(&self.dropout, x) + input;
        let mlp = &self.mlp;
        let y = gelu(mlp.linear_1.forward(self.ln_2.forward(x.clone())));
        let y = mlp.linear_2.forward(dropout(&mlp.dropout, y));
        x + dropout(&mlp.dropout, y)
    }
}

impl VisionTransformer {
    /// The same encoder with a fresh head of `classes`.
    pub(crate) fn with_classes(mut self, classes: usize, device: &Device) -> Self {
        let [width, _] = self.heads.head.weight.dims();
        self.heads.head = LinearConfig::new(width, classes).init(device);
        self
    }

    /// Loads `config.json` and the weights beside it.
    ///
    /// # Errors
    /// An unreadable directory, an unsupported field, or any missing, unused or mis-shaped key.
    pub fn load(dir: &ModelDir, device: &Device) -> Result<Self> {
        let config: VisionTransformerConfig = reliad_weights::read_config(dir, "config.json")?;
        Ok(reliad_weights::load(
            config.init(device)?,
            dir,
            &Self::key_map(),
        )?)
    }

    /// torchvision's names to ours; see the table at the top of the file.
    pub fn key_map() -> KeyMap {
        let mut renamed = vec![("mlp.0", "mlp.linear_1"), ("mlp.3", "mlp.linear_2")];
        renamed.extend(LAYERS);
        KeyMap::new(&renamed)
    }

    /// timm's names to ours; see the table at the top of the file.
    pub fn timm_key_map() -> KeyMap {
        KeyMap::new(&[
            ("patch_embed.proj", "conv_proj"),
            ("cls_token", "class_token"),
            ("pos_embed", "encoder.pos_embedding"),
            ("norm", "encoder.ln"),
            ("blocks", "encoder.layers"),
            ("norm1", "ln_1"),
            ("norm2", "ln_2"),
            ("attn.qkv.weight", "self_attention.in_proj_weight"),
            ("attn.qkv.bias", "self_attention.in_proj_bias"),
            ("attn.proj", "self_attention.out_proj"),
            ("mlp.fc1", "mlp.linear_1"),
            ("mlp.fc2", "mlp.linear_2"),
            ("head", "heads.head"),
        ])
    }

    /// The logits, from the class token.
    ///
    /// # Shapes
    /// - picture: `[n, 3, image_size, image_size]`, normalised as the weights expect
    /// - output: `[n, num_classes]`
    pub fn forward(&self, picture: Tensor<4>) -> Tensor<2> {
        let patches = self.conv_proj.forward(picture);
        let [n, width, ..] = patches.dims();
        let patches = patches.flatten::<3>(2, 3).swap_dims(1, 2);
        let class = self.class_token.val().expand([n, 1, width]);
        let x = Tensor::cat(vec![class, patches], 1) + self.encoder.pos_embedding.val();
        let x = dropout(&self.encoder.dropout, x);
        let x = self
            .encoder
            .layers
            .iter()
            .fold(x, |x, layer| layer.forward(x));
        let class = self.encoder.ln.forward(x).narrow(1, 0, 1).flatten(0, 1);
        self.heads.head.forward(class)
    }
}
