//! Maximum pooling against Burn's own operation.

mod generator;

use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Distribution, Tensor, TensorData, activation, module};
use generator::seeded;
use reliad_kernels::max_pool::max_pool;

/// Output and gradient of the input.
fn run(x: &Tensor<4>, window: [usize; 3], fused: bool) -> [TensorData; 2] {
    let [size, stride, padding] = window;
    let x = x.clone().detach().require_grad();
    let y = if fused {
        max_pool(x.clone(), size, stride, padding)
    } else {
        let options = MaxPoolOptions::new([size; 2])
            .with_stride([stride; 2])
            .with_padding([padding; 2]);
        module::max_pool2d(x.clone(), options)
    };
    // Each output with an upstream gradient of its own, all exact in f32, so that sums don't depend on their order.
    let count = y.shape().num_elements();
    let upstream: Vec<f32> = (0..count).map(|i| (i % 97) as f32).collect();
    let upstream = Tensor::from_data(TensorData::new(upstream, y.shape()), &x.device());
    let gradients = (y.clone() * upstream).sum().backward();
    let dx = x.grad(&gradients).map(Tensor::into_data);
    [
        y.inner().into_data(),
        dx.unwrap_or_else(|| panic!("no gradient")),
    ]
}

#[test]
fn value_and_gradient_equal_burns_own_operation() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    for ([height, width], window) in [
        ([9, 12], [3, 2, 1]),
        ([1, 1], [3, 2, 1]),
        ([8, 7], [2, 2, 0]),
        ([40, 33], [5, 1, 2]),
        ([6, 6], [3, 3, 0]),
    ] {
        let normal = Distribution::Normal(0.0, 1.0);
        let x = Tensor::<4>::random([2, 3, height, width], normal, &device);
        // Zeros in many places, so that windows have several largest values.
        let flat = activation::relu(x.clone());
        for x in [x, flat] {
            assert!(
                run(&x, window, true) == run(&x, window, false),
                "{height}x{width} {window:?}"
            );
        }
    }
}

#[test]
fn what_is_not_a_number_shows() {
    let device = Device::flex();
    let x = Tensor::<4>::full([1, 1, 4, 4], 1.0, &device);
    let x = x.slice_assign(
        [0..1, 0..1, 2..3, 1..2],
        Tensor::full([1, 1, 1, 1], f32::NAN, &device),
    );
    let y: Vec<f32> = max_pool(x, 2, 2, 0).into_data().iter().collect();
    assert_eq!(
        y.iter().map(|value| value.is_nan()).collect::<Vec<_>>(),
        [false, false, true, false]
    );
}
