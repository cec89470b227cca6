//! The one way a picture is opened: its format by its content, within limits, upright, its colours in sRGB.

use std::fs;
use std::io::{self, BufRead, Cursor, Read as _, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::profile::Profile;
use crate::{Error, Problem, Result, Warning, jpeg, png_chunks, webp_chunks};

/// The longest side of a picture that is read, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// The most pixels of a picture that is read: 256 MB as RGBA.
pub const MAX_PIXELS: u64 = 64_000_000;
/// The most bytes of a file that is read.
pub const MAX_BYTES: u64 = 512 << 20;
/// The most memory a decoder may ask for beyond the picture's own, in bytes.
pub(crate) const DECODER_MEMORY: u64 = 768 << 20;

/// A picture as people see it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its pixels: upright, sRGB, of the file's own depth.
    pub picture: DynamicImage,
    /// What is doubtful about its colours.
    pub warning: Option<Warning>,
}

/// Opens a picture file: PNG, JPEG or WebP by its content, whatever its name.
///
/// # Errors
/// [`Error::File`] with the path and the [`Problem`].
pub fn open(path: &Path) -> Result<Opened> {
    read_bytes(path)
        .and_then(|bytes| decode(&bytes))
        .map_err(|problem| Error::File {
            path: path.to_owned(),
            problem,
        })
}

/// Opens a picture from the bytes of its file.
///
/// The EXIF orientation is applied, colours are converted to sRGB by the picture's profile (of CMYK, too), and of an
/// animation the first picture is taken. A PNG without a profile and upright, as this program writes them, is decoded
/// and no more. A profile that can't be used costs a warning; broken EXIF data the orientation.
///
/// # Errors
/// The [`Problem`]. The size is checked in the header, before anything is decoded.
pub fn decode(bytes: &[u8]) -> Result<Opened, Problem> {
    let mut head = Head::read(bytes)?;
    if head.jpeg.is_cmyk {
        return cmyk(bytes, head);
    }
    let profile = profile(bytes, &mut head);
    let picture = head.pixels()?;
    let (converted, warning) = match profile.and_then(|profile| match profile {
        Some(profile) => profile.apply(&picture),
        None => Ok(None),
    }) {
        Ok(converted) => (converted, None),
        Err(reason) => (None, Some(Warning::Profile { reason })),
    };
    Ok(Opened {
        picture: converted.unwrap_or(picture),
        warning,
    })
}

/// Opens a picture whose values are no colours, such as a map of depths: a profile is left alone.
///
/// # Errors
/// As [`decode`].
pub fn decode_map(bytes: &[u8]) -> Result<DynamicImage, Problem> {
    let head = Head::read(bytes)?;
    match head.jpeg.is_cmyk {
        true => Err(Problem::Cmyk),
        false => head.pixels(),
    }
}

/// Width and height of a picture as it is opened, from its header.
///
/// # Errors
/// The [`Problem`].
pub fn size(mut source: impl BufRead + Seek) -> Result<(u32, u32), Problem> {
    let mut start = Vec::new();
    source
        .by_ref()
        .take(16)
        .read_to_end(&mut start)
        .map_err(Problem::Unreadable)?;
    source.rewind().map_err(Problem::Unreadable)?;
    let mut decoder = decoder(source, format(&start)?)?;
    let (width, height) = decoder.dimensions();
    Ok(match decoder.orientation() {
        Ok(orientation) if lies(orientation) => (height, width),
        _ => (width, height),
    })
}

/// Whether a picture of this orientation is stored on its side.
fn lies(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
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

pub(crate) fn check_size(width: u32, height: u32) -> Result<(), Problem> {
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(Problem::TooLarge(format!("{width}x{height} pixels")));
    }
    Ok(())
}

/// A picture before its pixels are decoded.
struct Head<'a> {
    format: ImageFormat,
    decoder: Box<dyn ImageDecoder + 'a>,
    jpeg: jpeg::Head,
}

impl<'a> Head<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Err(Problem::Empty);
        }
        let format = format(bytes)?;
        let mut head = jpeg::Head::default();
        match format {
            ImageFormat::Jpeg => {
                head = jpeg::Head::read(bytes);
                jpeg::check(bytes)?;
            }
            ImageFormat::WebP => webp_chunks::check(bytes)?,
            _ => {}
        }
        let decoder = decoder(Cursor::new(bytes), format)?;
        let (width, height) = decoder.dimensions();
        check_size(width, height)?;
        Ok(Self {
            format,
            decoder: Box::new(decoder),
            jpeg: head,
        })
    }

    /// The pixels, upright.
    fn pixels(mut self) -> Result<DynamicImage, Problem> {
        // Broken EXIF data cost the orientation, not the picture.
        let orientation = self.decoder.orientation().ok();
        let mut picture = DynamicImage::from_decoder(self.decoder).map_err(Problem::of_decoder)?;
        if let Some(orientation) = orientation {
            picture.apply_orientation(orientation);
        }
        Ok(picture)
    }
}

/// The picture's format, if it is one that is read.
fn format(bytes: &[u8]) -> Result<ImageFormat, Problem> {
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => Ok(format),
        Ok(other) => {
            let name = other
                .extensions_str()
                .first()
                .unwrap_or(&"unknown")
                .to_uppercase();
            Err(Problem::Format {
                found: format!("a {name} file"),
            })
        }
        Err(_) => Err(Problem::Format {
            found: "no picture that is known here".to_owned(),
        }),
    }
}

fn decoder<'a, R: BufRead + Seek + 'a>(
    source: R,
    format: ImageFormat,
) -> Result<impl ImageDecoder + 'a, Problem> {
    let mut reader = ImageReader::with_format(source, format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_MEMORY);
    // The size is checked later, where the message can name it.
    limits.max_image_width = None;
    limits.max_image_height = None;
    reader.limits(limits);
    reader.into_decoder().map_err(Problem::of_decoder)
}

/// The profile that the file carries.
fn profile(bytes: &[u8], head: &mut Head<'_>) -> Result<Option<Profile>, String> {
    // Code points come before a profile (PNG Specification, Third Edition, 4.3).
    if head.format == ImageFormat::Png
        && let Some(content) = png_chunks::find(bytes, b"cICP")
    {
        return Profile::from_code_points(content).map(Some);
    }
    if let Ok(Some(icc)) = head.decoder.icc_profile() {
        return Profile::read(&icc).map(Some);
    }
    let has_profile = match head.format {
        ImageFormat::Png => png_chunks::find(bytes, b"iCCP").is_some(),
        ImageFormat::WebP => webp_chunks::has(bytes, b"ICCP"),
        _ => head.jpeg.has_profile,
    };
    match has_profile {
        true => Err("it is damaged".to_owned()),
        false => Ok(None),
    }
}

/// A picture of printing inks, which only its profile says the colours of.
fn cmyk(bytes: &[u8], mut head: Head<'_>) -> Result<Opened, Problem> {
    let profile = match profile(bytes, &mut head) {
        Ok(Some(profile)) => profile,
        _ => return Err(Problem::Cmyk),
    };
    let size = head.decoder.dimensions();
    let orientation = head.decoder.orientation().ok();
    let inks = jpeg::inks(bytes, head.jpeg)?;
    let picture = profile.of_inks(&inks, size).map_err(|_| Problem::Cmyk)?;
    let mut picture = DynamicImage::ImageRgb8(picture);
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    Ok(Opened {
        picture,
        warning: None,
    })
}
