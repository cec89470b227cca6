//! The fused attention and gated activation against Burn's own operations, value and gradients.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod generator;

use burn::tensor::{Bool, Device, Distribution, Tensor, activation};
use generator::seeded;
use reliad_kernels::activation::{gelu, silu};
use reliad_kernels::{attention::attention, geglu::geglu};

fn plain_attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    heads: usize,
    causal: bool,
) -> Tensor<3> {
    let [n, queries, channels] = q.dims();
    let keys = k.dims()[1];
    let split = |x: Tensor<3>, length: usize| -> Tensor<4> {
        x.reshape([n, length, heads, channels / heads])
            .swap_dims(1, 2)
    };
    let (q, k, v) = (split(q, queries), split(k, keys), split(v, keys));
    let mut scores = q.matmul(k.swap_dims(2, 3)) / ((channels / heads) as f64).sqrt();
    if causal {
        let future = Tensor::<2, Bool>::tril_mask([queries, keys], 0, &scores.device());
        scores = scores.mask_fill(future.reshape([1, 1, queries, keys]), f32::NEG_INFINITY);
    }
    activation::softmax(scores, 3)
        .matmul(v)
        .swap_dims(1, 2)
        .reshape([n, queries, channels])
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// The output and the gradients of the inputs, for the loss `sum(y * sin(y))`.
fn differentiate<const N: usize>(
    inputs: &[Tensor<3>; N],
    op: impl Fn([Tensor<3>; N]) -> Tensor<3>,
) -> Vec<Vec<f32>> {
    let inputs = inputs
        .each_ref()
        .map(|input| input.clone().detach().require_grad());
    let y = op(inputs.clone());
    let gradients = (y.clone() * y.clone().detach().sin()).sum().backward();
    let mut results = vec![y.into_data().try_into_vec().unwrap()];
    results.extend(inputs.map(|input| {
        input
            .grad(&gradients)
            .unwrap()
            .into_data()
            .try_into_vec()
            .unwrap()
    }));
    results
}

fn random(shape: [usize; 3]) -> Tensor<3> {
    Tensor::random(
        shape,
        Distribution::Normal(0.0, 1.5),
        &Device::flex().autodiff(),
    )
}

#[test]
fn attention_equals_burns_own_operations() {
    let _alone = seeded(&Device::flex());
    for (n, queries, keys, heads, width, causal) in [
        (1, 1, 1, 1, 1, false),
        (2, 5, 3, 2, 4, false),
        (1, 17, 17, 3, 5, true),
        (2, 256, 256, 4, 24, false),
        (1, 300, 77, 2, 16, false),
        (1, 150, 150, 1, 8, true),
    ] {
        let inputs = [
            random([n, queries, heads * width]),
            random([n, keys, heads * width]),
            random([n, keys, heads * width]),
        ];
        let ours = differentiate(&inputs, |[q, k, v]| attention(q, k, v, heads, causal));
        let plain = differentiate(&inputs, |[q, k, v]| plain_attention(q, k, v, heads, causal));
        for (name, (ours, plain)) in ["y", "dq", "dk", "dv"].iter().zip(ours.iter().zip(&plain)) {
            let difference = largest_difference(ours, plain);
            // f32 sums of up to 300 terms of order 1 in different orders.
            assert!(
                difference < 5e-5,
                "{name}: {difference} at {queries} queries, {keys} keys, causal {causal}"
            );
        }
        // Without autodiff.
        let [q, k, v] = inputs.map(Tensor::inner);
        let y: Vec<f32> = attention(q, k, v, heads, causal)
            .into_data()
            .try_into_vec()
            .unwrap();
        assert!(y == ours[0]);
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let _alone = seeded(&Device::flex());
    let inputs = [
        random([1, 6, 8]) * 200.0,
        random([1, 6, 8]) * 200.0,
        random([1, 6, 8]),
    ];
    for result in differentiate(&inputs, |[q, k, v]| attention(q, k, v, 2, false)) {
        assert!(result.iter().all(|value| value.is_finite()));
    }
}

#[test]
fn geglu_equals_burns_own_operations() {
    let _alone = seeded(&Device::flex());
    for shape in [[1, 1, 2], [2, 3, 10], [3, 40, 256]] {
        let inputs = [random(shape) * 2.0];
        let ours = differentiate(&inputs, |[x]| geglu(x));
        let plain = differentiate(&inputs, |[x]| {
            let halves = x.chunk(2, 2);
            halves[0].clone() * activation::gelu(halves[1].clone())
        });
        for (ours, plain) in ours.iter().zip(&plain) {
            // The distribution is within 2e-7, times values and gates of up to 12 each.
            assert!(largest_difference(ours, plain) < 1e-4);
        }
    }
}

#[test]
fn activations_equal_burns_own_operations() {
    let _alone = seeded(&Device::flex());
    for shape in [[1, 1, 1], [2, 3, 10], [3, 40, 256]] {
        let inputs = [random(shape) * 3.0];
        let pairs = [
            (
                differentiate(&inputs, |[x]| gelu(x)),
                differentiate(&inputs, |[x]| activation::gelu(x)),
            ),
            (
                differentiate(&inputs, |[x]| silu(x)),
                differentiate(&inputs, |[x]| activation::silu(x)),
            ),
        ];
        for (ours, plain) in pairs
            .iter()
            .flat_map(|(ours, plain)| ours.iter().zip(plain))
        {
            // The distribution is within 2e-7, times values of up to 15; the exponential function is better.
            assert!(largest_difference(ours, plain) < 1e-5);
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let _alone = seeded(&Device::flex());
    let inputs = [
        random([3, 140, 32]),
        random([3, 77, 32]),
        random([3, 77, 32]),
    ];
    let wide = [random([3, 40, 64])];
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            [
                differentiate(&inputs, |[q, k, v]| attention(q, k, v, 4, false)),
                differentiate(&wide, |[x]| geglu(x)),
            ]
        })
    };
    assert!(with(1) == with(2));
}
