//! Reading goldens and comparing with them.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a broken fixture must stop the test")]

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use reliad_weights::ModelDir;
use safetensors::SafeTensors;

/// Relative error (norm of the difference / norm) within which f32 networks of a few layers agree with PyTorch: the
/// order of summation differs, nothing else.
pub const TOLERANCE: f64 = 1e-5;

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

pub fn component(name: &str) -> ModelDir {
    ModelDir::open(fixture(name)).unwrap()
}

pub fn config(name: &str) -> serde_json::Value {
    component(name).read_json("config.json").unwrap()
}

/// The tensors of one golden file.
pub struct Golden(Vec<u8>);

impl Golden {
    pub fn read(name: &str) -> Self {
        Self(std::fs::read(fixture(&format!("{name}.golden.safetensors"))).unwrap())
    }

    pub fn float<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        Tensor::from_data(TensorData::new(values, view.shape().to_vec()), device)
    }

    pub fn int<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Int> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        let values: Vec<i64> = view
            .data()
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()))
            .collect();
        Tensor::from_data(TensorData::new(values, view.shape().to_vec()), device)
    }
}

/// `||actual - expected|| / ||expected||`.
pub fn relative_error<const D: usize>(actual: Tensor<D>, expected: Tensor<D>) -> f64 {
    assert_eq!(actual.dims(), expected.dims());
    let (a, b) = (actual.into_data(), expected.into_data());
    let (mut difference, mut norm) = (0.0, 0.0);
    for (a, b) in a.iter::<f64>().zip(b.iter::<f64>()) {
        difference += (a - b).powi(2);
        norm += b * b;
    }
    (difference / norm).sqrt()
}

/// Fails unless the two agree within [`TOLERANCE`].
pub fn assert_close<const D: usize>(what: &str, actual: Tensor<D>, expected: Tensor<D>) {
    let error = relative_error(actual, expected);
    println!("{what}: relative error {error:.1e}");
    assert!(error <= TOLERANCE, "{what}: relative error {error:e}");
}
