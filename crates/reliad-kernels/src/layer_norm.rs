//! Layer normalisation, with gradients fused on the CPU; drop-in for `burn::nn::LayerNorm`.
//!
//! Ba, Kiros & Hinton, 2016, <https://arxiv.org/abs/1607.06450>.

mod kernel;
mod node;

use burn::config::Config;
use burn::module::{Content, DisplaySettings, Module, ModuleDisplay, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, module};

use crate::{flex, operation};

/// Configuration of a [`LayerNorm`]; the fields and defaults of `burn::nn::LayerNormConfig`.
#[derive(Config, Debug)]
pub struct LayerNormConfig {
    /// Length of the last axis.
    pub d_model: usize,
    /// Added to the variance.
    #[config(default = 1e-5)]
    pub epsilon: f64,
    /// Whether an offset per value of the last axis is learnt.
    #[config(default = true)]
    pub bias: bool,
}

/// `y = (x - mean) / sqrt(variance + epsilon) * gamma + beta`, moments over the last axis.
///
/// The name and fields are those of `burn::nn::LayerNorm`, so weights of PyTorch load into it the same way.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct LayerNorm {
    /// Scale, `[d_model]`; PyTorch's `weight`.
    pub gamma: Param<Tensor<1>>,
    /// Offset, `[d_model]`; PyTorch's `bias`.
    pub beta: Option<Param<Tensor<1>>>,
    epsilon: f64,
}

impl LayerNormConfig {
    /// Makes the layer, `gamma` ones and `beta` zeros.
    pub fn init(&self, device: &Device) -> LayerNorm {
        let parameter = |initializer: Initializer| initializer.init([self.d_model], device);
        LayerNorm {
            gamma: parameter(Initializer::Ones),
            beta: self.bias.then(|| parameter(Initializer::Zeros)),
            epsilon: self.epsilon,
        }
    }
}

impl ModuleDisplay for LayerNorm {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [d_model] = self.gamma.dims();
        content
            .add("d_model", &d_model)
            .add("epsilon", &self.epsilon)
            .add("bias", &self.beta.is_some())
            .optional()
    }
}

impl LayerNorm {
    /// Normalises. Where no gradients can be asked for this is Burn's own operation, to the bit.
    ///
    /// # Shapes
    ///
    /// - input: `[.., d_model]`
    /// - output: the same
    ///
    /// # Panics
    ///
    /// If the last axis isn't `d_model`.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        let device = input.device();
        let (gamma, beta) = (self.gamma.val(), self.beta.as_ref().map(Param::val));
        let [d_model] = gamma.dims();
        assert_eq!(
            input.dims()[D - 1],
            d_model,
            "layer norm: a parameter per value of the last axis"
        );
        // Without gradients Burn's operation is one pass already.
        if !device.is_autodiff() || !flex::fused(&input) || input.shape().num_elements() == 0 {
            return module::layer_norm(input, gamma, beta, self.epsilon);
        }
        let beta = beta.unwrap_or_else(|| Tensor::zeros([d_model], &device));
        let operation = node::LayerNorm {
            epsilon: self.epsilon as f32,
        };
        operation::of_three(operation, input, gamma, beta)
    }
}
