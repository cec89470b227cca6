//! Writing components in the ecosystem's names and layout.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::module::Module;
use burn::store::burn_pack::Tensor as PackTensor;
use burn::store::{BurnToPyTorchAdapter, FloatCastAdapter, ModuleAdapter, ModuleSnapshot, bridge};
use burn::tensor::{DType, TensorData};
use safetensors::tensor::TensorView;

use crate::{Error, KeyMap};

/// The float type in which weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// IEEE half, 16 bits.
    F16,
}

/// Writes the parameters of `module` as one `.safetensors` file with foreign names, in PyTorch's layout.
///
/// The file appears whole or not at all.
///
/// # Errors
/// [`Error::Io`] when it cannot be written, [`Error::Format`] when a tensor cannot be read back from its device.
pub fn save<M: Module>(
    module: &M,
    path: &Path,
    precision: Precision,
    keys: &KeyMap,
) -> Result<(), Error> {
    let (burn_type, file_type) = match precision {
        Precision::F32 => (DType::F32, safetensors::Dtype::F32),
        Precision::F16 => (DType::F16, safetensors::Dtype::F16),
    };
    let format = |reason: String| Error::Format {
        file: path.display().to_string(),
        reason,
    };
    let mut buffers = Vec::new();
    for tensor in foreign_tensors(module, keys, Some(burn_type)) {
        let shape = tensor.shape.as_slice().to_vec();
        let name = tensor.name.clone();
        let data = bridge::into_data(tensor).map_err(|error| format(error.to_string()))?;
        buffers.push((name, shape, data));
    }
    write_tensors(path, &buffers, file_type)
}

/// Writes tensors of one type, each with its name and shape, whole or not at all.
pub(crate) fn write_tensors(
    path: &Path,
    tensors: &[(String, Vec<usize>, TensorData)],
    file_type: safetensors::Dtype,
) -> Result<(), Error> {
    let format = |reason: String| Error::Format {
        file: path.display().to_string(),
        reason,
    };
    let views = tensors
        .iter()
        .map(|(name, shape, data)| {
            TensorView::new(file_type, shape.clone(), data.bytes())
                .map(|view| (name.as_str(), view))
                .map_err(|error| format(format!("{name}: {error}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes =
        safetensors::serialize(views, Some(metadata)).map_err(|error| format(error.to_string()))?;
    write(path, &bytes)
}

/// Writes a component's configuration as pretty JSON, whole or not at all.
///
/// # Errors
/// [`Error::Io`] or [`Error::Json`].
pub fn write_config<T: serde::Serialize>(path: &Path, config: &T) -> Result<(), Error> {
    let mut text = serde_json::to_vec_pretty(config).map_err(|source| Error::Json {
        file: path.display().to_string(),
        source,
    })?;
    text.push(b'\n');
    write(path, &text)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    reliad_files::write(path, bytes).map_err(|source| Error::Io {
        file: path.display().to_string(),
        source,
    })
}

/// Foreign names and PyTorch shapes of all parameters of `module`, as [`save`] would write them.
pub fn named_shapes<M: Module>(module: &M, keys: &KeyMap) -> BTreeMap<String, Vec<usize>> {
    foreign_tensors(module, keys, None)
        .into_iter()
        .map(|tensor| (tensor.name.clone(), tensor.shape.as_slice().to_vec()))
        .collect()
}

fn foreign_tensors<M: Module>(module: &M, keys: &KeyMap, dtype: Option<DType>) -> Vec<PackTensor> {
    let adapter: Box<dyn ModuleAdapter> = match dtype {
        Some(dtype) => Box::new(BurnToPyTorchAdapter.chain(FloatCastAdapter::to(dtype))),
        None => Box::new(BurnToPyTorchAdapter),
    };
    let mut tensors = module.collect(None, Some(adapter), true);
    for tensor in &mut tensors {
        tensor.name = keys.to_foreign(&tensor.name);
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    tensors
}
