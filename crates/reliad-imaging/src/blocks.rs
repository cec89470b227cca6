//! Pictures reduced by a whole factor: each pixel the mean of a block, in whole numbers, so that data read at half its size
//! is the same everywhere.

use image::{GrayImage, RgbImage, RgbaImage};

/// Means of blocks of `factor` x `factor` pixels; a rest at the right and below is dropped.
///
/// # Panics
/// When `factor` is 0.
pub fn gray(picture: &GrayImage, factor: u32) -> GrayImage {
    let (width, height) = reduced(picture.dimensions(), factor);
    let blocks = Blocks::<1>::of(picture.as_raw(), picture.width(), factor);
    GrayImage::from_fn(width, height, |x, y| image::Luma(blocks.mean(x, y)))
}

/// Means of blocks of `factor` x `factor` pixels; a rest at the right and below is dropped.
///
/// # Panics
/// When `factor` is 0.
pub fn rgb(picture: &RgbImage, factor: u32) -> RgbImage {
    let (width, height) = reduced(picture.dimensions(), factor);
    let blocks = Blocks::<3>::of(picture.as_raw(), picture.width(), factor);
    RgbImage::from_fn(width, height, |x, y| image::Rgb(blocks.mean(x, y)))
}

/// Means of blocks of `factor` x `factor` pixels, colours weighted by the (straight) alpha; a rest at the right and below is
/// dropped. What is invisible is black.
///
/// # Panics
/// When `factor` is 0.
pub fn rgba(picture: &RgbaImage, factor: u32) -> RgbaImage {
    let (width, height) = reduced(picture.dimensions(), factor);
    let blocks = Blocks::<4>::of(picture.as_raw(), picture.width(), factor);
    RgbaImage::from_fn(width, height, |x, y| image::Rgba(blocks.weighted(x, y)))
}

fn reduced((width, height): (u32, u32), factor: u32) -> (u32, u32) {
    (width / factor, height / factor)
}

/// Interleaved pixels of `C` channels in blocks.
struct Blocks<'a, const C: usize> {
    bytes: &'a [u8],
    width: usize,
    factor: usize,
}

impl<'a, const C: usize> Blocks<'a, C> {
    fn of(bytes: &'a [u8], width: u32, factor: u32) -> Self {
        Self {
            bytes,
            width: width as usize,
            factor: factor as usize,
        }
    }

    fn pixels(&self, x: u32, y: u32) -> impl Iterator<Item = [u32; C]> {
        let (x, y) = (x as usize * self.factor, y as usize * self.factor);
        (y..y + self.factor).flat_map(move |row| {
            let from = (row * self.width + x) * C;
            let row = &self.bytes[from..from + self.factor * C];
            let pixels = row.chunks_exact(C);
            pixels.map(|pixel| std::array::from_fn(|channel| u32::from(pixel[channel])))
        })
    }

    fn mean(&self, x: u32, y: u32) -> [u8; C] {
        let mut sums = [0; C];
        for pixel in self.pixels(x, y) {
            (0..C).for_each(|channel| sums[channel] += pixel[channel]);
        }
        let count = (self.factor * self.factor) as u32;
        sums.map(|sum| nearest(sum, count))
    }
}

impl Blocks<'_, 4> {
    fn weighted(&self, x: u32, y: u32) -> [u8; 4] {
        let mut sums = [0; 4];
        for [red, green, blue, alpha] in self.pixels(x, y) {
            for (sum, value) in sums.iter_mut().zip([red, green, blue, 1]) {
                *sum += alpha * value;
            }
        }
        let [red, green, blue, alpha] = sums;
        let [red, green, blue] = [red, green, blue].map(|sum| nearest(sum, alpha.max(1)));
        let count = (self.factor * self.factor) as u32;
        [red, green, blue, nearest(alpha, count)]
    }
}

/// `sum / count`, rounded to the nearest; halves up.
fn nearest(sum: u32, count: u32) -> u8 {
    ((sum + count / 2) / count) as u8
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb, Rgba};

    use super::*;

    #[test]
    fn blocks_become_their_means() {
        let picture = GrayImage::from_fn(5, 4, |x, y| Luma([(x * 10 + y) as u8]));
        // The fifth column is a rest.
        assert_eq!(gray(&picture, 2).into_raw(), [6, 26, 8, 28]);
        assert_eq!(gray(&picture, 1), picture);
        let picture = RgbImage::from_fn(3, 3, |x, y| Rgb([x as u8, y as u8, 200]));
        assert_eq!(rgb(&picture, 3).into_raw(), [1, 1, 200]);
    }

    #[test]
    fn colours_are_weighted_by_alpha() {
        let mut picture = RgbaImage::new(4, 2);
        picture.put_pixel(0, 0, Rgba([200, 100, 50, 255]));
        picture.put_pixel(1, 0, Rgba([90, 90, 90, 0]));
        picture.put_pixel(2, 0, Rgba([100, 0, 0, 100]));
        picture.put_pixel(3, 1, Rgba([0, 100, 0, 200]));
        let reduced = rgba(&picture, 2);
        assert_eq!(reduced.get_pixel(0, 0).0, [200, 100, 50, 64]);
        assert_eq!(reduced.get_pixel(1, 0).0, [33, 67, 0, 75]);
        assert_eq!(rgba(&RgbaImage::new(2, 2), 2).into_raw(), [0; 4]);
    }
}
