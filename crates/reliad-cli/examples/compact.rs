//! Copies a model directory with its f16 weights rounded to fewer bits: `compact MODEL OUT [BITS]`.
//!
//! The files stay f16 and as long as they were, so every reader takes them; but the mantissas' last bits are zero, so they
//! pack into less: with 6 of 10 bits (the default; at most 0.8 % off a weight) to 72 %, with 4 to 59 %. That is how the embedded
//! model is kept in the repository.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (from, to, bits) = match arguments.as_slice() {
        [from, to] => (from, to, 6),
        [from, to, bits] => (from, to, bits.parse().context("BITS")?),
        _ => anyhow::bail!("usage: compact MODEL OUT [BITS]"),
    };
    ensure!((1..=10).contains(&bits), "f16 has 10 bits of mantissa");
    copy(Path::new(from), Path::new(to), bits)
}

fn copy(from: &Path, to: &Path, bits: u32) -> Result<()> {
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
            copy(&path, &target, bits)?;
        } else {
            let mut bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            if path.extension().is_some_and(|end| end == "safetensors") {
                bytes = rounded(&bytes, bits).with_context(|| path.display().to_string())?;
            }
            std::fs::write(&target, bytes).with_context(|| target.display().to_string())?;
        }
    }
    Ok(())
}

/// The same tensors, f16 ones with `bits` bits of mantissa.
fn rounded(bytes: &[u8], bits: u32) -> Result<Vec<u8>> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let mut names = tensors.names();
    names.sort_unstable();
    let mut all = Vec::new();
    for name in names {
        let view = tensors.tensor(name)?;
        let mut data = view.data().to_vec();
        if view.dtype() == Dtype::F16 {
            for pair in data.chunks_exact_mut(2) {
                let value = u16::from_le_bytes([pair[0], pair[1]]);
                pair.copy_from_slice(&round(value, bits).to_le_bytes());
            }
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

/// The nearest f16 with `bits` bits of mantissa, the even one of two; infinities and what would become one stay.
fn round(value: u16, bits: u32) -> u16 {
    let dropped = 10 - bits;
    if dropped == 0 || value & 0x7c00 == 0x7c00 {
        return value;
    }
    let half = (1u16 << (dropped - 1)) - 1 + (value >> dropped & 1);
    let rounded = (value + half) & !((1 << dropped) - 1);
    if rounded & 0x7c00 == 0x7c00 {
        value
    } else {
        rounded
    }
}
