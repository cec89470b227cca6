//! The fused convolution against Burn's own operation, value and gradients.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod generator;

use burn::nn::PaddingConfig2d;
use burn::tensor::{Device, Distribution, Tensor, module, ops::ConvOptions};
use generator::seeded;
use reliad_kernels::{Conv2dConfig, conv2d::conv2d};

type Padding = [(usize, usize); 2];

/// `[y, dx, dweight, dbias]` for the loss `sum(y * cos(y))`.
fn run(
    x: &Tensor<4>,
    weight: &Tensor<4>,
    bias: &Tensor<1>,
    stride: usize,
    padding: Padding,
    fused: bool,
) -> [Vec<f32>; 4] {
    let x = x.clone().detach().require_grad();
    let weight = weight.clone().detach().require_grad();
    let bias = bias.clone().detach().require_grad();
    let y = if fused {
        conv2d(
            x.clone(),
            weight.clone(),
            Some(bias.clone()),
            [stride; 2],
            padding,
        )
    } else {
        let options = ConvOptions::new_with_padding([stride; 2], padding, [1, 1], 1);
        module::conv2d(x.clone(), weight.clone(), Some(bias.clone()), options)
    };
    let gradients = (y.clone() * y.clone().detach().cos()).sum().backward();
    [
        y.into_data(),
        x.grad(&gradients).unwrap().into_data(),
        weight.grad(&gradients).unwrap().into_data(),
        bias.grad(&gradients).unwrap().into_data(),
    ]
    .map(|data| data.try_into_vec().unwrap())
}

#[test]
fn value_and_gradients_equal_burns_own_operation() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    let same: Padding = [(1, 1), (1, 1)];
    let none: Padding = [(0, 0), (0, 0)];
    // samples, in, out, height, width, kernel, stride, padding
    let cases = [
        (1, 1, 1, 1, 1, 1, 1, none),
        (1, 1, 1, 1, 1, 3, 1, same),
        (2, 3, 5, 7, 4, 3, 1, same),
        (2, 4, 9, 8, 8, 3, 1, same),
        (17, 5, 7, 4, 4, 3, 1, same),
        (1, 8, 8, 9, 11, 3, 1, none),
        (2, 3, 8, 9, 7, 3, 2, same),
        (2, 3, 8, 8, 8, 3, 2, [(0, 1), (0, 1)]),
        (2, 3, 4, 9, 6, 3, 3, [(2, 0), (0, 2)]),
        (2, 10, 13, 6, 5, 1, 1, none),
        (3, 9, 4, 4, 4, 1, 1, none),
        (1, 2, 3, 70, 40, 1, 1, none),
        (2, 3, 4, 7, 7, 1, 2, none),
        (1, 2, 3, 150, 37, 3, 1, same),
        (1, 3, 4, 12, 12, 5, 1, [(2, 2), (2, 2)]),
        (1, 3, 4, 13, 12, 7, 2, [(3, 3), (3, 3)]),
        (1, 2, 2, 8, 8, 2, 2, none),
    ];
    for (samples, channels_in, channels_out, height, width, kernel, stride, padding) in cases {
        let normal = Distribution::Normal(0.0, 1.0);
        let x = Tensor::random([samples, channels_in, height, width], normal, &device);
        let weight = Tensor::random([channels_out, channels_in, kernel, kernel], normal, &device);
        let bias = Tensor::random([channels_out], normal, &device);
        let ours = run(&x, &weight, &bias, stride, padding, true);
        let theirs = run(&x, &weight, &bias, stride, padding, false);
        for (name, (ours, theirs)) in ["y", "dx", "dweight", "dbias"]
            .iter()
            .zip(ours.iter().zip(&theirs))
        {
            assert_eq!(ours.len(), theirs.len());
            let largest = theirs
                .iter()
                .fold(1.0f32, |most, value| most.max(value.abs()));
            let difference = ours
                .iter()
                .zip(theirs)
                .fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
            // f32 sums of up to a few thousand terms in different orders.
            assert!(
                difference < 2e-5 * largest,
                "{name} differs by {difference} of {largest}: {samples}x{channels_in}->{channels_out}, \
                 {height}x{width}, kernel {kernel}, stride {stride}, padding {padding:?}"
            );
        }
    }
}

#[test]
fn the_layer_equals_burns() {
    let device = Device::flex();
    let _alone = seeded(&device);
    let x = Tensor::<4>::random([2, 3, 9, 10], Distribution::Default, &device).swap_dims(2, 3);
    for padding in [
        PaddingConfig2d::Valid,
        PaddingConfig2d::Same,
        PaddingConfig2d::Explicit(0, 0, 1, 1),
    ] {
        let ours = Conv2dConfig::new([3, 4], [3, 3])
            .with_stride([2, 2])
            .with_padding(padding.clone())
            .init(&device);
        let mut theirs = burn::nn::conv::Conv2dConfig::new([3, 4], [3, 3])
            .with_stride([2, 2])
            .with_padding(padding)
            .init(&device);
        theirs.weight = ours.weight.clone();
        theirs.bias = ours.bias.clone();
        let (a, b) = (ours.forward(x.clone()), theirs.forward(x.clone()));
        assert_eq!(a.dims(), b.dims());
        assert!((a - b).abs().max().into_scalar::<f32>() < 1e-5);
    }
}

#[test]
fn bits_do_not_depend_on_threads_or_batch() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    let normal = Distribution::Normal(0.0, 1.0);
    let x = Tensor::random([5, 12, 16, 16], normal, &device);
    let weight = Tensor::random([20, 12, 3, 3], normal, &device);
    let bias = Tensor::random([20], normal, &device);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| run(&x, &weight, &bias, 1, [(1, 1), (1, 1)], true))
    };
    let (one, two) = (with(1), with(2));
    assert!(one == two);
    let alone = run(
        &x.clone().narrow(0, 3, 1),
        &weight,
        &bias,
        1,
        [(1, 1), (1, 1)],
        true,
    );
    let size = alone[0].len();
    assert!(one[0][3 * size..4 * size] == alone[0]);
    // One sample is split by pixels and channels.
    let wide = Tensor::random([150, 12, 3, 3], normal, &device);
    let bias = Tensor::random([150], normal, &device);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let x = x.clone().narrow(0, 0, 1);
        pool.install(|| run(&x, &wide, &bias, 1, [(1, 1), (1, 1)], true))
    };
    assert!(with(1) == with(7));
}
