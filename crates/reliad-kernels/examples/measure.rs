//! Times the layers of the embedded model's training: forward, and forward with backward.
//!
//! `cargo run --release -p reliad-kernels --example measure [filter]`, with `RAYON_NUM_THREADS` for the threads.

use std::time::Instant;

use burn::module::Module;
use burn::nn::BatchNormConfig;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Distribution, Tensor, activation, module, ops::ConvOptions};
use reliad_kernels::batch_norm::batch_norm;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Processor time of all threads so far, in seconds (Linux; elsewhere the wall clock).
fn processor_time(start: Instant) -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task");
    let Ok(tasks) = tasks else {
        return start.elapsed().as_secs_f64();
    };
    let nanoseconds = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// Mean processor time of a run, in milliseconds: it says the same on a machine that others use too.
fn cost(mut run: impl FnMut()) -> f64 {
    run();
    let start = Instant::now();
    let begin = processor_time(start);
    let mut runs = 0;
    loop {
        run();
        runs += 1;
        let spent = processor_time(start) - begin;
        if spent > 0.25 && runs >= 3 {
            return spent / f64::from(runs) * 1e3;
        }
    }
}

fn line(name: &str, flops: f64, inputs: &[Tensor<4>], op: impl Fn(&[Tensor<4>]) -> Tensor<4>) {
    if std::env::args()
        .nth(1)
        .is_some_and(|filter| !name.contains(&filter))
    {
        return;
    }
    let plain: Vec<_> = inputs.iter().map(|t| t.clone().inner()).collect();
    let forward = cost(|| drop(op(&plain)));
    let tracked: Vec<_> = inputs
        .iter()
        .map(|t| t.clone().detach().require_grad())
        .collect();
    let both = cost(|| {
        let y = op(&tracked);
        // The upstream gradient is a dense tensor, as inside a network.
        let seed = y.clone().detach();
        drop((y * seed).sum().backward());
    });
    let seed = cost(|| {
        let y = tracked[0].clone();
        let s = y.clone().detach();
        drop((y * s).sum().backward());
    });
    println!(
        "{name:40} fwd {forward:8.3} ms {:6.0} GF/s | fwd+bwd {both:8.3} ms {:6.0} GF/s (harness {seed:.2})",
        flops / forward / 1e6,
        3.0 * flops / both / 1e6,
    );
}

fn main() {
    let device = Device::flex().autodiff();
    let random =
        |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
    let norms = [
        (16, 48, 32),
        (16, 96, 16),
        (16, 160, 8),
        (16, 320, 8),
        (8, 16, 128),
        (8, 32, 64),
        (8, 64, 32),
        (8, 96, 16),
    ];
    for (n, c, s) in [(1, 64, 192), (1, 256, 96), (2, 512, 48), (32, 16, 64)] {
        let layer = BatchNormConfig::new(c).init(&device);
        let still = layer.clone().freeze();
        let x = [random([n, c, s, s])];
        let shape = format!("{n}x{c}x{s}x{s}");
        line(&format!("batch norm+relu fused {shape}"), 0.0, &x, |t| {
            batch_norm(&layer, t[0].clone(), true)
        });
        line(&format!("batch norm+relu burn {shape}"), 0.0, &x, |t| {
            activation::relu(layer.forward(t[0].clone()))
        });
        line(
            &format!("frozen batch norm+relu fused {shape}"),
            0.0,
            &x,
            |t| batch_norm(&still, t[0].clone(), true),
        );
        line(
            &format!("frozen batch norm+relu burn {shape}"),
            0.0,
            &x,
            |t| activation::relu(still.forward(t[0].clone())),
        );
    }
    for (n, c, s) in norms {
        let x = random([n, c, s, s]);
        let w = random([1, c, 1, 1]);
        let b = random([1, c, 1, 1]);
        let groups = if c % 16 == 0 && c >= 48 { 16 } else { 8 };
        line(
            &format!("norm+silu fused {n}x{c}x{s}x{s}"),
            0.0,
            &[x.clone(), w.clone(), b.clone()],
            |t| {
                let gamma = t[1].clone().reshape([c]);
                let beta = t[2].clone().reshape([c]);
                reliad_kernels::group_norm::group_norm(
                    t[0].clone(),
                    Some(gamma),
                    Some(beta),
                    groups,
                    1e-5,
                    true,
                )
            },
        );
        line(
            &format!("norm+silu plain {n}x{c}x{s}x{s}"),
            0.0,
            &[x.clone(), w.clone(), b.clone()],
            |t| {
                let x = t[0].clone().reshape([n, groups, c / groups * s * s]);
                let x = x.clone() - x.mean_dim(2);
                let var = x.clone().square().mean_dim(2);
                let x = (x / (var + 1e-5).sqrt()).reshape([n, c, s, s]);
                activation::silu(x * t[1].clone() + t[2].clone())
            },
        );
    }
    let convs = [
        (16, 48, 48, 32, 3),
        (16, 96, 96, 16, 3),
        (16, 160, 160, 8, 3),
        (16, 320, 160, 8, 3),
        (16, 96, 48, 32, 3),
        (16, 4, 48, 32, 3),
        (8, 16, 16, 128, 3),
        (8, 3, 16, 128, 3),
        (8, 32, 32, 64, 3),
        (8, 64, 64, 32, 3),
        (8, 96, 96, 16, 3),
        (16, 96, 96, 16, 1),
        (16, 160, 160, 8, 1),
        (16, 96, 48, 32, 1),
    ];
    for (n, ci, co, s, k) in convs {
        let x = random([n, ci, s, s]);
        let w = random([co, ci, k, k]);
        let b = random([1, co, 1, 1]);
        let flops = 2.0 * (n * ci * co * s * s * k * k) as f64;
        line(
            &format!("conv{k} fused {n}x{ci}->{co} {s}x{s}"),
            flops,
            &[x.clone(), w.clone(), b.clone()],
            |t| {
                let bias = t[2].clone().reshape([co]);
                let sides = [(k / 2, k / 2); 2];
                reliad_kernels::conv2d::conv2d(
                    t[0].clone(),
                    t[1].clone(),
                    Some(bias),
                    [1, 1],
                    sides,
                )
            },
        );
        line(
            &format!("conv{k} plain {n}x{ci}->{co} {s}x{s}"),
            flops,
            &[x, w, b],
            |t| {
                module::conv2d(
                    t[0].clone(),
                    t[1].clone(),
                    Some(t[2].clone().reshape([co])),
                    ConvOptions::new([1, 1], [k / 2, k / 2], [1, 1], 1),
                )
            },
        );
    }
    for (n, len, c) in [(16, 256, 96), (16, 64, 160)] {
        let heads = 4;
        let q = random([n, heads, len, c / heads]);
        let k = random([n, heads, len, c / heads]);
        let v = random([n, heads, len, c / heads]);
        let flops = 4.0 * (n * len * len * c) as f64;
        let rows = [(); 3].map(|()| random([1, n, len, c]));
        line(
            &format!("attention fused {n}x{heads}x{len}x{}", c / heads),
            flops,
            &rows,
            |t| {
                let [q, k, v] = [0, 1, 2].map(|i: usize| t[i].clone().reshape([n, len, c]));
                reliad_kernels::attention::attention(q, k, v, heads, false).reshape([1, n, len, c])
            },
        );
        line(
            &format!("attention self {n}x{heads}x{len}x{}", c / heads),
            flops,
            &[q, k, v],
            |t| {
                let scores =
                    t[0].clone().matmul(t[1].clone().swap_dims(2, 3)) / ((c / heads) as f64).sqrt();
                activation::softmax(scores, 3).matmul(t[2].clone())
            },
        );
        let x = random([1, n, len, c]);
        let w = random([1, 1, 1, c]);
        let b = random([1, 1, 1, c]);
        line(
            &format!("layernorm plain {n}x{len}x{c}"),
            0.0,
            &[x.clone(), w.clone(), b],
            |t| {
                let x = t[0].clone() - t[0].clone().mean_dim(3);
                let var = x.clone().square().mean_dim(3);
                x / (var + 1e-5).sqrt() * t[1].clone() + t[2].clone()
            },
        );
        let w = random([1, 1, c, 4 * c]);
        let flops = 2.0 * (n * len * c * 4 * c) as f64;
        line(
            &format!("linear {n}x{len} {c}->{}", 4 * c),
            flops,
            &[x, w],
            |t| {
                t[0].clone()
                    .reshape([1, 1, n * len, c])
                    .matmul(t[1].clone())
            },
        );
        let both = random([1, n, len, 8 * c]);
        line(
            &format!("geglu fused {n}x{len}x{}", 4 * c),
            0.0,
            std::slice::from_ref(&both),
            |t| reliad_kernels::geglu::geglu(t[0].clone()),
        );
        line(
            &format!("geglu plain {n}x{len}x{}", 4 * c),
            0.0,
            &[both],
            |t| {
                let halves = t[0].clone().chunk(2, 3);
                halves[0].clone() * activation::gelu(halves[1].clone())
            },
        );
        let g = random([1, n, len, 4 * c]);
        line(&format!("gelu {n}x{len}x{}", 4 * c), 0.0, &[g], |t| {
            activation::gelu(t[0].clone())
        });
    }
    for (n, c, size) in [(8, 16, 64), (16, 96, 16)] {
        let x = random([n, c, size, size]);
        line(
            &format!("upsample plain {n}x{c}x{size}x{size}"),
            0.0,
            std::slice::from_ref(&x),
            |t| {
                let options = InterpolateOptions::new(InterpolateMode::Nearest)
                    .with_output_size([2 * size, 2 * size]);
                module::interpolate(t[0].clone(), options)
            },
        );
        line(
            &format!("concatenate {n}x{c}x{size}x{size}"),
            0.0,
            &[x.clone(), x.clone()],
            |t| Tensor::cat(vec![t[0].clone(), t[1].clone()], 1),
        );
        line(
            &format!("add {n}x{c}x{size}x{size}"),
            0.0,
            &[x.clone(), x.clone()],
            |t| t[0].clone() + t[1].clone(),
        );
        let time = random([n, c, 1, 1]);
        line(
            &format!("add per channel {n}x{c}x{size}x{size}"),
            0.0,
            &[x.clone(), time],
            |t| t[0].clone() + t[1].clone(),
        );
        line(
            &format!("to tokens {n}x{c}x{size}x{size}"),
            0.0,
            std::slice::from_ref(&x),
            |t| t[0].clone().reshape([1, n, c, size * size]).swap_dims(2, 3) * 2.0,
        );
        let weight = random([c, c, 3, 3]);
        let flops = 2.0 * 9.0 * (n * c * c * size * size) as f64 / 4.0;
        line(
            &format!("conv3 stride 2 fused {n}x{c}x{size}"),
            flops,
            &[x.clone(), weight.clone()],
            |t| {
                reliad_kernels::conv2d::conv2d(
                    t[0].clone(),
                    t[1].clone(),
                    None,
                    [2, 2],
                    [(1, 1); 2],
                )
            },
        );
        line(
            &format!("conv3 stride 2 plain {n}x{c}x{size}"),
            flops,
            &[x, weight],
            |t| {
                module::conv2d(
                    t[0].clone(),
                    t[1].clone(),
                    None,
                    ConvOptions::new([2, 2], [1, 1], [1, 1], 1),
                )
            },
        );
    }
    if std::env::args()
        .nth(1)
        .is_none_or(|filter| "optimiser".contains(&filter))
    {
        let layer = || burn::nn::LinearConfig::new(1000, 1000).init(&device);
        let model: Vec<burn::nn::Linear> = (0..7).map(|_| layer()).collect();
        let mut optimizer = AdamWConfig::new().init();
        let x = Tensor::<2>::random([1, 1000], Distribution::Default, &device);
        let gradients = || {
            let y = model.iter().fold(x.clone(), |x, layer| layer.forward(x));
            (
                model.clone(),
                GradientsParams::from_grads(y.sum().backward(), &model),
            )
        };
        let alone = cost(|| drop(gradients()));
        let both = cost(|| {
            let (model, gradients) = gradients();
            drop(optimizer.step(1e-3, model, gradients));
        });
        println!(
            "optimiser: AdamW on 7,000,000 weights {:.1} ms",
            both - alone
        );
    }
}
