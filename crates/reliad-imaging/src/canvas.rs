//! The canvas a scene is painted on, and boxes of whole pixels on it.

use std::fmt;
use std::str::FromStr;

use image::RgbaImage;

use crate::{Error, Result};

/// The size of the picture to paint, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Canvas {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Canvas {
    /// Sides are multiples of this: the VAE turns blocks of 8x8 pixels into one latent pixel.
    pub const STEP: u32 = 8;
    /// The longest side, in pixels.
    pub const MAX_SIDE: u32 = 8192;

    /// A canvas of this size.
    ///
    /// # Errors
    /// [`Error::Canvas`] unless both sides are multiples of 8 from 8 to 8192.
    pub fn new(width: u32, height: u32) -> Result<Self> {
        let fits =
            |side: u32| side > 0 && side <= Self::MAX_SIDE && side.is_multiple_of(Self::STEP);
        if fits(width) && fits(height) {
            Ok(Self { width, height })
        } else {
            Err(Error::Canvas { width, height })
        }
    }
}

impl fmt::Display for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromStr for Canvas {
    type Err = Error;

    /// Reads `WIDTHxHEIGHT`, for example `768x512`.
    fn from_str(text: &str) -> Result<Self> {
        let unreadable = || Error::CanvasText(text.to_owned());
        let (width, height) = text.split_once(['x', 'X']).ok_or_else(unreadable)?;
        let side = |side: &str| side.trim().parse().map_err(|_| unreadable());
        Self::new(side(width)?, side(height)?)
    }
}

/// A box of whole pixels inside a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Columns left of the box.
    pub x: u32,
    /// Rows above the box.
    pub y: u32,
    /// Pixels across, at least 1.
    pub width: u32,
    /// Pixels down, at least 1.
    pub height: u32,
}

impl Bounds {
    /// The smallest box that holds every pixel with an alpha above 0; `None` if there is none.
    pub fn of_visible(picture: &RgbaImage) -> Option<Self> {
        Self::of_alpha(picture, 1)
    }

    /// The smallest box that holds every pixel with an alpha of at least `least`; `None` if there is none.
    pub fn of_alpha(picture: &RgbaImage, least: u8) -> Option<Self> {
        let (mut left, mut right, mut top, mut bottom) = (u32::MAX, 0, u32::MAX, 0);
        for (y, row) in picture.rows().enumerate() {
            let y = y as u32;
            for (x, pixel) in row.enumerate() {
                if pixel.0[3] >= least {
                    let x = x as u32;
                    left = left.min(x);
                    right = right.max(x);
                    top = top.min(y);
                    bottom = y;
                }
            }
        }
        (left <= right).then(|| Self {
            x: left,
            y: top,
            width: right - left + 1,
            height: bottom - top + 1,
        })
    }

    /// Whether the pixel at column `x`, row `y` is inside.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        reason = "a failed conversion is the test's failure"
    )]

    use super::*;

    #[test]
    fn only_multiples_of_eight_are_canvases() {
        for (width, height) in [(0, 8), (8, 0), (12, 8), (8, 9), (8200, 8), (u32::MAX, 8)] {
            let error = Canvas::new(width, height).unwrap_err().to_string();
            assert!(error.contains(&format!("{width}x{height}")), "{error}");
        }
        assert_eq!(
            Canvas::new(768, 8).unwrap(),
            Canvas {
                width: 768,
                height: 8
            }
        );
    }

    #[test]
    fn a_size_is_read_as_it_is_written() {
        let canvas: Canvas = "768x512".parse().unwrap();
        assert_eq!((canvas.width, canvas.height), (768, 512));
        assert_eq!(canvas.to_string(), "768x512");
        for text in ["", "512", "x", "axb", "512x-8", "512x513", "99999999999x8"] {
            assert!(text.parse::<Canvas>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_box_holds_every_visible_pixel() {
        let mut picture = RgbaImage::new(9, 7);
        assert_eq!(Bounds::of_visible(&picture), None);
        picture.get_pixel_mut(2, 6).0[3] = 1;
        picture.get_pixel_mut(8, 3).0[3] = 255;
        let bounds = Bounds::of_visible(&picture).unwrap();
        assert_eq!(
            bounds,
            Bounds {
                x: 2,
                y: 3,
                width: 7,
                height: 4
            }
        );
        assert!(bounds.contains(2, 6) && !bounds.contains(1, 6) && !bounds.contains(2, 7));
    }
}
