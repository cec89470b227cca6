//! The product on the canvas: scaled to a fraction of it, centred, its edge free of white.

use image::{GrayImage, Luma, RgbImage, Rgba, RgbaImage, imageops};

use crate::paste::blend;
use crate::{Bounds, Canvas, Cutout, Error, Problem, Result, edge, resize};

/// A product at its place on the canvas: the picture's pixels outside of which all is painted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedProduct {
    rgba: RgbaImage,
    bounds: Bounds,
}

impl PlacedProduct {
    /// Scales the product's box ([`Cutout::bounds`]) so that the larger of width / canvas width and
    /// height / canvas height is `scale`, and centres it.
    ///
    /// `scale` is a fraction from 0 to 1, in the paper .70 to .78; it is clamped, and not-a-number
    /// counts as 1. Sizes are rounded to whole pixels, at least 1; the box's centre lies within
    /// half a pixel of the canvas's. The whole box is resampled, including the last row and column,
    /// which the reference's crop drops, and so is what is fainter around it, as far as the canvas
    /// reaches. White is taken out of the product's edge before it is resampled.
    pub fn place(cutout: &Cutout, canvas: Canvas, scale: f32) -> Self {
        let scale = if scale.is_nan() {
            1.0
        } else {
            f64::from(scale.clamp(0.0, 1.0))
        };
        let product = cutout.bounds();
        let factor = (scale * f64::from(canvas.width) / f64::from(product.width))
            .min(scale * f64::from(canvas.height) / f64::from(product.height));
        let side =
            |side: u32, limit: u32| ((f64::from(side) * factor).round() as u32).clamp(1, limit);
        let width = side(product.width, canvas.width);
        let height = side(product.height, canvas.height);
        let bounds = Bounds {
            x: (canvas.width - width) / 2,
            y: (canvas.height - height) / 2,
            width,
            height,
        };
        let visible = cutout.visible();
        let across = Stretch::of(
            (product.x, product.width),
            (visible.x, visible.width),
            (bounds.x, width, canvas.width),
        );
        let down = Stretch::of(
            (product.y, product.height),
            (visible.y, visible.height),
            (bounds.y, height, canvas.height),
        );
        let mut part = imageops::crop_imm(
            cutout.rgba(),
            across.from,
            down.from,
            across.length,
            down.length,
        )
        .to_image();
        edge::decontaminate(&mut part, product.width.max(product.height));
        let part = resize::rgba(&part, across.length_after, down.length_after);
        let mut rgba = RgbaImage::new(canvas.width, canvas.height);
        imageops::replace(&mut rgba, &part, across.to, down.to);
        Self { rgba, bounds }
    }

    /// A product that already stands at its place on a canvas-sized picture with straight alpha.
    ///
    /// Only the edge's colours change (white is taken out), and invisible pixels become black.
    ///
    /// # Errors
    /// [`Error::Canvas`] if the picture's size isn't a canvas's, [`Error::Picture`] with
    /// [`Problem::Transparent`] if nothing is visible.
    pub fn from_canvas_rgba(mut rgba: RgbaImage) -> Result<Self> {
        Canvas::new(rgba.width(), rgba.height())?;
        let bounds = Bounds::of_visible(&rgba).ok_or(Error::Picture(Problem::Transparent))?;
        edge::decontaminate(&mut rgba, bounds.width.max(bounds.height));
        Ok(Self { rgba, bounds })
    }

    /// The product on the transparent canvas, with straight alpha; black where invisible.
    pub fn rgba(&self) -> &RgbaImage {
        &self.rgba
    }

    /// The canvas's size.
    pub fn canvas(&self) -> Canvas {
        Canvas {
            width: self.rgba.width(),
            height: self.rgba.height(),
        }
    }

    /// The box the product fills on the canvas; what is outside is faint or transparent.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The product's alpha, canvas sized: 255 where it is opaque, 0 where it isn't.
    pub fn alpha(&self) -> GrayImage {
        GrayImage::from_fn(self.rgba.width(), self.rgba.height(), |x, y| {
            Luma([self.rgba.get_pixel(x, y).0[3]])
        })
    }

    /// The product on a ground of one colour (sRGB), blended as [`paste_back`](crate::paste_back)
    /// does.
    pub fn over(&self, background: [u8; 3]) -> RgbImage {
        RgbImage::from_fn(self.rgba.width(), self.rgba.height(), |x, y| {
            let Rgba([red, green, blue, alpha]) = *self.rgba.get_pixel(x, y);
            image::Rgb(blend([red, green, blue], background, alpha))
        })
    }

    /// The product on black: the picture whose Canny edges steer the ControlNet.
    pub fn on_black(&self) -> RgbImage {
        self.over([0; 3])
    }
}

/// The part of a cut-out that comes onto the canvas along one axis: the product's box and what is faint beside it.
struct Stretch {
    /// Its first pixel in the cut-out.
    from: u32,
    /// Its pixels there.
    length: u32,
    /// Its pixels on the canvas.
    length_after: u32,
    /// Its first pixel on the canvas, which may lie outside.
    to: i64,
}

impl Stretch {
    /// `product` and `visible` are start and length in the cut-out, `placed` the product's on the canvas with the
    /// canvas's own length.
    fn of(product: (u32, u32), visible: (u32, u32), placed: (u32, u32, u32)) -> Self {
        let (start, length) = product;
        let (to, length_after, canvas) = placed;
        let factor = f64::from(length_after) / f64::from(length);
        // No more than the canvas shows: a haze over the whole cut-out would become a huge picture.
        let shown = |room: u32| (f64::from(room) / factor).ceil() as u32;
        let before = (start - visible.0).min(shown(to));
        let end = visible.0 + visible.1 - start - length;
        let after = end.min(shown(canvas - to - length_after));
        let scaled = |pixels: u32| (f64::from(pixels) * factor).round() as u32;
        Self {
            from: start - before,
            length: before + length + after,
            length_after: scaled(before) + length_after + scaled(after),
            to: i64::from(to) - i64::from(scaled(before)),
        }
    }
}
