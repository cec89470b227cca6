//! Every kernel on every instruction set of this processor: what fuses multiply-adds agrees to the bit, the rest to rounding.

use burn::optim::Optimizer;
use burn::tensor::{Device, Tensor, TensorData};

use crate::activation::{gelu, silu};
use crate::adamw::FusedAdamW;
use crate::attention::attention;
use crate::batch_norm::batch_norm;
use crate::conv2d::conv2d;
use crate::geglu::geglu;
use crate::group_norm::group_norm;
use crate::instructions::tests::on_every_set;
use crate::layer_norm::LayerNormConfig;
use crate::max_pool::max_pool;
use crate::residual::add_relu;

/// Numbers from -1 to 1 that follow no pattern.
fn scattered(len: usize, seed: usize) -> Vec<f32> {
    let mix = |x: u32| (x ^ (x >> 15)).wrapping_mul(0x846c_a68b).rotate_left(13);
    (0..len)
        .map(|i| mix(mix((i * 31 + seed) as u32 + 1)) as f32 / u32::MAX as f32 * 2.0 - 1.0)
        .collect()
}

fn input<const D: usize>(shape: [usize; D], seed: usize) -> Tensor<D> {
    let data = TensorData::new(scattered(shape.iter().product(), seed), shape);
    Tensor::from_data(data, &Device::flex().autodiff()).require_grad()
}

/// The output of `f` and the gradient of its input, for the loss `sum(y sin(y))`.
fn differentiated<const D: usize>(
    shape: [usize; D],
    f: impl Fn(Tensor<D>) -> Tensor<D>,
) -> Vec<f32> {
    let x = input(shape, 1);
    let y = f(x.clone());
    let gradients = (y.clone() * y.clone().detach().sin()).sum().backward();
    let gradient = x.grad(&gradients).expect("the loss depends on it");
    let values = |data: TensorData| data.iter::<f32>().collect::<Vec<_>>();
    [values(y.into_data()), values(gradient.into_data())].concat()
}

/// `compute` agrees on all sets; values are of order 1, and sums of up to a few hundred of them.
#[track_caller]
fn agree(compute: impl Fn() -> Vec<f32>) {
    let results = on_every_set(compute);
    let (_, _, widest) = &results[0];
    assert!(widest.iter().any(|value| value.abs() > 0.01));
    let fusing = results.iter().find(|(_, fused, _)| *fused);
    for (set, fused, result) in &results {
        assert_eq!(result.len(), widest.len());
        if let (true, Some((first, _, wanted))) = (fused, fusing) {
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert!(bits(result) == bits(wanted), "{set} differs from {first}");
        }
        for (value, wanted) in result.iter().zip(widest) {
            let apart = (value - wanted).abs() / wanted.abs().max(1.0);
            assert!(apart < 2e-5, "{set}: {value}, not {wanted}");
        }
    }
}

#[test]
fn convolution() {
    for (kernel, stride) in [(1, 1), (3, 1), (3, 2)] {
        let weight = input([37, 5, kernel, kernel], 2);
        let bias = input([37], 3);
        let pad = (kernel / 2, kernel / 2);
        agree(|| {
            differentiated([2, 5, 9, 11], |x| {
                conv2d(x, weight.clone(), Some(bias.clone()), [stride; 2], [pad; 2])
            })
        });
        agree(|| {
            differentiated([37, 5, kernel, kernel], |weight| {
                conv2d(input([2, 5, 9, 11], 4), weight, None, [stride; 2], [pad; 2])
            })
        });
    }
}

#[test]
fn normalisation() {
    let parameters = [input([6], 2), input([6], 3)];
    for silu in [false, true] {
        let [gamma, beta] = parameters.clone().map(Some);
        agree(|| {
            differentiated([2, 6, 7, 13], |x| {
                group_norm(x, gamma.clone(), beta.clone(), 3, 1e-5, silu)
            })
        });
    }
    let device = Device::flex().autodiff();
    agree(|| {
        let layer = burn::nn::BatchNormConfig::new(6).init(&device);
        differentiated([3, 6, 7, 13], |x| batch_norm(&layer, x, true))
    });
    let layer = LayerNormConfig::new(83).init(&device);
    agree(|| differentiated([5, 29, 83], |x| layer.forward(x * 3.0)));
}

#[test]
fn attention_of_heads() {
    let [k, v] = [2, 3].map(|seed| input([2, 21, 24], seed));
    agree(|| {
        differentiated([2, 19, 24], |q| {
            attention(q, k.clone(), v.clone(), 3, false)
        })
    });
    agree(|| {
        differentiated([2, 21, 24], |k| {
            attention(input([2, 21, 24], 4), k, v.clone(), 3, true)
        })
    });
}

#[test]
fn activations() {
    agree(|| differentiated([3, 70], |x| gelu(x * 3.0)));
    agree(|| differentiated([3, 70], |x| silu(x * 3.0)));
    agree(|| differentiated([3, 70], |x| geglu(x * 3.0).repeat_dim(1, 2)));
    agree(|| differentiated([3, 70], |x| add_relu(x, input([3, 70], 2))));
    agree(|| differentiated([2, 3, 9, 10], |x| max_pool(x, 3, 2, 1)));
}

#[test]
fn optimizer() {
    agree(|| {
        let optimizer = FusedAdamW::new([0.9, 0.99], 1e-8, 0.05);
        let (mut weight, mut state) = (input([50, 7], 1).inner(), None);
        for seed in 2..5 {
            let gradient = input([50, 7], seed).inner();
            (weight, state) = optimizer.step(0.1, weight, gradient, state);
        }
        weight.into_data().iter::<f32>().collect()
    });
}
