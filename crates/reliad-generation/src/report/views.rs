//! The report's small pictures: saved beside the results, put into the page while that stays small.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::buffer::ConvertBuffer as _;
use image::{ImageFormat, RgbImage, imageops};
use reliad_imaging::resize;
use reliad_rfnet::judge::Verdict;

use crate::error::Result;
use crate::files;
use crate::manifest::Record;
use crate::paint::Drawing;

/// Directory of the report's pictures, below the output directory.
pub const ASSETS: &str = "report";
/// Longest side of a painted picture's view.
const PICTURE_SIDE: u32 = 384;
/// Longest side of the maps' and the product's views.
const MAP_SIDE: u32 = 160;
/// Up to this many bytes of pictures stand in the page itself; more are linked.
const INLINE_BYTES: u64 = 24 << 20;

/// The views of an attempt or a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Product,
    Picture,
    Depth,
    Saliency,
}

impl View {
    pub(super) const ALL: [View; 4] = [View::Product, View::Picture, View::Depth, View::Saliency];

    /// The view's file below the output directory.
    fn file(self, name: &str) -> String {
        match self {
            View::Product => format!("{ASSETS}/{name}-product.png"),
            View::Picture => format!("{ASSETS}/{name}-picture.jpg"),
            View::Depth => format!("{ASSETS}/{name}-depth.jpg"),
            View::Saliency => format!("{ASSETS}/{name}-saliency.jpg"),
        }
    }

    /// The file of this view of `record`; all attempts with a product share its view.
    pub(super) fn file_of(self, record: &Record) -> String {
        match self {
            View::Product => self.file(crate::identity::short(&record.recipe.product)),
            _ => self.file(&record.name),
        }
    }
}

/// Saves the views of one attempt.
///
/// # Errors
/// [`Error::Write`](crate::Error::Write) when one can't be written.
pub fn save_views(
    out: &Path,
    drawing: &Drawing,
    picture: &RgbImage,
    verdict: Option<&Verdict>,
) -> Result<()> {
    let name = drawing.recipe.name();
    let jpeg = |view: View, picture: &RgbImage| {
        files::write_atomic(&out.join(view.file(&name)), &files::encode_jpeg(picture)?)
    };
    let (width, height) = resize::within(picture.dimensions(), PICTURE_SIDE);
    jpeg(View::Picture, &resize::rgb(picture, width, height))?;
    let maps = verdict.map(|verdict| {
        [
            (View::Depth, &verdict.depth),
            (View::Saliency, &verdict.saliency),
        ]
    });
    for (view, map) in maps.into_iter().flatten() {
        if let Some(map) = map {
            let (width, height) = resize::within(map.dimensions(), MAP_SIDE);
            jpeg(view, &resize::gray(map, width, height).convert())?;
        }
    }
    let product = out.join(View::Product.file(crate::identity::short(&drawing.recipe.product)));
    if product.exists() {
        return Ok(());
    }
    let rgba = drawing.product.rgba();
    let bounds = drawing.product.bounds();
    let cropped =
        imageops::crop_imm(rgba, bounds.x, bounds.y, bounds.width, bounds.height).to_image();
    let (width, height) = resize::within(cropped.dimensions(), MAP_SIDE);
    let mut png = Cursor::new(Vec::new());
    resize::rgba(&cropped, width, height).write_to(&mut png, ImageFormat::Png)?;
    files::write_atomic(&product, &png.into_inner())
}

/// Where the page finds its pictures.
pub(super) struct Images {
    out: PathBuf,
    inline: bool,
}

impl Images {
    pub(super) fn of(out: &Path, records: &[&Record]) -> Self {
        let bytes: u64 = records
            .iter()
            .flat_map(|record| View::ALL.map(|view| out.join(view.file_of(record))))
            .filter_map(|path| fs::metadata(path).ok())
            .map(|metadata| metadata.len())
            .sum();
        Self {
            out: out.to_path_buf(),
            inline: bytes <= INLINE_BYTES,
        }
    }

    /// What the page's `src` says, `None` when the view isn't there.
    pub(super) fn source(&self, view: View, record: &Record) -> Option<String> {
        let file = view.file_of(record);
        let path = self.out.join(&file);
        if !self.inline {
            return path.exists().then_some(file);
        }
        let bytes = fs::read(path).ok()?;
        let kind = if file.ends_with(".png") {
            "png"
        } else {
            "jpeg"
        };
        Some(format!(
            "data:image/{kind};base64,{}",
            STANDARD.encode(bytes)
        ))
    }
}
