//! The fused layer norm against Burn's own operations, value and gradients.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod generator;

use burn::module::{Module, Param};
use burn::nn;
use burn::tensor::{Device, Distribution, Tensor};
use generator::seeded;
use reliad_kernels::{LayerNorm, LayerNormConfig};

/// `[y, dx, dgamma, dbeta]` for the loss `sum(y * cos(y))`.
fn run(
    [gamma, beta]: [&Param<Tensor<1>>; 2],
    x: &Tensor<3>,
    norm: impl Fn(Tensor<3>) -> Tensor<3>,
) -> [Vec<f32>; 4] {
    let x = x.clone().detach().require_grad();
    let y = norm(x.clone());
    let gradients = (y.clone() * y.clone().detach().cos()).sum().backward();
    [
        y.into_data(),
        x.grad(&gradients).unwrap().into_data(),
        gamma.grad(&gradients).unwrap().into_data(),
        beta.grad(&gradients).unwrap().into_data(),
    ]
    .map(|data| data.try_into_vec().unwrap())
}

fn parameters(layer: &LayerNorm) -> [&Param<Tensor<1>>; 2] {
    [&layer.gamma, layer.beta.as_ref().unwrap()]
}

/// Ours and Burn's layer with the same random parameters.
fn drawn(width: usize, device: &Device) -> (LayerNorm, nn::LayerNorm) {
    let mut ours = LayerNormConfig::new(width).with_epsilon(1e-3).init(device);
    let config = nn::LayerNormConfig::new(width).with_epsilon(1e-3);
    let mut theirs = config.init(device);
    let draw = || {
        let values = Tensor::<1>::random([width], Distribution::Normal(0.5, 1.0), device);
        Param::from_tensor(values.require_grad())
    };
    (ours.gamma, ours.beta) = (draw(), Some(draw()));
    (theirs.gamma, theirs.beta) = (ours.gamma.clone(), ours.beta.clone());
    (ours, theirs)
}

#[test]
fn value_and_gradients_equal_burns_own_operations() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    for shape in [
        [1, 1, 2],
        [2, 3, 10],
        [3, 50, 96],
        [1, 130, 192],
        [2, 7, 33],
    ] {
        let (layer, burns) = drawn(shape[2], &device);
        let x = Tensor::random(shape, Distribution::Normal(3.0, 2.0), &device);
        let ours = run(parameters(&layer), &x, |x| layer.forward(x));
        let theirs = run(parameters(&layer), &x, |x| burns.forward(x));
        for (name, (ours, theirs)) in ["y", "dx", "dgamma", "dbeta"]
            .iter()
            .zip(ours.iter().zip(&theirs))
        {
            assert_eq!(ours.len(), theirs.len());
            let largest = theirs.iter().fold(1.0f32, |most, x| most.max(x.abs()));
            for (ours, theirs) in ours.iter().zip(theirs) {
                // f32 sums of up to 200 terms in different orders.
                assert!(
                    (ours - theirs).abs() < 2e-5 * largest,
                    "{name} {ours}, not {theirs}: {shape:?}"
                );
            }
        }
    }
}

#[test]
fn without_gradients_it_is_burns_operation_to_the_bit() {
    let device = Device::flex();
    let _alone = seeded(&device);
    let (layer, burns) = drawn(96, &device.clone().autodiff());
    let x = Tensor::<3>::random([2, 5, 96], Distribution::Default, &device);
    let [ours, theirs] = [layer.valid().forward(x.clone()), burns.valid().forward(x)]
        .map(|y| y.into_data().try_into_vec::<f32>().unwrap());
    assert!(ours == theirs);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    let (layer, _) = drawn(40, &device);
    let x = Tensor::random([3, 111, 40], Distribution::Default, &device);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| run(parameters(&layer), &x, |x| layer.forward(x)))
    };
    assert!(with(1) == with(3));
}
