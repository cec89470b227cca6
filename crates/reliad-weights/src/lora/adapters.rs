//! Adapters that train: Burn's [`LoraAdapter`], for kernels as well.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{LoraAdapter, Module, ModuleVisitor, Param, Reparameterizer};
use burn::tensor::{DType, Distribution, Tensor};

use super::place::Place;
use crate::save::write_tensors;
use crate::{Error, KeyMap};

/// Adapters that train, one for each matrix and kernel of a network of linear and convolutional layers, in its order. Their
/// scale is 1.
#[derive(Module, Debug)]
pub struct Adapters {
    adapters: Vec<LoraAdapter>,
}

impl Adapters {
    /// Adapters of this rank for `module`, on its device, which change nothing yet: `A` uniform within `1 / sqrt(inputs)` as in
    /// PEFT, from the device's generator, `B` zero.
    pub fn fresh<M: Module>(module: &M, rank: usize) -> Self {
        let mut fresh = Fresh {
            rank,
            adapters: Vec::new(),
        };
        module.visit(&mut fresh);
        Self {
            adapters: fresh.adapters,
        }
    }

    /// `module` under these adapters: its weights are what they were, and those that it computes with are changed. Gradients
    /// reach the adapters; whether they reach the weights is up to `module`.
    ///
    /// # Panics
    /// When `module` isn't of the structure that they were made for.
    pub fn lay_on<M: Module>(&self, module: M) -> M {
        let mut left = self.adapters.iter();
        let module = module.apply_reparameterization(LayOn { left: &mut left });
        assert!(left.next().is_none(), "adapters of another network");
        module
    }

    /// Writes them, made for `module`, as diffusers would, in half precision; `component` is what its pipeline calls the module
    /// (`unet`).
    ///
    /// # Errors
    /// [`Error::Io`] when the file can't be written, [`Error::Format`] when a tensor can't be read back from its device.
    pub fn save<M: Module>(
        &self,
        module: &M,
        component: &str,
        keys: &KeyMap,
        path: &Path,
    ) -> Result<(), Error> {
        let mut found = Collect::default();
        self.lay_on(module.clone()).visit(&mut found);
        let mut tensors = Vec::new();
        for (name, (dims, a, b)) in found.factors {
            let foreign = keys.to_foreign(&format!("{name}.weight"));
            let foreign = foreign.trim_end_matches(".weight");
            let matrix = dims.len() == 2;
            let (down, up) = match matrix {
                true => (a.transpose(), b.transpose()),
                false => (b, a),
            };
            let [rank, outputs] = [down.dims()[0], up.dims()[0]];
            let (inputs, ones) = match matrix {
                true => (&dims[..1], &[][..]),
                false => (&dims[1..], &[1, 1][..]),
            };
            let shapes = [
                [&[rank], inputs].concat(),
                [&[outputs, rank], ones].concat(),
            ];
            for ((factor, tensor), shape) in
                [("lora_A", down), ("lora_B", up)].into_iter().zip(shapes)
            {
                let name = format!("{component}.{foreign}.{factor}.weight");
                let data = tensor.into_data().convert_dtype(DType::F16);
                tensors.push((name, shape, data));
            }
        }
        write_tensors(path, &tensors, safetensors::Dtype::F16)
    }
}

struct Fresh {
    rank: usize,
    adapters: Vec<LoraAdapter>,
}

impl ModuleVisitor for Fresh {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (dims, device) = (param.val().dims(), param.val().device());
        let random = |shape: [usize; 2], inputs: usize| {
            let bound = 1.0 / (inputs as f64).sqrt();
            Tensor::<2>::random(shape, Distribution::Uniform(-bound, bound), &device)
        };
        let zeros = |shape: [usize; 2]| Tensor::<2>::zeros(shape, &device);
        let rank = self.rank;
        // `a b` is the change: of matrices, which Burn has as `[in, out]`, the transposed of `B A`.
        let (a, b) = match D {
            2 => (random([dims[0], rank], dims[0]), zeros([rank, dims[1]])),
            4 => {
                let inputs = dims[1..].iter().product();
                (zeros([dims[0], rank]), random([rank, inputs], inputs))
            }
            _ => return,
        };
        self.adapters.push(LoraAdapter {
            a: Param::from_tensor(a),
            b: Param::from_tensor(b),
            scale: 1.0,
        });
    }
}

struct LayOn<'a, 'b> {
    left: &'a mut std::slice::Iter<'b, LoraAdapter>,
}

impl Reparameterizer for LayOn<'_, '_> {
    type Reparam = LoraAdapter;

    fn reparameterize<const D: usize>(
        &mut self,
        _path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<LoraAdapter>) {
        let adapter = match D {
            2 | 4 => self.left.next().cloned(),
            _ => None,
        };
        (param, adapter)
    }
}

/// The factors of all adapters, with the shapes of the weights that they change, by the weight's path without `.weight`.
#[derive(Default)]
struct Collect {
    place: Place,
    factors: BTreeMap<String, (Vec<usize>, Tensor<2>, Tensor<2>)>,
    weight: Vec<usize>,
    first: Option<Tensor<2>>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.place.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.place.path();
        let dims = param.base().dims();
        let matrix = || param.val().without_autodiff().reshape([dims[0] as i32, -1]);
        // A weight comes before its adapter's factors.
        if path.ends_with(".lora.a") {
            self.first = Some(matrix());
        } else if let Some(weight) = path.strip_suffix(".weight.lora.b")
            && let Some(first) = self.first.take()
        {
            let factors = (self.weight.clone(), first, matrix());
            self.factors.insert(weight.to_owned(), factors);
        } else {
            self.weight = dims.to_vec();
        }
    }
}
