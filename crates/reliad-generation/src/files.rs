//! The run's files: their bytes, their hashes, and how a failed write is told.

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{ImageBuffer, Pixel, RgbImage};
use png::{BitDepth, ColorType, Compression, Filter, SrgbRenderingIntent};

use crate::error::{Error, Result};

/// [`reliad_files::write`], with the file's name in its error.
///
/// # Errors
/// [`Error::Write`] when the file can't be written; nothing stays behind then.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    reliad_files::write(path, bytes).map_err(Error::write(path))
}

/// [`reliad_files::prepare_directory`], with the directory's name in its error.
///
/// # Errors
/// [`Error::Write`] when the directory can't be created or written to.
pub fn prepare_directory(directory: &Path) -> Result<()> {
    reliad_files::prepare_directory(directory).map_err(Error::write(directory))
}

/// The picture, with alpha or without, as PNG bytes that say that its colours are sRGB: the same pixels give the same
/// bytes with the same reliad version.
///
/// # Errors
/// [`Error::Png`] when the picture has no pixels.
pub fn encode_png<P: Pixel<Subpixel = u8>>(picture: &ImageBuffer<P, Vec<u8>>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(match P::CHANNEL_COUNT {
        4 => ColorType::Rgba,
        _ => ColorType::Rgb,
    });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Balanced);
    encoder.set_filter(Filter::Adaptive);
    encoder.set_source_srgb(SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.as_raw())?;
    writer.finish()?;
    Ok(bytes)
}

/// The picture as JPEG bytes of quality 86, for small views in reports.
///
/// # Errors
/// [`Error::Encode`] when the picture has no pixels.
pub fn encode_jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 86).encode_image(picture)?;
    Ok(bytes)
}

/// BLAKE3 of the bytes, as 64 hexadecimal digits.
pub fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// BLAKE3 of the file, as 64 hexadecimal digits.
///
/// # Errors
/// [`Error::Read`] when the file can't be read.
pub fn hash_file(path: &Path) -> Result<String> {
    let file = fs::File::open(path).map_err(Error::read(path))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(Error::read(path))?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use super::*;

    #[test]
    fn png_bytes_are_repeatable_and_lossless() {
        let picture = RgbImage::from_fn(17, 9, |x, y| image::Rgb([x as u8 * 3, y as u8 * 7, 200]));
        let bytes = encode_png(&picture).unwrap();
        assert_eq!(bytes, encode_png(&picture).unwrap());
        assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8(), picture);
        assert!(bytes.windows(4).any(|chunk| chunk == b"sRGB"));
        assert!(encode_png(&RgbImage::new(0, 3)).is_err());
    }
}
