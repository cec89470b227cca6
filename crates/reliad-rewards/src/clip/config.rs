//! CLIP's `config.json` and `preprocessor_config.json`, as transformers writes them.

use burn::tensor::Device;
use reliad_diffusion::{ClipActivation, ClipLayerConfig, ClipTextConfig};
use reliad_weights::ModelDir;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::network::ClipNetwork;
use crate::error::{Error, Result};
use crate::preprocess::CentreSquare;

/// What transformers' older files hold in every part of a configuration: settings of text generation and of output
/// containers, which no encoder reads.
const UNREAD: [&str; 36] = [
    "bad_words_ids",
    "begin_suppress_tokens",
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "length_penalty",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_scores",
    "prefix",
    "pruned_heads",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tie_word_embeddings",
    "tokenizer_class",
    "top_k",
    "top_p",
    "typical_p",
];
/// What a `vision_config` holds besides: descriptions of the file, its training, and of texts.
const UNREAD_OF_VISION: [&str; 20] = [
    "_name_or_path",
    "architectures",
    "bos_token_id",
    "chunk_size_feed_forward",
    "dtype",
    "eos_token_id",
    "id2label",
    "initializer_factor",
    "initializer_range",
    "is_encoder_decoder",
    "label2id",
    "model_type",
    "output_attentions",
    "output_hidden_states",
    "pad_token_id",
    "projection_dim",
    "return_dict",
    "torch_dtype",
    "transformers_version",
    "use_cache",
];
/// The same, of which only one value keeps an encoder as it is.
const ONLY: [(&str, Value); 4] = [
    ("add_cross_attention", Value::Bool(false)),
    ("is_decoder", Value::Bool(false)),
    ("torchscript", Value::Bool(false)),
    ("use_bfloat16", Value::Bool(false)),
];

/// Which token of a text stands for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooled {
    /// The one with the greatest id: the end of the text, in configurations that say `eos_token_id` 2, which is wrong.
    Greatest,
    /// The first with this id.
    End(i64),
}

impl Pooled {
    /// Its place in `ids`; 0 where there is none, as in transformers.
    pub fn place(self, ids: &[i64]) -> usize {
        let greatest = ids.iter().max().copied();
        let wanted = match self {
            Self::Greatest => greatest,
            Self::End(id) => Some(id),
        };
        ids.iter().position(|&id| Some(id) == wanted).unwrap_or(0)
    }
}

/// `vision_config`; defaults are transformers'.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClipVisionConfig {
    /// Side of the square picture in pixels; a multiple of `patch_size`.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Width of a token.
    pub hidden_size: usize,
    /// Width inside the feed-forward layers.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads; must divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Between the feed-forward layers.
    pub hidden_act: ClipActivation,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Channels of a picture: 3.
    pub num_channels: usize,
    /// Of attention weights in training: only 0 is supported.
    pub attention_dropout: f64,
    /// Of hidden states in training: only 0 is supported.
    pub dropout: f64,
}

impl Default for ClipVisionConfig {
    fn default() -> Self {
        Self {
            image_size: 224,
            patch_size: 32,
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            hidden_act: ClipActivation::QuickGelu,
            layer_norm_eps: 1e-5,
            num_channels: 3,
            attention_dropout: 0.0,
            dropout: 0.0,
        }
    }
}

impl ClipVisionConfig {
    /// Tokens of a picture, the class token among them.
    pub fn tokens(&self) -> usize {
        (self.image_size / self.patch_size).pow(2) + 1
    }

    pub(super) fn layer(&self) -> ClipLayerConfig {
        ClipLayerConfig {
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            num_attention_heads: self.num_attention_heads,
            hidden_act: self.hidden_act,
            layer_norm_eps: self.layer_norm_eps,
        }
    }

    fn problem(&self) -> Option<String> {
        let (patch, side) = (self.patch_size, self.image_size);
        let (heads, width) = (self.num_attention_heads, self.hidden_size);
        let told = |field: &str, got: &dyn std::fmt::Debug, supported: String| {
            Some(format!(
                "`vision_config.{field}` is {got:?}; supported: {supported}"
            ))
        };
        if patch == 0 || side == 0 || !side.is_multiple_of(patch) {
            return told("patch_size", &patch, format!("a divisor of {side}"));
        }
        if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
            return told(
                "num_attention_heads",
                &heads,
                format!("a divisor of {width}"),
            );
        }
        if self.intermediate_size == 0 {
            return told("intermediate_size", &0, "1 or more".to_owned());
        }
        if self.num_channels != 3 {
            return told("num_channels", &self.num_channels, "3".to_owned());
        }
        for (field, share) in [
            ("attention_dropout", self.attention_dropout),
            ("dropout", self.dropout),
        ] {
            if share != 0.0 {
                return told(field, &share, "0".to_owned());
            }
        }
        None
    }
}

/// What `config.json` and `preprocessor_config.json` say.
#[derive(Clone, Debug, PartialEq)]
pub struct ClipConfig {
    /// The encoder of texts.
    pub text: ClipTextConfig,
    /// The encoder of pictures.
    pub vision: ClipVisionConfig,
    /// Width of the space that pictures and texts share.
    pub projection_dim: usize,
    /// How a text becomes one vector.
    pub pooled: Pooled,
    /// How pictures are seen.
    pub preprocess: CentreSquare,
}

impl ClipConfig {
    /// Reads the files of `dir`. Without `preprocessor_config.json` pictures are seen as OpenAI's networks see them.
    ///
    /// # Errors
    /// A missing or damaged file, or a field that isn't supported.
    pub fn read(dir: &ModelDir) -> Result<Self> {
        let json: Value = dir.read_json("config.json")?;
        let mut config = Self::from_json(&json).map_err(|error| match error {
            Error::Config { reason, .. } => Error::Config {
                file: dir.display("config.json"),
                reason,
            },
            other => other,
        })?;
        const PREPROCESSOR: &str = "preprocessor_config.json";
        if dir.contains(PREPROCESSOR) {
            let json: Value = dir.read_json(PREPROCESSOR)?;
            let size = config.vision.image_size;
            config.preprocess = preprocessor(&json, size).map_err(|reason| Error::Config {
                file: dir.display(PREPROCESSOR),
                reason,
            })?;
        }
        Ok(config)
    }

    /// Reads the fields of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Text`] for a field that isn't supported.
    pub fn from_json(json: &Value) -> Result<Self> {
        let fail = |reason: String| Error::Config {
            file: "config.json of a CLIPModel".to_owned(),
            reason,
        };
        let text = part(json, "text").map_err(fail)?;
        let mut vision = part(json, "vision").map_err(fail)?;
        vision.retain(|field, _| !UNREAD_OF_VISION.contains(&field.as_str()));
        let end = text.get("eos_token_id").and_then(Value::as_i64);
        let pooled = match end.unwrap_or(49_407) {
            2 => Pooled::Greatest,
            id => Pooled::End(id),
        };
        let projection_dim =
            match json.get("projection_dim") {
                None => 512,
                Some(value) => value.as_u64().filter(|&width| width > 0).ok_or_else(|| {
                    fail(format!("`projection_dim` is {value}; supported: 1 or more"))
                })? as usize,
            };
        let vision: ClipVisionConfig = serde_json::from_value(Value::Object(vision))
            .map_err(|error| fail(format!("`vision_config`: {error}")))?;
        if let Some(problem) = vision.problem() {
            return Err(fail(problem));
        }
        Ok(Self {
            text: ClipTextConfig::from_json(&Value::Object(text))?,
            preprocess: CentreSquare::new(vision.image_size),
            vision,
            projection_dim,
            pooled,
        })
    }

    /// A network with fresh weights.
    pub fn init(&self, device: &Device) -> ClipNetwork {
        ClipNetwork::new(self, device)
    }
}

/// `text_config` or `vision_config`, overlaid with `*_config_dict` as transformers does it, without what no encoder reads.
fn part(json: &Value, name: &str) -> Result<Map<String, Value>, String> {
    let mut fields = Map::new();
    for key in [format!("{name}_config"), format!("{name}_config_dict")] {
        match json.get(&key) {
            None | Some(Value::Null) => {}
            Some(Value::Object(found)) => fields.extend(found.clone()),
            Some(other) => return Err(format!("`{key}` is {other}; supported: an object")),
        }
    }
    for (field, only) in &ONLY {
        if let Some(value) = fields.remove(*field)
            && value != *only
        {
            return Err(format!(
                "`{name}_config.{field}` is {value}; supported: {only}"
            ));
        }
    }
    fields.retain(|field, value| !UNREAD.contains(&field.as_str()) && !value.is_null());
    Ok(fields)
}

/// `preprocessor_config.json`: statistics are taken, all else must be what [`CentreSquare`] does at `size` pixels.
fn preprocessor(json: &Value, size: usize) -> Result<CentreSquare, String> {
    let told = |field: &str, value: &Value, supported: String| {
        Err(format!("`{field}` is {value}; supported: {supported}"))
    };
    for field in ["do_resize", "do_center_crop", "do_normalize", "do_rescale"] {
        match json.get(field) {
            None | Some(Value::Null | Value::Bool(true)) => {}
            Some(value) => return told(field, value, "true".to_owned()),
        }
    }
    // Pillow's number of bicubic resampling.
    match json.get("resample") {
        Some(value) if value.as_u64() != Some(3) && !value.is_null() => {
            return told("resample", value, "3, bicubic".to_owned());
        }
        _ => {}
    }
    if let Some(value) = json.get("rescale_factor").filter(|value| !value.is_null())
        && value
            .as_f64()
            .is_none_or(|it| (it * 255.0 - 1.0).abs() > 1e-6)
    {
        return told("rescale_factor", value, "1/255".to_owned());
    }
    let supported = [
        json!(size),
        json!({ "shortest_edge": size }),
        json!({ "height": size, "width": size }),
    ];
    for (field, allowed) in [
        ("size", &supported[..2]),
        ("crop_size", &[supported[0].clone(), supported[2].clone()]),
    ] {
        match json.get(field) {
            None | Some(Value::Null) => {}
            Some(value) if allowed.contains(value) => {}
            Some(value) => return told(field, value, format!("the image_size {size}")),
        }
    }
    let mut square = CentreSquare::new(size);
    for (field, values) in [
        ("image_mean", &mut square.image_mean),
        ("image_std", &mut square.image_std),
    ] {
        if let Some(found) = json.get(field).filter(|value| !value.is_null()) {
            *values = serde_json::from_value(found.clone())
                .map_err(|error| format!("`{field}`: {error}"))?;
        }
    }
    match square.problem() {
        Some(problem) => Err(problem),
        None => Ok(square),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// What OpenAI's ViT-B/32 says, in transformers' words of 2022: fields of generation and nulls in both parts.
    fn openai() -> Value {
        let around = json!({
            "_name_or_path": "", "add_cross_attention": false, "architectures": null, "bad_words_ids": null,
            "chunk_size_feed_forward": 0, "diversity_penalty": 0.0, "do_sample": false, "dropout": 0.0,
            "id2label": { "0": "LABEL_0" }, "is_decoder": false, "is_encoder_decoder": false,
            "length_penalty": 1.0, "max_length": 20, "num_beams": 1, "output_attentions": false,
            "pruned_heads": {}, "temperature": 1.0, "tie_word_embeddings": true, "top_k": 50, "torchscript": false,
            "transformers_version": "4.16.0.dev0", "use_bfloat16": false, "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-05, "attention_dropout": 0.0, "initializer_range": 0.02, "projection_dim": 512
        });
        let with = |more: Value| {
            let mut fields = around.as_object().unwrap().clone();
            fields.extend(more.as_object().unwrap().clone());
            Value::Object(fields)
        };
        json!({
            "architectures": ["CLIPModel"], "logit_scale_init_value": 2.6592, "model_type": "clip",
            "projection_dim": 512, "text_config_dict": null, "vision_config_dict": null,
            "text_config": with(json!({
                "hidden_size": 512, "intermediate_size": 2048, "num_attention_heads": 8, "num_hidden_layers": 12,
                "max_position_embeddings": 77, "vocab_size": 49408, "bos_token_id": 0, "eos_token_id": 2,
                "pad_token_id": 1, "model_type": "clip_text_model"
            })),
            "vision_config": with(json!({
                "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12,
                "image_size": 224, "patch_size": 32, "model_type": "clip_vision_model"
            }))
        })
    }

    #[test]
    fn the_files_of_2022_are_read() {
        let config = ClipConfig::from_json(&openai()).unwrap();
        assert_eq!(config.pooled, Pooled::Greatest);
        assert_eq!((config.vision.tokens(), config.projection_dim), (50, 512));
        assert_eq!(config.text.hidden_size, 512);
    }

    #[test]
    fn what_cannot_be_honoured_is_named() {
        for (path, value) in [
            ("/vision_config/patch_size", json!(33)),
            ("/vision_config/attention_dropout", json!(0.5)),
            ("/vision_config/is_decoder", json!(true)),
            ("/text_config/num_attention_heads", json!(7)),
            ("/projection_dim", json!(0)),
        ] {
            let mut json = openai();
            *json.pointer_mut(path).unwrap() = value;
            let message = ClipConfig::from_json(&json).unwrap_err().to_string();
            let field = path.rsplit('/').next().unwrap();
            assert!(message.contains(field), "{field}: {message}");
        }
        let json = json!({ "size": 224, "crop_size": { "height": 224, "width": 224 }, "resample": 3,
            "image_mean": [0.5, 0.5, 0.5], "do_resize": true, "rescale_factor": 0.003_921_568_627_450_98 });
        assert_eq!(preprocessor(&json, 224).unwrap().image_mean, [0.5; 3]);
        for (field, value) in [
            ("resample", json!(2)),
            ("size", json!({ "shortest_edge": 256 })),
            ("do_center_crop", json!(false)),
            ("rescale_factor", json!(1.0)),
        ] {
            let mut json = json.clone();
            json[field] = value;
            assert!(preprocessor(&json, 224).unwrap_err().contains(field));
        }
    }

    #[test]
    fn a_text_is_its_first_end() {
        assert_eq!(Pooled::End(9).place(&[8, 3, 9, 9]), 2);
        assert_eq!(Pooled::Greatest.place(&[8, 3, 9, 9]), 2);
        assert_eq!(Pooled::End(7).place(&[8, 3, 9, 9]), 0);
    }
}
