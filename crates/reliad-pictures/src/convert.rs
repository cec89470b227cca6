//! Between 8-bit pictures and tensors.

use burn::tensor::{Device, Tensor, TensorData};
use image::{GrayImage, RgbImage, RgbaImage};

use crate::Error;

/// A picture as `[1, 3, h, w]` in 0 to 1.
pub fn rgb_tensor(picture: &RgbImage, device: &Device) -> Tensor<4> {
    interleaved::<3>(picture.as_raw(), picture.dimensions(), device)
}

/// A straight-alpha picture as `[1, 4, h, w]` in 0 to 1.
pub fn rgba_tensor(picture: &RgbaImage, device: &Device) -> Tensor<4> {
    interleaved::<4>(picture.as_raw(), picture.dimensions(), device)
}

/// A map as `[1, 1, h, w]` in 0 to 1.
pub fn gray_tensor(map: &GrayImage, device: &Device) -> Tensor<4> {
    interleaved::<1>(map.as_raw(), map.dimensions(), device)
}

fn interleaved<const C: usize>(bytes: &[u8], (w, h): (u32, u32), device: &Device) -> Tensor<4> {
    let planes = (0..C).flat_map(|channel| bytes.iter().skip(channel).step_by(C).copied());
    planes_tensor(planes, [1, C, h as usize, w as usize], device)
}

/// Values of 8 bits, in the order of `shape`, as a tensor in 0 to 1.
///
/// # Panics
/// When there are more or fewer values than `shape` holds.
pub fn planes_tensor(
    planes: impl IntoIterator<Item = u8>,
    shape: [usize; 4],
    device: &Device,
) -> Tensor<4> {
    let mut values = Vec::with_capacity(shape.iter().product());
    values.extend(planes.into_iter().map(|value| f32::from(value) / 255.0));
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Values in 0 to 1 as the nearest 8 bits, in the tensor's order; those beyond are 0 or 255.
///
/// What [`planes_tensor`] makes of the result differs from the tensor by at most 1/510, and not at all where the values came
/// from 8 bits.
///
/// # Errors
/// [`Error::Unread`].
pub fn planes(values: Tensor<4>) -> Result<Vec<u8>, Error> {
    let values = values
        .into_data()
        .convert::<f32>()
        .try_into_vec::<f32>()
        .map_err(|error| Error::Unread(format!("{error:?}")))?;
    let byte = |value: &f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    Ok(values.iter().map(byte).collect())
}

/// The first map of `[n, 1, h, w]` in 0 to 1, rounded to 8 bits.
///
/// # Errors
/// [`Error::Unread`], or [`Error::Channels`].
pub fn gray_image(map: &Tensor<4>) -> Result<GrayImage, Error> {
    let (bytes, w, h) = pixels::<1>(map)?;
    Ok(GrayImage::from_raw(w, h, bytes).expect("as many bytes as the tensor's sides say"))
}

/// The first picture of `[n, 3, h, w]` in 0 to 1, rounded to 8 bits.
///
/// # Errors
/// As [`gray_image`].
pub fn rgb_image(picture: &Tensor<4>) -> Result<RgbImage, Error> {
    let (bytes, w, h) = pixels::<3>(picture)?;
    Ok(RgbImage::from_raw(w, h, bytes).expect("as many bytes as the tensor's sides say"))
}

/// Bytes of the first of `[n, C, h, w]`, pixel by pixel; width and height.
fn pixels<const C: usize>(picture: &Tensor<4>) -> Result<(Vec<u8>, u32, u32), Error> {
    let [_, found, h, w] = picture.dims();
    if found != C {
        return Err(Error::Channels { expected: C, found });
    }
    let first = picture.clone().narrow(0, 0, 1).permute([0, 2, 3, 1]);
    Ok((planes(first)?, w as u32, h as u32))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;
    use image::{Luma, Rgb, Rgba};

    #[test]
    fn every_byte_survives_the_way_through_tensors() {
        let device = Device::flex();
        let picture = RgbImage::from_fn(32, 8, |x, y| {
            let value = (x + 32 * y) as u8;
            Rgb([value, 255 - value, value ^ 85])
        });
        assert_eq!(rgb_image(&rgb_tensor(&picture, &device)).unwrap(), picture);
        let map = GrayImage::from_fn(32, 8, |x, y| Luma([(x + 32 * y) as u8]));
        assert_eq!(gray_image(&gray_tensor(&map, &device)).unwrap(), map);
    }

    #[test]
    fn pixels_become_planes() {
        let picture = RgbaImage::from_fn(3, 2, |x, y| Rgba([x as u8, y as u8, 255, 51]));
        let tensor = rgba_tensor(&picture, &Device::flex());
        assert_eq!(tensor.dims(), [1, 4, 2, 3]);
        let expected = [[0, 1, 2, 0, 1, 2], [0, 0, 0, 1, 1, 1], [255; 6], [51; 6]];
        assert_eq!(planes(tensor.clone()).unwrap(), expected.concat());
        let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
        assert_eq!((values[12], values[18]), (1.0, 0.2));
    }

    #[test]
    fn values_beyond_are_cut_off_and_the_others_rounded() {
        let values = Tensor::<4>::from_floats([[[[-0.1, 1.2, 0.1, 0.5]]]], &Device::flex());
        assert_eq!(planes(values).unwrap(), [0, 255, 26, 128]);
    }

    #[test]
    fn a_picture_of_other_channels_is_refused() {
        let map = Tensor::<4>::zeros([1, 1, 2, 2], &Device::flex());
        let error = rgb_image(&map).unwrap_err();
        assert!(matches!(
            error,
            Error::Channels {
                expected: 3,
                found: 1
            }
        ));
    }
}
