//! Masks grown by a square; first of all that of what the painter may paint: everything but the product, and a rim of
//! the product.

use image::{GrayImage, Luma};

/// The background (255 - `alpha`) dilated with a `kernel` x `kernel` square of ones, as
/// `cv2.dilate(255 - alpha, np.ones((kernel, kernel)))` computes it: 255 where the painter is
/// free, 0 where the product must stay.
///
/// The kernel's anchor is `kernel / 2`, so that an even kernel reaches one pixel further left and
/// up than right and down; what lies outside the picture counts for nothing. A kernel of 0 or 1
/// leaves the mask as it is. The paper's setting is 20 at 512x512.
pub fn background_mask(alpha: &GrayImage, kernel: u32) -> GrayImage {
    let mut mask = alpha.clone();
    mask.pixels_mut()
        .for_each(|Luma([value])| *value = 255 - *value);
    dilate(&mask, kernel)
}

/// The greatest value within a `kernel` x `kernel` square around each pixel, as `cv2.dilate` with a square of ones
/// computes it; anchor and edges as in [`background_mask`].
pub fn dilate(mask: &GrayImage, kernel: u32) -> GrayImage {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let mut mask = mask.clone();
    if kernel < 2 || width == 0 || height == 0 {
        return mask;
    }
    let kernel = kernel as usize;
    for row in mask.chunks_exact_mut(width) {
        let spread = window_maxima(row, kernel);
        row.copy_from_slice(&spread);
    }
    let mut column = vec![0; height];
    for x in 0..width {
        for (y, value) in column.iter_mut().enumerate() {
            *value = mask.as_raw()[y * width + x];
        }
        for (y, value) in window_maxima(&column, kernel).into_iter().enumerate() {
            mask.put_pixel(x as u32, y as u32, Luma([value]));
        }
    }
    mask
}

/// The maximum of each window `i - kernel / 2 ..= i - kernel / 2 + kernel - 1` of a line.
///
/// The cost doesn't depend on the kernel: van Herk, *A fast algorithm for local minimum and
/// maximum filters*, Pattern Recognition Letters 1992.
fn window_maxima(line: &[u8], kernel: usize) -> Vec<u8> {
    let kernel = kernel.min(2 * line.len());
    let before = kernel / 2;
    let mut padded = vec![0; (line.len() + kernel).next_multiple_of(kernel)];
    padded[before..before + line.len()].copy_from_slice(line);
    let mut from_start = padded.clone();
    let mut to_end = padded;
    for block in from_start.chunks_exact_mut(kernel) {
        for i in 1..kernel {
            block[i] = block[i].max(block[i - 1]);
        }
    }
    for block in to_end.chunks_exact_mut(kernel) {
        for i in (0..kernel - 1).rev() {
            block[i] = block[i].max(block[i + 1]);
        }
    }
    (0..line.len())
        .map(|i| to_end[i].max(from_start[i + kernel - 1]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, without the trick.
    fn plain_maxima(line: &[u8], kernel: usize) -> Vec<u8> {
        (0..line.len())
            .map(|i| {
                let start = i.saturating_sub(kernel / 2);
                let end = (i + kernel - kernel / 2).min(line.len());
                line[start..end].iter().copied().max().unwrap_or(0)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn maxima_are_those_of_the_definition(
            line in proptest::collection::vec(any::<u8>(), 1..60),
            kernel in 2_usize..200,
        ) {
            prop_assert_eq!(window_maxima(&line, kernel), plain_maxima(&line, kernel));
        }

        #[test]
        fn without_dilation_the_mask_is_the_complement(alpha in any::<u8>(), kernel in 0_u32..2) {
            let alpha = GrayImage::from_pixel(3, 2, Luma([alpha]));
            let mask = background_mask(&alpha, kernel);
            for (mask, alpha) in mask.pixels().zip(alpha.pixels()) {
                prop_assert_eq!(mask.0[0], 255 - alpha.0[0]);
            }
        }
    }
}
