//! Strict loading of a component's weights.

use std::path::Path;

use burn::module::Module;
use burn::store::burn_pack::Tensor as PackTensor;
use burn::store::{
    ApplyError, FloatCastAdapter, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter, bridge,
};
use burn::tensor::{DType, Shape, TensorData};
use safetensors::SafeTensors;

use crate::{Error, KeyMap, ModelDir};

/// File names under which the ecosystem keeps a component's weights, in the order in which they are tried.
pub(crate) const SAFETENSORS: [&str; 4] = [
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.fp16.safetensors",
];
const INDEXES: [&str; 2] = [
    "diffusion_pytorch_model.safetensors.index.json",
    "model.safetensors.index.json",
];
const PICKLES: [&str; 4] = [
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
    "model.pth",
    "model.pt",
];

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
/// [`Error::NoWeights`], [`Error::Format`], or [`Error::Mismatch`] with every key that does not fit.
pub fn load<M: Module>(module: M, dir: &ModelDir, keys: &KeyMap) -> Result<M, Error> {
    if let Some(name) = SAFETENSORS.iter().find(|name| dir.contains(name)) {
        let tensors = read_safetensors(&dir.read(name)?, &dir.display(name))?;
        return apply(module, tensors, keys, &dir.display(name));
    }
    if let Some(name) = INDEXES.iter().find(|name| dir.contains(name)) {
        let index: serde_json::Value = dir.read_json(name)?;
        let mut shards: Vec<&str> = index["weight_map"]
            .as_object()
            .into_iter()
            .flat_map(|map| map.values().filter_map(|shard| shard.as_str()))
            .collect();
        shards.sort_unstable();
        shards.dedup();
        let mut tensors = Vec::new();
        for shard in shards {
            tensors.extend(read_safetensors(&dir.read(shard)?, &dir.display(shard))?);
        }
        return apply(module, tensors, keys, &dir.display(name));
    }
    if let (ModelDir::Disk(path), Some(name)) =
        (dir, PICKLES.iter().find(|name| dir.contains(name)))
    {
        return load_file(module, &path.join(name), keys);
    }
    Err(Error::NoWeights {
        dir: dir.display(""),
        expected: [&SAFETENSORS[..], &INDEXES[..], &PICKLES[..]]
            .concat()
            .join(", "),
    })
}

/// Loads one `.safetensors` file, or a PyTorch `.pth` / `.pt` / `.bin` file, into `module`, as f32.
///
/// # Errors
/// As [`load`].
pub fn load_file<M: Module>(module: M, path: &Path, keys: &KeyMap) -> Result<M, Error> {
    let file = path.display().to_string();
    let tensors = if path.extension().is_some_and(|end| end == "safetensors") {
        read_safetensors(&std::fs::read(path).map_err(Error::io(&file))?, &file)?
    } else {
        read_pickle(path, &file)?
    };
    apply(module, tensors, keys, &file)
}

pub(crate) fn read_safetensors(bytes: &[u8], file: &str) -> Result<Vec<PackTensor>, Error> {
    let format = |reason: String| Error::Format {
        file: file.to_owned(),
        reason,
    };
    let parsed = SafeTensors::deserialize(bytes).map_err(|error| format(error.to_string()))?;
    parsed
        .iter()
        .map(|(name, view)| {
            let dtype = dtype_of(view.dtype()).ok_or_else(|| {
                format(format!(
                    "tensor {name} has the unsupported type {:?}",
                    view.dtype()
                ))
            })?;
            let data = TensorData::from_bytes_vec(
                view.data().to_vec(),
                Shape::from(view.shape().to_vec()),
                dtype,
            );
            Ok(bridge::from_data(data, name.to_owned(), None))
        })
        .collect()
}

fn read_pickle(path: &Path, file: &str) -> Result<Vec<PackTensor>, Error> {
    let reader =
        burn::store::pytorch_reader::PytorchReader::new(path).map_err(|error| Error::Format {
            file: file.to_owned(),
            reason: error.to_string(),
        })?;
    Ok(reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let mut tensor = bridge::from_pytorch(tensor);
            // A checkpoint that wraps its weights in {"state_dict": ...} flattens to this prefix.
            tensor.name = name.strip_prefix("state_dict.").unwrap_or(&name).to_owned();
            tensor
        })
        .collect())
}

fn dtype_of(dtype: safetensors::Dtype) -> Option<DType> {
    use safetensors::Dtype;
    Some(match dtype {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        Dtype::I64 => DType::I64,
        Dtype::I32 => DType::I32,
        Dtype::I16 => DType::I16,
        Dtype::I8 => DType::I8,
        Dtype::U8 => DType::U8,
        _ => return None,
    })
}

fn apply<M: Module>(
    mut module: M,
    tensors: Vec<PackTensor>,
    keys: &KeyMap,
    file: &str,
) -> Result<M, Error> {
    let ours = tensors
        .into_iter()
        .filter_map(|mut tensor| {
            tensor.name = keys.to_ours(&tensor.name)?;
            Some(tensor)
        })
        .collect();
    let adapter = PyTorchToBurnAdapter.chain(FloatCastAdapter::to(DType::F32));
    let result = module.apply(ours, None, Some(Box::new(adapter)), true);
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
