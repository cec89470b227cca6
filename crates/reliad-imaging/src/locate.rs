//! Where in a picture a product stands, at what size: for pictures that came without their product's placement.
//!
//! Ours: the cut-out is laid over a small copy of the picture at every place and many sizes, and the best fits are
//! refined from copy to copy. A fit is the mean distance of colours under the alpha, so a product that was turned,
//! cropped or painted anew isn't found.

use std::collections::HashMap;

use image::{RgbImage, RgbaImage, imageops};

use crate::{Bounds, Cutout, resize};

/// Longest sides of the copies, in pixels, from the coarsest on.
const LEVELS: [u32; 4] = [64, 128, 256, 512];
/// Sizes tried on the coarsest copy, as shares of the picture's longest side: from one to the other in equal ratios.
const SMALLEST: f64 = 0.12;
const RATIO: f64 = 1.06;
/// Fits that are refined from each level to the next.
const KEPT: [usize; 4] = [12, 8, 3, 1];
/// A plain product fits into its own middle at a smaller size: of fits within this distance of the best (levels of
/// 255), the largest is taken.
const NEAR: f32 = 3.0;
/// Steps of a refinement at most.
const STEPS: usize = 12;

/// A product found in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The box that it fills.
    pub bounds: Bounds,
    /// The product on a transparent canvas of the picture's size, straight alpha.
    pub rgba: RgbaImage,
    /// Mean distance of the colours under the alpha, in levels of 255, over the three channels.
    pub distance: f32,
}

/// A size and a place: the box's longest side and its left upper corner, in pixels of a level.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fit {
    side: f64,
    x: i64,
    y: i64,
    distance: f32,
}

/// Finds the product in the picture. `None` when the picture is smaller than 16 pixels.
///
/// A cut-out of the picture's own size is first taken to stand where it stands in its file.
pub fn locate(picture: &RgbImage, cutout: &Cutout) -> Option<Located> {
    let (width, height) = picture.dimensions();
    if width.min(height) < 16 {
        return None;
    }
    let searched = search(picture, cutout);
    if cutout.rgba().dimensions() != picture.dimensions() {
        return Some(searched);
    }
    let own = Located {
        bounds: cutout.bounds(),
        rgba: cutout.rgba().clone(),
        distance: distance(picture, cutout.rgba(), 0, 0),
    };
    // Found elsewhere only if it clearly fits better there.
    Some(match searched.distance + NEAR < own.distance {
        true => searched,
        false => own,
    })
}

fn search(picture: &RgbImage, cutout: &Cutout) -> Located {
    let visible = cutout.bounds();
    let product = imageops::crop_imm(
        cutout.rgba(),
        visible.x,
        visible.y,
        visible.width,
        visible.height,
    )
    .to_image();
    let longest = picture.width().max(picture.height());
    let mut fits: Vec<Fit> = Vec::new();
    let mut side = 0;
    let levels: Vec<u32> = LEVELS
        .into_iter()
        .filter(|level| *level < longest)
        .chain([longest])
        .collect();
    for (number, &level) in levels.iter().enumerate() {
        let size = |pixels: u32| (pixels * level).div_ceil(longest).max(1);
        let copy = match level == longest {
            true => picture.clone(),
            false => resize::rgb(picture, size(picture.width()), size(picture.height())),
        };
        let mut level_fits = Level {
            picture: &copy,
            product: &product,
            sizes: HashMap::new(),
        };
        fits = if number == 0 {
            level_fits.everywhere(f64::from(level))
        } else {
            let factor = f64::from(level) / f64::from(side);
            let finer = fits.iter().map(|fit| Fit {
                side: fit.side * factor,
                x: (fit.x as f64 * factor).round() as i64,
                y: (fit.y as f64 * factor).round() as i64,
                ..*fit
            });
            let finer: Vec<Fit> = finer.collect();
            finer
                .into_iter()
                .map(|fit| level_fits.refined(fit))
                .collect()
        };
        fits.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let kept = KEPT.get(number).copied().unwrap_or(1);
        fits = best(fits, kept);
        side = level;
    }
    let best = best(fits, 1)[0];
    let sized = Level {
        picture,
        product: &product,
        sizes: HashMap::new(),
    }
    .sized(best.side);
    let mut rgba = RgbaImage::new(picture.width(), picture.height());
    imageops::replace(&mut rgba, &sized, best.x, best.y);
    Located {
        bounds: Bounds {
            x: best.x.max(0) as u32,
            y: best.y.max(0) as u32,
            width: sized.width().min(picture.width()),
            height: sized.height().min(picture.height()),
        },
        rgba,
        distance: best.distance,
    }
}

/// The largest of those that fit about as well as the best, then the others by their fit; at most `kept`. `fits` is
/// sorted by distance and not empty.
fn best(mut fits: Vec<Fit>, kept: usize) -> Vec<Fit> {
    let near = fits
        .iter()
        .take_while(|fit| fit.distance <= fits[0].distance + NEAR);
    let largest = near
        .enumerate()
        .fold((0, 0.0), |best, (place, fit)| match fit.side > best.1 {
            true => (place, fit.side),
            false => best,
        });
    let first = fits.remove(largest.0);
    fits.insert(0, first);
    fits.truncate(kept);
    fits
}

/// A copy of the picture, and the product at the sizes that were asked for.
struct Level<'a> {
    picture: &'a RgbImage,
    product: &'a RgbaImage,
    sizes: HashMap<(u32, u32), RgbaImage>,
}

impl Level<'_> {
    /// The product with its longest side so long, at least 2 pixels a side.
    fn sized(&mut self, side: f64) -> RgbaImage {
        let (width, height) = self.product.dimensions();
        let factor = side / f64::from(width.max(height));
        let scaled = |pixels: u32| ((f64::from(pixels) * factor).round() as u32).max(2);
        let size = (scaled(width), scaled(height));
        self.sizes
            .entry(size)
            .or_insert_with(|| resize::rgba(self.product, size.0, size.1))
            .clone()
    }

    /// The best place of each size, on a copy whose longest side is `side`.
    fn everywhere(&mut self, side: f64) -> Vec<Fit> {
        let mut fits = Vec::new();
        let (width, height) = self.picture.dimensions();
        let mut share = 1.0;
        while share >= SMALLEST {
            let longest = share * side;
            share /= RATIO;
            let product = self.sized(longest);
            if product.width() > width || product.height() > height {
                continue;
            }
            let mut best: Option<Fit> = None;
            for y in 0..=i64::from(height - product.height()) {
                for x in 0..=i64::from(width - product.width()) {
                    let distance = distance(self.picture, &product, x, y);
                    if best.is_none_or(|best| distance < best.distance) {
                        best = Some(Fit {
                            side: longest,
                            x,
                            y,
                            distance,
                        });
                    }
                }
            }
            fits.extend(best);
        }
        if fits.is_empty() {
            // A product longer than the picture is wide at every size: its own proportions decide.
            fits.push(Fit {
                side: SMALLEST * side,
                x: 0,
                y: 0,
                distance: f32::INFINITY,
            });
        }
        fits
    }

    /// The fit moved and resized by single pixels while that makes it better.
    fn refined(&mut self, fit: Fit) -> Fit {
        let mut best = Fit {
            distance: f32::INFINITY,
            ..fit
        };
        let mut from = fit;
        for _ in 0..STEPS {
            let before = best;
            for grow in [-1.0, 0.0, 1.0] {
                let side = from.side + grow;
                let product = self.sized(side);
                // Growing keeps the middle where it is.
                let shift = -(grow / 2.0).round() as i64;
                for dy in -1..=1 {
                    for dx in -1..=1 {
                        let (x, y) = (from.x + dx + shift, from.y + dy + shift);
                        let distance = distance(self.picture, &product, x, y);
                        if distance < best.distance {
                            best = Fit {
                                side,
                                x,
                                y,
                                distance,
                            };
                        }
                    }
                }
            }
            if best == before {
                break;
            }
            from = best;
        }
        best
    }
}

/// Mean distance of colours under the product's alpha, when its left upper corner lies at `(x, y)`; what lies outside the
/// picture counts as far away.
fn distance(picture: &RgbImage, product: &RgbaImage, x: i64, y: i64) -> f32 {
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    let (mut sum, mut weight) = (0u64, 0u64);
    for (row, line) in product.rows().enumerate() {
        for (column, pixel) in line.enumerate() {
            let [red, green, blue, alpha] = pixel.0;
            if alpha == 0 {
                continue;
            }
            let (px, py) = (x + column as i64, y + row as i64);
            let apart = if (0..width).contains(&px) && (0..height).contains(&py) {
                let there = picture.get_pixel(px as u32, py as u32).0;
                let apart = |a: u8, b: u8| u64::from(a.abs_diff(b));
                apart(red, there[0]) + apart(green, there[1]) + apart(blue, there[2])
            } else {
                3 * 255
            };
            sum += apart * u64::from(alpha);
            weight += u64::from(alpha);
        }
    }
    if weight == 0 {
        return f32::INFINITY;
    }
    (sum as f64 / (3 * weight) as f64) as f32
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use image::{Rgb, Rgba};

    use super::*;
    use crate::{Canvas, PlacedProduct, paste_back};

    /// A two-coloured bottle on a transparent ground, off its file's middle.
    fn cutout() -> Cutout {
        let rgba = RgbaImage::from_fn(120, 200, |x, y| {
            let body = (30..90).contains(&x) && (70..190).contains(&y);
            let neck = (50..70).contains(&x) && (20..70).contains(&y);
            let label = (40..80).contains(&x) && (110..150).contains(&y);
            match (label, body || neck) {
                (true, _) => Rgba([240, 220, 180, 255]),
                (false, true) => Rgba([30, 90 + (y / 4) as u8, 60, 255]),
                _ => Rgba([0; 4]),
            }
        });
        Cutout::from_rgba(rgba).unwrap()
    }

    fn scene(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let wave = (f64::from(x) / 9.0).sin() + (f64::from(y) / 13.0).cos();
            let level = (128.0 + 40.0 * wave) as u8;
            Rgb([level, level / 2 + 40, 255 - level])
        })
    }

    #[test]
    fn a_product_is_found_where_it_was_put() {
        let cutout = cutout();
        for (side, scale) in [(256, 0.74), (384, 0.4)] {
            let canvas = Canvas::new(side, side).unwrap();
            let placed = PlacedProduct::place(&cutout, canvas, scale);
            // Elsewhere than in the middle.
            let mut moved = RgbaImage::new(side, side);
            imageops::replace(&mut moved, placed.rgba(), 20, -14);
            let placed = PlacedProduct::from_canvas_rgba(moved).unwrap();
            let picture = paste_back(&scene(side, side), &placed);
            let found = locate(&picture, &cutout).unwrap();
            let (a, b) = (found.bounds, placed.bounds());
            for (a, b) in [
                (a.x, b.x),
                (a.y, b.y),
                (a.width, b.width),
                (a.height, b.height),
            ] {
                assert!(a.abs_diff(b) <= 1, "{found:?} {b:?}", found = found.bounds);
            }
            // The edge is blended, one pixel of 40 or more a row.
            assert!(found.distance < 4.0, "{}", found.distance);
        }
    }

    #[test]
    fn a_product_that_is_not_there_fits_badly() {
        let found = locate(&scene(200, 160), &cutout()).unwrap();
        assert!(found.distance > 15.0, "{}", found.distance);
        assert_eq!(found.rgba.dimensions(), (200, 160));
        assert!(locate(&RgbImage::new(9, 300), &cutout()).is_none());
    }

    #[test]
    fn a_cut_out_of_the_pictures_size_stands_where_its_file_says() {
        let cutout = cutout();
        let mut picture = scene(120, 200);
        for (x, y, pixel) in cutout.rgba().enumerate_pixels() {
            if pixel.0[3] > 0 {
                let [r, g, b, _] = pixel.0;
                picture.put_pixel(x, y, Rgb([r, g, b]));
            }
        }
        let found = locate(&picture, &cutout).unwrap();
        assert_eq!(found.bounds, cutout.bounds());
        assert_eq!((found.distance, &found.rgba), (0.0, cutout.rgba()));
    }
}
