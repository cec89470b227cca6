//! Linear layers in the chosen [`Arithmetic`].

mod node;

use burn::nn::Linear;
use burn::tensor::Tensor;

use self::node::Product;
use crate::{Arithmetic, flex, operation};

/// What the layer makes of `[..., channels_in]`: `[..., channels_out]`.
///
/// In f32 this is `Linear::forward`. Under [`Arithmetic::Bf16`] the factors are rounded to bf16, here and in the gradients;
/// sums and offsets are f32.
///
/// # Panics
///
/// If the input has other channels than the weight.
pub fn linear<const D: usize>(layer: &Linear, x: Tensor<D>) -> Tensor<D> {
    let mut shape = x.dims();
    if Arithmetic::chosen() == Arithmetic::F32 || !flex::fused(&x) || shape.contains(&0) {
        return layer.forward(x);
    }
    let [channels_in, channels_out] = layer.weight.dims();
    assert_eq!(
        shape[D - 1],
        channels_in,
        "linear layer: channels of the input and of the weight"
    );
    let rows = shape[..D - 1].iter().product();
    let x: Tensor<2> = x.reshape([rows, channels_in]);
    let y = operation::of_two(Product, [x, layer.weight.val()]);
    let y = match &layer.bias {
        Some(bias) => y + bias.val().unsqueeze(),
        None => y,
    };
    shape[D - 1] = channels_out;
    y.reshape(shape)
}
