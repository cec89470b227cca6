//! The one resampling of pictures: antialiased Catmull-Rom, with premultiplied alpha. (Data that shrinks by a whole factor
//! is averaged instead: [`blocks`](crate::blocks).)
//!
//! Catmull-Rom has a single negative lobe, so that an edge of the alpha channel gets neither a dip
//! inside nor a ghost outside the product, as wider filters give it. The arithmetic is f32 and
//! premultiplied colours aren't clamped before they are divided by the alpha, so that the lobe
//! leaves no bright or dark rim along the product either. Where the picture shrinks more than
//! fourfold, whole blocks are averaged first, which bounds the memory.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

/// Block averages leave the picture at least this many times as large as the result.
const GAP: u32 = 2;

/// A picture with straight alpha, resampled to `width` x `height`.
///
/// Invisible pixels don't bleed into visible ones; in the result they are black. An empty picture
/// gives a transparent one.
pub fn rgba(picture: &RgbaImage, width: u32, height: u32) -> RgbaImage {
    let pixels = resample(picture.dimensions(), (width, height), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(f32::from);
        let share = alpha / 255.0;
        [red * share, green * share, blue * share, alpha]
    });
    let mut pixels = pixels.into_iter();
    RgbaImage::from_fn(width, height, |_, _| {
        let [red, green, blue, alpha] = pixels.next().unwrap_or_default();
        let opacity = to_byte(alpha);
        if opacity == 0 {
            return Rgba([0; 4]);
        }
        let [red, green, blue] = [red, green, blue].map(|value| to_byte(value * 255.0 / alpha));
        Rgba([red, green, blue, opacity])
    })
}

/// A colour picture, resampled to `width` x `height`. An empty picture gives a black one.
pub fn rgb(picture: &RgbImage, width: u32, height: u32) -> RgbImage {
    let pixels = resample(picture.dimensions(), (width, height), |x, y| {
        let [red, green, blue] = picture.get_pixel(x, y).0.map(f32::from);
        [red, green, blue, 0.0]
    });
    let mut pixels = pixels.into_iter();
    RgbImage::from_fn(width, height, |_, _| {
        let [red, green, blue, _] = pixels.next().unwrap_or_default();
        Rgb([red, green, blue].map(to_byte))
    })
}

/// A picture of one channel, resampled to `width` x `height`. An empty picture gives a black one.
pub fn gray(picture: &GrayImage, width: u32, height: u32) -> GrayImage {
    let pixels = resample(picture.dimensions(), (width, height), |x, y| {
        [f32::from(picture.get_pixel(x, y).0[0]), 0.0, 0.0, 0.0]
    });
    let mut pixels = pixels.into_iter();
    GrayImage::from_fn(width, height, |_, _| {
        Luma([to_byte(pixels.next().unwrap_or_default()[0])])
    })
}

/// The size of a view of a picture of size `of` that is at most `side` pixels a side and never larger than the picture.
pub fn within(of: (u32, u32), side: u32) -> (u32, u32) {
    let longer = of.0.max(of.1);
    if longer <= side {
        return of;
    }
    let scale = f64::from(side) / f64::from(longer);
    let scaled = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    (scaled(of.0), scaled(of.1))
}

/// The nearest byte.
fn to_byte(value: f32) -> u8 {
    // A cast from float to integer saturates at 0 and 255.
    value.round() as u8
}

/// `to.0` * `to.1` resampled pixels, row by row; none if either picture is empty.
fn resample(
    from: (u32, u32),
    to: (u32, u32),
    load: impl Fn(u32, u32) -> [f32; 4],
) -> Vec<[f32; 4]> {
    if from.0 == 0 || from.1 == 0 || to.0 == 0 || to.1 == 0 {
        return Vec::new();
    }
    let block = ((from.0 / to.0 / GAP).max(1), (from.1 / to.1 / GAP).max(1));
    let small = (from.0.div_ceil(block.0), from.1.div_ceil(block.1));
    let mut source = Vec::with_capacity(small.0 as usize * small.1 as usize);
    for y in 0..small.1 {
        for x in 0..small.0 {
            let columns = x * block.0..((x + 1) * block.0).min(from.0);
            let rows = y * block.1..((y + 1) * block.1).min(from.1);
            let count = (columns.len() * rows.len()) as f32;
            let mut sum = [0.0; 4];
            for y in rows {
                for x in columns.clone() {
                    let pixel = load(x, y);
                    (0..4).for_each(|channel| sum[channel] += pixel[channel]);
                }
            }
            source.push(F32x4::new(sum.map(|value| value / count)));
        }
    }
    // The last blocks may stand for fewer pixels than the others: the crop weighs them by that.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .use_alpha(false)
        .crop(
            0.0,
            0.0,
            f64::from(from.0) / f64::from(block.0),
            f64::from(from.1) / f64::from(block.1),
        );
    let source = TypedImageRef::new(small.0, small.1, &source)
        .expect("the buffer was filled pixel by pixel for this size");
    let mut target = TypedImage::<F32x4>::new(to.0, to.1);
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .expect("the crop lies within the blocks by construction");
    target.pixels().iter().map(|pixel| pixel.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_size_gives_the_same_picture() {
        let picture = RgbaImage::from_fn(13, 7, |x, y| {
            Rgba([(x * 19) as u8, (y * 36) as u8, (x * y) as u8, 255])
        });
        assert_eq!(rgba(&picture, 13, 7), picture);
    }

    #[test]
    fn an_empty_picture_or_result_is_no_panic() {
        assert_eq!(rgba(&RgbaImage::new(0, 5), 3, 2), RgbaImage::new(3, 2));
        assert_eq!(rgb(&RgbImage::new(4, 4), 0, 2), RgbImage::new(0, 2));
    }

    #[test]
    fn views_keep_the_shape_and_are_never_larger() {
        assert_eq!(within((512, 256), 192), (192, 96));
        assert_eq!(within((100, 300), 160), (53, 160));
        assert_eq!(within((9000, 2), 160), (160, 1));
        assert_eq!(within((64, 160), 160), (64, 160));
        assert_eq!(within((0, 0), 160), (0, 0));
    }

    #[test]
    fn block_averages_keep_the_scale() {
        // A ramp stays a ramp, whether or not the blocks divide the picture.
        for size in [640_u32, 643, 700, 701] {
            let ramp = GrayImage::from_fn(size, 1, |x, _| Luma([(x * 255 / (size - 1)) as u8]));
            for (x, pixel) in gray(&ramp, 20, 1).pixels().enumerate() {
                let expected = (x as f32 + 0.5) / 20.0 * 255.0;
                let difference = (f32::from(pixel.0[0]) - expected).abs();
                // The filter's border and whole steps of the ramp account for 3 values.
                assert!(
                    difference < 3.0,
                    "{size}: {x}: {} for {expected}",
                    pixel.0[0]
                );
            }
        }
    }

    #[test]
    fn an_edge_gets_no_dip_and_no_ghost() {
        for (from, to) in [(40_u32, 97_u32), (97, 40), (300, 41)] {
            let half = RgbaImage::from_fn(from, 1, |x, _| {
                Rgba([90, 90, 90, if x < from / 2 { 255 } else { 0 }])
            });
            let alphas: Vec<_> = rgba(&half, to, 1)
                .pixels()
                .map(|pixel| pixel.0[3])
                .collect();
            assert!(
                alphas.is_sorted_by(|left, right| left >= right),
                "{from} to {to}: {alphas:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn one_colour_stays_one_colour(
            from in (1_u32..90, 1_u32..90), to in (1_u32..40, 1_u32..40), colour: [u8; 3],
        ) {
            let picture = RgbaImage::from_fn(from.0, from.1, |x, y| {
                let visible = (x * 7 + y * 3) % 5 > 0 || (x, y) == (0, 0);
                let [red, green, blue] = if visible { colour } else { [255, 0, 255] };
                Rgba([red, green, blue, if visible { 255 } else { 0 }])
            });
            for pixel in rgba(&picture, to.0, to.1).pixels().filter(|pixel| pixel.0[3] > 0) {
                for (value, colour) in pixel.0.into_iter().zip(colour) {
                    // f32 rounding, before the value is rounded to a byte.
                    prop_assert!(value.abs_diff(colour) <= 1);
                }
            }
        }
    }
}
