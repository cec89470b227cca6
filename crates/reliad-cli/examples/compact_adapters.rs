//! Adapters (LoRA) cut down to what matters of them: `compact_adapters FILE OUT VALUES [STEPS]`.
//!
//! Of all adapters' singular components those are kept that change their weights most for the values they take, up to VALUES
//! of them together, so every weight gets the rank it deserves. What is kept is rounded to one grid of about STEPS steps (2
//! by default) in a standard deviation, a power of two, and written in half precision, so that it packs well.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use half::f16;
use nalgebra::DMatrix;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

/// The factors of one weight, and its kernel's height and width.
struct Adapter {
    down: DMatrix<f64>,
    up: DMatrix<f64>,
    kernel: Vec<usize>,
}

/// One singular component of one adapter's change.
struct Component {
    adapter: String,
    /// `outputs`, then `inputs`.
    up: Vec<f64>,
    down: Vec<f64>,
    singular: f64,
}

impl Component {
    fn values(&self) -> usize {
        self.up.len() + self.down.len()
    }

    fn worth(&self) -> f64 {
        self.singular.powi(2) / self.values() as f64
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (from, to, values, steps) = match arguments.as_slice() {
        [from, to, values] => (from, to, values, 2.0),
        [from, to, values, steps] => (from, to, values, steps.parse().context("STEPS")?),
        _ => bail!("usage: compact_adapters FILE OUT VALUES [STEPS]"),
    };
    let limit: usize = values.parse().context("VALUES")?;
    ensure!(steps > 0.0, "STEPS must be above 0");
    let adapters = read(&std::fs::read(from).with_context(|| from.clone())?)?;
    let mut components: Vec<Component> = adapters
        .iter()
        .flat_map(|(name, adapter)| components(name, adapter))
        .collect();
    components.sort_by(|a, b| b.worth().total_cmp(&a.worth()));
    let all: f64 = components.iter().map(|one| one.singular.powi(2)).sum();
    let mut taken = 0;
    components.retain(|one| {
        let fits = taken + one.values() <= limit;
        taken += if fits { one.values() } else { 0 };
        fits
    });
    ensure!(taken > 0, "{limit} VALUES have room for no component");
    let kept: f64 = components.iter().map(|one| one.singular.powi(2)).sum();
    let square: f64 = components
        .iter()
        .flat_map(|one| one.up.iter().chain(&one.down))
        .map(|value| value * value)
        .sum();
    let step = ((square / taken as f64).sqrt() / steps)
        .log2()
        .round()
        .exp2();
    let bytes = written(&adapters, &components, step)?;
    println!(
        "{} components of {} adapters, {taken} values, {:.1} % of the change's energy, steps of {step}",
        components.len(),
        adapters.len(),
        100.0 * kept / all
    );
    std::fs::write(to, bytes).with_context(|| to.clone())
}

fn read(bytes: &[u8]) -> Result<BTreeMap<String, Adapter>> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let matrix = |name: &str| -> Result<(DMatrix<f64>, Vec<usize>)> {
        let view = tensors.tensor(name).with_context(|| name.to_owned())?;
        ensure!(view.dtype() == Dtype::F16, "{name} is no f16");
        let shape = view.shape();
        let values = view.data().chunks_exact(2);
        let values = values.map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f64());
        let columns = shape[1..].iter().product();
        let matrix = DMatrix::from_row_iterator(shape[0], columns, values);
        Ok((matrix, shape[2..].to_vec()))
    };
    let mut adapters = BTreeMap::new();
    for name in tensors.names() {
        if let Some(weight) = name.strip_suffix(".lora_A.weight") {
            let (down, kernel) = matrix(name)?;
            let (up, _) = matrix(&format!("{weight}.lora_B.weight"))?;
            adapters.insert(weight.to_owned(), Adapter { down, up, kernel });
        }
    }
    ensure!(
        !adapters.is_empty(),
        "no adapters as `train lora` writes them"
    );
    Ok(adapters)
}

/// Singular value decomposition of `up * down` through the two factors' own QR decompositions, the entries of a component's
/// two vectors spread alike.
fn components(name: &str, adapter: &Adapter) -> Vec<Component> {
    let (left, right) = (adapter.up.clone().qr(), adapter.down.transpose().qr());
    let core = (left.r() * right.r().transpose()).svd(true, true);
    let (Some(u), Some(v)) = (core.u, core.v_t) else {
        return Vec::new();
    };
    let (u, v) = (left.q() * u, v * right.q().transpose());
    let places = core.singular_values.iter().enumerate();
    places
        .map(|(at, &singular)| {
            let (outputs, inputs) = (u.nrows() as f64, v.ncols() as f64);
            let spread = (singular / (outputs * inputs).sqrt()).sqrt();
            let scaled = |value: &f64, count: f64| value * spread * count.sqrt();
            Component {
                adapter: name.to_owned(),
                up: u.column(at).iter().map(|x| scaled(x, outputs)).collect(),
                down: v.row(at).iter().map(|x| scaled(x, inputs)).collect(),
                singular,
            }
        })
        .collect()
}

fn written(
    adapters: &BTreeMap<String, Adapter>,
    components: &[Component],
    step: f64,
) -> Result<Vec<u8>> {
    let halves = |values: &mut dyn Iterator<Item = f64>| -> Vec<u8> {
        values
            .flat_map(|value| f16::from_f64((value / step).round() * step).to_le_bytes())
            .collect()
    };
    let mut all: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, adapter) in adapters {
        let own: Vec<&Component> = components.iter().filter(|c| c.adapter == *name).collect();
        if own.is_empty() {
            continue;
        }
        let (rank, outputs) = (own.len(), adapter.up.nrows());
        let inputs = adapter.down.ncols() / adapter.kernel.iter().product::<usize>().max(1);
        let down = halves(&mut own.iter().flat_map(|c| c.down.iter().copied()));
        let up = halves(&mut (0..outputs).flat_map(|row| own.iter().map(move |c| c.up[row])));
        let ones = vec![1; adapter.kernel.len()];
        let shape = [&[rank, inputs][..], &adapter.kernel].concat();
        all.push((format!("{name}.lora_A.weight"), shape, down));
        all.push((
            format!("{name}.lora_B.weight"),
            [&[outputs, rank][..], &ones].concat(),
            up,
        ));
    }
    let views = all
        .iter()
        .map(|(name, shape, data)| {
            Ok((
                name.as_str(),
                TensorView::new(Dtype::F16, shape.clone(), data)?,
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    let format = [("format".to_owned(), "pt".to_owned())].into();
    Ok(serialize(views, Some(format))?)
}
