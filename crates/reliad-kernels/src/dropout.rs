//! Dropout, whose random numbers are made side by side on the CPU.
//!
//! Burn draws them one after another from a cipher's stream, which took a third of the time of training RFNet's fusion.
//! Here a number is a hash of its place and of a key that is drawn once per call from the device's generator: as before,
//! [`Device::seed`](burn::tensor::Device::seed) decides what is dropped.

mod kernel;
mod node;

use burn::nn::Dropout;
use burn::tensor::{Distribution, Int, Tensor};

use crate::{flex, operation};

/// Zeroes elements with the layer's probability and scales the others by `1 / (1 - probability)`, where the layer would: in
/// training only.
pub fn dropout<const D: usize>(layer: &Dropout, x: Tensor<D>) -> Tensor<D> {
    let idle = !layer.training.is_enabled() || !x.device().is_autodiff() || layer.prob == 0.0;
    if idle || !flex::fused(&x) {
        return layer.forward(x);
    }
    // 30 bits each: the bound itself must fit 32-bit integers.
    let range = Distribution::Uniform(0.0, f64::from(1u32 << 30));
    let key = Tensor::<1, Int>::random([2], range, &x.device());
    let key: Vec<i64> = key.into_data().iter::<i64>().collect();
    let options = kernel::Options {
        key: [key[0] as u32, key[1] as u32],
        probability: layer.prob as f32,
    };
    operation::of_one(options, x)
}
