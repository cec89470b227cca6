//! Opening pictures: colours by their profiles, the right way up, within limits whatever the bytes say.
//!
//! The fixtures come from `parity/imaging/profiles.py`. Each shows a box of sRGB (200, 40, 30) with a band of (30, 60, 200).

#![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, RgbImage, RgbaImage};
use proptest::prelude::*;
use reliad_imaging::{Cutout, Opened, Problem, Warning, open};

const RED: [u8; 3] = [200, 40, 30];
const BLUE: [u8; 3] = [30, 60, 200];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn opened(name: &str) -> Opened {
    open(&fixture(name)).unwrap()
}

/// The colours of box and band.
fn colours(picture: &DynamicImage) -> [[u8; 3]; 2] {
    let picture = picture.to_rgb8();
    [(60, 50), (60, 85)].map(|(x, y)| picture.get_pixel(x, y).0)
}

fn assert_near(got: [u8; 3], wanted: [u8; 3], most: u8, name: &str) {
    let near = (0..3).all(|at| got[at].abs_diff(wanted[at]) <= most);
    assert!(near, "{name}: {got:?} for {wanted:?}");
}

#[test]
fn profiles_become_srgb() {
    // A step of an 8-bit value in these spaces is up to 2 levels of sRGB.
    for (name, most) in [
        ("display-p3.png", 2),
        ("code-points.png", 2),
        ("prophoto-16.png", 1),
    ] {
        let opened = opened(name);
        assert_eq!(opened.warning, None, "{name}");
        let [red, blue] = colours(&opened.picture);
        assert_near(red, RED, most, name);
        assert_near(blue, BLUE, most, name);
        assert_eq!(opened.picture.to_rgba8().get_pixel(0, 0).0[3], 0, "{name}");
    }
    let grey = opened("grey-profile.png");
    assert_eq!(grey.warning, None);
    // A step of light is 3 levels of this grey.
    assert_near(colours(&grey.picture)[0], [90; 3], 3, "grey");
    assert_eq!(grey.picture.to_rgba8().get_pixel(0, 0).0[3], 0);
}

#[test]
fn inks_become_srgb_by_their_profile_and_by_nothing_else() {
    let opened = opened("cmyk-profile.jpg");
    assert_eq!(opened.warning, None);
    let [red, blue] = colours(&opened.picture);
    // What Little CMS makes of them; it interpolates between the table's places in another way.
    assert_near(red, [200, 48, 35], 6, "red");
    assert_near(blue, [43, 61, 199], 6, "blue");
    assert_near(
        opened.picture.to_rgb8().get_pixel(5, 5).0,
        [255; 3],
        1,
        "paper",
    );
    assert!(matches!(
        open::decode(&bytes("cmyk.jpg")),
        Err(Problem::Cmyk)
    ));
    assert!(matches!(
        open::decode_map(&bytes("cmyk-profile.jpg")),
        Err(Problem::Cmyk)
    ));
}

#[test]
fn srgb_itself_changes_nothing() {
    let as_stored = image::load_from_memory(&bytes("srgb-profile.png")).unwrap();
    let opened = opened("srgb-profile.png");
    assert_eq!(opened.picture, as_stored);
    assert_eq!(opened.warning, None);
}

#[test]
fn a_profile_that_cannot_be_used_is_told_and_left_aside() {
    for name in [
        "wrong-profile.png",
        "noise-profile.png",
        "damaged-profile.png",
    ] {
        let opened = opened(name);
        assert_eq!(colours(&opened.picture), [RED, BLUE], "{name}");
        let Some(Warning::Profile { reason }) = opened.warning else {
            panic!("{name}: silent")
        };
        assert!(!reason.is_empty() && !reason.contains('\n'), "{reason:?}");
        let cutout = Cutout::read(&fixture(name)).unwrap();
        assert!(matches!(cutout.warnings(), [Warning::Profile { .. }]));
    }
}

#[test]
fn a_map_keeps_its_values() {
    let stored = image::load_from_memory(&bytes("grey-profile.png")).unwrap();
    assert_eq!(
        open::decode_map(&bytes("grey-profile.png")).unwrap(),
        stored
    );
}

#[test]
fn all_eight_orientations_show_the_same() {
    let wanted = opened("orientation-1.jpg").picture.to_rgb8();
    let names = (2..=8)
        .map(|orientation| format!("orientation-{orientation}.jpg"))
        .chain([
            "orientation-6.webp".to_owned(),
            "orientation-6.png".to_owned(),
        ]);
    for name in names {
        let got = opened(&name).picture.to_rgb8();
        assert_eq!(got.dimensions(), (120, 120));
        let apart = got
            .as_raw()
            .iter()
            .zip(wanted.as_raw())
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum::<u64>() as f64
            / wanted.as_raw().len() as f64;
        // Blocks of JPEG lie the other way; another orientation is 8 and more apart.
        assert!(apart < 1.5, "{name}: {apart}");
    }
    assert_eq!(
        open::size(Cursor::new(bytes("turned.jpg"))).unwrap(),
        (96, 64)
    );
    assert_eq!(
        open::size(Cursor::new(bytes("lossy.webp"))).unwrap(),
        (64, 96)
    );
}

/// A profile of a few kilobytes with every kind of part that is read: inks by a table.
fn profile() -> Vec<u8> {
    let jpeg = bytes("cmyk-profile.jpg");
    let start = jpeg
        .windows(12)
        .position(|part| part == b"ICC_PROFILE\0")
        .unwrap()
        + 14;
    let length = u32::from_be_bytes(jpeg[start..start + 4].try_into().unwrap()) as usize;
    jpeg[start..start + length].to_vec()
}

/// A small PNG or WebP around a profile.
fn with_profile(icc: Vec<u8>, webp: bool) -> Vec<u8> {
    let picture = RgbaImage::from_fn(24, 20, |x, y| {
        image::Rgba([x as u8 * 9, y as u8 * 9, 99, 200])
    });
    let mut bytes = Vec::new();
    let color = ExtendedColorType::Rgba8;
    if webp {
        let mut encoder = WebPEncoder::new_lossless(&mut bytes);
        encoder.set_icc_profile(icc).unwrap();
        encoder.write_image(&picture, 24, 20, color).unwrap();
    } else {
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(icc).unwrap();
        encoder.write_image(&picture, 24, 20, color).unwrap();
    }
    bytes
}

/// The most memory that opening any of the small files here may map: limits and libraries are far below, a size that a
/// header invents far above.
#[cfg(unix)]
fn bound_memory() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_AS).unwrap();
    setrlimit(Resource::RLIMIT_AS, 6 << 30, most).unwrap();
}

#[cfg(not(unix))]
fn bound_memory() {}

/// Whatever the bytes are: a picture within the limits, or one line.
fn survives(bytes: &[u8]) -> Result<(), TestCaseError> {
    let opened = open::decode(bytes);
    match opened {
        Ok(opened) => {
            let (width, height) = (opened.picture.width(), opened.picture.height());
            prop_assert!(u64::from(width) * u64::from(height) <= open::MAX_PIXELS);
        }
        Err(problem) => prop_assert!(!problem.to_string().contains('\n')),
    }
    let _ = open::decode_map(bytes);
    let _ = open::size(Cursor::new(bytes));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_header_causes_a_panic_or_takes_the_memory(
        kind in 0_usize..9,
        changes in proptest::collection::vec((0_usize..900, any::<u8>()), 1..10),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        bound_memory();
        let mut file = match kind {
            0 => bytes("progressive.jpg"),
            1 => bytes("orientation-6.jpg"),
            2 => bytes("cmyk-profile.jpg"),
            3 => bytes("display-p3.png"),
            4 => bytes("code-points.png"),
            5 => bytes("orientation-6.webp"),
            6 => bytes("lossy.webp"),
            7 => bytes("grey-profile.png"),
            _ => with_profile(profile(), true),
        };
        let length = file.len();
        for (at, value) in changes {
            file[at % length] = value;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(length));
        }
        mend_sums(&mut file);
        survives(&file)?;
    }

    #[test]
    fn no_profile_causes_a_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        near_start in proptest::collection::vec((0_usize..300, any::<u8>()), 0..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
        space in 0_usize..4,
        webp: bool,
    ) {
        bound_memory();
        let mut icc = profile();
        icc[16..20].copy_from_slice([b"CMYK", b"RGB ", b"GRAY", b"Lab "][space]);
        for (at, value) in changes {
            let at = at.index(icc.len());
            icc[at] = value;
        }
        for (at, value) in near_start {
            icc[at] = value;
        }
        if let Some(cut) = cut {
            icc.truncate(cut.index(icc.len()).max(1));
        }
        survives(&with_profile(icc.clone(), webp))?;
        // The same in the ink's own file, in place of as many bytes.
        let mut jpeg = bytes("cmyk-profile.jpg");
        let start = jpeg.windows(12).position(|part| part == b"ICC_PROFILE\0").unwrap() + 14;
        jpeg[start..start + icc.len()].copy_from_slice(&icc);
        survives(&jpeg)?;
    }
}

/// Gives the chunks of a PNG the check sums of what they hold now, so that the decoder reads them.
fn mend_sums(file: &mut [u8]) {
    let mut at = 8;
    while let Some(&[a, b, c, d]) = file.get(at..at + 4) {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(end) = (at + 8)
            .checked_add(length)
            .filter(|end| end + 4 <= file.len())
        else {
            return;
        };
        let sum = crc(&file[at + 4..end]).to_be_bytes();
        file[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
}

/// CRC-32 as PNG has it (PNG Specification, Annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (if sum & 1 == 1 { 0xEDB8_8320 } else { 0 })
        })
    })
}

#[test]
fn a_plain_picture_is_decoded_and_no_more() {
    let picture = RgbImage::from_fn(50, 40, |x, y| image::Rgb([x as u8, y as u8, 7]));
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let opened = open::decode(png.get_ref()).unwrap();
    assert_eq!(opened.picture, DynamicImage::ImageRgb8(picture));
    assert_eq!(opened.warning, None);
}
