//! Paints one picture for each sample of a rendered folder, without a judge:
//! `paint_samples WORK [MODEL_DIR] [SEED] [FAMILIES]`, of all scene families or of some (with commas).
//!
//! The samples are those of `WORK/rendered`; `WORK/painted/00000.png` and so on are what the painter makes of their products
//! and prompts, with the settings of the model's `sampling.json`. Pictures that are there stay, so a run that was stopped goes
//! on. They are for labelling before any verdict is seen; `painted_data` makes a data set of them and their labels.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use reliad_dataset::{Folder, Modality, required};
use reliad_generation::defaults::sampling_of;
use reliad_generation::paint::{Drawing, Paint};
use reliad_generation::painter::ModelPainter;
use reliad_generation::recipe::Recipe;
use reliad_imaging::PlacedProduct;
use reliad_synth::SceneFamily;
use reliad_weights::ModelDir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: paint_samples WORK [MODEL_DIR] [SEED] [FAMILIES]");
    };
    let seed = rest.get(1).map_or(Ok(0), |text| text.parse())?;
    let model = ModelDir::open(rest.first().map_or("models/mini", String::as_str))?;
    let painter = ModelPainter::load(&model, &Device::flex(), "cpu", None)?;
    let sampling = sampling_of(&model)?.normalised();
    let work = Path::new(work);
    let folder = Folder::open(work.join("rendered"))?;
    let painted = work.join("painted");
    std::fs::create_dir_all(&painted).with_context(|| painted.display().to_string())?;
    let families: Vec<&str> = rest
        .get(2)
        .map_or(Vec::new(), |text| text.split(',').collect());
    for family in &families {
        let known = SceneFamily::ALL.map(SceneFamily::name);
        ensure!(
            known.contains(family),
            "there is no {family}; there are {}",
            known.join(", ")
        );
    }
    for (number, record) in folder.records().iter().enumerate() {
        let file = painted.join(format!("{number:05}.png"));
        let parameters = record.parameters.as_ref();
        let family = parameters.and_then(|parameters| parameters.scene_family.as_deref());
        let wanted = families.is_empty() || family.is_some_and(|family| families.contains(&family));
        if file.exists() || !wanted {
            continue;
        }
        let product = PlacedProduct::from_canvas_rgba(
            folder.picture(record, Modality::Product)?.into_rgba8(),
        )?;
        let canvas = (sampling.width, sampling.height);
        ensure!(
            product.rgba().dimensions() == canvas,
            "{}: not of the model's size",
            record.image
        );
        let item = required(record, Modality::Product)?.to_string();
        let drawing = Drawing {
            recipe: Recipe {
                product: item.clone(),
                model: painter.identity().digest.clone(),
                prompt: record.prompt.clone(),
                negative_prompt: String::new(),
                sampling: sampling.clone(),
                scale: 0.74,
                seed,
                item,
                picture: 0,
                attempt: 0,
                noise: None,
            },
            product,
        };
        let pictures = painter.paint(std::slice::from_ref(&drawing), &mut |_, _| {
            ControlFlow::Continue(())
        })?;
        let picture = pictures.into_iter().flatten().next();
        let picture = picture.context("the painter painted nothing")?;
        let half = painted.join(format!("{number:05}.half.png"));
        picture.save(&half)?;
        std::fs::rename(&half, &file)?;
        println!("{number:05} {} | {}", record.title, record.prompt);
    }
    Ok(())
}
