//! Reading product pictures: what is taken, and the one line that every bad file gets.
//!
//! The fixtures that our encoders don't write come from `parity/imaging/files.py`.

#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use reliad_imaging::{Bounds, Cutout, Error, Problem};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// How much of pixel (x, y) a disc covers, by 8x8 samples.
fn disc(x: u32, y: u32, centre: f64, radius: f64) -> f64 {
    let inside = |i: u32| {
        let at = |pixel: u32, sample: u32| f64::from(pixel) + (f64::from(sample) + 0.5) / 8.0;
        (at(x, i % 8) - centre).hypot(at(y, i / 8) - centre) < radius
    };
    f64::from((0..64).filter(|&i| inside(i)).count() as u32) / 64.0
}

const RED: [f64; 3] = [200.0, 20.0, 20.0];

fn red_on_white() -> RgbImage {
    RgbImage::from_fn(64, 64, |x, y| {
        let share = disc(x, y, 32.0, 20.3);
        Rgb(RED.map(|value| (value * share + 255.0 * (1.0 - share)).round() as u8))
    })
}

fn opaque_box() -> RgbaImage {
    RgbaImage::from_fn(40, 30, |x, y| {
        let inside = (5..25).contains(&x) && (7..28).contains(&y);
        Rgba([x as u8, y as u8, 99, if inside { 255 } else { 0 }])
    })
}

fn read_bytes(bytes: &[u8]) -> Result<Cutout, Error> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("product.bin");
    fs::write(&path, bytes).unwrap();
    Cutout::read(&path)
}

/// The problem, after a check that the message is one line that names the file.
fn problem_of(path: &Path) -> Problem {
    let error = Cutout::read(path).unwrap_err();
    let line = error.to_string();
    assert!(line.starts_with(&path.display().to_string()), "{line}");
    assert!(!line.contains('\n'), "{line}");
    match error {
        Error::File { problem, .. } => problem,
        other => panic!("not about the file: {other}"),
    }
}

fn problem_of_bytes(bytes: &[u8]) -> Problem {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("product.png");
    fs::write(&path, bytes).unwrap();
    problem_of(&path)
}

#[test]
fn alpha_is_taken_as_it_is() {
    let picture = opaque_box();
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let bytes = encode(&DynamicImage::from(picture.clone()), format);
        let cutout = read_bytes(&bytes).unwrap();
        assert_eq!(cutout.rgba(), &picture);
        assert_eq!(
            cutout.bounds(),
            Bounds {
                x: 5,
                y: 7,
                width: 20,
                height: 21
            }
        );
    }
}

#[test]
fn sixteen_bits_become_eight() {
    let deep: ImageBuffer<Rgba<u16>, Vec<u16>> = ImageBuffer::from_fn(40, 30, |x, y| {
        Rgba(
            opaque_box()
                .get_pixel(x, y)
                .0
                .map(|value| u16::from(value) * 257),
        )
    });
    let bytes = encode(&DynamicImage::ImageRgba16(deep), ImageFormat::Png);
    assert_eq!(read_bytes(&bytes).unwrap().rgba(), &opaque_box());
}

#[test]
fn a_product_on_white_is_cut_out() {
    for picture in [
        DynamicImage::from(red_on_white()),
        DynamicImage::from(DynamicImage::from(red_on_white()).into_rgba8()),
    ] {
        let cutout = read_bytes(&encode(&picture, ImageFormat::Png)).unwrap();
        let mut covered = 0.0;
        for (x, y, pixel) in cutout.rgba().enumerate_pixels() {
            let share = disc(x, y, 32.0, 20.3);
            // Near white counts as ground: 12 of the 235 between red's green and white's.
            let difference = (f64::from(pixel.0[3]) / 255.0 - share).abs();
            assert!(difference < 0.07, "({x}, {y}): {pixel:?} for {share}");
            covered += share;
            if pixel.0[3] > 0 {
                for (value, red) in pixel.0.into_iter().zip(RED) {
                    let difference = (f64::from(value) - red).abs();
                    assert!(difference <= 12.0, "({x}, {y}): {pixel:?}");
                }
            }
        }
        assert!(covered > 1000.0);
    }
}

#[test]
fn jpeg_and_lossy_webp_keep_the_product() {
    for name in ["progressive.jpg", "lossy.webp"] {
        let cutout = Cutout::read(&fixture(name)).unwrap();
        assert_eq!(cutout.rgba().dimensions(), (64, 96), "{name}");
        let Bounds {
            x,
            y,
            width,
            height,
        } = cutout.bounds();
        // The bottle's box, give or take a block of JPEG's ringing.
        assert!(
            x.abs_diff(16) <= 4 && y.abs_diff(10) <= 4,
            "{name}: {:?}",
            cutout.bounds()
        );
        assert!(
            width.abs_diff(33) <= 8 && height.abs_diff(79) <= 8,
            "{name}"
        );
        assert_eq!(cutout.rgba().get_pixel(32, 60).0[3], 255, "{name}");
        assert_eq!(cutout.rgba().get_pixel(1, 1).0[3], 0, "{name}");
    }
    let jpeg = encode(&DynamicImage::from(red_on_white()), ImageFormat::Jpeg);
    assert!(read_bytes(&jpeg).unwrap().bounds().width.abs_diff(41) <= 8);
}

#[test]
fn the_exif_orientation_is_applied() {
    let cutout = Cutout::read(&fixture("turned.jpg")).unwrap();
    assert_eq!(cutout.rgba().dimensions(), (96, 64));
}

#[test]
fn white_inside_the_product_stays() {
    let mut ring = red_on_white();
    for y in 28..36 {
        for x in 28..36 {
            ring.put_pixel(x, y, Rgb([255; 3]));
        }
    }
    let cutout = Cutout::from_rgba(DynamicImage::from(ring).into_rgba8()).unwrap();
    assert_eq!(cutout.rgba().get_pixel(31, 31).0, [255; 4]);
}

#[test]
fn a_thin_part_on_white_keeps_its_colour() {
    let mut picture = RgbImage::from_pixel(40, 40, Rgb([255; 3]));
    for x in 5..35 {
        picture.put_pixel(x, 20, Rgb([0, 0, 90]));
        picture.put_pixel(x, 21, Rgb([128, 128, 173]));
    }
    let cutout = Cutout::from_rgba(DynamicImage::from(picture).into_rgba8()).unwrap();
    assert_eq!(cutout.rgba().get_pixel(20, 20).0, [0, 0, 90, 255]);
    let soft = cutout.rgba().get_pixel(20, 21).0;
    assert!(
        soft[3].abs_diff(127) <= 2 && soft[0] <= 2 && soft[2].abs_diff(90) <= 2,
        "{soft:?}"
    );
}

#[test]
fn what_is_no_readable_file_is_named() {
    let folder = TempDir::new().unwrap();
    assert!(matches!(
        problem_of(&folder.path().join("none.png")),
        Problem::Missing
    ));
    assert!(matches!(problem_of(folder.path()), Problem::Directory));
    let below_a_file = fixture("cmyk.jpg").join("product.png");
    assert!(matches!(problem_of(&below_a_file), Problem::Unreadable(_)));
    #[cfg(unix)]
    assert!(matches!(
        problem_of(Path::new("/dev/null")),
        Problem::NotAFile
    ));
    assert!(matches!(problem_of_bytes(b""), Problem::Empty));
    assert!(matches!(
        problem_of_bytes(b"hello, world"),
        Problem::Format { .. }
    ));
    let gif = problem_of(&fixture("palette.gif"));
    assert!(gif.to_string().contains("GIF"), "{gif}");
}

#[test]
fn cmyk_is_refused_by_name() {
    assert!(matches!(problem_of(&fixture("cmyk.jpg")), Problem::Cmyk));
}

#[test]
fn what_is_too_large_or_too_small_is_refused() {
    assert!(matches!(
        problem_of(&fixture("bomb.png")),
        Problem::TooLarge(_)
    ));
    let long = RgbaImage::from_pixel(20_000, 2, Rgba([1, 2, 3, 200]));
    let long = encode(&DynamicImage::from(long), ImageFormat::Png);
    let message = problem_of_bytes(&long).to_string();
    assert!(
        message.contains("20000x2") && message.contains("16384"),
        "{message}"
    );
    for (side, dot) in [(1, 1), (7, 7), (200, 5)] {
        let picture = RgbaImage::from_fn(side, side, |x, y| {
            Rgba([9, 9, 9, if x < dot && y < dot { 255 } else { 0 }])
        });
        let bytes = encode(&DynamicImage::from(picture), ImageFormat::Png);
        assert!(
            matches!(problem_of_bytes(&bytes), Problem::TooSmall { .. }),
            "{side}"
        );
    }
    assert!(matches!(
        Cutout::from_rgba(RgbaImage::new(0, 0)),
        Err(Error::Picture(Problem::TooSmall { .. }))
    ));
}

#[test]
fn what_shows_no_product_is_refused() {
    let problem = |picture: RgbaImage| match Cutout::from_rgba(picture).unwrap_err() {
        Error::Picture(problem) => problem,
        other => panic!("not about the picture: {other}"),
    };
    assert!(matches!(
        problem(RgbaImage::new(30, 30)),
        Problem::Transparent
    ));
    let white = RgbaImage::from_pixel(30, 30, Rgba([250, 255, 249, 255]));
    assert!(matches!(problem(white), Problem::OnlyWhite));
    let scene = RgbaImage::from_pixel(30, 30, Rgba([120, 130, 90, 255]));
    assert!(matches!(problem(scene), Problem::NoGround));
}

#[test]
fn a_file_that_breaks_off_is_refused() {
    let mut whole = vec![
        fs::read(fixture("progressive.jpg")).unwrap(),
        fs::read(fixture("lossy.webp")).unwrap(),
        encode(&DynamicImage::from(red_on_white()), ImageFormat::Jpeg),
    ];
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        // Colours that compress badly, so that half of the file is half of the picture.
        let mixed = RgbaImage::from_fn(64, 64, |x, y| {
            let value = x
                .wrapping_mul(2_654_435_761)
                .wrapping_add(y.wrapping_mul(40_503))
                >> 3;
            Rgba([
                value as u8,
                (value >> 7) as u8,
                (value >> 13) as u8,
                (x * 4) as u8,
            ])
        });
        whole.push(encode(&DynamicImage::from(mixed), format));
    }
    for bytes in whole {
        assert!(read_bytes(&bytes).is_ok());
        for part in [10, 25, 50, 75, 90] {
            let problem = problem_of_bytes(&bytes[..bytes.len() * part / 100]);
            assert!(
                matches!(problem, Problem::Damaged(_)),
                "{part} %: {problem}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_cause_a_panic(
        kind in 0_usize..5,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = match kind {
            0 => fs::read(fixture("progressive.jpg")).unwrap(),
            1 => fs::read(fixture("lossy.webp")).unwrap(),
            2 => fs::read(fixture("turned.jpg")).unwrap(),
            3 => encode(&DynamicImage::from(opaque_box()), ImageFormat::Png),
            _ => encode(&DynamicImage::from(opaque_box()), ImageFormat::WebP),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Err(error) = read_bytes(&bytes) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn no_noise_causes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), magic in 0_usize..4) {
        let start: &[u8] = [&b""[..], b"\x89PNG\r\n\x1a\n", b"\xFF\xD8\xFF", b"RIFF\0\0\0\0WEBPVP8 "][magic];
        prop_assert!(read_bytes(&[start, &bytes].concat()).is_err());
    }

    #[test]
    fn no_picture_causes_a_panic(
        width in 1_u32..24, height in 1_u32..24, seed: u32, white in 0_u32..100,
    ) {
        let picture = RgbaImage::from_fn(width, height, |x, y| {
            let value = (x * 31 + y * 17 + 1).wrapping_mul(seed | 1).wrapping_mul(2_654_435_761);
            if (value >> 8) % 100 < white { Rgba([255; 4]) } else { Rgba((value | 0xFF).to_be_bytes()) }
        });
        if let Ok(cutout) = Cutout::from_rgba(picture) {
            prop_assert!(cutout.rgba().pixels().any(|pixel| pixel.0[3] > 0));
        }
    }
}
