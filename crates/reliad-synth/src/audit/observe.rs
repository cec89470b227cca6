//! What an audit keeps of a sample: its words and numbers, not its pixels.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use image::{DynamicImage, ExtendedColorType, GrayImage, RgbImage, RgbaImage};
use rayon::prelude::*;
use reliad_imaging::{Class, open};
use serde::Deserialize as _;
use serde_json::Value;

use super::maps;
use crate::error::{Error, Result};
use crate::folder::encode;
use crate::parameters::Parameters;
use crate::world::Sample;

/// A sample without its pictures.
pub struct Observation {
    pub index: u64,
    pub class: Class,
    pub product_id: u64,
    pub title: String,
    pub prompt: String,
    pub parameters: Parameters,
    /// Bytes of the picture's and of the product layer's PNG files.
    pub bytes: [f64; 2],
    /// Mean and standard deviation of the product layer's colour, weighted by coverage, 0..255.
    pub product_color: [f64; 6],
    /// Mean colour of the picture, 0..255.
    pub picture_color: [f64; 3],
    /// What is wrong with the maps.
    pub violations: Vec<String>,
}

impl Observation {
    pub fn of(index: u64, sample: &Sample) -> Self {
        let (w, h) = sample.picture.dimensions();
        // A file that can't be encoded counts as empty, which the probes would show.
        let size = |data: &[u8], color: ExtendedColorType| {
            encode(data, w, h, color).map_or(0.0, |bytes| bytes.len() as f64)
        };
        Observation {
            index,
            class: sample.class,
            product_id: sample.product_id,
            title: sample.title.clone(),
            prompt: sample.prompt.clone(),
            parameters: sample.parameters.clone(),
            bytes: [
                size(&sample.picture, ExtendedColorType::Rgb8),
                size(&sample.product, ExtendedColorType::Rgba8),
            ],
            product_color: product_color(&sample.product),
            picture_color: picture_color(&sample.picture),
            violations: maps::violations(
                sample.class,
                &sample.product,
                &sample.picture,
                &sample.saliency,
                &sample.depth,
            ),
        }
    }
}

/// The samples of a rendered folder and the side of their pictures; `None` once `cancel` is set.
pub fn read(
    folder: &Path,
    progress: &(dyn Fn(u64, u64) + Sync),
    cancel: &AtomicBool,
) -> Result<Option<(Vec<Observation>, u32)>> {
    let path = folder.join("metadata.jsonl");
    let text = fs::read_to_string(&path).map_err(|source| Error::Io {
        path: path.clone(),
        source,
    })?;
    let lines: Vec<(usize, &str)> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.is_empty())
        .collect();
    if lines.is_empty() {
        return Err(Error::Unreadable {
            path,
            reason: "holds no samples".to_string(),
        });
    }
    let (done, count) = (AtomicU64::new(0), lines.len() as u64);
    let seen = lines
        .par_iter()
        .map(|&(number, line)| {
            if cancel.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let one = read_one(folder, line, &|reason| Error::Unreadable {
                path: path.clone(),
                reason: format!("line {number}: {reason}"),
            })?;
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, count);
            Ok(Some(one))
        })
        .collect::<Result<Option<Vec<_>>>>()?;
    Ok(seen.map(|seen| {
        let size = seen.first().map_or(0, |(_, size)| *size);
        (seen.into_iter().map(|(one, _)| one).collect(), size)
    }))
}

/// A line's sample and the side of its picture; `fault` makes the error of what is wrong with the line.
fn read_one(
    folder: &Path,
    line: &str,
    fault: &dyn Fn(String) -> Error,
) -> Result<(Observation, u32)> {
    let record: Value =
        serde_json::from_str(line).map_err(|error| fault(format!("not a record: {error}")))?;
    let text = |key: &str| record[key].as_str().unwrap_or_default().to_string();
    let open = |key: &str| -> Result<(DynamicImage, f64)> {
        let file = record[key]
            .as_str()
            .ok_or_else(|| fault(format!("names no file as `{key}`")))?;
        let path = folder.join(file);
        let bytes = fs::read(&path).map_err(|source| Error::Io {
            path: path.clone(),
            source,
        })?;
        let opened = open::decode(&bytes).map_err(|problem| Error::Unreadable {
            path,
            reason: problem.to_string(),
        })?;
        Ok((opened.picture, bytes.len() as f64))
    };
    let class = Class::from_slug(&text("label"))
        .ok_or_else(|| fault(format!("unknown label `{}`", text("label"))))?;
    let (picture, picture_bytes) = open("image")?;
    let (product, product_bytes) = open("product")?;
    let (picture, product) = (picture.to_rgb8(), product.to_rgba8());
    let saliency: GrayImage = open("saliency")?.0.to_luma8();
    let depth = open("depth")?.0.to_luma8();
    let depth: Vec<f32> = depth.pixels().map(|p| f32::from(p[0]) / 255.0).collect();
    let one = Observation {
        index: record["index"].as_u64().unwrap_or_default(),
        class,
        product_id: record["product_id"].as_u64().unwrap_or_default(),
        title: text("title"),
        prompt: text("prompt"),
        bytes: [picture_bytes, product_bytes],
        product_color: product_color(&product),
        picture_color: picture_color(&picture),
        violations: maps::violations(class, &product, &picture, &saliency, &depth),
        parameters: Parameters::deserialize(&record["parameters"])
            .map_err(|error| fault(format!("its parameters can't be read: {error}")))?,
    };
    Ok((one, picture.width()))
}

fn product_color(product: &RgbaImage) -> [f64; 6] {
    let (mut sum, mut square, mut total) = ([0.0; 3], [0.0; 3], 0.0);
    for pixel in product.pixels() {
        let weight = f64::from(pixel[3]) / 255.0;
        total += weight;
        for c in 0..3 {
            let value = f64::from(pixel[c]);
            sum[c] += value * weight;
            square[c] += value * value * weight;
        }
    }
    let total = total.max(1.0);
    let mean = sum.map(|s| s / total);
    let deviation = |c: usize| (square[c] / total - mean[c] * mean[c]).max(0.0).sqrt();
    [
        mean[0],
        mean[1],
        mean[2],
        deviation(0),
        deviation(1),
        deviation(2),
    ]
}

fn picture_color(picture: &RgbImage) -> [f64; 3] {
    let total = f64::from(picture.width() * picture.height()).max(1.0);
    let sum = picture.pixels().fold([0.0; 3], |sum, pixel| {
        [0, 1, 2].map(|c: usize| sum[c] + f64::from(pixel[c]))
    });
    sum.map(|s| s / total)
}
