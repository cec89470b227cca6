//! Group normalisation, alone or with SiLU, fused on the CPU; drop-in for `burn::nn::GroupNorm`.
//!
//! Wu & He, "Group Normalization", 2018, <https://arxiv.org/abs/1803.08494>.

mod kernel;
mod node;

use burn::config::Config;
use burn::module::{Content, DisplaySettings, Module, ModuleDisplay, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, activation};

use crate::{flex, operation};

/// Configuration of a [`GroupNorm`]; the fields and defaults of `burn::nn::GroupNormConfig`.
#[derive(Config, Debug)]
pub struct GroupNormConfig {
    /// Groups that the channels are split into; divides `num_channels`.
    pub num_groups: usize,
    /// Channels of the input.
    pub num_channels: usize,
    /// Added to the variance.
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// Whether a scale and an offset per channel are learnt.
    #[config(default = true)]
    pub affine: bool,
}

/// `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`, moments over each group of channels and all pixels.
///
/// The name and fields are those of `burn::nn::GroupNorm`, so weights of PyTorch load into it the same way.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct GroupNorm {
    /// Scale of each channel, `[num_channels]`; PyTorch's `weight`.
    pub gamma: Option<Param<Tensor<1>>>,
    /// Offset of each channel, `[num_channels]`; PyTorch's `bias`.
    pub beta: Option<Param<Tensor<1>>>,
    /// Groups that the channels are split into.
    pub num_groups: usize,
    /// Channels of the input.
    pub num_channels: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether `gamma` and `beta` exist.
    pub affine: bool,
}

impl ModuleDisplay for GroupNorm {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        content
            .add("num_groups", &self.num_groups)
            .add("num_channels", &self.num_channels)
            .add("epsilon", &self.epsilon)
            .add("affine", &self.affine)
            .optional()
    }
}

impl GroupNormConfig {
    /// Makes the layer, `gamma` ones and `beta` zeros.
    ///
    /// # Panics
    ///
    /// If `num_groups` doesn't divide `num_channels`.
    pub fn init(&self, device: &Device) -> GroupNorm {
        assert!(
            self.num_groups > 0 && self.num_channels.is_multiple_of(self.num_groups),
            "group norm: {} groups do not divide {} channels",
            self.num_groups,
            self.num_channels
        );
        let parameter = |initializer: Initializer| {
            self.affine
                .then(|| initializer.init([self.num_channels], device))
        };
        GroupNorm {
            gamma: parameter(Initializer::Ones),
            beta: parameter(Initializer::Zeros),
            num_groups: self.num_groups,
            num_channels: self.num_channels,
            epsilon: self.epsilon,
            affine: self.affine,
        }
    }
}

impl GroupNorm {
    /// Normalises.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, num_channels, *]`
    /// - output: the same
    ///
    /// # Panics
    ///
    /// If the second axis isn't `num_channels`.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        self.apply(input, false)
    }

    /// Normalises, then applies `SiLU` (`z / (1 + e^-z)`), in one pass. Shapes and panics are those of
    /// [`forward`](Self::forward).
    pub fn forward_silu<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        self.apply(input, true)
    }

    fn apply<const D: usize>(&self, input: Tensor<D>, silu: bool) -> Tensor<D> {
        let gamma = self.gamma.as_ref().map(Param::val);
        let beta = self.beta.as_ref().map(Param::val);
        group_norm(input, gamma, beta, self.num_groups, self.epsilon, silu)
    }
}

/// Group normalisation as a function; see [`GroupNorm`]. `gamma` and `beta` are `[channels]`, ones and zeros if absent.
///
/// # Panics
///
/// If `groups` doesn't divide the second axis of `input`, or `gamma` or `beta` isn't of its length.
pub fn group_norm<const D: usize>(
    input: Tensor<D>,
    gamma: Option<Tensor<1>>,
    beta: Option<Tensor<1>>,
    groups: usize,
    epsilon: f64,
    silu: bool,
) -> Tensor<D> {
    let channels = input.dims()[1];
    assert!(
        groups > 0 && channels.is_multiple_of(groups),
        "group norm: {groups} groups do not divide {channels} channels"
    );
    for parameter in gamma.iter().chain(&beta) {
        assert_eq!(
            parameter.dims(),
            [channels],
            "group norm: a parameter per channel of the input"
        );
    }
    if !flex::fused(&input) {
        return plain(input, gamma, beta, groups, epsilon, silu);
    }
    let device = input.device();
    let gamma = gamma.unwrap_or_else(|| Tensor::ones([channels], &device));
    let beta = beta.unwrap_or_else(|| Tensor::zeros([channels], &device));
    let operation = node::GroupNorm {
        groups,
        epsilon,
        silu,
    };
    operation::of_three(operation, input, gamma, beta)
}

/// The same through Burn's own operations, for every other device.
fn plain<const D: usize>(
    input: Tensor<D>,
    gamma: Option<Tensor<1>>,
    beta: Option<Tensor<1>>,
    groups: usize,
    epsilon: f64,
    silu: bool,
) -> Tensor<D> {
    let layer = burn::nn::GroupNorm {
        gamma: None,
        beta: None,
        num_groups: groups,
        num_channels: input.dims()[1],
        epsilon,
        affine: false,
    };
    let mut per_channel = [1; D];
    per_channel[1] = input.dims()[1];
    let mut output = layer.forward(input);
    if let Some(gamma) = gamma {
        output = output * gamma.reshape(per_channel);
    }
    if let Some(beta) = beta {
        output = output + beta.reshape(per_channel);
    }
    if silu {
        activation::silu(output)
    } else {
        output
    }
}
