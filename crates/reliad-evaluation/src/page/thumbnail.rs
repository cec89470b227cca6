//! Small pictures inside a page: JPEG as data URIs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::RgbImage;
use reliad_generation::files;
use reliad_imaging::resize;

use crate::error::Result;

/// Longest side of a thumbnail in pixels.
const SIDE: u32 = 192;

/// The picture as an `img` source, at most 192 pixels a side.
///
/// # Errors
/// When it can't be encoded.
pub fn source(picture: &RgbImage) -> Result<String> {
    source_within(picture, SIDE)
}

/// The picture as an `img` source, at most `side` pixels a side.
///
/// # Errors
/// As [`source`].
pub fn source_within(picture: &RgbImage, side: u32) -> Result<String> {
    let (width, height) = resize::within(picture.dimensions(), side);
    let bytes = files::encode_jpeg(&resize::rgb(picture, width, height))?;
    Ok(format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn thumbnails_are_small_and_inside_the_page() {
        let source = source(&RgbImage::new(512, 256)).unwrap();
        let bytes = source.strip_prefix("data:image/jpeg;base64,").unwrap();
        let picture = image::load_from_memory(&STANDARD.decode(bytes).unwrap()).unwrap();
        assert_eq!((picture.width(), picture.height()), (192, 96));
    }
}
