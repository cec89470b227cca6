//! Reading a product picture: PNG, WebP or JPEG, with alpha or on a white ground.

use std::path::Path;

use image::RgbaImage;

use crate::open::{self, check_size};
use crate::{Bounds, Error, Problem, Result, Warning, faint, white_ground};

/// The least that the longer side of the product's visible part measures, in pixels.
pub const MIN_SIDE: u32 = 8;
/// A picture whose least alpha is this has no transparency worth the name.
const OPAQUE: u8 = 250;
/// Alpha from which on a pixel counts for the product's box: one half, as in the paper's reference.
pub const SOLID: u8 = 128;

/// A product with something visible on a transparent ground: straight alpha, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutout {
    rgba: RgbaImage,
    bounds: Bounds,
    visible: Bounds,
    warnings: Vec<Warning>,
}

impl Cutout {
    /// Reads a product picture.
    ///
    /// It is opened as [`open::open`] does it, and 16-bit channels become 8-bit ones. A picture without
    /// transparency must stand on white, which is made transparent. Faint pixels that lie apart from
    /// the product are, too.
    ///
    /// # Errors
    /// [`Error::File`] with the path and the [`Problem`]. The size is checked in the header, before
    /// anything is decoded.
    pub fn read(path: &Path) -> Result<Self> {
        let opened = open::open(path)?;
        let warnings = opened.warning.into_iter().collect();
        Self::validate(opened.picture.into_rgba8(), warnings).map_err(|problem| Error::File {
            path: path.to_owned(),
            problem,
        })
    }

    /// A product picture from its pixels, under the same conditions as a file's.
    ///
    /// # Errors
    /// [`Error::Picture`] with the [`Problem`].
    pub fn from_rgba(rgba: RgbaImage) -> Result<Self> {
        Self::validate(rgba, Vec::new()).map_err(Error::Picture)
    }

    /// The whole picture, with straight alpha.
    pub fn rgba(&self) -> &RgbaImage {
        &self.rgba
    }

    /// The product's box: the smallest that holds every pixel with an alpha of at least [`SOLID`]. Where those measure
    /// less than [`MIN_SIDE`], that of everything visible.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The smallest box that holds everything visible, soft edges and shadows included: where alpha is above 0.
    pub fn visible(&self) -> Bounds {
        self.visible
    }

    /// What is doubtful about the picture.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn validate(mut rgba: RgbaImage, mut warnings: Vec<Warning>) -> Result<Self, Problem> {
        let (width, height) = rgba.dimensions();
        check_size(width, height)?;
        if width.max(height) < MIN_SIDE {
            return Err(Problem::TooSmall { width, height });
        }
        if rgba.pixels().all(|pixel| pixel.0[3] >= OPAQUE) {
            warnings.extend(white_ground::lift(&mut rgba)?);
        }
        let boxes = faint::measure(&mut rgba).ok_or(Problem::Transparent)?;
        warnings.extend(boxes.warning);
        let Bounds { width, height, .. } = boxes.solid;
        if width.max(height) < MIN_SIDE {
            return Err(Problem::TooSmall { width, height });
        }
        Ok(Self {
            rgba,
            bounds: boxes.solid,
            visible: boxes.visible,
            warnings,
        })
    }
}
