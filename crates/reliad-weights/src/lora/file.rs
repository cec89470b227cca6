//! Named tensors to adapters: the parts of each are gathered and made one of the known kinds, or refused by name.

use std::collections::BTreeMap;

use burn::tensor::DType;

use super::change::{Array, Chain, Change, Delta, Factor, Magnitude};
use super::names::{self, component_of, part_of};
use super::peft::{Peft, Scale};
use crate::{Error, Source};

/// Names that a message shows at most.
const SHOWN: usize = 5;

/// The adapters among the tensors of `source`: `config` is what stands beside it, `folder` the component of the folder that it
/// lies in.
pub(super) fn changes(
    source: &Source,
    config: Option<&Peft>,
    folder: Option<&'static str>,
) -> Result<Vec<Change>, Error> {
    let refuse = |reason: String| Error::Adapters {
        file: source.file().to_owned(),
        reason,
    };
    let noted = Peft::noted(source)?;
    let mut layers: BTreeMap<(&'static str, String), Layer> = BTreeMap::new();
    let mut strange = Vec::new();
    for (name, tensor) in source.tensors() {
        let Some((layer, part)) = part_of(name, |other| source.get(other).is_some()) else {
            strange.push(name);
            continue;
        };
        if tensor.shape.contains(&0) || tensor.shape.len() > 4 {
            let shape = &tensor.shape;
            return Err(refuse(format!(
                "{name}: no adapter has the shape {shape:?}"
            )));
        }
        let values = source.read(name)?.convert_dtype(DType::F32);
        let values = values.try_to_vec::<f32>();
        let array = Array {
            shape: tensor.shape.clone(),
            values: values.map_err(|error| refuse(format!("{name}: {error:?}")))?,
        };
        let (component, inside) = component_of(&layer, folder);
        let key = (component, inside.replace('.', "_"));
        let entry = layers.entry(key).or_insert_with(|| Layer {
            name: layer.clone(),
            inside: inside.to_owned(),
            parts: Parts::default(),
        });
        if entry.parts.0.insert(part, array).is_some() {
            return Err(refuse(format!(
                "{name}: its layer has two tensors `{part}`"
            )));
        }
    }
    if !strange.is_empty() {
        let more = match strange.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        strange.truncate(SHOWN);
        return Err(refuse(format!(
            "tensors that aren't understood as adapters: {}{more} (docs/adapters.md lists the kinds that are)",
            strange.join(", ")
        )));
    }
    if layers.is_empty() {
        return Err(refuse("it has no adapters".to_owned()));
    }
    let made = layers.into_iter().map(|((component, flat), layer)| {
        let Layer {
            name,
            inside,
            parts,
        } = layer;
        let config = config.or(noted.get(component));
        let told = |reason: String| refuse(format!("{name}: {reason}"));
        if config.is_none() && name.starts_with(names::PEFT) {
            return Err(refuse(
                "adapter_config.json, which says its `lora_alpha`, is missing beside it".to_owned(),
            ));
        }
        let scale = Scale {
            config,
            layer: &inside,
            alpha: parts.alpha(),
        };
        let made = parts.make(&scale).map_err(told)?;
        if let Some(config) = config {
            config.check_dora(made.magnitude.is_some()).map_err(told)?;
        }
        Ok(Change {
            component,
            flat,
            name: name.clone(),
            ..made
        })
    });
    made.collect()
}

struct Layer {
    name: String,
    /// The name within its component, with its dots where the file has them.
    inside: String,
    parts: Parts,
}

/// The tensors of one layer, by what they are.
#[derive(Default)]
struct Parts(BTreeMap<&'static str, Array>);

impl Parts {
    fn alpha(&self) -> Option<f64> {
        let alpha = self.0.get("alpha")?.values.first();
        alpha.map(|&alpha| f64::from(alpha))
    }

    fn has(&self, beginning: &str) -> bool {
        self.0.keys().any(|part| part.starts_with(beginning))
    }

    fn need(&mut self, part: &'static str) -> Result<Array, String> {
        let found = self.0.remove(part);
        found.ok_or_else(|| format!("its `{part}` is missing"))
    }

    /// The adapter that the parts make; who calls it names component and layer.
    fn make(mut self, scale: &Scale<'_>) -> Result<Change, String> {
        self.0.remove("alpha");
        let (weight, scale) = if self.has("lora_up") || self.has("lora_down") {
            let core = self.0.remove("lora_mid");
            let chain = Chain::new(self.need("lora_up")?, self.need("lora_down")?, core)?;
            let scale = scale.of(Some(chain.rank()))?;
            (Some(Delta::LowRank(chain)), scale)
        } else if self.has("hada_") {
            let first = self.product("hada_w1_a", "hada_w1_b", "hada_t1")?;
            let second = self.product("hada_w2_a", "hada_w2_b", "hada_t2")?;
            if first.rank() != second.rank() {
                return Err("its two products differ in rank".to_owned());
            }
            let scale = scale.of(Some(first.rank()))?;
            (Some(Delta::Hadamard([first, second])), scale)
        } else if self.has("lokr_") {
            let first = self.factor("lokr_w1", "lokr_w1_a", "lokr_w1_b", "")?;
            let second = self.factor("lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")?;
            let rank = match (first.rank(), second.rank()) {
                (Some(one), Some(other)) if one != other => {
                    return Err("its two products differ in rank".to_owned());
                }
                (one, other) => one.or(other),
            };
            (Some(Delta::Kronecker([first, second])), scale.of(rank)?)
        } else if self.has("on_input") {
            let on_input = self.need("on_input")?.values.first() != Some(&0.0);
            let by = self.need("weight")?;
            (Some(Delta::Channels { by, on_input }), 1.0)
        } else {
            let full = self.0.remove("diff").or_else(|| self.0.remove("w_norm"));
            (full.map(Delta::Full), 1.0)
        };
        let lycoris = self.0.remove("dora_scale").map(|norms| Magnitude {
            norms,
            of_outputs: false,
        });
        let peft = || {
            let norms = self.0.remove("lora_magnitude_vector")?;
            Some(Magnitude {
                norms,
                of_outputs: true,
            })
        };
        let magnitude = lycoris.or_else(peft);
        let bias = self.0.remove("diff_b").or_else(|| self.0.remove("b_norm"));
        let left: Vec<_> = self.0.into_keys().collect();
        if !left.is_empty() {
            let left = left.join(", ");
            return Err(format!(
                "what `{left}` does beside its other tensors isn't known"
            ));
        }
        if weight.is_none() && (bias.is_none() || magnitude.is_some()) {
            return Err("it has no change of the weight".to_owned());
        }
        Ok(Change {
            component: "",
            flat: String::new(),
            name: String::new(),
            weight,
            scale,
            magnitude,
            bias,
        })
    }

    /// A product `a b`, or with a core between.
    fn product(
        &mut self,
        a: &'static str,
        b: &'static str,
        core: &'static str,
    ) -> Result<Chain, String> {
        let core = self.0.remove(core);
        let (a, b) = (self.need(a)?, self.need(b)?);
        // Beside a core `a` stands as `[rank, outputs]`.
        let a = match core {
            Some(_) => a.transposed(),
            None => a,
        };
        Chain::new(a, b, core)
    }

    /// What is whole, or such a product.
    fn factor(
        &mut self,
        whole: &'static str,
        a: &'static str,
        b: &'static str,
        core: &'static str,
    ) -> Result<Factor, String> {
        match self.0.remove(whole) {
            Some(whole) => Ok(Factor::Whole(whole)),
            None => self.product(a, b, core).map(Factor::Chain),
        }
    }
}
