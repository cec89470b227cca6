//! Maximum pooling with a square window, fused on the CPU.

mod kernel;
mod node;

use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Tensor, module};

use self::kernel::Window;
use crate::{flex, operation};

/// The largest value of each window; of equal ones the first in reading order gets the gradient, as in PyTorch.
///
/// # Shapes
///
/// - input: `[batch, channels, height, width]`
/// - output: `[batch, channels, (height + 2 padding - size) / stride + 1, (width + 2 padding - size) / stride + 1]`
///
/// # Panics
///
/// If a size is 0, the padding is more than half the window, or the padded input is smaller than it.
pub fn max_pool(input: Tensor<4>, size: usize, stride: usize, padding: usize) -> Tensor<4> {
    let [_, _, height, width] = input.dims();
    assert!(
        size > 0 && stride > 0 && 2 * padding <= size,
        "pooling: window {size}, stride {stride}, padding {padding}"
    );
    assert!(
        height.min(width) + 2 * padding >= size,
        "pooling: {height}x{width} with padding {padding} is smaller than a window of {size}"
    );
    if flex::fused(&input) && input.shape().num_elements() > 0 {
        let window = Window {
            size,
            stride,
            padding,
        };
        return operation::of_one(window, input);
    }
    let options = MaxPoolOptions::new([size; 2])
        .with_stride([stride; 2])
        .with_padding([padding; 2]);
    module::max_pool2d(input, options)
}
