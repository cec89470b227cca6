//! Reading goldens: `tests/fixtures/<case>/golden.safetensors`, written by the scripts under `parity/rfnet`.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::path::PathBuf;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use reliad_weights::ModelDir;
use safetensors::SafeTensors;

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The directory of a case.
pub fn folder(case: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(case)
}

pub fn model(case: &str) -> Result<ModelDir, reliad_weights::Error> {
    ModelDir::open(folder(case))
}

/// The inputs and outputs of a case.
pub struct Golden(Vec<u8>);

impl Golden {
    pub fn read(case: &str) -> std::io::Result<Self> {
        std::fs::read(folder(case).join("golden.safetensors")).map(Self)
    }

    fn numbers(&self, name: &str) -> (Vec<f64>, Vec<usize>) {
        let file = SafeTensors::deserialize(&self.0).expect("the fixture is a safetensors file");
        let view = file.tensor(name).expect("the fixture holds this tensor");
        let numbers = match view.dtype() {
            safetensors::Dtype::F32 => view
                .data()
                .chunks_exact(4)
                .map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])))
                .collect(),
            safetensors::Dtype::I64 => view
                .data()
                .chunks_exact(8)
                .map(|b| i64::from_le_bytes(b.try_into().expect("eight bytes")) as f64)
                .collect(),
            other => panic!("{name}: {other:?} isn't a type of the goldens"),
        };
        (numbers, view.shape().to_vec())
    }

    pub fn float<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (numbers, shape) = self.numbers(name);
        let numbers: Vec<f32> = numbers.iter().map(|&n| n as f32).collect();
        Tensor::from_data(TensorData::new(numbers, shape), device)
    }

    pub fn int<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D, Int> {
        let (numbers, shape) = self.numbers(name);
        let numbers: Vec<i64> = numbers.iter().map(|&n| n as i64).collect();
        Tensor::from_data(TensorData::new(numbers, shape), device)
    }

    /// Norm of the difference over the norm of the golden.
    pub fn error<const D: usize>(&self, name: &str, got: Tensor<D>) -> f64 {
        let (want, shape) = self.numbers(name);
        assert_eq!(got.dims().to_vec(), shape, "shape of {name}");
        let got = got.into_data().convert::<f32>();
        let got = got.try_to_vec::<f32>().expect("converted to f32 above");
        let square = |x: f64| x * x;
        let difference: f64 = want
            .iter()
            .zip(&got)
            .map(|(w, g)| square(w - f64::from(*g)))
            .sum();
        let norm: f64 = want.iter().map(|w| square(*w)).sum();
        let error = (difference / norm).sqrt();
        println!("{name}: relative error {error:.2e}");
        error
    }
}

/// True where `ids` isn't the padding token 1.
pub fn real(ids: &Tensor<2, Int>) -> Tensor<2, Bool> {
    ids.clone().not_equal_elem(1)
}
