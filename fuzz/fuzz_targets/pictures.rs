//! Pictures of any bytes: PNG, JPEG and WebP with their profiles and orientations, and products cut off white.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reliad_imaging::{Cutout, open};

fuzz_target!(|bytes: &[u8]| {
    let _ = open::size(std::io::Cursor::new(bytes));
    if let Ok(opened) = open::decode(bytes) {
        let _ = Cutout::from_rgba(opened.picture.into_rgba8());
    }
});
