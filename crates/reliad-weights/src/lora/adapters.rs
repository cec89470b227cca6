//! Adapters of a module that trains: Burn's [`LoraAdapter`], for kernels as well.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{LoraAdapter, Module, ModuleVisitor, Param, Reparameterizer};
use burn::tensor::{DType, Distribution, Tensor, TensorData};

use super::place::Place;
use crate::save::write_tensors;
use crate::{Error, KeyMap};

/// Freezes `module`, a network of linear and convolutional layers, and gives every matrix and kernel an adapter of this
/// rank that changes nothing yet: `A` uniform within `1 / sqrt(inputs)` as in PEFT, from the device's generator, `B` zero.
/// Its scale is 1.
pub fn attach<M: Module>(module: M, rank: usize) -> M {
    module.apply_reparameterization(Attach { rank })
}

struct Attach {
    rank: usize,
}

impl Reparameterizer for Attach {
    type Reparam = LoraAdapter;

    fn reparameterize<const D: usize>(
        &mut self,
        _path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<LoraAdapter>) {
        let base = param.set_require_grad(false);
        let (dims, device) = (base.base().dims(), base.base().device());
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
            _ => return (base, None),
        };
        let adapter = LoraAdapter {
            a: Param::from_tensor(a.require_grad()),
            b: Param::from_tensor(b.require_grad()),
            scale: 1.0,
        };
        (base, Some(adapter))
    }
}

/// Writes the adapters of `module` as diffusers would, in half precision; `component` is what its pipeline calls the module
/// (`unet`).
///
/// # Errors
/// [`Error::Io`] when the file can't be written, [`Error::Format`] when a tensor can't be read back from its device.
pub fn save<M: Module>(
    module: &M,
    component: &str,
    keys: &KeyMap,
    path: &Path,
) -> Result<(), Error> {
    let mut found = Collect::default();
    module.visit(&mut found);
    let mut tensors = Vec::new();
    for (name, (a, b)) in &found.factors {
        let foreign = keys.to_foreign(&format!("{name}.weight"));
        let foreign = foreign.trim_end_matches(".weight");
        let Some(dims) = found.weights.get(name) else {
            continue;
        };
        let (down, up) = match dims[..] {
            [_, _] => (a.clone().transpose(), b.clone().transpose()),
            _ => (b.clone(), a.clone()),
        };
        let [rank, outputs] = [down.dims()[0], up.dims()[0]];
        let (down_shape, up_shape) = match dims[..] {
            [inputs, _] => (vec![rank, inputs], vec![outputs, rank]),
            _ => (
                [&[rank], &dims[1..]].concat(),
                vec![outputs, rank, 1, 1],
            ),
        };
        for (factor, tensor, shape) in [("lora_A", down, down_shape), ("lora_B", up, up_shape)] {
            let data: TensorData = tensor.into_data().convert_dtype(DType::F16);
            tensors.push((format!("{component}.{foreign}.{factor}.weight"), shape, data));
        }
    }
    write_tensors(path, &tensors, safetensors::Dtype::F16)
}

/// The factors of all adapters, and the shapes of the weights that they change, by the weight's path without `.weight`.
#[derive(Default)]
struct Collect {
    place: Place,
    weights: BTreeMap<String, Vec<usize>>,
    factors: BTreeMap<String, (Tensor<2>, Tensor<2>)>,
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
        let dims = param.base().dims().to_vec();
        let matrix = || param.val().without_autodiff().reshape([dims[0] as i32, -1]);
        if let Some(weight) = path.strip_suffix(".weight") {
            self.weights.insert(weight.to_owned(), dims);
        } else if path.ends_with(".weight.lora.a") {
            self.first = Some(matrix());
        } else if let Some(weight) = path.strip_suffix(".weight.lora.b")
            && let Some(first) = self.first.take()
        {
            self.factors.insert(weight.to_owned(), (first, matrix()));
        }
    }
}
