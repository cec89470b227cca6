//! Strict loading of a component's weights.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::store::burn_pack::{Error as PackError, Tensor as PackTensor};
use burn::store::{
    ApplyError, FloatCastAdapter, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter, bridge,
};
use burn::tensor::{DType, Shape};

use crate::{Error, KeyMap, ModelDir, Source};

/// `config.json` (or another JSON file) of a component.
///
/// # Errors
/// [`Error::Io`] or [`Error::Json`], naming the file.
pub fn read_config<T: serde::de::DeserializeOwned>(dir: &ModelDir, file: &str) -> Result<T, Error> {
    dir.read_json(file)
}

/// Loads the weights of a component directory into `module`, as f32.
///
/// # Errors
/// [`Error::NoWeights`], [`Error::Format`], [`Error::Shards`], or [`Error::Mismatch`] with every key that does not fit.
pub fn load<M: Module>(module: M, dir: &ModelDir, keys: &KeyMap) -> Result<M, Error> {
    load_source(module, &Source::of_component(dir)?, keys)
}

/// Loads one `.safetensors` file, or a PyTorch `.pth` / `.pt` / `.bin` file, into `module`, as f32.
///
/// # Errors
/// As [`load`].
pub fn load_file<M: Module>(module: M, path: &Path, keys: &KeyMap) -> Result<M, Error> {
    load_source(module, &Source::open(path)?, keys)
}

/// Loads named tensors into `module`, as f32, one at a time: of the file there is no more than one tensor's copy in
/// memory.
///
/// # Errors
/// [`Error::Format`] or [`Error::Mismatch`] as [`load`].
pub fn load_source<M: Module>(module: M, source: &Source, keys: &KeyMap) -> Result<M, Error> {
    let mut tensors: BTreeMap<String, (&str, PackTensor)> = BTreeMap::new();
    for (name, entry) in source.tensors() {
        let Some(ours) = keys.to_ours(name) else {
            continue;
        };
        let dtype = entry.burn_dtype().ok_or_else(|| {
            let dtype = entry.dtype;
            source.damaged(format!("tensor {name} has the unsupported type {dtype:?}"))
        })?;
        let shape = Shape::from(entry.shape.clone());
        let deferred = {
            let entry = entry.clone();
            move || entry.data().map_err(PackError::ValidationError)
        };
        let tensor = bridge::deferred(ours.clone(), dtype, shape, None, deferred);
        if let Some((other, _)) = tensors.insert(ours, (name, tensor)) {
            return Err(source.damaged(format!("{other} and {name} are the same parameter")));
        }
    }
    let tensors = tensors.into_values().map(|(_, tensor)| tensor).collect();
    apply(module, tensors, keys, source.file())
}

fn apply<M: Module>(
    mut module: M,
    tensors: Vec<PackTensor>,
    keys: &KeyMap,
    file: &str,
) -> Result<M, Error> {
    let adapter = PyTorchToBurnAdapter.chain(FloatCastAdapter::to(DType::F32));
    let result = module.apply(tensors, None, Some(Box::new(adapter)), true);
    if result.missing.is_empty() && result.unused.is_empty() && result.errors.is_empty() {
        return Ok(module);
    }
    let foreign = |name: &str| keys.to_foreign(name);
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    // A mis-shaped tensor is reported once, not as missing too.
    let broken: Vec<&str> = result.errors.iter().map(path_of).collect();
    let not_broken = |name: &&str| !broken.contains(name);
    Err(Error::Mismatch {
        file: file.to_owned(),
        missing: sorted(
            result
                .missing
                .iter()
                .map(|(name, _)| name.as_str())
                .filter(not_broken)
                .map(foreign)
                .collect(),
        ),
        unused: sorted(
            result
                .unused
                .iter()
                .map(String::as_str)
                .filter(not_broken)
                .map(foreign)
                .collect(),
        ),
        mismatched: sorted(
            result
                .errors
                .iter()
                .map(|error| match error {
                    ApplyError::ShapeMismatch {
                        path,
                        expected,
                        found,
                    } => format!(
                        "{}: expected {:?}, found {:?}",
                        foreign(path),
                        expected.as_slice(),
                        found.as_slice()
                    ),
                    other => other.to_string(),
                })
                .collect(),
        ),
    })
}

fn path_of(error: &ApplyError) -> &str {
    match error {
        ApplyError::ShapeMismatch { path, .. }
        | ApplyError::DTypeMismatch { path, .. }
        | ApplyError::AdapterError { path, .. }
        | ApplyError::LoadError { path, .. } => path,
    }
}
