//! How well `reliad inspect` sees that a product is cut: rendered pictures, whole, trimmed close to the product and cut on a side.
//!
//! `cargo run --release -p reliad-dataset --example inspect_cuts -- DIR [CSV]`
//!
//! DIR is what `reliad synth render --class available` wrote. Every picture is looked at as it is, trimmed to 3 pixels from its
//! product on one side, and cut there by 10 to 40 % of the product; then made larger or smaller and saved as JPEG of quality 88,
//! as pictures come. The limit is that of `reliad inspect`.

use std::error::Error;
use std::io::{Cursor, Write as _};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, RgbImage, RgbaImage, imageops};
use rayon::prelude::*;
use reliad_dataset::{Folder, Modality, Record};
use reliad_imaging::checks::cut_off;
use reliad_imaging::locate::locate;
use reliad_imaging::{Bounds, Cutout, open, resize};

/// The limit of `--max-cut`.
const LIMIT: f32 = 0.1;
/// Pixels of the scene that a trimmed picture keeps beside its product.
const CLOSE: i64 = 3;
/// What is done to a picture: nothing, trimming, cuts in per cent of the product's side.
const KINDS: [Kind; 6] = [
    Kind::Whole,
    Kind::Close,
    Kind::Cut(10),
    Kind::Cut(20),
    Kind::Cut(30),
    Kind::Cut(40),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Whole,
    Close,
    Cut(u32),
}

impl Kind {
    fn name(self) -> String {
        match self {
            Self::Whole => "whole".to_owned(),
            Self::Close => "trimmed".to_owned(),
            Self::Cut(percent) => format!("cut {percent} %"),
        }
    }
}

/// What was measured of a picture.
struct Seen {
    kind: Kind,
    cut_off: f32,
    hidden: f32,
    distance: f32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, rest @ ..] = arguments.as_slice() else {
        return Err("usage: inspect_cuts DIR [CSV]".into());
    };
    let folder = Folder::open(dir.as_str())?;
    let seen: Vec<Vec<Seen>> = folder
        .records()
        .par_iter()
        .enumerate()
        .map(|(index, record)| look(&folder, record, index).map_err(|error| error.to_string()))
        .collect::<Result<_, String>>()?;
    let seen: Vec<Seen> = seen.into_iter().flatten().collect();
    if let [file, ..] = rest {
        let mut csv = std::fs::File::create(file)?;
        writeln!(csv, "kind,cut_off,hidden,distance")?;
        for one in &seen {
            let (kind, cut_off) = (one.kind.name(), one.cut_off);
            writeln!(csv, "{kind},{cut_off},{},{}", one.hidden, one.distance)?;
        }
    }
    let told = |is: &dyn Fn(Kind) -> bool| {
        let of_kind = seen.iter().filter(|one| is(one.kind));
        let (count, found) = of_kind.fold((0, 0), |(count, found), one| {
            (count + 1, found + u32::from(one.cut_off > LIMIT))
        });
        (found, count)
    };
    for kind in KINDS {
        let (found, count) = told(&|other| other == kind);
        println!("{:10} called cut {found:4} of {count}", kind.name());
    }
    let (right, cuts) = told(&|kind| matches!(kind, Kind::Cut(20..)));
    let (wrong, _) = told(&|kind| !matches!(kind, Kind::Cut(_)));
    println!(
        "cuts of 20 % and more: precision {:.3}, recall {:.3}",
        f64::from(right) / f64::from((right + wrong).max(1)),
        f64::from(right) / f64::from(cuts.max(1)),
    );
    Ok(())
}

/// A sample in all kinds.
fn look(folder: &Folder, record: &Record, index: usize) -> Result<Vec<Seen>, Box<dyn Error>> {
    let picture = folder.picture(record, Modality::Image)?.into_rgb8();
    let product = folder.picture(record, Modality::Product)?.into_rgba8();
    let placed = Bounds::of_visible(&product).ok_or("a product without pixels")?;
    let Bounds {
        x,
        y,
        width,
        height,
    } = placed;
    let own: RgbaImage = imageops::crop_imm(&product, x, y, width, height).to_image();
    let cutout = Cutout::from_rgba(own)?;
    let mut seen = Vec::new();
    for kind in KINDS {
        let shown = as_it_comes(&made(&picture, placed, kind, index % 4), index)?;
        let Some(found) = locate(&shown, &cutout) else {
            continue;
        };
        seen.push(Seen {
            kind,
            cut_off: cut_off(&found.rgba),
            hidden: found.hidden,
            distance: found.distance,
        });
    }
    Ok(seen)
}

/// The picture trimmed or cut on one of its four sides.
fn made(picture: &RgbImage, product: Bounds, kind: Kind, side: usize) -> RgbImage {
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    let [left, top] = [product.x, product.y].map(i64::from);
    let [across, down] = [product.width, product.height].map(i64::from);
    // How far the new edge lies inside the product.
    let depth = |length: i64| match kind {
        Kind::Whole => i64::MIN,
        Kind::Close => -CLOSE,
        Kind::Cut(percent) => length * i64::from(percent) / 100,
    };
    let (mut x0, mut y0, mut x1, mut y1) = (0, 0, width, height);
    if kind != Kind::Whole {
        match side {
            0 => x0 = (left + depth(across)).max(0),
            1 => y0 = (top + depth(down)).max(0),
            2 => x1 = (left + across - depth(across)).min(width),
            _ => y1 = (top + down - depth(down)).min(height),
        }
    }
    let [x, y, wide, tall] = [x0, y0, x1 - x0, y1 - y0].map(|side| side as u32);
    imageops::crop_imm(picture, x, y, wide, tall).to_image()
}

/// The picture at another size, after a JPEG.
fn as_it_comes(picture: &RgbImage, index: usize) -> Result<RgbImage, Box<dyn Error>> {
    let factor = [1.0, 1.5, 0.75][index % 3];
    let scaled = |side: u32| (f64::from(side) * factor).round() as u32;
    let picture = resize::rgb(picture, scaled(picture.width()), scaled(picture.height()));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture)
        .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 88))?;
    Ok(open::decode(bytes.get_ref())?.picture.into_rgb8())
}
