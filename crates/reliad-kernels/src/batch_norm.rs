//! Batch normalisation, fused on the CPU with the ReLU that may follow; for layers of `burn::nn::BatchNorm`.
//!
//! Ioffe & Szegedy, 2015, <https://arxiv.org/abs/1502.03167>.

pub(crate) mod kernel;
pub(crate) mod node;

use burn::nn::BatchNorm;
use burn::tensor::{Tensor, activation};

use crate::extension;

/// What a batch norm computes, next to its tensors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Added to the variance.
    pub(crate) epsilon: f64,
    /// Whether the statistics are those of the input, and depend on it.
    pub(crate) of_batch: bool,
    /// Whether ReLU follows.
    pub(crate) relu: bool,
}

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
pub fn batch_norm<const D: usize>(layer: &BatchNorm, input: Tensor<D>, relu: bool) -> Tensor<D> {
    if !extension::fused(&input) || input.shape().num_elements() == 0 {
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
    let options = Options {
        epsilon: layer.epsilon,
        of_batch,
        relu,
    };
    if !of_batch {
        let statistics = [&layer.running_mean, &layer.running_var]
            .map(|running| running.value().to_device(&device));
        return extension::batch_norm(input, gamma, beta, statistics, options);
    }
    let statistics = extension::batch_statistics(input.clone().without_autodiff());
    let statistics = [0, 1].map(|row| statistics.clone().narrow(0, row, 1).flatten::<1>(0, 1));
    for (running, now) in [&layer.running_mean, &layer.running_var]
        .into_iter()
        .zip(&statistics)
    {
        let before = running.value_sync().without_autodiff();
        let after = before * (1.0 - layer.momentum) + now.clone() * layer.momentum;
        running.update(Tensor::from_inner(after));
    }
    extension::batch_norm(
        input,
        gamma,
        beta,
        statistics.map(Tensor::from_inner),
        options,
    )
}
