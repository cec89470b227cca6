//! Makes a data set of paintings that somebody has labelled: `painted_data WORK LABELS.csv OUT`.
//!
//! WORK is the folder of a `reliad evaluate painter --work WORK`. Lines of LABELS.csv are `sample,painting,label`: a record of
//! `WORK/rendered`, by its number from 0, a file of `WORK/painted`, onto which that record's product is pasted back, and a
//! class. Labels whose paintings aren't there are counted and left out; without any painting nothing is written.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use reliad_dataset::{Folder, Label, Lines, METADATA, Modality, Record, required};
use reliad_imaging::{Class, PlacedProduct, paste_back};
use serde::Deserialize;

#[derive(Deserialize)]
struct Line {
    sample: usize,
    painting: String,
    label: String,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, labels, out] = arguments.as_slice() else {
        anyhow::bail!("usage: painted_data WORK LABELS.csv OUT");
    };
    let (work, out) = (Path::new(work), Path::new(out));
    let rendered = Folder::open(work.join("rendered"))?;
    let images = out.join("images");
    std::fs::create_dir_all(&images).with_context(|| images.display().to_string())?;
    let mut records = Vec::new();
    let mut missing = 0;
    let mut lines = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_path(labels)
        .with_context(|| labels.clone())?;
    for line in lines.deserialize() {
        let line: Line = line.with_context(|| labels.clone())?;
        let painting = work.join("painted").join(&line.painting);
        if !painting.is_file() {
            missing += 1;
            continue;
        }
        let record = rendered.records().get(line.sample);
        let record = record.with_context(|| format!("no sample {}", line.sample))?;
        let record = labelled(&rendered, record, &painting, &line, &images)
            .with_context(|| painting.display().to_string())?;
        records.push(record);
    }
    ensure!(
        !records.is_empty(),
        "none of the {missing} paintings in {labels} is in {}; paint them as the file's first lines say",
        work.join("painted").display()
    );
    let mut index = Lines::create(&out.join(METADATA))?;
    for record in &records {
        index.write(record)?;
    }
    let written = index.finish()?;
    println!(
        "{}: {written} labelled paintings, {missing} aren't painted",
        out.display()
    );
    Ok(())
}

/// The record of one labelled painting, its picture in `images`, its product where it lies.
fn labelled(
    rendered: &Folder,
    record: &Record,
    painting: &Path,
    line: &Line,
    images: &Path,
) -> Result<Record> {
    let class = Class::ALL
        .into_iter()
        .find(|class| class.slug() == line.label)
        .with_context(|| format!("{} is no class", line.label))?;
    let product = rendered.picture(record, Modality::Product)?.into_rgba8();
    let picture = paste_back(
        &reliad_imaging::open(painting)?.picture.into_rgb8(),
        &PlacedProduct::from_canvas_rgba(product)?,
    );
    picture.save(images.join(&line.painting))?;
    let here = std::path::absolute(rendered.dir())?;
    Ok(Record {
        image: format!("images/{}", line.painting).as_str().into(),
        product: Some(required(record, Modality::Product)?.with_file(|file| here.join(file))),
        depth: None,
        saliency: None,
        label: Some(Label::Class(class)),
        parameters: None,
        others: Default::default(),
        ..record.clone()
    })
}
