//! Where in a picture a product stands, at what size: for pictures that came without their product's placement.
//!
//! Ours: the cut-out is laid over a small copy of the picture at every place and many sizes, and the best fits are
//! refined from copy to copy. A fit is the mean distance of colours under the alpha, so a product that was turned or painted
//! anew isn't found. Where none fits well inside the picture, places are tried at which a part of the product lies outside.

use std::collections::HashMap;
use std::rc::Rc;

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
/// A product that fits this well inside the picture (levels of 255) isn't looked for beyond its edges.
const WELL: f32 = 6.0;
/// A product is taken to be cut if it fits better by this many levels of 255, and by this ratio, where a part of it lies
/// outside: fewer pixels fit more easily.
const BETTER: f32 = 6.0;
const BETTER_RATIO: f32 = 0.6;
/// Least part of its alpha that a product shows in the picture.
const LEAST_SHOWN: f64 = 0.45;
/// Largest size of a product that is cut, as a share of the picture's longest side.
const LARGEST_CUT: f64 = 1.3;
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
    /// Part of the product's alpha that lies outside the picture, 0 to 1.
    pub hidden: f32,
}

/// Where a product is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Places {
    /// Wholly inside the picture; what sticks out counts as far off.
    Inside,
    /// Over its edges; what sticks out counts for nothing.
    Beyond,
}

/// A size and a place: the box's longest side and its left upper corner, in pixels of a level.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fit {
    side: f64,
    x: i64,
    y: i64,
    distance: f32,
    /// Part of the product's alpha inside the picture.
    shown: f64,
}

impl Fit {
    /// How much of the picture the product covers, but for a factor that all fits have in common.
    fn area(&self) -> f64 {
        self.side * self.side * self.shown
    }
}

/// Finds the product in the picture. `None` when the picture is smaller than 16 pixels.
///
/// A cut-out of the picture's own size is first taken to stand where it stands in its file.
pub fn locate(picture: &RgbImage, cutout: &Cutout) -> Option<Located> {
    let (width, height) = picture.dimensions();
    if width.min(height) < 16 {
        return None;
    }
    let mut searched = search(picture, cutout, Places::Inside);
    if searched.distance > WELL {
        let cut = search(picture, cutout, Places::Beyond);
        let bar = (searched.distance - BETTER).min(BETTER_RATIO * searched.distance);
        if cut.distance < bar {
            searched = cut;
        }
    }
    if cutout.rgba().dimensions() != picture.dimensions() {
        return Some(searched);
    }
    let own = Located {
        bounds: cutout.visible(),
        rgba: cutout.rgba().clone(),
        distance: Level::of(picture, cutout.rgba(), Places::Inside)
            .measured(&Sized::of(cutout.rgba().clone()), (0, 0), f32::INFINITY)
            .0,
        hidden: 0.0,
    };
    // Found elsewhere only if it clearly fits better there.
    Some(match searched.distance + NEAR < own.distance {
        true => searched,
        false => own,
    })
}

fn search(picture: &RgbImage, cutout: &Cutout, places: Places) -> Located {
    let visible = cutout.visible();
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
        let mut level_fits = Level::of(&copy, &product, places);
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
    let sized = Level::of(picture, &product, places).sized(best.side);
    let mut rgba = RgbaImage::new(picture.width(), picture.height());
    imageops::replace(&mut rgba, &sized.rgba, best.x, best.y);
    let (x, width) = clipped(best.x, sized.rgba.width(), picture.width());
    let (y, height) = clipped(best.y, sized.rgba.height(), picture.height());
    Located {
        bounds: Bounds {
            x,
            y,
            width,
            height,
        },
        rgba,
        distance: best.distance,
        hidden: (1.0 - best.shown) as f32,
    }
}

/// The part of a side that lies inside the picture: its start and length, at least a pixel.
fn clipped(start: i64, length: u32, limit: u32) -> (u32, u32) {
    let end = (start + i64::from(length)).clamp(1, i64::from(limit));
    let start = start.clamp(0, end - 1);
    (start as u32, (end - start) as u32)
}

/// The one that covers most of those that fit about as well as the best, then the others by their fit; at most `kept`. `fits` is
/// sorted by distance and not empty.
fn best(mut fits: Vec<Fit>, kept: usize) -> Vec<Fit> {
    let near = fits
        .iter()
        .take_while(|fit| fit.distance <= fits[0].distance + NEAR);
    let largest = near
        .enumerate()
        .fold((0, 0.0), |best, (place, fit)| match fit.area() > best.1 {
            true => (place, fit.area()),
            false => best,
        });
    let first = fits.remove(largest.0);
    fits.insert(0, first);
    fits.truncate(kept);
    fits
}

/// The product at a size, and the sum of its alpha.
#[derive(Clone)]
struct Sized {
    rgba: RgbaImage,
    weight: u64,
}

impl Sized {
    fn of(rgba: RgbaImage) -> Self {
        let weight = rgba.pixels().map(|pixel| u64::from(pixel.0[3])).sum();
        Self { rgba, weight }
    }
}

/// A copy of the picture, and the product at the sizes that were asked for.
struct Level<'a> {
    picture: &'a RgbImage,
    product: &'a RgbaImage,
    places: Places,
    sizes: HashMap<(u32, u32), Rc<Sized>>,
}

impl<'a> Level<'a> {
    fn of(picture: &'a RgbImage, product: &'a RgbaImage, places: Places) -> Self {
        Self {
            picture,
            product,
            places,
            sizes: HashMap::new(),
        }
    }

    /// The product with its longest side so long, at least 2 pixels a side.
    fn sized(&mut self, side: f64) -> Rc<Sized> {
        let (width, height) = self.product.dimensions();
        let factor = side / f64::from(width.max(height));
        let scaled = |pixels: u32| ((f64::from(pixels) * factor).round() as u32).max(2);
        let size = (scaled(width), scaled(height));
        self.sizes
            .entry(size)
            .or_insert_with(|| Rc::new(Sized::of(resize::rgba(self.product, size.0, size.1))))
            .clone()
    }

    /// The best place of each size, on a copy whose longest side is `side`.
    fn everywhere(&mut self, side: f64) -> Vec<Fit> {
        let mut fits = Vec::new();
        let (width, height) = self.picture.dimensions();
        let mut share = match self.places {
            Places::Inside => 1.0,
            Places::Beyond => LARGEST_CUT,
        };
        while share >= SMALLEST {
            let longest = share * side;
            share /= RATIO;
            let product = self.sized(longest);
            let mut best: Option<Fit> = None;
            for (x, y) in self.starts(&product.rgba, (width, height)) {
                let limit = best.map_or(f32::INFINITY, |best| best.distance);
                let (distance, shown) = self.measured(&product, (x, y), limit);
                if distance < limit {
                    best = Some(Fit {
                        side: longest,
                        x,
                        y,
                        distance,
                        shown,
                    });
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
                shown: 1.0,
            });
        }
        fits
    }

    /// Places to try: those at which the product is inside, or those at which it isn't but its middle is.
    fn starts(&self, product: &RgbaImage, (width, height): (u32, u32)) -> Vec<(i64, i64)> {
        let (wide, tall) = (i64::from(product.width()), i64::from(product.height()));
        let (right, bottom) = (i64::from(width) - wide, i64::from(height) - tall);
        let is_inside = |x: i64, y: i64| (0..=right).contains(&x) && (0..=bottom).contains(&y);
        match self.places {
            Places::Inside => (0..=bottom)
                .flat_map(|y| (0..=right).map(move |x| (x, y)))
                .collect(),
            Places::Beyond => (-tall / 2..=bottom + tall / 2)
                .flat_map(|y| (-wide / 2..=right + wide / 2).map(move |x| (x, y)))
                .filter(|&(x, y)| !is_inside(x, y))
                .collect(),
        }
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
                        let (distance, shown) = self.measured(&product, (x, y), best.distance);
                        if distance < best.distance {
                            best = Fit {
                                side,
                                x,
                                y,
                                distance,
                                shown,
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

    /// Mean distance of colours under the product's alpha, when its left upper corner lies at `(x, y)`, and the part of its
    /// alpha that lies inside the picture. Infinite where it is clear to exceed `limit`.
    fn measured(&self, product: &Sized, (x, y): (i64, i64), limit: f32) -> (f32, f64) {
        let far = (f32::INFINITY, 0.0);
        if product.weight == 0 {
            return far;
        }
        let inside = |start: i64, length: u32, limit: u32| {
            let length = i64::from(length);
            let from = (-start).clamp(0, length);
            (from, (i64::from(limit) - start).clamp(from, length))
        };
        let (left, right) = inside(x, product.rgba.width(), self.picture.width());
        let (top, bottom) = inside(y, product.rgba.height(), self.picture.height());
        // No mean over fewer pixels than all is smaller than the sum over all of them.
        let most = f64::from(limit) * (3 * product.weight) as f64;
        let (wide, across) = (product.rgba.width() as usize, self.picture.width() as usize);
        let (mut sum, mut weight) = (0u64, 0u64);
        for row in top..bottom {
            let from = 4 * (row as usize * wide + left as usize);
            let own = &product.rgba.as_raw()[from..from + 4 * (right - left) as usize];
            let from = 3 * ((y + row) as usize * across + (x + left) as usize);
            let there = &self.picture.as_raw()[from..from + 3 * (right - left) as usize];
            for (own, there) in own.chunks_exact(4).zip(there.chunks_exact(3)) {
                let alpha = u64::from(own[3]);
                let apart: u64 = (0..3)
                    .map(|at| u64::from(own[at].abs_diff(there[at])))
                    .sum();
                sum += apart * alpha;
                weight += alpha;
            }
            if sum as f64 > most {
                return far;
            }
        }
        let shown = weight as f64 / product.weight as f64;
        match self.places {
            Places::Inside => {
                sum += 3 * 255 * (product.weight - weight);
                ((sum as f64 / (3 * product.weight) as f64) as f32, shown)
            }
            Places::Beyond if shown < LEAST_SHOWN => far,
            Places::Beyond => ((sum as f64 / (3 * weight) as f64) as f32, shown),
        }
    }
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
    fn a_product_that_is_cut_is_found_where_it_would_go_on() {
        let cutout = cutout();
        let canvas = Canvas::new(256, 256).unwrap();
        let placed = PlacedProduct::place(&cutout, canvas, 0.74);
        let whole = paste_back(&scene(256, 256), &placed);
        let bounds = placed.bounds();
        for part in [0.15, 0.3] {
            let end = bounds.y + ((1.0 - part) * f64::from(bounds.height)) as u32;
            let picture = imageops::crop_imm(&whole, 0, 0, 256, end).to_image();
            let found = locate(&picture, &cutout).unwrap();
            // Of 170 rows the last 120 are 60 wide, the others 20.
            let hidden = part * 170.0 * 60.0 / (120.0 * 60.0 + 50.0 * 20.0);
            assert!(
                (f64::from(found.hidden) - hidden).abs() < 0.03,
                "{} for {hidden}",
                found.hidden
            );
            assert!(
                found.bounds.x.abs_diff(bounds.x) <= 1,
                "{found:?}",
                found = found.bounds
            );
            assert!(found.distance < 4.0, "{}", found.distance);
        }
        assert_eq!(locate(&whole, &cutout).unwrap().hidden, 0.0);
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
