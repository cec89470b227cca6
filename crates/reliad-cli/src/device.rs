//! `--device`: a name becomes the device that tensors live on.

use anyhow::{Result, bail};
use burn::tensor::Device;

use crate::message::hinted;

/// The device called `name`, and the name that manifests record: `cpu`, or one of `gpu`, `cuda`,
/// `vulkan` and `metal`, where `:N` picks the N-th.
///
/// # Errors
/// When the name isn't one of these, or this binary was built without that backend.
pub fn open(name: &str) -> Result<(Device, String)> {
    let (kind, index) = match name.split_once(':') {
        None => (name, 0),
        Some((kind, index)) => match index.parse() {
            Ok(index) => (kind, index),
            Err(_) => bail!("device {name}: `{index}` is no device number"),
        },
    };
    let kind = if kind == "gpu" { any_gpu() } else { kind };
    let recorded = if index == 0 {
        kind.to_owned()
    } else {
        format!("{kind}:{index}")
    };
    let device = match kind {
        "cpu" => Some(Device::flex()),
        "cuda" => cuda(index),
        "vulkan" => vulkan(index),
        "metal" => metal(index),
        "no gpu" => None,
        _ => {
            return Err(hinted(
                format!("there is no device `{name}`"),
                "it is cpu, gpu, cuda, vulkan or metal; `:1` picks the second one",
            ));
        }
    };
    match device {
        Some(device) => Ok((device, recorded)),
        None => Err(hinted(
            format!("this reliad was built without {name}"),
            "build it with `--features cuda`, `--features vulkan` or `--features metal`",
        )),
    }
}

fn any_gpu() -> &'static str {
    if cfg!(feature = "cuda") {
        "cuda"
    } else if cfg!(feature = "metal") {
        "metal"
    } else if cfg!(feature = "vulkan") {
        "vulkan"
    } else {
        "no gpu"
    }
}

#[cfg(feature = "cuda")]
fn cuda(index: usize) -> Option<Device> {
    Some(Device::cuda(index))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_index: usize) -> Option<Device> {
    None
}

#[cfg(feature = "vulkan")]
fn vulkan(index: usize) -> Option<Device> {
    Some(Device::vulkan(gpu(index)))
}

#[cfg(not(feature = "vulkan"))]
fn vulkan(_index: usize) -> Option<Device> {
    None
}

#[cfg(feature = "metal")]
fn metal(index: usize) -> Option<Device> {
    Some(Device::metal(gpu(index)))
}

#[cfg(not(feature = "metal"))]
fn metal(_index: usize) -> Option<Device> {
    None
}

#[cfg(any(feature = "vulkan", feature = "metal"))]
fn gpu(index: usize) -> burn::tensor::DeviceKind {
    match index {
        0 => burn::tensor::DeviceKind::DefaultDevice,
        index => burn::tensor::DeviceKind::DiscreteGpu(index),
    }
}
