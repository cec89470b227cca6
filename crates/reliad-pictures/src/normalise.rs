//! Colours by channel: normalisation for a network, and a ground under a transparent picture.

use burn::tensor::{Device, Tensor};

/// `(x - mean) / std` by channel, as networks are used to. Differentiable.
///
/// # Shapes
/// `[n, 3, h, w]` to the same.
pub fn normalise(x: Tensor<4>, mean: [f32; 3], std: [f32; 3]) -> Tensor<4> {
    let device = x.device();
    (x - channels(mean, &device)) / channels(std, &device)
}

/// A straight-alpha picture on a ground of one colour. Differentiable.
///
/// # Shapes
/// - picture: `[n, 4, h, w]`, RGBA
/// - output: `[n, 3, h, w]`
pub fn over(picture: Tensor<4>, ground: [f32; 3]) -> Tensor<4> {
    let ground = channels(ground, &picture.device());
    composite(picture, ground)
}

/// A straight-alpha picture on an opaque one. Differentiable in both.
///
/// # Shapes
/// - picture: `[n, 4, h, w]`, RGBA; ground: `[n, 3, h, w]`, or smaller where it is broadcast
/// - output: `[n, 3, h, w]`
pub fn composite(picture: Tensor<4>, ground: Tensor<4>) -> Tensor<4> {
    let colour = picture.clone().narrow(1, 0, 3);
    let alpha = picture.narrow(1, 3, 1);
    (colour - ground.clone()) * alpha + ground
}

fn channels(values: [f32; 3], device: &Device) -> Tensor<4> {
    Tensor::<1>::from_floats(values, device).reshape([1, 3, 1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(x: Tensor<4>) -> Vec<f32> {
        x.into_data().iter::<f32>().collect()
    }

    #[test]
    fn channels_are_normalised_each_by_its_own() {
        let x = Tensor::<4>::ones([1, 3, 1, 2], &Device::flex());
        let y = normalise(x, [0.0, 0.5, 2.0], [0.5, 0.25, 1.0]);
        assert_eq!(values(y), [2.0, 2.0, 2.0, 2.0, -1.0, -1.0]);
    }

    #[test]
    fn the_ground_shows_where_the_picture_does_not() {
        let picture = Tensor::<4>::from_floats(
            [[
                [[0.25, 0.25, 0.25]],
                [[0.5; 3]],
                [[0.75; 3]],
                [[0.0, 0.5, 1.0]],
            ]],
            &Device::flex(),
        );
        let laid = values(over(picture, [1.0, 0.0, 0.75]));
        let expected = [1.0, 0.625, 0.25, 0.0, 0.25, 0.5, 0.75, 0.75, 0.75];
        assert_eq!(laid, expected);
    }
}
