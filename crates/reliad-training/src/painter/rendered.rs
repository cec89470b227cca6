//! Samples of the rendered world straight to latents: no picture is kept.

use std::path::PathBuf;

use burn::tensor::Device;
use rayon::prelude::*;
use reliad_diffusion::AutoencoderKl;
use reliad_imaging::canny::THRESHOLDS;
use reliad_synth::{Sample, World};
use reliad_weights::ModelDir;
use serde_json::json;

use crate::data::edges::Edges;
use crate::data::pictures::{Layout, Pictures};
use crate::data::regions::Cover;
use crate::error::{Error, Result};
use crate::painter::latents::{Latents, encode};
use crate::painter::shards::{SHARD, Settings, Shard, Shards, fingerprint};

/// What to render.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// How many samples, rounded up to whole shards: those of the seed from 0 on.
    pub count: u64,
    /// Whether each is followed by its mirror image, which counts as one.
    pub mirrored: bool,
    /// The seed.
    pub seed: u64,
    /// Side of the square pictures in pixels, a multiple of 16.
    pub size: u32,
    /// Products, scenes and labels.
    pub world: World,
    /// Folder of the shards.
    pub out: PathBuf,
}

/// How far a rendering is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Samples that are complete.
    pub done: u64,
    /// Those of them that were there before.
    pub found: u64,
}

/// Renders the samples that `out` lacks and keeps what a painter learns from, by the autoencoder in the model directory
/// `model`. `false` when `stopped` said so; the same call goes on from there, with a larger count if wanted.
///
/// # Errors
/// A missing or damaged `vae/`, a folder of other samples, or a failing disk.
pub fn render_latents(
    rendering: &Rendering,
    model: &ModelDir,
    device: &Device,
    progress: &mut dyn FnMut(Done),
    stopped: &dyn Fn() -> bool,
) -> Result<bool> {
    let dir = model.sub("vae");
    let vae = AutoencoderKl::load(&dir, device).map_err(Error::component("vae"))?;
    let Rendering {
        seed,
        size,
        world,
        mirrored,
        ..
    } = rendering;
    if !(*size as usize).is_multiple_of(2 * vae.downscale()) {
        return Err(Error::Setting {
            name: "size",
            reason: format!("must be a multiple of {}", 2 * vae.downscale()),
        });
    }
    let mut told = json!({
        "number": reliad_synth::WORLD, "seed": seed, "mix": world.mix, "class": world.class, "products": world.products,
        "sizes": world.sizes, "scenes": world.scenes,
    });
    if *mirrored {
        told["mirrored"] = json!(true);
    }
    let shards = Shards::create(
        &rendering.out,
        Settings {
            autoencoder: fingerprint(&dir)?,
            size: *size as usize,
            canny: THRESHOLDS,
            samples: told,
        },
    )?;
    let found = shards.complete()?;
    let wanted = rendering.count.div_ceil(SHARD as u64) as usize;
    let samples = |shards: usize| (shards * SHARD) as u64;
    for number in found..wanted {
        if stopped() {
            return Ok(false);
        }
        let first = samples(number);
        let times = if *mirrored { 2 } else { 1 };
        let rendered: Vec<Sample> = (first / times..samples(number + 1) / times)
            .into_par_iter()
            .flat_map_iter(|index| {
                let sample = world.sample(*seed, index, *size);
                let mirrored = mirrored.then(|| sample.mirrored());
                std::iter::once(sample).chain(mirrored)
            })
            .collect();
        let lines: Vec<String> = rendered
            .iter()
            .zip(first..)
            .map(|(sample, index)| {
                reliad_synth::record(index, sample, &Shards::name(number)).to_string()
            })
            .collect();
        shards.append(
            number,
            &shard(&vae, &rendered, *size as usize, device)?,
            &lines,
        )?;
        progress(Done {
            done: samples(number + 1),
            found: samples(found),
        });
    }
    Ok(true)
}

/// What is kept of some samples.
fn shard(vae: &AutoencoderKl, samples: &[Sample], size: usize, device: &Device) -> Result<Shard> {
    let pictures = planes(samples, Layout::Rgb, size, |sample| sample.picture.as_raw());
    let products = planes(samples, Layout::Rgba, size, |sample| {
        sample.product.as_raw()
    });
    let latents = |pictures: &Pictures| {
        let (channels, values) = encode(vae, pictures, device);
        Latents::new(channels, pictures.size() / vae.downscale(), values)
    };
    Ok(Shard {
        latents: [latents(&pictures), latents(&pictures.halved())],
        cover: Cover::of(&products, size / vae.downscale()),
        edges: Edges::of(&products, THRESHOLDS)?,
    })
}

/// One picture of each sample, plane by plane.
fn planes<'a>(
    samples: &'a [Sample],
    layout: Layout,
    size: usize,
    of: impl Fn(&'a Sample) -> &'a Vec<u8> + Sync,
) -> Pictures {
    let (channels, plane) = (layout.channels(), size * size);
    let mut bytes = vec![0u8; samples.len() * channels * plane];
    bytes
        .par_chunks_mut(channels * plane)
        .zip(samples)
        .for_each(|(out, sample)| {
            for (at, pixel) in of(sample).chunks_exact(channels).enumerate() {
                for (channel, &value) in pixel.iter().enumerate() {
                    out[channel * plane + at] = value;
                }
            }
        });
    Pictures::from_bytes(layout, size, bytes)
}
