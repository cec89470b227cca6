//! Reading a product picture: PNG, WebP or JPEG, with alpha or on a white ground.

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;

use image::error::{ImageError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};

use crate::{Bounds, Error, Problem, Result, white_ground};

/// The longest side of a picture that is read, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// The most pixels of a picture that is read: 256 MB as RGBA.
pub const MAX_PIXELS: u64 = 64_000_000;
/// The most bytes of a file that is read.
pub const MAX_BYTES: u64 = 512 << 20;
/// The least that the longer side of the product's visible part measures, in pixels.
pub const MIN_SIDE: u32 = 8;
/// A picture whose least alpha is this has no transparency worth the name.
const OPAQUE: u8 = 250;
/// The most memory a decoder may ask for beyond the picture's own, in bytes.
const DECODER_MEMORY: u64 = 768 << 20;

/// A product with something visible on a transparent ground: straight alpha, 8 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cutout {
    rgba: RgbaImage,
    bounds: Bounds,
}

impl Cutout {
    /// Reads a product picture.
    ///
    /// The format is that of the content, whatever the name. 16-bit channels become 8-bit ones,
    /// the EXIF orientation is applied, and of an animation the first picture is taken. A picture
    /// without transparency must stand on white, which is made transparent.
    ///
    /// # Errors
    /// [`Error::File`] with the path and the [`Problem`]. The size is checked in the header, before
    /// anything is decoded.
    pub fn read(path: &Path) -> Result<Self> {
        read_bytes(path)
            .and_then(|bytes| decode(&bytes))
            .and_then(Self::validate)
            .map_err(|problem| Error::File {
                path: path.to_owned(),
                problem,
            })
    }

    /// A product picture from its pixels, under the same conditions as a file's.
    ///
    /// # Errors
    /// [`Error::Picture`] with the [`Problem`].
    pub fn from_rgba(rgba: RgbaImage) -> Result<Self> {
        Self::validate(rgba).map_err(Error::Picture)
    }

    /// The whole picture, with straight alpha.
    pub fn rgba(&self) -> &RgbaImage {
        &self.rgba
    }

    /// The smallest box that holds everything visible: where alpha is above 0.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn validate(mut rgba: RgbaImage) -> Result<Self, Problem> {
        let (width, height) = rgba.dimensions();
        check_size(width, height)?;
        if width.max(height) < MIN_SIDE {
            return Err(Problem::TooSmall { width, height });
        }
        if rgba.pixels().all(|pixel| pixel.0[3] >= OPAQUE) {
            white_ground::lift(&mut rgba)?;
        }
        let bounds = Bounds::of_visible(&rgba).ok_or(Problem::Transparent)?;
        let Bounds { width, height, .. } = bounds;
        if width.max(height) < MIN_SIDE {
            return Err(Problem::TooSmall { width, height });
        }
        Ok(Self { rgba, bounds })
    }
}

fn check_size(width: u32, height: u32) -> Result<(), Problem> {
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(Problem::TooLarge(format!("{width}x{height} pixels")));
    }
    Ok(())
}

pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Problem> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Problem::Missing,
        _ => Problem::Unreadable(error),
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(Problem::Directory);
    }
    if !metadata.is_file() {
        return Err(Problem::NotAFile);
    }
    if metadata.len() > MAX_BYTES {
        return Err(Problem::TooLarge(format!("{} MiB", metadata.len() >> 20)));
    }
    fs::read(path).map_err(unreadable)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<RgbaImage, Problem> {
    if bytes.is_empty() {
        return Err(Problem::Empty);
    }
    let format = image::guess_format(bytes).map_err(|_| Problem::Format {
        found: "no picture that is known here".to_owned(),
    })?;
    match format {
        ImageFormat::Png => {}
        ImageFormat::Jpeg => check_jpeg(bytes)?,
        ImageFormat::WebP => check_webp(bytes)?,
        other => {
            let name = other
                .extensions_str()
                .first()
                .unwrap_or(&"unknown")
                .to_uppercase();
            return Err(Problem::Format {
                found: format!("a {name} file"),
            });
        }
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_MEMORY);
    // The size is checked below, where the message can name it.
    limits.max_image_width = None;
    limits.max_image_height = None;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    // A broken EXIF block costs the orientation, not the picture.
    let orientation = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    Ok(picture.into_rgba8())
}

fn damaged(error: ImageError) -> Problem {
    match error {
        ImageError::Limits(limit) if matches!(limit.kind(), LimitErrorKind::InsufficientMemory) => {
            Problem::TooLarge(format!("more than {} MiB to decode", DECODER_MEMORY >> 20))
        }
        // One line, whatever the decoder says.
        error => Problem::Damaged(
            error
                .to_string()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        ),
    }
}

/// Refuses what the JPEG decoder would silently make something of: CMYK, and a file that breaks
/// off, which it fills with grey.
///
/// Source: ITU-T T.81, annex B.
fn check_jpeg(bytes: &[u8]) -> Result<(), Problem> {
    const START_OF_SCAN: u8 = 0xDA;
    const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];
    // Segments up to the first scan: marker, length in two bytes, content.
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = bytes.get(at..at + 4) {
        if marker == START_OF_SCAN {
            break;
        }
        if marker == 0xFF {
            at += 1;
            continue;
        }
        let is_frame = (0xC0..=0xCF).contains(&marker) && ![0xC4, 0xC8, 0xCC].contains(&marker);
        // Length (2), precision (1), height (2), width (2), number of components (1).
        if is_frame && bytes.get(at + 9) == Some(&4) {
            return Err(Problem::Cmyk);
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
    }
    // Markers can't occur in a scan's data, but may in a thumbnail before it: look after the last.
    let last_scan = bytes
        .windows(2)
        .rposition(|pair| pair == [0xFF, START_OF_SCAN])
        .unwrap_or(0);
    if !bytes[last_scan..]
        .windows(2)
        .any(|pair| pair == END_OF_IMAGE)
    {
        return Err(Problem::Damaged(
            "the end of the JPEG is missing".to_owned(),
        ));
    }
    Ok(())
}

/// Refuses a WebP that is shorter than its RIFF header says.
fn check_webp(bytes: &[u8]) -> Result<(), Problem> {
    let Some(&[a, b, c, d]) = bytes.get(4..8) else {
        return Err(Problem::Damaged("the WebP header is incomplete".to_owned()));
    };
    let announced = u64::from(u32::from_le_bytes([a, b, c, d])) + 8;
    if (bytes.len() as u64) < announced {
        return Err(Problem::Damaged(format!(
            "{} of {announced} bytes are there",
            bytes.len()
        )));
    }
    Ok(())
}
