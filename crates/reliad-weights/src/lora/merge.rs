//! A network with its weights as adapters change them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use super::change::{Change, Sizes};
use super::ldm::LdmNames;
use super::place::Place;
use super::{Lora, names};
use crate::{Error, KeyMap};

impl Lora {
    /// `module` with its weights as the adapters of `component` change them, `strength` times.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with every adapter that no layer takes, or whose shape is another.
    pub fn merge<M: Module>(
        &self,
        module: M,
        component: &str,
        keys: &KeyMap,
        strength: f64,
    ) -> Result<M, Error> {
        let mut found = Layers::default();
        module.visit(&mut found);
        let names = found.names(component, keys);
        let mut taken: BTreeMap<String, &Change> = BTreeMap::new();
        let (mut unused, mut mismatched) = (Vec::new(), Vec::new());
        let own = |change: &&Change| change.component == component;
        for change in self.changes.iter().filter(own) {
            let Some(layer) = names.get(&change.flat) else {
                unused.push(change.name.clone());
                continue;
            };
            let sizes = |tensor: &str| found.sizes.get(&format!("{layer}.{tensor}")).copied();
            mismatched.extend(change.check(sizes("weight"), sizes("bias")).err());
            if let Some(other) = taken.insert(layer.clone(), change) {
                let (one, other) = (&change.name, &other.name);
                mismatched.push(format!("{one} and {other} are for the same layer"));
            }
        }
        if !unused.is_empty() || !mismatched.is_empty() {
            return Err(Error::Mismatch {
                file: self.file.clone(),
                missing: Vec::new(),
                unused,
                mismatched,
            });
        }
        if taken.is_empty() {
            return Ok(module);
        }
        Ok(module.map(&mut Merge {
            taken,
            strength,
            at: At::default(),
        }))
    }
}

/// Where a traversal is.
#[derive(Default)]
struct At {
    place: Place,
    embedding: bool,
}

impl At {
    fn enter(&mut self, name: &str, container: &str) {
        self.place.enter(name, container);
        self.embedding = container == "Struct:Embedding";
    }

    /// The tensor's layer, and what PyTorch calls it there.
    fn tensor(&self) -> Option<(String, &'static str)> {
        let path = self.place.path();
        let (layer, tensor) = path.rsplit_once('.')?;
        let tensor = match tensor {
            "weight" | "gamma" => "weight",
            "bias" | "beta" => "bias",
            _ => return None,
        };
        Some((layer.to_owned(), tensor))
    }

    /// How a tensor of these dimensions is a matrix. Burn's matrices are `[in, out]`, its kernels `[out, in, height, width]`.
    fn sizes(&self, dims: &[usize]) -> Option<Sizes> {
        let (outputs, inputs, kernel) = match *dims {
            [outputs] => (outputs, 1, 1),
            [rows, columns] if self.embedding => (rows, columns, 1),
            [inputs, outputs] => (outputs, inputs, 1),
            [outputs, inputs, height, width] => (outputs, inputs, height * width),
            _ => return None,
        };
        Some(Sizes {
            outputs,
            inputs,
            kernel,
        })
    }
}

/// The weights and biases of a network, by their layer's name and their own.
#[derive(Default)]
struct Layers {
    at: At,
    sizes: BTreeMap<String, Sizes>,
}

impl Layers {
    /// The layer of each name, with `_` for `.`, that files have for one.
    fn names(&self, component: &str, keys: &KeyMap) -> BTreeMap<String, String> {
        let layers = self.sizes.keys().filter_map(|name| {
            let (layer, _) = name.rsplit_once('.')?;
            Some(layer)
        });
        let ldm = (component == names::UNET).then(|| LdmNames::of(layers.clone()));
        let mut known = BTreeMap::new();
        for layer in layers {
            let foreign = keys.to_foreign(&format!("{layer}.weight"));
            let foreign = foreign.trim_end_matches(".weight").to_owned();
            let ldm = ldm.as_ref().and_then(|names| names.name(layer));
            // Newest transformers call some components' layers as we do, and published files don't.
            for name in [Some(foreign), Some(layer.to_owned()), ldm] {
                known.extend(name.map(|name| (name.replace('.', "_"), layer.to_owned())));
            }
        }
        known
    }
}

impl ModuleVisitor for Layers {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.at.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.at.place.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let dims = param.val().dims();
        if let (Some((layer, tensor)), Some(sizes)) = (self.at.tensor(), self.at.sizes(&dims)) {
            self.sizes.insert(format!("{layer}.{tensor}"), sizes);
        }
    }
}

struct Merge<'a> {
    /// By layer.
    taken: BTreeMap<String, &'a Change>,
    strength: f64,
    at: At,
}

impl ModuleMapper for Merge<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.at.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.at.place.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dims = param.val().dims();
        let (Some((layer, tensor)), Some(sizes)) = (self.at.tensor(), self.at.sizes(&dims)) else {
            return param;
        };
        let Some(change) = self.taken.get(&layer) else {
            return param;
        };
        let transposed = D == 2 && !self.at.embedding;
        param.map(|value| {
            let matrix = match transposed {
                true => value.reshape([sizes.inputs, sizes.outputs]).transpose(),
                false => value.reshape([sizes.outputs, sizes.inputs * sizes.kernel]),
            };
            let changed = match tensor {
                "weight" => change.weight(matrix, sizes, self.strength),
                _ => change.bias(matrix, self.strength),
            };
            match transposed {
                true => changed.transpose().reshape(dims),
                false => changed.reshape(dims),
            }
        })
    }
}
