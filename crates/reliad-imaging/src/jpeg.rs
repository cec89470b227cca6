//! What the JPEG decoder would silently make something of: a file that breaks off, and printing inks.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::Problem;

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;

/// What the segments before the first scan say.
///
/// Source: ITU-T T.81, annex B.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Head {
    /// Four components: cyan, magenta, yellow and black.
    pub is_cmyk: bool,
    /// There is a colour profile, or a part of one.
    pub has_profile: bool,
    /// Adobe's segment, whose programs store inks inverted: 255 is none.
    is_adobe: bool,
}

impl Head {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut head = Self::default();
        // Marker, length in two bytes, content.
        let mut at = 2;
        while let Some(&[0xFF, marker, high, low]) = bytes.get(at..at + 4) {
            if marker == START_OF_SCAN {
                break;
            }
            if marker == 0xFF {
                at += 1;
                continue;
            }
            let content = bytes.get(at + 4..).unwrap_or_default();
            let is_frame = (0xC0..=0xCF).contains(&marker) && ![0xC4, 0xC8, 0xCC].contains(&marker);
            // Precision (1), height (2), width (2), number of components (1).
            head.is_cmyk |= is_frame && content.get(5) == Some(&4);
            head.has_profile |= marker == APP2 && content.starts_with(b"ICC_PROFILE\0");
            head.is_adobe |= marker == APP14 && content.starts_with(b"Adobe");
            at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        }
        head
    }
}

/// Refuses a file that breaks off, which the decoder fills with grey.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Problem> {
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

/// The inks of a CMYK or YCCK picture whose size was checked: four bytes a pixel, 0 is no ink and 255 all of it.
pub(crate) fn inks(bytes: &[u8], head: Head) -> Result<Vec<u8>, Problem> {
    let damaged = |error: zune_jpeg::errors::DecodeErrors| Problem::damaged(&error.to_string());
    let unlimited = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), unlimited);
    decoder.decode_headers().map_err(damaged)?;
    // As it is stored: turning YCCK into inks is left to us.
    let stored = decoder.input_colorspace();
    if !matches!(stored, Some(ColorSpace::CMYK | ColorSpace::YCCK)) {
        return Err(Problem::Cmyk);
    }
    decoder.set_options(unlimited.jpeg_set_out_colorspace(stored.unwrap_or(ColorSpace::CMYK)));
    let mut inks = decoder.decode().map_err(damaged)?;
    if stored == Some(ColorSpace::YCCK) {
        for pixel in inks.chunks_exact_mut(4) {
            let [y, cb, cr] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
            let (cb, cr) = (cb - 128.0, cr - 128.0);
            // JFIF's equations give red, green and blue; the inks are what they lack of 255 (libjpeg, jdcolor.c).
            let light = [
                y + 1.402 * cr,
                y - 0.344_136 * cb - 0.714_136 * cr,
                y + 1.772 * cb,
            ];
            for (ink, light) in pixel.iter_mut().zip(light) {
                // A cast from float to integer saturates at 0 and 255.
                *ink = 255 - light.round() as u8;
            }
        }
    }
    if head.is_adobe {
        inks.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    Ok(inks)
}
