//! The fused group norm against Burn's own operations and against PyTorch, value and gradients.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod generator;

use burn::module::Module;
use burn::tensor::{Device, Distribution, Tensor, TensorData, activation};
use generator::seeded;
use reliad_kernels::{GroupNormConfig, group_norm::group_norm};

fn largest_difference<const D: usize>(a: &Tensor<D>, b: &Tensor<D>) -> f32 {
    (a.clone() - b.clone()).abs().max().into_scalar::<f32>()
}

/// `[y, dx, dgamma, dbeta]` for the loss `sum(y * seed)`.
fn run(
    inputs: [Tensor<4>; 2],
    affine: [Tensor<1>; 2],
    groups: usize,
    silu: bool,
    fused: bool,
) -> (Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>) {
    let [x, seed] = inputs;
    let [gamma, beta] = affine.map(|t| t.detach().require_grad());
    let x = x.detach().require_grad();
    let y = if fused {
        group_norm(
            x.clone(),
            Some(gamma.clone()),
            Some(beta.clone()),
            groups,
            1e-5,
            silu,
        )
    } else {
        let [n, c, h, w] = x.dims();
        let centred = x.clone().reshape([n, groups, c / groups * h * w]);
        let centred = centred.clone() - centred.mean_dim(2);
        let variance = centred.clone().square().mean_dim(2);
        let y = (centred / (variance + 1e-5).sqrt()).reshape([n, c, h, w]);
        let y = y * gamma.clone().reshape([1, c, 1, 1]) + beta.clone().reshape([1, c, 1, 1]);
        if silu { activation::silu(y) } else { y }
    };
    let gradients = (y.clone() * seed).sum().backward();
    (
        y.inner(),
        x.grad(&gradients).unwrap(),
        gamma.grad(&gradients).unwrap(),
        beta.grad(&gradients).unwrap(),
    )
}

#[test]
fn value_and_gradients_equal_burns_own_operations() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    // One pixel a channel, odd sizes, one group, a channel a group.
    for (n, c, h, w, groups) in [
        (2, 8, 1, 1, 2),
        (1, 6, 5, 7, 3),
        (3, 5, 9, 3, 1),
        (2, 7, 4, 4, 7),
        (2, 48, 32, 32, 16),
    ] {
        for silu in [false, true] {
            let wide = Distribution::Normal(0.5, 2.0);
            let x = Tensor::random([n, c, h, w], wide, &device);
            let seed = Tensor::random([n, c, h, w], wide, &device);
            let gamma = Tensor::random([c], wide, &device);
            let beta = Tensor::random([c], wide, &device);
            let inputs = || ([x.clone(), seed.clone()], [gamma.clone(), beta.clone()]);
            let (inputs_a, affine_a) = inputs();
            let (inputs_b, affine_b) = inputs();
            let ours = run(inputs_a, affine_a, groups, silu, true);
            let plain = run(inputs_b, affine_b, groups, silu, false);
            // f32 sums of up to 2,048 terms of size about 10, in different orders.
            let close = |name: &str, difference: f32, limit: f32| {
                assert!(
                    difference < limit,
                    "{name}: {difference} at {n}x{c}x{h}x{w}, {groups} groups, silu {silu}"
                );
            };
            close("y", largest_difference(&ours.0, &plain.0), 3e-5);
            close("dx", largest_difference(&ours.1, &plain.1), 1e-3);
            close("dgamma", largest_difference(&ours.2, &plain.2), 5e-3);
            close("dbeta", largest_difference(&ours.3, &plain.3), 5e-3);
        }
    }
}

#[test]
fn views_and_ranks_are_read_right() {
    let device = Device::flex();
    let _alone = seeded(&device);
    let x = Tensor::<4>::random([2, 5, 6, 3], Distribution::Default, &device).permute([0, 2, 3, 1]);
    let layer = GroupNormConfig::new(3, 6).with_affine(false).init(&device);
    let theirs = burn::nn::GroupNormConfig::new(3, 6)
        .with_affine(false)
        .init(&device);
    assert!(largest_difference(&layer.forward(x.clone()), &theirs.forward(x.clone())) < 1e-5);
    let x = x.reshape([2, 6, 15]);
    assert!(largest_difference(&layer.forward(x.clone()), &theirs.forward(x)) < 1e-5);
}

#[test]
fn constant_parameters_need_no_gradient() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    let layer = GroupNormConfig::new(2, 4).init(&device).no_grad();
    let x = Tensor::<4>::random([1, 4, 3, 3], Distribution::Default, &device).require_grad();
    let gradients = layer.forward_silu(x.clone()).sum().backward();
    assert!(x.grad(&gradients).is_some());
}

#[test]
fn bits_do_not_depend_on_threads() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    let normal = Distribution::Normal(0.0, 1.0);
    let x = Tensor::random([4, 48, 16, 16], normal, &device);
    let seed = Tensor::random([4, 48, 16, 16], normal, &device);
    let gamma = Tensor::random([48], normal, &device);
    let beta = Tensor::random([48], normal, &device);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let result = pool.install(|| {
            run(
                [x.clone(), seed.clone()],
                [gamma.clone(), beta.clone()],
                16,
                true,
                true,
            )
        });
        [
            result.0.into_data(),
            result.1.into_data(),
            result.2.into_data(),
            result.3.into_data(),
        ]
    };
    for (one, two) in with(1).iter().zip(&with(2)) {
        one.assert_eq(two, true);
    }
}

#[test]
fn value_and_gradients_equal_pytorchs() {
    let bytes = include_bytes!("fixtures/group_norm.safetensors");
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let device = Device::flex().autodiff();
    let read = |name: &str| {
        let view = file.tensor(name).unwrap();
        let values: Vec<f32> = view
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        TensorData::new(values, view.shape().to_vec())
    };
    let four = |name: &str| Tensor::<4>::from_data(read(name), &device);
    let one = |name: &str| Tensor::<1>::from_data(read(name), &device);
    for silu in [false, true] {
        let mark = if silu { "silu" } else { "plain" };
        let (y, dx, dgamma, dbeta) = run(
            [four("x"), four("seed")],
            [one("weight"), one("bias")],
            4,
            silu,
            true,
        );
        // Both are f32; PyTorch sums in another order.
        let expect = |name: &str| format!("{mark}.{name}");
        assert!(largest_difference(&y, &four(&expect("y")).inner()) < 1e-5);
        assert!(largest_difference(&dx, &four(&expect("dx")).inner()) < 1e-4);
        assert!(largest_difference(&dgamma, &one(&expect("dweight")).inner()) < 1e-3);
        assert!(largest_difference(&dbeta, &one(&expect("dbias")).inner()) < 1e-3);
    }
}
