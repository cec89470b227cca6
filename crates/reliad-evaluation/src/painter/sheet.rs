//! Pictures side by side at their full size, with the judge's verdicts beneath.

use image::{Rgb, RgbImage, imageops};
use reliad_generation::manifest::VerdictRecord;
use reliad_imaging::Class;

use super::Evaluated;
use super::series::Purpose;
use crate::error::Result;

/// Height of the strip under a picture, in pixels.
const STRIP: u32 = 8;
/// Pictures of a sheet, and of its row.
const PICTURES: usize = 96;
const COLUMNS: u32 = 12;

/// The first samples' own pictures.
///
/// # Errors
/// A picture that can't be read any more.
pub(super) fn sheet(of: &Evaluated) -> Result<RgbImage> {
    let own = of.jobs.iter().filter(|job| job.purpose == Purpose::Own);
    let mut sheet = RgbImage::new(0, 0);
    let count = own.clone().count().min(PICTURES) as u32;
    let columns = COLUMNS.min(count.max(1));
    for (place, job) in (0..count).zip(own) {
        let (_, picture) = of.viewers.finished(*job)?;
        let (width, height) = picture.dimensions();
        if place == 0 {
            sheet = RgbImage::new(width * columns, (height + STRIP) * count.div_ceil(columns));
        }
        let (x, y) = (place % columns * width, place / columns * (height + STRIP));
        imageops::replace(&mut sheet, &picture, i64::from(x), i64::from(y));
        let verdict = &of.looks.own[place as usize].verdict;
        let strip = RgbImage::from_pixel(width, STRIP, color(verdict));
        imageops::replace(&mut sheet, &strip, i64::from(x), i64::from(y + height));
    }
    Ok(sheet)
}

/// Green available, orange space, blue size, purple indistinct, red shape, grey everything else.
fn color(verdict: &VerdictRecord) -> Rgb<u8> {
    Rgb(match verdict.class {
        _ if verdict.available => [60, 160, 80],
        Some(Class::SpaceMismatch) => [230, 140, 30],
        Some(Class::SizeMismatch) => [50, 110, 210],
        Some(Class::Indistinctiveness) => [140, 70, 180],
        Some(Class::ShapeHallucination) => [210, 50, 50],
        _ => [120, 120, 120],
    })
}
