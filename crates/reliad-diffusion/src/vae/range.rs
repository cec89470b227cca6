//! Between pictures in 0 to 1 and the autoencoder's -1 to 1.

use burn::tensor::Tensor;

/// A picture in 0 to 1 as the encoder takes it, in -1 to 1.
pub fn signed(picture: Tensor<4>) -> Tensor<4> {
    picture.mul_scalar(2.0).sub_scalar(1.0)
}

/// What the decoder gives, as a picture in 0 to 1; values beyond are cut off.
pub fn unsigned(picture: Tensor<4>) -> Tensor<4> {
    picture.add_scalar(1.0).div_scalar(2.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn ranges_are_each_others_and_beyond_is_cut_off() {
        let values = |tensor: Tensor<4>| tensor.into_data().iter::<f32>().collect::<Vec<_>>();
        let picture = Tensor::<4>::from_floats([[[[0.0, 0.25, 1.0]]]], &Device::flex());
        assert_eq!(values(signed(picture.clone())), [-1.0, -0.5, 1.0]);
        assert_eq!(values(unsigned(signed(picture))), [0.0, 0.25, 1.0]);
        let beyond = Tensor::<4>::from_floats([[[[-1.5, 1.5]]]], &Device::flex());
        assert_eq!(values(unsigned(beyond)), [0.0, 1.0]);
    }
}
