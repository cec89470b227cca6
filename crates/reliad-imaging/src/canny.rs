//! Canny edges, pixel for pixel those of OpenCV's `cv2.Canny` (aperture 3, L1 norm).
//!
//! `imageproc::edges::canny` takes one channel, blurs first and computes with an L2 norm in
//! floating point; it doesn't agree with OpenCV, on which public ControlNets were trained.

use image::{GrayImage, Luma, RgbImage};

/// Fractional bits of the fixed-point tangent.
const SHIFT: i32 = 15;
/// tan(22.5°) with [`SHIFT`] fractional bits, rounded.
const TAN_22_5: i32 = 13573;

/// The gradient of one pixel.
#[derive(Clone, Copy, Default)]
struct Gradient {
    dx: i32,
    dy: i32,
}

impl Gradient {
    fn magnitude(self) -> i32 {
        self.dx.abs() + self.dy.abs()
    }
}

/// What non-maximum suppression left of a pixel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    /// Between the thresholds: an edge only if it hangs on to one.
    Weak,
    Edge,
}

/// The method's thresholds, low and high (METHOD: Canny 100/200 on the product over black).
pub const THRESHOLDS: [f32; 2] = [100.0, 200.0];

/// Edges of a colour picture as `cv2.Canny(picture, low, high)` draws them: 255 on an edge, else 0.
///
/// `low` and `high` are thresholds on |dx| + |dy| of 3x3 Sobel derivatives (0 to 2040); fractions
/// are dropped, and they are swapped if `low` is the higher. Each pixel uses the channel with the
/// largest magnitude, the first of equals.
///
/// Source: OpenCV, `modules/imgproc/src/canny.cpp`; Canny, *A computational approach to edge
/// detection*, PAMI 1986.
pub fn canny(picture: &RgbImage, low: f32, high: f32) -> GrayImage {
    let (width, height) = picture.dimensions();
    if width == 0 || height == 0 {
        return GrayImage::new(width, height);
    }
    let (low, high) = if low > high { (high, low) } else { (low, high) };
    let (low, high) = (low.floor() as i32, high.floor() as i32);
    let gradients = gradients(picture);
    let mut marks = suppress(&gradients, width as usize, height as usize, low, high);
    follow(&mut marks, width as usize, height as usize);
    GrayImage::from_fn(width, height, |x, y| {
        let mark = marks[y as usize * width as usize + x as usize];
        Luma([if mark == Mark::Edge { 255 } else { 0 }])
    })
}

/// Sobel derivatives of each pixel's strongest channel; the picture's border pixels are repeated.
fn gradients(picture: &RgbImage) -> Vec<Gradient> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let bytes = picture.as_raw();
    let mut gradients = Vec::with_capacity(width * height);
    for y in 0..height {
        let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)].map(|y| y * width);
        for x in 0..width {
            let columns = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
            let mut strongest = Gradient::default();
            for channel in 0..3 {
                let at = |row: usize, column: usize| {
                    i32::from(bytes[(rows[row] + columns[column]) * 3 + channel])
                };
                let gradient = Gradient {
                    dx: at(0, 2) - at(0, 0) + 2 * (at(1, 2) - at(1, 0)) + at(2, 2) - at(2, 0),
                    dy: at(2, 0) - at(0, 0) + 2 * (at(2, 1) - at(0, 1)) + at(2, 2) - at(0, 2),
                };
                if channel == 0 || gradient.magnitude() > strongest.magnitude() {
                    strongest = gradient;
                }
            }
            gradients.push(strongest);
        }
    }
    gradients
}

/// Keeps the pixels above `low` that are maxima across their edge, and marks those above `high`.
///
/// Four directions are told apart by fixed-point tangents of 22.5° and 67.5°. Of two equal
/// neighbours along an axis the left or upper one wins; along a diagonal neither does. Outside
/// the picture the magnitude is 0.
fn suppress(gradients: &[Gradient], width: usize, height: usize, low: i32, high: i32) -> Vec<Mark> {
    let magnitude = |x: isize, y: isize| {
        if x < 0 || y < 0 || x >= width as isize || y >= height as isize {
            0
        } else {
            gradients[y as usize * width + x as usize].magnitude()
        }
    };
    let mut marks = Vec::with_capacity(gradients.len());
    for (index, gradient) in gradients.iter().enumerate() {
        let own = gradient.magnitude();
        if own <= low {
            marks.push(Mark::Nothing);
            continue;
        }
        let (x, y) = ((index % width) as isize, (index / width) as isize);
        let flat = gradient.dx.abs() * TAN_22_5;
        let steep = flat + (gradient.dx.abs() << (SHIFT + 1));
        let rise = gradient.dy.abs() << SHIFT;
        let is_maximum = if rise < flat {
            own > magnitude(x - 1, y) && own >= magnitude(x + 1, y)
        } else if rise > steep {
            own > magnitude(x, y - 1) && own >= magnitude(x, y + 1)
        } else {
            let side = if (gradient.dx ^ gradient.dy) < 0 {
                -1
            } else {
                1
            };
            own > magnitude(x - side, y - 1) && own > magnitude(x + side, y + 1)
        };
        marks.push(match is_maximum {
            true if own > high => Mark::Edge,
            true => Mark::Weak,
            false => Mark::Nothing,
        });
    }
    marks
}

/// Turns weak pixels into edges where one of their 8 neighbours is an edge, until none is left.
fn follow(marks: &mut [Mark], width: usize, height: usize) {
    let mut open: Vec<usize> = (0..marks.len())
        .filter(|&index| marks[index] == Mark::Edge)
        .collect();
    while let Some(index) = open.pop() {
        let (x, y) = (index % width, index / width);
        for y in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            for x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                let neighbour = y * width + x;
                if marks[neighbour] == Mark::Weak {
                    marks[neighbour] = Mark::Edge;
                    open.push(neighbour);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tangent_is_that_of_22_5_degrees() {
        let tangent = 22.5_f64.to_radians().tan() * f64::from(1 << SHIFT);
        assert_eq!(f64::from(TAN_22_5), tangent.round());
    }
}
