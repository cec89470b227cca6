//! Reading goldens: `tests/fixtures/<case>/`, written by the scripts under `parity/rewards`.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use reliad_weights::ModelDir;
use safetensors::SafeTensors;

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A file or directory of the fixtures.
pub fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(relative)
}

/// The model directory of a case.
pub fn model(case: &str) -> Result<ModelDir, reliad_weights::Error> {
    ModelDir::open(path(case))
}

/// A JSON file of the fixtures.
pub fn json<T: serde::de::DeserializeOwned>(
    relative: &str,
) -> Result<T, Box<dyn std::error::Error>> {
    Ok(serde_json::from_slice(&std::fs::read(path(relative))?)?)
}

/// Inputs and outputs of a case.
pub struct Golden(Vec<u8>);

impl Golden {
    pub fn read(case: &str) -> std::io::Result<Self> {
        std::fs::read(path(case).join("golden.safetensors")).map(Self)
    }

    fn numbers(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).expect("the fixture is a safetensors file");
        let view = file.tensor(name).expect("the fixture holds this tensor");
        assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
        let bytes = view.data().chunks_exact(4);
        let numbers = bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        (numbers.collect(), view.shape().to_vec())
    }

    pub fn float<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (numbers, shape) = self.numbers(name);
        Tensor::from_data(TensorData::new(numbers, shape), device)
    }

    /// Norm of the difference over the norm of the golden.
    pub fn error<const D: usize>(&self, name: &str, got: Tensor<D>) -> f64 {
        let (want, shape) = self.numbers(name);
        assert_eq!(got.dims().to_vec(), shape, "shape of {name}");
        let got: Vec<f32> = got.into_data().iter::<f32>().collect();
        let (mut difference, mut norm) = (0.0, 0.0);
        for (want, got) in want.iter().zip(got) {
            difference += f64::from(want - got).powi(2);
            norm += f64::from(*want).powi(2);
        }
        let error = (difference / norm).sqrt();
        println!("{name}: relative error {error:.2e}");
        error
    }
}

/// Names and shapes of a real checkpoint, without those that `ignored` begins.
pub fn shapes(
    name: &str,
    ignored: &[&str],
) -> Result<BTreeMap<String, Vec<usize>>, Box<dyn std::error::Error>> {
    let mut shapes: BTreeMap<String, Vec<usize>> = json(&format!("keys/{name}.json"))?;
    shapes.retain(|name, _| !ignored.iter().any(|ignored| name.contains(ignored)));
    Ok(shapes)
}
