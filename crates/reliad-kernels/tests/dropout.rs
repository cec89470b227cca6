//! Dropout as it is defined, and its random numbers.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod generator;

use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Device, Tensor};
use generator::seeded;
use reliad_kernels::dropout::dropout;

const COUNT: usize = 300_000;

fn layer(prob: f64) -> Dropout {
    DropoutConfig::new(prob).init()
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// Which of so many ones are kept.
fn kept(prob: f64, device: &Device) -> Vec<f32> {
    let ones = Tensor::<1>::ones([COUNT], device);
    let scaled = floats(dropout(&layer(prob), ones).inner());
    let scale = (1.0 / (1.0 - prob)) as f32;
    let near = |y: &f32| *y == 0.0 || (y / scale - 1.0).abs() < 1e-6;
    assert!(scaled.iter().all(near));
    scaled
        .iter()
        .map(|y| f32::from(u8::from(*y > 0.0)))
        .collect()
}

#[test]
fn shares_are_the_probability_s_and_draws_know_nothing_of_each_other() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    for prob in [0.05f64, 0.1, 0.5, 0.9] {
        let (first, second) = (kept(prob, &device), kept(prob, &device));
        // Shares of independent draws: five standard deviations.
        let within = |share: f64, wanted: f64| {
            let bound = 5.0 * (wanted * (1.0 - wanted) / COUNT as f64).sqrt();
            assert!((share - wanted).abs() < bound, "{prob}: {share} {wanted}");
        };
        let keep = 1.0 - prob;
        let mean = |values: &[f32]| {
            values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64
        };
        within(mean(&first), keep);
        within(mean(&second), keep);
        // Two neighbours, the same place of two calls, and the same place of two runs of the loop.
        for (one, other) in [
            (&first[1..], &first[..]),
            (&first[..], &second[..]),
            (&first[64..], &first[..]),
            (&first[4096..], &first[..]),
        ] {
            let both: Vec<f32> = one.iter().zip(other).map(|(a, b)| a * b).collect();
            within(mean(&both), keep * keep);
        }
    }
}

#[test]
fn gradients_pass_where_values_do_and_the_device_s_seed_decides_where() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    let x = Tensor::<2>::from_floats([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], &device);
    // A view, so that strides count.
    let x = x.repeat_dim(0, 50).swap_dims(0, 1).require_grad();
    let run = |seed: u64| {
        device.seed(seed);
        let y = dropout(&layer(0.3), x.clone());
        let upstream = Tensor::full([3, 100], 2.0, &device);
        let gradients = (y.clone() * upstream).sum().backward();
        (floats(y.inner()), floats(x.grad(&gradients).unwrap()))
    };
    let (y, dx) = run(1);
    let values = floats(x.clone().inner());
    for ((y, dx), x) in y.iter().zip(&dx).zip(values) {
        assert!((y * 2.0 - dx * x).abs() < 1e-5, "{y} {dx} {x}");
        assert!(*dx == 0.0 || (dx - 2.0 / 0.7).abs() < 1e-5, "{dx}");
    }
    assert!(dx.contains(&0.0) && dx.iter().any(|&dx| dx > 0.0));
    assert_eq!(run(1), (y.clone(), dx));
    assert_ne!(run(2).0, y);
}

#[test]
fn nothing_is_dropped_outside_training() {
    let plain = Tensor::<1>::ones([100], &Device::flex());
    assert_eq!(floats(dropout(&layer(0.5), plain)), vec![1.0; 100]);
    let training = Tensor::<1>::ones([100], &Device::flex().autodiff());
    assert_eq!(floats(dropout(&layer(0.0), training)), vec![1.0; 100]);
}
