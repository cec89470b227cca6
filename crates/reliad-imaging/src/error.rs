//! What can be wrong with a product picture or a canvas, each in one line that says what to do.

use std::io;
use std::path::PathBuf;

use image::error::{ImageError, LimitErrorKind};

/// Shorthand for this crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A product picture or a canvas that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file isn't a usable product picture.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file as it was given.
        path: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A picture in memory isn't a usable product picture.
    #[error("product picture: {0}")]
    Picture(Problem),
    /// A canvas has a side that the painter can't paint.
    #[error(
        "canvas {width}x{height}: both sides must be multiples of {step} from {step} to {max}",
        step = crate::Canvas::STEP,
        max = crate::Canvas::MAX_SIDE
    )]
    Canvas {
        /// The width asked for, in pixels.
        width: u32,
        /// The height asked for, in pixels.
        height: u32,
    },
    /// A text isn't the size of a canvas.
    #[error("canvas size `{0}`: write it as WIDTHxHEIGHT, for example 512x512")]
    CanvasText(String),
}

/// What is wrong with a product picture.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is no such file.
    #[error("no such file: check the path")]
    Missing,
    /// The path leads to a directory.
    #[error("is a directory: give the picture files in it")]
    Directory,
    /// The path leads to a device, a pipe or a socket.
    #[error("is not a regular file: give a PNG, WebP or JPEG file")]
    NotAFile,
    /// The system refused to open or read the file.
    #[error("can't be read ({0}): check its permissions and its disk")]
    Unreadable(io::Error),
    /// The file has zero bytes.
    #[error("is empty (0 bytes): export or download it again")]
    Empty,
    /// The content is in none of the supported formats.
    #[error("is {found}: save it as PNG, WebP or JPEG")]
    Format {
        /// What the first bytes say the file is.
        found: String,
    },
    /// The file breaks off or its content contradicts itself.
    #[error("is damaged or truncated ({0}): export or download it again")]
    Damaged(String),
    /// A JPEG in printing colours, without a profile that says which.
    #[error(
        "is a CMYK JPEG without a usable colour profile: convert it to RGB (sRGB) and save it again"
    )]
    Cmyk,
    /// More bytes, pixels or a longer side than are read.
    #[error(
        "is too large ({0}): at most {side} pixels a side, {pixels} million pixels and {mib} MiB are read, so scale it down",
        side = crate::open::MAX_SIDE,
        pixels = crate::open::MAX_PIXELS / 1_000_000,
        mib = crate::open::MAX_BYTES >> 20
    )]
    TooLarge(String),
    /// The product is too small to show anything.
    #[error(
        "is too small: the product measures {width}x{height} pixels and its longer side needs at least {min}",
        min = crate::cutout::MIN_SIDE
    )]
    TooSmall {
        /// The width of the product's visible part, in pixels.
        width: u32,
        /// The height of the product's visible part, in pixels.
        height: u32,
    },
    /// No pixel is visible.
    #[error("is fully transparent: export the product with its alpha channel")]
    Transparent,
    /// The picture is opaque and nothing but white.
    #[error("is nothing but white: no product stands out from the white ground")]
    OnlyWhite,
    /// The picture is opaque and its border isn't white.
    #[error(
        "has no transparency and no white ground that reaches its border: cut the product out (PNG or WebP with alpha) or photograph it on white with some white around it"
    )]
    NoGround,
    /// A photograph in which the saliency network finds no product.
    #[error(
        "can't be cut out: to the saliency network {:.0} % of it stand out. Cut the product out by hand (PNG or WebP with alpha)",
        100.0 * share
    )]
    NoSubject {
        /// The share of the picture that stands out, 0 to 1.
        share: f32,
    },
}

impl Problem {
    /// What a decoder says of a file's content.
    pub(crate) fn of_decoder(error: ImageError) -> Self {
        match error {
            ImageError::Limits(limit)
                if matches!(limit.kind(), LimitErrorKind::InsufficientMemory) =>
            {
                let mib = crate::open::DECODER_MEMORY >> 20;
                Self::TooLarge(format!("more than {mib} MiB to decode"))
            }
            error => Self::damaged(&error.to_string()),
        }
    }

    /// A damaged file, in one line, whatever the decoder says.
    pub(crate) fn damaged(reason: &str) -> Self {
        Self::Damaged(reason.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
