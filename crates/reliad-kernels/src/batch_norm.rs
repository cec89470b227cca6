//! Batch normalisation, fused on the CPU with the ReLU that may follow; for layers of `burn::nn::BatchNorm`.
//!
//! Ioffe & Szegedy, 2015, <https://arxiv.org/abs/1502.03167>.

mod kernel;
mod node;

use burn::nn;
use burn::tensor::{Tensor, activation};

use self::node::{BatchNorm, Statistics};
use crate::{flex, operation};

/// The same as `layer.forward(input)`, to rounding, followed by ReLU if `relu`; running statistics are updated in training
/// as there.
///
/// # Shapes
///
/// - input: `[batch, channels, *]`
/// - output: the same
///
/// # Panics
///
/// If the second axis isn't the layer's number of channels.
pub fn batch_norm<const D: usize>(
    layer: &nn::BatchNorm,
    input: Tensor<D>,
    relu: bool,
) -> Tensor<D> {
    if !flex::fused(&input) || input.shape().num_elements() == 0 {
        let output = layer.forward(input);
        return if relu {
            activation::relu(output)
        } else {
            output
        };
    }
    let (gamma, beta) = (layer.gamma.val(), layer.beta.val());
    assert_eq!(
        gamma.dims(),
        [input.dims()[1]],
        "batch norm: a parameter per channel of the input"
    );
    let device = input.device();
    let of_batch = device.is_autodiff() && layer.training.is_enabled();
    let operation = BatchNorm {
        epsilon: layer.epsilon,
        of_batch,
        relu,
    };
    if !of_batch {
        let [mean, variance] = [&layer.running_mean, &layer.running_var]
            .map(|running| running.value().to_device(&device));
        return operation::of_five(operation, input, [gamma, beta, mean, variance]);
    }
    let statistics: Tensor<2> = operation::of_one(Statistics, input.clone().without_autodiff());
    let statistics = [0, 1].map(|row| statistics.clone().narrow(0, row, 1).flatten::<1>(0, 1));
    for (running, now) in [&layer.running_mean, &layer.running_var]
        .into_iter()
        .zip(&statistics)
    {
        let before = running.value_sync().without_autodiff();
        let after = before * (1.0 - layer.momentum) + now.clone() * layer.momentum;
        running.update(Tensor::from_inner(after));
    }
    let [mean, variance] = statistics.map(Tensor::from_inner);
    operation::of_five(operation, input, [gamma, beta, mean, variance])
}
