//! AdamW in one pass over the memory, on the CPU.
//!
//! Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2019, <https://arxiv.org/abs/1711.05101>.

use burn::optim::{AdamW, AdamWConfig, AdamWState, AdaptiveMomentumState, LearningRate, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use crate::flex;
use crate::instructions::{Instructions, Kernel, dispatch};

/// The same optimizer as `burn::optim::AdamW`, to rounding, with the same state.
#[derive(Clone)]
pub struct FusedAdamW {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    weight_decay: f32,
    plain: AdamW,
}

impl FusedAdamW {
    /// The optimizer with the decays of the first and the second moment, what is added to the latter's root, and the weight
    /// decay, which the learning rate is multiplied by.
    pub fn new([beta_1, beta_2]: [f32; 2], epsilon: f32, weight_decay: f32) -> Self {
        Self {
            beta_1,
            beta_2,
            epsilon,
            weight_decay,
            plain: AdamWConfig::new()
                .with_beta_1(beta_1)
                .with_beta_2(beta_2)
                .with_epsilon(epsilon)
                .with_weight_decay(weight_decay)
                .build(),
        }
    }
}

impl Optimizer for FusedAdamW {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        tensor: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        let (device, shape) = (tensor.device(), tensor.shape());
        if !flex::fused(&tensor) || !flex::fused(&gradient) {
            return self.plain.step(rate, tensor, gradient, state);
        }
        let momentum = state.map(|state| state.momentum);
        let time = momentum.as_ref().map_or(0, |momentum| momentum.time) + 1;
        let [mut moment_1, mut moment_2] = match momentum {
            Some(momentum) => [momentum.moment_1, momentum.moment_2].map(Tensor::into_data),
            None => std::array::from_fn(|_| {
                TensorData::new(vec![0.0f32; shape.num_elements()], shape.clone())
            }),
        };
        let mut values = tensor.into_data();
        let gradient = gradient.into_data();
        update(
            slice(&mut values),
            gradient.as_slice().expect("f32 by `fused`"),
            [slice(&mut moment_1), slice(&mut moment_2)],
            Rates {
                beta_1: self.beta_1,
                beta_2: self.beta_2,
                keep: (1.0 - rate * f64::from(self.weight_decay)) as f32,
                rate: rate as f32 / (1.0 - self.beta_1.powi(time as i32)),
                correction: 1.0 / (1.0 - self.beta_2.powi(time as i32)),
                epsilon: self.epsilon,
            },
        );
        let [moment_1, moment_2] =
            [moment_1, moment_2].map(|moment| Tensor::from_data(moment, &device));
        let momentum = AdaptiveMomentumState::new(time, moment_1, moment_2);
        (
            Tensor::from_data(values, &device),
            Some(AdamWState::new(momentum)),
        )
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        AdamW::to_device(state, device)
    }
}

fn slice(data: &mut TensorData) -> &mut [f32] {
    data.as_mut_slice().expect("f32 by `fused`")
}

/// What a step multiplies by, the same for all weights.
#[derive(Clone, Copy)]
struct Rates {
    beta_1: f32,
    beta_2: f32,
    /// Share of a weight that its decay leaves.
    keep: f32,
    /// Learning rate over the first moment's correction.
    rate: f32,
    /// Inverse of the second moment's correction.
    correction: f32,
    epsilon: f32,
}

/// Weights that a thread updates in one go.
const RUN: usize = 1 << 14;

fn update(
    values: &mut [f32],
    gradient: &[f32],
    [moment_1, moment_2]: [&mut [f32]; 2],
    rates: Rates,
) {
    values
        .par_chunks_mut(RUN)
        .zip(gradient.par_chunks(RUN))
        .zip(
            moment_1
                .par_chunks_mut(RUN)
                .zip(moment_2.par_chunks_mut(RUN)),
        )
        .for_each(|((values, gradient), (moment_1, moment_2))| {
            dispatch(Update {
                values,
                gradient,
                moment_1,
                moment_2,
                rates,
            });
        });
}

struct Update<'a> {
    values: &'a mut [f32],
    gradient: &'a [f32],
    moment_1: &'a mut [f32],
    moment_2: &'a mut [f32],
    rates: Rates,
}

impl Kernel for Update<'_> {
    #[inline(always)]
    fn run<I: Instructions>(self, set: I) {
        let Rates {
            beta_1,
            beta_2,
            keep,
            rate,
            correction,
            epsilon,
        } = self.rates;
        let moments = self.moment_1.iter_mut().zip(self.moment_2);
        for ((value, gradient), (first, second)) in
            self.values.iter_mut().zip(self.gradient).zip(moments)
        {
            *first = set.madd(*first, beta_1, gradient * (1.0 - beta_1));
            *second = set.madd(*second, beta_2, gradient * gradient * (1.0 - beta_2));
            let deviation = (*second * correction).sqrt() + epsilon;
            *value = *value * keep - rate * *first / deviation;
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn steps_equal_burns() {
        let device = Device::flex();
        // The only test of this process that draws.
        device.seed(1);
        let normal = Distribution::Normal(0.0, 1.0);
        let start = Tensor::<2>::random([70, 300], normal, &device);
        let ours = FusedAdamW::new([0.9, 0.99], 1e-8, 0.05);
        let theirs = ours.plain.clone();
        let (mut a, mut b) = (start.clone(), start.clone());
        let (mut of_a, mut of_b) = (None, None);
        for step in 1..=5 {
            let gradient = Tensor::random([300, 70], normal, &device).swap_dims(0, 1);
            let rate = 0.1 / f64::from(step);
            (a, of_a) = ours.step(rate, a, gradient.clone(), of_a);
            (b, of_b) = theirs.step(rate, b, gradient, of_b);
        }
        // Each step moves a weight by about its rate, rounded a few times.
        let apart = |a: Tensor<2>, b: Tensor<2>| (a - b).abs().max().into_scalar::<f32>();
        assert!(apart(a.clone(), b) < 2e-6);
        assert!(apart(a, start) > 0.1);
        let [ours, theirs] = [of_a, of_b].map(|state| state.expect("after a step").momentum);
        assert_eq!(ours.time, theirs.time);
        assert!(apart(ours.moment_1, theirs.moment_1) < 1e-6);
        assert!(apart(ours.moment_2, theirs.moment_2) < 1e-6);
    }
}
