//! A strip of pictures for each sampler: the same product, prompt and noise at 6, 12, 20 and 40 steps.
//!
//! `cargo run --release -p reliad-cli --example sampler_strips -- MODEL PRODUCT PROMPT OUT` writes `OUT/SAMPLER.jpg`.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use image::RgbImage;
use reliad_diffusion::Sampling;
use reliad_diffusion::scheduler::Sampler;
use reliad_generation::defaults::sampling_of;
use reliad_generation::files;
use reliad_generation::paint::{Drawing, Paint};
use reliad_generation::painter::ModelPainter;
use reliad_generation::recipe::Recipe;
use reliad_imaging::{Cutout, PlacedProduct, paste_back};
use reliad_weights::ModelDir;

const STEPS: [usize; 4] = [6, 12, 20, 40];
/// Pixels between the pictures of a strip.
const GAP: u32 = 4;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, product, prompt, out] = arguments.as_slice() else {
        bail!("usage: sampler_strips MODEL PRODUCT PROMPT OUT");
    };
    let model = ModelDir::open(model)?;
    let painter = ModelPainter::load(&model, &Device::flex(), "cpu", None)?;
    let own = sampling_of(&model)?;
    let product_path = Path::new(product);
    let placed = PlacedProduct::place(&Cutout::read(product_path)?, own.canvas()?, 0.74);
    let hash = files::hash_file(product_path)?;
    std::fs::create_dir_all(out)?;
    for sampler in Sampler::ALL {
        let mut strip = RgbImage::from_pixel(
            STEPS.len() as u32 * (own.width + GAP) - GAP,
            own.height,
            image::Rgb([255; 3]),
        );
        for (place, steps) in STEPS.into_iter().enumerate() {
            let sampling = Sampling {
                sampler,
                steps,
                ..own.clone()
            };
            let drawing = Drawing {
                recipe: Recipe {
                    product: hash.clone(),
                    model: painter.identity().digest.clone(),
                    prompt: prompt.clone(),
                    negative_prompt: String::new(),
                    sampling: sampling.normalised(),
                    scale: 0.74,
                    seed: 0,
                    item: "strip".into(),
                    picture: 0,
                    attempt: 0,
                    noise: None,
                },
                product: placed.clone(),
            };
            let mut go_on = |_, _| ControlFlow::Continue(());
            let painted = painter.paint(std::slice::from_ref(&drawing), &mut go_on)?;
            let painted = painted.into_iter().flatten().next();
            let picture = paste_back(&painted.context("nothing was painted")?, &placed);
            let x = i64::from(place as u32 * (own.width + GAP));
            image::imageops::replace(&mut strip, &picture, x, 0);
        }
        let path = Path::new(out).join(format!("{sampler}.jpg"));
        strip
            .save(&path)
            .with_context(|| path.display().to_string())?;
        println!("{}", path.display());
    }
    Ok(())
}
