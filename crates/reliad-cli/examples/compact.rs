//! Copies a model directory with its f16 matrices and kernels rounded to a grid: `compact MODEL OUT [STEPS]`.
//!
//! A grid has about STEPS steps (8 by default) in a standard deviation of its tensor, and a step is a power of two, so values
//! have few bits that aren't zero. The files stay f16 and as long as they were, so every reader takes them, but they pack into less: with 8
//! steps to about 43 %, with 16 to 51 %. That is how the embedded model is kept in the repository.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (from, to, steps) = match arguments.as_slice() {
        [from, to] => (from, to, 8.0),
        [from, to, steps] => (from, to, steps.parse().context("STEPS")?),
        _ => anyhow::bail!("usage: compact MODEL OUT [STEPS]"),
    };
    ensure!(steps > 0.0, "STEPS must be above 0");
    copy(Path::new(from), Path::new(to), steps)
}

fn copy(from: &Path, to: &Path, steps: f32) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| to.display().to_string())?;
    for entry in std::fs::read_dir(from).with_context(|| from.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        // Checkpoints are no part of a model.
        if name == ".training" {
            continue;
        }
        let target = to.join(name);
        if path.is_dir() {
            copy(&path, &target, steps)?;
        } else {
            let mut bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            if path.extension().is_some_and(|end| end == "safetensors") {
                bytes = rounded(&bytes, steps).with_context(|| path.display().to_string())?;
            }
            std::fs::write(&target, bytes).with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}

/// The same tensors; f16 ones of two axes or more on their grids.
fn rounded(bytes: &[u8], steps: f32) -> Result<Vec<u8>> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let mut names = tensors.names();
    names.sort_unstable();
    let mut all = Vec::new();
    for name in names {
        let view = tensors.tensor(name)?;
        let mut data = view.data().to_vec();
        if view.dtype() == Dtype::F16 && view.shape().len() > 1 {
            round(&mut data, steps);
        }
        all.push((name, view.dtype(), view.shape().to_vec(), data));
    }
    let views = all
        .iter()
        .map(|(name, dtype, shape, data)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), data)?))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(serialize(views, None)?)
}

/// Rounds little-endian f16 values to the nearest of their grid.
fn round(data: &mut [u8], steps: f32) {
    let values: Vec<f32> = data
        .chunks_exact(2)
        .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
        .collect();
    let count = values.len() as f32;
    let mean = values.iter().sum::<f32>() / count;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count).sqrt();
    if deviation == 0.0 || !deviation.is_finite() {
        return;
    }
    let step = (deviation / steps).log2().round().exp2();
    for (pair, value) in data.chunks_exact_mut(2).zip(values) {
        let near = f16::from_f32((value / step).round() * step);
        pair.copy_from_slice(&near.to_le_bytes());
    }
}
