//! What a spoilt source photo lacks: a part beyond its border, a hole, a smear.

use image::RgbaImage;

use crate::texture::smooth;

/// A fault of the product's own picture, in canvas coordinates, 0..1 from the left and from the top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Damage {
    /// The photo ended here: nothing is left beyond a straight line.
    Border {
        /// Whether the line is horizontal.
        horizontal: bool,
        /// Where the line lies.
        at: f32,
        /// Whether what has larger coordinates is kept.
        keeps_after: bool,
    },
    /// A round hole.
    Disc {
        /// Its middle.
        centre: (f32, f32),
        /// Its radius.
        radius: f32,
    },
    /// A rectangular hole.
    Block {
        /// Its upper left corner.
        low: (f32, f32),
        /// Its lower right corner.
        high: (f32, f32),
    },
    /// A rectangle whose rows repeat the colour of their left end.
    Smear {
        /// Its upper left corner.
        low: (f32, f32),
        /// Its lower right corner.
        high: (f32, f32),
    },
}

impl Damage {
    /// Whether the product is left at a place.
    pub fn keeps(&self, u: f32, v: f32) -> bool {
        self.coverage(u, v, 1e-6) >= 0.5
    }

    /// Whether the fault touches a place, be it a hole or a smear.
    pub fn touches(&self, u: f32, v: f32) -> bool {
        match self {
            Damage::Smear { low, high } => within(*low, *high, u, v),
            _ => !self.keeps(u, v),
        }
    }

    /// Share of a pixel of this width that is left of the product. Straight lines run between
    /// pixels, as those of a cropped photo do.
    fn coverage(&self, u: f32, v: f32, pixel: f32) -> f32 {
        let kept = match *self {
            Damage::Border {
                horizontal,
                at,
                keeps_after,
            } => (if horizontal { v } else { u } >= at) == keeps_after,
            Damage::Disc { centre, radius } => {
                let off = ((u - centre.0).powi(2) + (v - centre.1).powi(2)).sqrt();
                return smooth(-0.5 * pixel, 0.5 * pixel, off - radius);
            }
            Damage::Block { low, high } => !within(low, high, u, v),
            Damage::Smear { .. } => true,
        };
        f32::from(u8::from(kept))
    }

    /// Spoils a square picture of the product.
    pub fn apply(&self, image: &mut RgbaImage) {
        let n = image.width();
        let pixel = 1.0 / n as f32;
        let place = |x: u32| (x as f32 + 0.5) * pixel;
        for y in 0..n {
            let mut streak = None;
            for x in 0..n {
                let (u, v) = (place(x), place(y));
                let p = image.get_pixel_mut(x, y);
                if let Damage::Smear { low, high } = *self {
                    if within(low, high, u, v) && p[3] == 255 {
                        let [r, g, b, _] = *streak.get_or_insert(p.0);
                        p.0 = [r, g, b, 255];
                    }
                    continue;
                }
                let alpha = (f32::from(p[3]) * self.coverage(u, v, pixel) + 0.5) as u8;
                p.0 = if alpha == 0 {
                    [0; 4]
                } else {
                    [p[0], p[1], p[2], alpha]
                };
            }
        }
    }

    /// The same fault on a canvas that shows the place `middle` in its middle, `zoom` times as large.
    pub fn reframed(&self, middle: (f32, f32), zoom: f32) -> Damage {
        let one = |x: f32, m: f32| 0.5 + (x - m) * zoom;
        let both = |p: (f32, f32)| (one(p.0, middle.0), one(p.1, middle.1));
        match *self {
            Damage::Border {
                horizontal,
                at,
                keeps_after,
            } => Damage::Border {
                horizontal,
                at: one(at, if horizontal { middle.1 } else { middle.0 }),
                keeps_after,
            },
            Damage::Disc { centre, radius } => Damage::Disc {
                centre: both(centre),
                radius: radius * zoom,
            },
            Damage::Block { low, high } => Damage::Block {
                low: both(low),
                high: both(high),
            },
            Damage::Smear { low, high } => Damage::Smear {
                low: both(low),
                high: both(high),
            },
        }
    }
}

fn within(low: (f32, f32), high: (f32, f32), u: f32, v: f32) -> bool {
    (low.0..high.0).contains(&u) && (low.1..high.1).contains(&v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    #[test]
    fn a_border_leaves_a_straight_edge_and_a_smear_repeats_a_colour() {
        let picture = RgbaImage::from_fn(8, 8, |x, y| Rgba([x as u8 * 30, y as u8 * 30, 9, 255]));
        let mut cut = picture.clone();
        let border = Damage::Border {
            horizontal: false,
            at: 0.5,
            keeps_after: false,
        };
        border.apply(&mut cut);
        assert!(
            cut.enumerate_pixels()
                .all(|(x, _, p)| (p[3] == 255) == (x < 4))
        );
        let zoomed = border.reframed((0.25, 0.5), 2.0);
        assert!(zoomed.keeps(0.99, 0.5) && !zoomed.keeps(1.01, 0.5));
        let mut smeared = picture;
        let smear = Damage::Smear {
            low: (0.25, 0.0),
            high: (1.0, 1.0),
        };
        smear.apply(&mut smeared);
        assert_eq!(smeared.get_pixel(7, 3), &Rgba([60, 90, 9, 255]));
        assert_eq!(smeared.get_pixel(1, 3), &Rgba([30, 90, 9, 255]));
    }
}
