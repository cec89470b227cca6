//! The fused batch norm against Burn's own, forward and backward. Tolerance 1e-4 of each gradient's size: f32 sums in another
//! order.

mod generator;

use burn::module::{Module, Param, RunningState};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Device, Distribution, Tensor, activation};
use generator::seeded;
use reliad_kernels::batch_norm::batch_norm;

fn error<const D: usize>(got: Tensor<D>, want: Tensor<D>) -> f32 {
    let difference = (got.without_autodiff() - want.clone().without_autodiff())
        .square()
        .sum()
        .into_scalar::<f32>();
    let size = want.without_autodiff().square().sum().into_scalar::<f32>();
    (difference / size.max(1e-12)).sqrt()
}

fn layer(channels: usize, device: &Device) -> BatchNorm {
    let mut layer = BatchNormConfig::new(channels).init(device);
    let random = |low: f64, high: f64| {
        Tensor::<1>::random([channels], Distribution::Uniform(low, high), device)
    };
    let parameter = |value: Tensor<1>| {
        let value = value.detach();
        Param::from_tensor(if device.is_autodiff() {
            value.require_grad()
        } else {
            value
        })
    };
    layer.gamma = parameter(random(0.5, 1.5));
    layer.beta = parameter(random(-0.5, 0.5));
    layer.running_mean = RunningState::new(random(-0.3, 0.3).detach());
    layer.running_var = RunningState::new(random(0.5, 2.0).detach());
    layer
}

#[test]
fn output_gradients_and_running_statistics_equal_burns() {
    let device = Device::flex().autodiff();
    let _alone = seeded(&device);
    for (relu, frozen) in [(false, false), (true, false), (false, true), (true, true)] {
        for shape in [[3, 5, 7, 9], [1, 2, 1, 130], [4, 3, 8, 8]] {
            let mut ours = layer(shape[1], &device);
            if frozen {
                ours = ours.freeze();
            }
            // Clones share running statistics: Burn's own works on a copy with its own.
            let theirs = BatchNorm {
                running_mean: RunningState::new(ours.running_mean.value()),
                running_var: RunningState::new(ours.running_var.value()),
                ..ours.clone()
            };
            let random =
                || Tensor::<4>::random(shape, Distribution::Normal(2.0, 3.0), &device).detach();
            let x = random().require_grad();
            let upstream = random();
            let run = |layer: &BatchNorm, fused: bool| {
                let y = match (fused, relu) {
                    (true, relu) => batch_norm(layer, x.clone(), relu),
                    (false, true) => activation::relu(layer.forward(x.clone())),
                    (false, false) => layer.forward(x.clone()),
                };
                let gradients = (y.clone() * upstream.clone()).sum().backward();
                let of_gamma = layer.gamma.val().grad(&gradients);
                let of_beta = layer.beta.val().grad(&gradients);
                (y, x.grad(&gradients), of_gamma, of_beta)
            };
            let (want, dx, dgamma, dbeta) = run(&theirs, false);
            let (got, our_dx, our_dgamma, our_dbeta) = run(&ours, true);
            assert!(error(got, want) < 1e-4, "{relu} {frozen} {shape:?}");
            let dx = dx.zip(our_dx).expect("a gradient reaches the input");
            assert!(error(dx.1, dx.0) < 1e-4, "{relu} {frozen} {shape:?}");
            assert_eq!(dgamma.is_some(), our_dgamma.is_some());
            for (want, got) in dgamma
                .zip(our_dgamma)
                .into_iter()
                .chain(dbeta.zip(our_dbeta))
            {
                assert!(error(got, want) < 1e-4, "{relu} {frozen} {shape:?}");
            }
            for (ours, theirs) in [
                (&ours.running_mean, &theirs.running_mean),
                (&ours.running_var, &theirs.running_var),
            ] {
                let (got, want) = (ours.value_sync(), theirs.value_sync());
                assert!(error(got, want) < 1e-5, "{relu} {frozen} {shape:?}");
            }
        }
    }
}

#[test]
fn without_gradients_the_running_statistics_are_used() {
    let device = Device::flex();
    let _alone = seeded(&device);
    let layer = layer(4, &device);
    let x = Tensor::<4>::random([2, 4, 5, 6], Distribution::Default, &device);
    let want = layer.forward(x.clone());
    assert!(error(batch_norm(&layer, x.clone(), false), want.clone()) < 1e-5);
    assert!(error(batch_norm(&layer, x, true), activation::relu(want)) < 1e-5);
}
