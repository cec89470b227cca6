//! The files that adapters come in: those of diffusers and PEFT, diffusers' of before it, and kohya's.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::DType;
use serde_json::Value;

use super::{Lora, Pair};
use crate::{Error, ModelDir, Source};

/// What diffusers calls the file in a folder of its own.
pub const FILE: &str = "pytorch_lora_weights.safetensors";

impl Lora {
    /// Reads a `.safetensors` file.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] for a damaged file or one with tensors that aren't such adapters.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::of_source(&Source::open(path)?)
    }

    /// Reads [`FILE`] of a model directory's folder.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of_dir(dir: &ModelDir) -> Result<Self, Error> {
        Self::of_source(&Source::of_file(dir, FILE)?)
    }

    /// Reads the adapters among named tensors.
    ///
    /// # Errors
    /// [`Error::Format`] as [`open`](Self::open).
    pub fn of_source(source: &Source) -> Result<Self, Error> {
        let format = |reason: String| source.damaged(reason);
        let metadata = Metadata::of(source).map_err(format)?;
        let mut parts: BTreeMap<(&'static str, String), Parts> = BTreeMap::new();
        let mut strange = Vec::new();
        for (name, tensor) in source.tensors() {
            let Some((weight, part)) = part_of(name) else {
                strange.push(name);
                continue;
            };
            let (component, flat) = component_of(&weight);
            let first = tensor.shape.first().copied().unwrap_or(1);
            let values = source.read(name)?.convert_dtype(DType::F32);
            let values = values
                .try_to_vec::<f32>()
                .map_err(|e| format(format!("{name}: {e:?}")))?;
            let entry = parts.entry((component, flat)).or_insert_with(|| Parts {
                name: weight,
                ..Parts::default()
            });
            match part {
                Part::Down => entry.down = Some((first, values)),
                Part::Up => entry.up = Some(values),
                Part::Alpha => entry.alpha = values.first().map(|&alpha| f64::from(alpha)),
            }
        }
        if !strange.is_empty() {
            strange.truncate(5);
            return Err(format(format!(
                "not low-rank adapters (LoRA) alone; it also has {}",
                strange.join(", ")
            )));
        }
        let pairs = parts.into_iter().map(|((component, flat), parts)| {
            let name = parts.name;
            let (Some((rank, down)), Some(up)) = (parts.down, parts.up) else {
                return Err(format(format!("{name}: one of its two factors is missing")));
            };
            if rank == 0 || down.len() % rank != 0 || up.len() % rank != 0 {
                return Err(format(format!(
                    "{name}: its two factors don't fit each other"
                )));
            }
            let weight = name.split_once(&format!("{component}."));
            let weight = weight.map_or(&*name, |(_, weight)| weight);
            let scale = metadata.scale(component, weight, parts.alpha, rank);
            Ok(Pair {
                component,
                flat,
                name,
                rank,
                down,
                up,
                scale,
            })
        });
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        if pairs.is_empty() {
            return Err(format("it has no low-rank adapters (LoRA)".to_owned()));
        }
        Ok(Self {
            file: source.file().to_owned(),
            pairs,
        })
    }
}

#[derive(Default)]
struct Parts {
    name: String,
    /// With its number of rows, the rank.
    down: Option<(usize, Vec<f32>)>,
    up: Option<Vec<f32>>,
    alpha: Option<f64>,
}

#[derive(Clone, Copy)]
enum Part {
    Down,
    Up,
    Alpha,
}

/// The weight's name, with its component before it, and which part of its adapter a tensor is.
fn part_of(name: &str) -> Option<(String, Part)> {
    const ENDINGS: [(&str, Part); 9] = [
        (".lora_A.weight", Part::Down),
        (".lora_B.weight", Part::Up),
        (".lora_down.weight", Part::Down),
        (".lora_up.weight", Part::Up),
        (".alpha", Part::Alpha),
        (".lora.down.weight", Part::Down),
        (".lora.up.weight", Part::Up),
        (".lora_linear_layer.down.weight", Part::Down),
        (".lora_linear_layer.up.weight", Part::Up),
    ];
    for (ending, part) in ENDINGS {
        if let Some(weight) = name.strip_suffix(ending) {
            return Some((weight.to_owned(), part));
        }
    }
    // Attention's of before PEFT: `attn1.processor.to_q_lora.down.weight`.
    let (block, rest) = name.split_once(".processor.")?;
    let (layer, rest) = rest.split_once("_lora.")?;
    let layer = if layer == "to_out" { "to_out.0" } else { layer };
    let part = match rest {
        "down.weight" => Part::Down,
        "up.weight" => Part::Up,
        _ => return None,
    };
    Some((format!("{block}.{layer}"), part))
}

/// The component of an adapter, and its weight's name with `_` for `.`.
fn component_of(weight: &str) -> (&'static str, String) {
    const PREFIXES: [(&str, &str); 5] = [
        ("unet.", "unet"),
        ("lora_unet_", "unet"),
        ("text_encoder.", "text_encoder"),
        ("lora_te_", "text_encoder"),
        ("lora_te1_", "text_encoder"),
    ];
    let weight = weight.strip_prefix("base_model.model.").unwrap_or(weight);
    let (component, weight) = PREFIXES
        .iter()
        .find_map(|(prefix, component)| Some((*component, weight.strip_prefix(prefix)?)))
        .unwrap_or(("unet", weight));
    (component, weight.replace('.', "_"))
}

/// What PEFT notes in the header: `{"unet.r": 8, "unet.lora_alpha": 16, ...}`.
struct Metadata(Value);

impl Metadata {
    fn of(source: &Source) -> Result<Self, String> {
        let Some(text) = source.note("lora_adapter_metadata") else {
            return Ok(Self(Value::Null));
        };
        let noted: Value = serde_json::from_str(text)
            .map_err(|error| format!("`lora_adapter_metadata` of its header: {error}"))?;
        let mut fields = noted.as_object().into_iter().flatten();
        let dora =
            fields.find(|(key, value)| key.ends_with("use_dora") && value.as_bool() == Some(true));
        match dora {
            Some((key, _)) => Err(format!("`{key}` of its header isn't supported")),
            None => Ok(Self(noted)),
        }
    }

    /// `alpha / rank`, or, as PEFT's `use_rslora` has it, over the rank's root; 1 where no `alpha` is given.
    fn scale(&self, component: &str, weight: &str, alpha: Option<f64>, rank: usize) -> f64 {
        let noted = |key: &str| &self.0[format!("{component}.{key}")];
        let own = noted("alpha_pattern").as_object().into_iter().flatten();
        // PEFT's patterns are names, whole or from a dot on.
        let own = own.filter(|(name, _)| {
            let before = weight.strip_suffix(name.trim_start_matches('^'));
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
        let own = own.filter_map(|(_, alpha)| alpha.as_f64()).next();
        let Some(alpha) = alpha.or(own).or_else(|| noted("lora_alpha").as_f64()) else {
            return 1.0;
        };
        match noted("use_rslora").as_bool() {
            Some(true) => alpha / (rank as f64).sqrt(),
            _ => alpha / rank as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use safetensors::tensor::{Dtype, TensorView};

    use super::*;

    fn scales(noted: &str) -> Result<Vec<f64>, Error> {
        let zeros = [0; 32];
        let view = |shape: [usize; 2]| {
            TensorView::new(
                Dtype::F16,
                shape.to_vec(),
                &zeros[..shape[0] * shape[1] * 2],
            )
            .unwrap()
        };
        let tensors = [
            ("unet.a.to_q.lora_A.weight", view([4, 3])),
            ("unet.a.to_q.lora_B.weight", view([2, 4])),
            ("unet.b.to_q.lora_A.weight", view([1, 3])),
            ("unet.b.to_q.lora_B.weight", view([2, 1])),
        ];
        let metadata = [("lora_adapter_metadata".to_owned(), noted.to_owned())].into();
        let bytes = safetensors::serialize(tensors, Some(metadata)).unwrap();
        let lora = Lora::of_source(&Source::from_bytes(bytes, "file")?)?;
        Ok(lora.pairs.iter().map(|pair| pair.scale).collect())
    }

    #[test]
    fn scales_are_what_the_header_says() {
        for (noted, expected) in [
            (r#"{}"#, [1.0, 1.0]),
            (r#"{"unet.lora_alpha": 2}"#, [0.5, 2.0]),
            (
                r#"{"unet.lora_alpha": 2, "unet.use_rslora": true}"#,
                [1.0, 2.0],
            ),
            (
                r#"{"unet.lora_alpha": 4, "unet.alpha_pattern": {"b.to_q": 1}}"#,
                [1.0, 1.0],
            ),
            (
                r#"{"unet.lora_alpha": 4, "unet.alpha_pattern": {"o_q": 9, "to_q": 8}}"#,
                [2.0, 8.0],
            ),
            (r#"{"text_encoder.lora_alpha": 2}"#, [1.0, 1.0]),
        ] {
            assert_eq!(scales(noted).unwrap(), expected, "{noted}");
        }
        let error = scales(r#"{"unet.use_dora": true}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("unet.use_dora"), "{error}");
    }
}
