//! Convolution with a square kernel, fused on the CPU; drop-in for `burn::nn::conv::Conv2d`.

mod kernel;
pub(crate) mod matrix;
mod node;
mod planes;
mod tiles;
mod weight_gradient;

use burn::config::Config;
use burn::module::{Content, DisplaySettings, Module, ModuleDisplay, Param};
use burn::nn::{Initializer, PaddingConfig2d};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, module};

use self::node::Convolution;
use crate::{Arithmetic, flex, operation};

/// Configuration of a [`Conv2d`]; the fields and defaults of `burn::nn::conv::Conv2dConfig`, without groups and dilation.
#[derive(Config, Debug)]
pub struct Conv2dConfig {
    /// Channels of the input and of the output.
    pub channels: [usize; 2],
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// Rows and columns between outputs.
    #[config(default = "[1, 1]")]
    pub stride: [usize; 2],
    /// Zeros around the input.
    #[config(default = "PaddingConfig2d::Valid")]
    pub padding: PaddingConfig2d,
    /// Whether an offset per output channel is learnt.
    #[config(default = true)]
    pub bias: bool,
    /// Distribution of the first weights.
    #[config(default = "Initializer::KaimingUniform{gain:1.0/3.0f64.sqrt(),fan_out_only:false}")]
    pub initializer: Initializer,
}

/// A convolution of `[batch, channels_in, height, width]`.
///
/// The name and fields are those of `burn::nn::conv::Conv2d`, so weights of PyTorch load into it the same way.
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct Conv2d {
    /// `[channels_out, channels_in, kernel_height, kernel_width]`
    pub weight: Param<Tensor<4>>,
    /// `[channels_out]`
    pub bias: Option<Param<Tensor<1>>>,
    /// Rows and columns between outputs.
    pub stride: [usize; 2],
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// Zeros around the input.
    #[module(skip)]
    pub padding: PaddingConfig2d,
}

impl Conv2dConfig {
    /// Makes the layer.
    pub fn init(&self, device: &Device) -> Conv2d {
        let [channels_in, channels_out] = self.channels;
        let [height, width] = self.kernel_size;
        let (fan_in, fan_out) = (channels_in * height * width, channels_out * height * width);
        let shape = [channels_out, channels_in, height, width];
        Conv2d {
            weight: self
                .initializer
                .init_with(shape, Some(fan_in), Some(fan_out), device),
            bias: self.bias.then(|| {
                self.initializer
                    .init_with([channels_out], Some(fan_in), Some(fan_out), device)
            }),
            stride: self.stride,
            kernel_size: self.kernel_size,
            padding: self.padding.clone(),
        }
    }
}

impl ModuleDisplay for Conv2d {
    fn custom_settings(&self) -> Option<DisplaySettings> {
        DisplaySettings::new()
            .with_new_line_after_attribute(false)
            .optional()
    }

    fn custom_content(&self, content: Content) -> Option<Content> {
        let [channels_out, channels_in, _, _] = self.weight.dims();
        content
            .add("ch_in", &channels_in)
            .add("ch_out", &channels_out)
            .add_debug_attribute("kernel_size", &self.kernel_size)
            .add_debug_attribute("stride", &self.stride)
            .add_debug_attribute("padding", &self.padding)
            .optional()
    }
}

impl Conv2d {
    /// Convolves.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, channels_in, height, width]`
    /// - output: `[batch, channels_out, height_out, width_out]`
    ///
    /// # Panics
    ///
    /// If the input has other channels than the weight, or is smaller than the kernel after padding.
    pub fn forward(&self, input: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = input.dims();
        // As much as keeps ceil(size / stride) outputs, the odd one below and to the right.
        let same = |size: usize, axis: usize| {
            let reach = (size.div_ceil(self.stride[axis]).max(1) - 1) * self.stride[axis]
                + self.kernel_size[axis];
            let total = reach.saturating_sub(size);
            (total / 2, total - total / 2)
        };
        let padding = match self.padding {
            PaddingConfig2d::Valid => [(0, 0); 2],
            PaddingConfig2d::Same => [same(height, 0), same(width, 1)],
            PaddingConfig2d::Explicit(top, left, bottom, right) => [(top, bottom), (left, right)],
        };
        conv2d(
            input,
            self.weight.val(),
            self.bias.as_ref().map(Param::val),
            self.stride,
            padding,
        )
    }
}

/// Convolution as a function; see [`Conv2d`].
///
/// `padding` is `[(above, below), (left, right)]`.
///
/// # Panics
///
/// If `x` and `weight` differ in channels, `bias` in length, or the padded input is smaller than the kernel.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: [usize; 2],
    padding: [(usize, usize); 2],
) -> Tensor<4> {
    let [channels_out, channels_in, kernel, kernel_width] = weight.dims();
    let [samples, channels, height, width] = x.dims();
    assert_eq!(
        channels, channels_in,
        "convolution: channels of the input and of the weight"
    );
    if let Some(bias) = &bias {
        assert_eq!(
            bias.dims(),
            [channels_out],
            "convolution: an offset per output channel"
        );
    }
    let [(above, below), (left, right)] = padding;
    let sides = [above, left, below, right];
    assert!(
        above + height + below >= kernel && left + width + right >= kernel_width,
        "convolution: {height}x{width} with padding {padding:?} is smaller than the kernel"
    );
    let served = kernel == kernel_width
        && stride[0] == stride[1]
        && stride[0] > 0
        && samples * channels * channels_out > 0
        && sides.iter().all(|side| *side < kernel);
    if served && flex::fused(&x) {
        let bias = bias.unwrap_or_else(|| Tensor::zeros([channels_out], &x.device()));
        let operation = Convolution {
            stride: stride[0],
            padding,
            arithmetic: Arithmetic::chosen(),
        };
        operation::of_three(operation, x, weight, bias)
    } else {
        module::conv2d(
            x,
            weight,
            bias,
            ConvOptions::new_with_padding(stride, padding, [1, 1], 1),
        )
    }
}
