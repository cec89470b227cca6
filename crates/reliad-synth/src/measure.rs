//! What previews are measured for: how well a product stands out along its silhouette, how much a
//! shadow changes around its base, how much of its own picture is spoilt.

use image::{RgbImage, RgbaImage};

use crate::color::{delta_e, lab_of_srgb};
use crate::geometry::{Vec3, v3};

/// Lab distances (CIE 1976) between the product and what is behind it, along the silhouette.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separation {
    /// The median.
    pub median: f32,
    /// The upper quartile.
    pub upper: f32,
    /// Median sRGB colour (0..255, component by component) of the product along its silhouette.
    pub product: Vec3,
    /// The same of what is behind it.
    pub behind: Vec3,
    /// Median distance of the product's colours along the silhouette from their own median colour.
    pub variety: f32,
}

/// Measures the separation: for each silhouette pixel the mean of the product's pixels within two
/// pixels is compared with the mean of the scene's pixels outside the product within four.
pub fn separation(product: &RgbaImage, scene: &RgbImage) -> Separation {
    let (w, h) = (product.width() as i64, product.height() as i64);
    let alpha = |x: i64, y: i64| {
        if x < 0 || y < 0 || x >= w || y >= h {
            0
        } else {
            product.get_pixel(x as u32, y as u32)[3]
        }
    };
    let mut distances = Vec::new();
    let (mut all_front, mut all_behind) = (Vec::new(), Vec::new());
    for y in 0..h {
        for x in 0..w {
            let edge = [(1, 0), (-1, 0), (0, 1), (0, -1)]
                .iter()
                .any(|(i, j)| alpha(x + i, y + j) < 128);
            if alpha(x, y) < 128 || !edge {
                continue;
            }
            let (mut front, mut fronts, mut behind, mut behinds) =
                (Vec3::ZERO, 0.0, Vec3::ZERO, 0.0);
            for j in -4i64..=4 {
                for i in -4i64..=4 {
                    let (px, py) = (x + i, y + j);
                    if px < 0 || py < 0 || px >= w || py >= h {
                        continue;
                    }
                    let a = alpha(px, py);
                    if a >= 250 && i.abs() <= 2 && j.abs() <= 2 {
                        let p = product.get_pixel(px as u32, py as u32);
                        front += v3(f32::from(p[0]), f32::from(p[1]), f32::from(p[2]));
                        fronts += 1.0;
                    } else if a == 0 {
                        let p = scene.get_pixel(px as u32, py as u32);
                        behind += v3(f32::from(p[0]), f32::from(p[1]), f32::from(p[2]));
                        behinds += 1.0;
                    }
                }
            }
            if fronts > 0.0 && behinds > 0.0 {
                let (front, behind) = (front / fronts, behind / behinds);
                all_front.push(front);
                all_behind.push(behind);
                distances.push(delta_e(lab_of_srgb(front), lab_of_srgb(behind)));
            }
        }
    }
    if distances.is_empty() {
        return Separation {
            median: 0.0,
            upper: 0.0,
            product: Vec3::ZERO,
            behind: Vec3::ZERO,
            variety: 0.0,
        };
    }
    distances.sort_by(f32::total_cmp);
    let n = distances.len();
    let product = median_color(&all_front);
    let lab = lab_of_srgb(product);
    let mut spread: Vec<f32> = all_front
        .iter()
        .map(|c| delta_e(lab, lab_of_srgb(*c)))
        .collect();
    spread.sort_by(f32::total_cmp);
    Separation {
        median: distances[n / 2],
        upper: distances[n * 3 / 4],
        product,
        behind: median_color(&all_behind),
        variety: spread[n / 2],
    }
}

fn median_color(colors: &[Vec3]) -> Vec3 {
    let median = |component: usize| {
        let mut values: Vec<f32> = colors.iter().map(|c| c[component]).collect();
        values.sort_by(f32::total_cmp);
        values[values.len() / 2]
    };
    v3(median(0), median(1), median(2))
}

/// The smallest difference of a display value (0..1) that counts as seen.
const JUST_SEEN: f32 = 0.03;

/// Share of the pixels near the product's base, outside the product, in which two renderings of what
/// lies behind it differ visibly. `base` is the height of the base, 0..1 from the top; near is an
/// eighth of the canvas below and a quarter of it to the sides.
pub fn changed_near(product: &RgbaImage, a: &[Vec3], b: &[Vec3], base: f32) -> f32 {
    let n = product.width();
    let covered = product.enumerate_pixels().filter(|(_, _, p)| p[3] >= 128);
    let (left, right) = covered.fold((n, 0), |(left, right), (x, _, _)| {
        (left.min(x), right.max(x))
    });
    let aside = n / 4;
    let (top, bottom) = ((base - 0.125) * n as f32, (base + 0.125) * n as f32);
    let (mut near, mut differing) = (0, 0);
    for (index, (x, y, pixel)) in product.enumerate_pixels().enumerate() {
        let inside = x + aside >= left && x <= right + aside;
        if pixel[3] > 0 || !inside || (y as f32) < top || y as f32 > bottom {
            continue;
        }
        near += 1;
        differing += u32::from((a[index] - b[index]).abs().max_component() >= JUST_SEEN);
    }
    differing as f32 / near.max(1) as f32
}

/// Share of the pixels that a spoilt product picture has or has lost, compared with the whole one, in
/// which the two differ visibly.
pub fn changed(spoilt: &RgbaImage, whole: &RgbaImage) -> f32 {
    let (mut all, mut differing) = (0, 0);
    for (a, b) in spoilt.pixels().zip(whole.pixels()) {
        if b[3] < 128 {
            continue;
        }
        all += 1;
        let far = (0..4).any(|c| a[c].abs_diff(b[c]) > 24);
        differing += u32::from(far);
    }
    differing as f32 / all.max(1) as f32
}
