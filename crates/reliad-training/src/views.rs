//! What the judge looks at, for every sample: computed once by the trained networks and kept beside
//! the checkpoints.
//!
//! Depth and saliency are estimates, as they will be in use, not the rendered world's exact maps. A
//! part of the samples is seen a second time as a painter would give them: through the autoencoder,
//! with noise on the latents, the product's own pixels pasted back.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use image::{Rgb, RgbImage, RgbaImage};
use reliad_diffusion::AutoencoderKl;
use reliad_imaging::{PlacedProduct, paste_back};
use reliad_rfnet::depth_network::DepthNetwork;
use reliad_rfnet::preprocess::{resize, rgb_tensor};
use reliad_rfnet::saliency_network::SaliencyNetwork;
use reliad_weights::ModelDir;

use crate::error::{Error, Result};
use crate::pictures::{Layout, Pictures};
use crate::progress::{Control, Report};
use crate::random;
use crate::stage::Stage;
use crate::vae::signed;
use crate::world::World;

/// The four pictures of each view at the judge's size, and the sample that each view shows.
#[derive(Debug, Clone)]
pub struct Views {
    /// Sample of each view.
    pub samples: Vec<usize>,
    /// Product over white.
    pub product: Pictures,
    /// The picture.
    pub generated: Pictures,
    /// Estimated inverse depth.
    pub depth: Pictures,
    /// Estimated saliency.
    pub saliency: Pictures,
}

/// What makes the views of a data set.
#[derive(Debug)]
pub struct Viewer {
    depth: DepthNetwork,
    saliency: SaliencyNetwork,
    vae: AutoencoderKl,
    size: usize,
    background: [f32; 3],
    latent_noise: f64,
    seed: u64,
    device: Device,
    key: String,
}

/// Views of one file of the cache: what a kill can cost.
const SHARD: usize = 128;
/// Planes of a view: product, picture, depth, saliency.
const PLANES: usize = 3 + 3 + 1 + 1;

impl Viewer {
    /// Loads `depth/`, `saliency/` and `vae/` of the stage's model directory.
    ///
    /// # Errors
    /// A missing or damaged component.
    pub fn load(
        stage: &Stage,
        size: usize,
        background: [f32; 3],
        latent_noise: f64,
    ) -> Result<Self> {
        let model = ModelDir::open(&stage.out).map_err(Error::component("model directory"))?;
        let mut weights = Vec::new();
        for file in [
            "depth/model.safetensors",
            "saliency/model.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
        ] {
            weights.extend_from_slice(&model.read(file).map_err(Error::component("judge's eyes"))?);
        }
        let rfnet = Error::component::<reliad_rfnet::Error>;
        Ok(Self {
            depth: DepthNetwork::load(&model.sub("depth"), &stage.device)
                .map_err(rfnet("depth"))?,
            saliency: SaliencyNetwork::load(&model.sub("saliency"), &stage.device)
                .map_err(rfnet("saliency"))?,
            vae: AutoencoderKl::load(&model.sub("vae"), &stage.device)
                .map_err(Error::component("vae"))?,
            size,
            background,
            latent_noise,
            seed: stage.seed,
            device: stage.device.clone(),
            key: format!(
                "{:016x}-{size}-{latent_noise}-{}",
                random::fingerprint(&weights),
                stage.seed
            ),
        })
    }

    /// Views of the samples `indices`, and of every `repaint`-th of them once more as repainted (0: none).
    /// `None` when the caller asked to stop.
    ///
    /// # Errors
    /// Pictures that cannot be read, or a failing disk.
    pub fn views(
        &self,
        stage: &Stage,
        world: &World,
        indices: &[usize],
        repaint: usize,
        control: &mut Control<'_>,
    ) -> Result<Option<Views>> {
        let mut jobs: Vec<(usize, bool)> = indices.iter().map(|&index| (index, false)).collect();
        if repaint > 0 {
            jobs.extend(indices.iter().step_by(repaint).map(|&index| (index, true)));
        }
        let names: String = jobs
            .iter()
            .map(|&(index, again)| format!("{}{again};", world.records()[index].image))
            .collect();
        let cache = stage.checkpoints("views").join(format!(
            "{}-{:016x}",
            self.key,
            random::fingerprint(names.as_bytes())
        ));
        std::fs::create_dir_all(&cache).map_err(Error::io(&cache))?;
        let start = std::time::Instant::now();
        let stride = PLANES * self.size * self.size;
        let mut bytes = Vec::with_capacity(jobs.len() * stride);
        for (number, shard) in jobs.chunks(SHARD).enumerate() {
            if control.stopped() {
                return Ok(None);
            }
            let file = cache.join(format!("{number:05}.bin"));
            if file.exists() {
                bytes.extend(std::fs::read(&file).map_err(Error::io(&file))?);
                continue;
            }
            let first = bytes.len();
            for &(index, again) in shard {
                self.view(world, index, again, &mut bytes)?;
            }
            reliad_weights::write_atomically(&file, &bytes[first..])
                .map_err(Error::component("views"))?;
            (control.on_report)(
                "views",
                &Report {
                    step: number as u64 + 1,
                    progress: (number * SHARD + shard.len()) as f64 / jobs.len() as f64,
                    elapsed_seconds: start.elapsed().as_secs_f64(),
                    ..Report::default()
                },
            );
        }
        let plane = self.size * self.size;
        let part = |from: usize, planes: usize, layout: Layout| {
            let part: Vec<u8> = bytes
                .chunks_exact(stride)
                .flat_map(|view| &view[from * plane..(from + planes) * plane])
                .copied()
                .collect();
            Pictures::from_bytes(layout, self.size, part)
        };
        Ok(Some(Views {
            samples: jobs.iter().map(|&(index, _)| index).collect(),
            product: part(0, 3, Layout::Rgb),
            generated: part(3, 3, Layout::Rgb),
            depth: part(6, 1, Layout::Gray),
            saliency: part(7, 1, Layout::Gray),
        }))
    }

    fn view(&self, world: &World, index: usize, again: bool, out: &mut Vec<u8>) -> Result<()> {
        let file =
            |kind: fn(&reliad_dataset::Record) -> &str| world.files(&[index], kind).remove(0);
        let product = open(&file(|record| &record.product))?.into_rgba8();
        let mut picture = open(&file(|record| &record.image))?.into_rgb8();
        if again {
            picture = self.repainted(&picture, &product, index)?;
        }
        let product = rgb_tensor(&over(&product, self.background), &self.device);
        let generated = rgb_tensor(&picture, &self.device);
        let depth = self.depth.estimate(generated.clone());
        let saliency = self.saliency.estimate(generated.clone());
        for picture in [product, generated, depth, saliency] {
            let seen = resize(picture, self.size, self.size);
            out.extend(seen.into_data().iter::<f32>().map(to_byte));
        }
        Ok(())
    }

    fn repainted(&self, picture: &RgbImage, product: &RgbaImage, index: usize) -> Result<RgbImage> {
        use rand::RngExt as _;
        let mut rng = random::generator(self.seed, "repaint", index as u64);
        let strength = rng.random::<f64>() * self.latent_noise;
        let latents = self
            .vae
            .encode(signed(rgb_tensor(picture, &self.device)))
            .mean;
        let noise = random::normal(&mut rng, latents.dims(), &self.device);
        let painted = self.vae.decode(latents + noise * strength);
        let placed = PlacedProduct::from_canvas_rgba(product.clone())
            .map_err(Error::component("product"))?;
        Ok(paste_back(&rgb_image(painted), &placed))
    }
}

fn open(file: &Path) -> Result<image::DynamicImage> {
    image::open(file).map_err(|source| Error::Picture {
        path: file.to_owned(),
        source,
    })
}

/// The first picture of `[n, 3, h, w]` in -1 to 1.
fn rgb_image(picture: Tensor<4>) -> RgbImage {
    let [_, _, h, w] = picture.dims();
    let values: Vec<f32> = picture.into_data().iter::<f32>().collect();
    RgbImage::from_fn(w as u32, h as u32, |x, y| {
        let at = y as usize * w + x as usize;
        Rgb(std::array::from_fn(|channel| {
            to_byte(values[channel * h * w + at] / 2.0 + 0.5)
        }))
    })
}

/// A straight-alpha picture laid over a colour in 0 to 1.
fn over(picture: &RgbaImage, background: [f32; 3]) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let pixel = picture.get_pixel(x, y).0;
        let alpha = f32::from(pixel[3]) / 255.0;
        Rgb(std::array::from_fn(|channel| {
            let under = background[channel];
            to_byte(under + (f32::from(pixel[channel]) / 255.0 - under) * alpha)
        }))
    })
}

fn to_byte(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}
