//! Low-rank adapters (LoRA, Hu et al. 2021, <https://arxiv.org/abs/2106.09685>): what a network learns on top of weights
//! that stay as they are, in a file of a few per cent of their size.
//!
//! A weight `W` becomes `W + scale * B A` with `A` of `rank` rows and `B` of `rank` columns; a convolution's kernel is the
//! matrix `[out, in * height * width]`.

mod adapters;
mod file;
mod place;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

pub use adapters::Adapters;
pub use file::FILE;

use crate::{Error, KeyMap};
use place::Place;

/// The adapters of a file, for any number of components.
#[derive(Debug, Clone, PartialEq)]
pub struct Lora {
    file: String,
    pairs: Vec<Pair>,
}

/// The two factors for one weight.
#[derive(Debug, Clone, PartialEq)]
struct Pair {
    /// `unet` or `text_encoder`.
    component: &'static str,
    /// The weight's foreign name without `.weight`, with `_` for `.`: kohya's files know no other.
    flat: String,
    /// As the file has it, for messages.
    name: String,
    rank: usize,
    /// `[rank, inputs]`, row by row.
    down: Vec<f32>,
    /// `[outputs, rank]`, row by row.
    up: Vec<f32>,
    /// `alpha / rank`.
    scale: f64,
}

impl Lora {
    /// Whether the file has adapters for this component.
    pub fn has(&self, component: &str) -> bool {
        self.pairs.iter().any(|pair| pair.component == component)
    }

    /// `module` with its weights as the adapters of `component` change them, `strength` times.
    ///
    /// # Errors
    /// [`Error::Mismatch`] with every adapter that no weight takes, or whose shape is another.
    pub fn merge<M: Module>(
        &self,
        module: M,
        component: &str,
        keys: &KeyMap,
        strength: f64,
    ) -> Result<M, Error> {
        let mut merge = Merge {
            pairs: self
                .pairs
                .iter()
                .filter(|pair| pair.component == component)
                .collect(),
            keys,
            strength,
            place: Place::default(),
            embedding: false,
            mismatched: Vec::new(),
        };
        let module = module.map(&mut merge);
        if merge.pairs.is_empty() && merge.mismatched.is_empty() {
            return Ok(module);
        }
        Err(Error::Mismatch {
            file: self.file.clone(),
            missing: Vec::new(),
            unused: merge.pairs.iter().map(|pair| pair.name.clone()).collect(),
            mismatched: merge.mismatched,
        })
    }
}

struct Merge<'a> {
    /// Those that no weight has taken yet.
    pairs: Vec<&'a Pair>,
    keys: &'a KeyMap,
    strength: f64,
    place: Place,
    embedding: bool,
    mismatched: Vec<String>,
}

impl ModuleMapper for Merge<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.place.enter(name, container);
        self.embedding = container == "Struct:Embedding";
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.place.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let ours = self.place.path();
        // Newest transformers call some components' weights as we do, and published files don't.
        let names = [self.keys.to_foreign(&ours), ours];
        let flat = names.map(|name| {
            let weight = name.strip_suffix(".weight");
            weight.map(|weight| weight.replace('.', "_"))
        });
        let takes = |pair: &&Pair| flat.iter().flatten().any(|flat| *flat == pair.flat);
        let Some(at) = self.pairs.iter().position(takes) else {
            return param;
        };
        let dims = param.val().dims();
        // Burn's matrices are `[in, out]`, its kernels `[out, in, height, width]`.
        let (outputs, inputs) = match D {
            2 if !self.embedding => (dims[1], dims[0]),
            4 => (dims[0], dims[1..].iter().product()),
            _ => return param,
        };
        let pair = self.pairs.swap_remove(at);
        if (pair.up.len(), pair.down.len()) != (outputs * pair.rank, inputs * pair.rank) {
            self.mismatched.push(format!(
                "{}: expected {outputs} outputs of {inputs} inputs, found {} of {}",
                pair.name,
                pair.up.len() / pair.rank,
                pair.down.len() / pair.rank
            ));
            return param;
        }
        let device = param.val().device();
        let matrix = |values: &[f32], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device)
        };
        let up = matrix(&pair.up, [outputs, pair.rank]);
        let delta = up.matmul(matrix(&pair.down, [pair.rank, inputs]));
        let delta = delta.mul_scalar((pair.scale * self.strength) as f32);
        let delta: Tensor<D> = match D {
            2 => delta.transpose().reshape(dims),
            _ => delta.reshape(dims),
        };
        param.map(|weight| weight + delta)
    }
}
