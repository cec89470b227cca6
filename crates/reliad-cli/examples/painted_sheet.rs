//! Paints one picture for each of the first samples of a rendered folder, once, and lays them out with what the judge
//! says of each: `painted_sheet MODEL_DIR DATA_DIR OUT.png [COUNT] [COLUMNS] [LABELS.csv]`.
//!
//! A line a picture goes to standard output. The colour under a picture is the verdict's: green available, orange
//! space, blue size, purple indistinct, red shape. Nothing is drawn again: this is what the painter does by itself.
//!
//! With labels (a class a line, `number,class`, numbers from 0 as on the sheet, row by row) it also tells how far the judge
//! agrees with them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use image::{Rgb, RgbImage, imageops};
use reliad_dataset::{Folder, Modality, Record, required};
use reliad_diffusion::Sampling;
use reliad_generation::assess::{Assess, ModelJudge};
use reliad_generation::defaults::sampling_of;
use reliad_generation::paint::{Drawing, Paint};
use reliad_generation::painter::ModelPainter;
use reliad_generation::recipe::Recipe;
use reliad_imaging::{Class, PlacedProduct, paste_back};
use reliad_rfnet::judge::JudgeItem;
use reliad_weights::ModelDir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Height of the strip under a picture.
const STRIP: u32 = 8;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, data, out, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!(
            "usage: painted_sheet MODEL_DIR DATA_DIR OUT.png [COUNT] [COLUMNS] [LABELS.csv]"
        );
    };
    let number = |at: usize, default: u32| -> Result<u32> {
        rest.get(at)
            .map_or(Ok(default), |text| text.parse().context(text.clone()))
    };
    let (count, columns) = (number(0, 48)?, number(1, 8)?.max(1));
    let dir = ModelDir::open(model)?;
    let device = Device::flex();
    let painter = ModelPainter::load(&dir, &device, "cpu", None)?;
    let judge = ModelJudge::load(&dir, &device)?;
    let sampling = sampling_of(&dir)?.normalised();
    let folder = Folder::open(data)?;
    let mut tiles = Vec::new();
    let mut verdicts = BTreeMap::<&str, usize>::new();
    for record in folder.records().iter().take(count as usize) {
        let (picture, class) = paint(&painter, &judge, &sampling, &folder, record)
            .with_context(|| record.image.to_string())?;
        println!(
            "{},{} {} | {} | {}",
            tiles.len() as u32 % columns,
            tiles.len() as u32 / columns,
            class.slug(),
            record.title,
            record.prompt
        );
        *verdicts.entry(class.slug()).or_default() += 1;
        tiles.push((picture, class));
    }
    println!("verdicts: {verdicts:?}");
    if let Some(file) = rest.get(2) {
        let text = std::fs::read_to_string(file).with_context(|| file.clone())?;
        println!("{}", agreement(&labels(&text)?, &tiles)?);
    }
    sheet(&tiles, columns)
        .save(Path::new(out))
        .with_context(|| out.clone())
}

/// Class of each numbered picture; `#` begins a remark.
fn labels(text: &str) -> Result<BTreeMap<usize, Class>> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (number, class) = line.split_once(',').context(line.to_owned())?;
            let known = Class::ALL.into_iter().find(|known| known.slug() == class);
            Ok((
                number.parse().context(line.to_owned())?,
                known.with_context(|| format!("{line}: no class"))?,
            ))
        })
        .collect()
}

/// How often verdict and label are both "available" or both not, and how often they are the same class.
fn agreement(labels: &BTreeMap<usize, Class>, tiles: &[(RgbImage, Class)]) -> Result<String> {
    let (mut publish, mut same) = (0, 0);
    let mut confusions = BTreeMap::<(&str, &str), usize>::new();
    for (&number, label) in labels {
        let (_, verdict) = tiles
            .get(number)
            .with_context(|| format!("picture {number} has a label and wasn't painted"))?;
        let available = |class: &Class| *class == Class::Available;
        publish += usize::from(available(label) == available(verdict));
        same += usize::from(label == verdict);
        *confusions
            .entry((label.slug(), verdict.slug()))
            .or_default() += 1;
    }
    let share = |count: usize| 100.0 * count as f64 / labels.len().max(1) as f64;
    let mut text = format!(
        "of {} labels the judge agrees on publishing in {:.1} %, on the class in {:.1} %",
        labels.len(),
        share(publish),
        share(same)
    );
    for ((label, verdict), count) in confusions {
        text += &format!("\n{label} called {verdict}: {count}");
    }
    Ok(text)
}

fn paint(
    painter: &ModelPainter,
    judge: &ModelJudge,
    sampling: &Sampling,
    folder: &Folder,
    record: &Record,
) -> Result<(RgbImage, Class)> {
    let product = folder.picture(record, Modality::Product)?.into_rgba8();
    let name = required(record, Modality::Product)?.to_string();
    let drawing = Drawing {
        recipe: Recipe {
            product: name.clone(),
            model: painter.identity().digest.clone(),
            prompt: record.prompt.clone(),
            negative_prompt: String::new(),
            sampling: sampling.clone(),
            scale: 0.74,
            seed: 0,
            item: name,
            picture: 0,
            attempt: 0,
            noise: None,
        },
        product: PlacedProduct::from_canvas_rgba(product)?,
    };
    let mut go_on = |_, _| ControlFlow::Continue(());
    let painted = painter.paint(std::slice::from_ref(&drawing), &mut go_on)?;
    let painted = painted.into_iter().flatten().next();
    let picture = paste_back(
        &painted.context("the painter painted nothing")?,
        &drawing.product,
    );
    let verdict = judge.assess(JudgeItem {
        picture: &picture,
        product: drawing.product.rgba(),
        title: &record.title,
    })?;
    Ok((picture, verdict.class))
}

fn sheet(tiles: &[(RgbImage, Class)], columns: u32) -> RgbImage {
    let (width, height) = tiles.first().map_or((1, 1), |(tile, _)| tile.dimensions());
    let rows = (tiles.len() as u32).div_ceil(columns);
    let mut sheet = RgbImage::new(width * columns, (height + STRIP) * rows);
    for (index, (tile, class)) in tiles.iter().enumerate() {
        let (column, row) = (index as u32 % columns, index as u32 / columns);
        let (x, y) = (column * width, row * (height + STRIP));
        imageops::replace(&mut sheet, tile, i64::from(x), i64::from(y));
        let color = match class {
            Class::Available => Rgb([60, 160, 80]),
            Class::SpaceMismatch => Rgb([230, 140, 30]),
            Class::SizeMismatch => Rgb([50, 110, 210]),
            Class::Indistinctiveness => Rgb([140, 70, 180]),
            Class::ShapeHallucination => Rgb([210, 50, 50]),
            Class::Unsuitable => Rgb([120, 120, 120]),
        };
        for dy in 0..STRIP {
            for dx in 0..width {
                sheet.put_pixel(x + dx, y + height + dy, color);
            }
        }
    }
    sheet
}
