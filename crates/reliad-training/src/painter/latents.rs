//! Latents of all training pictures, computed once and kept beside the checkpoints.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use half::f16;
use reliad_dataset::Modality;
use reliad_diffusion::AutoencoderKl;
use reliad_diffusion::vae::signed;
use reliad_weights::ModelDir;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::data::pictures::{Layout, Pictures};
use crate::data::world::World;
use crate::error::{Error, Result};
use crate::fit::progress::{Control, Report};
use crate::painter::shards::fingerprint;
use crate::stage::Stage;

/// Scaled latents of `count` pictures, `[channels, side, side]` each.
#[derive(Debug, Clone)]
pub struct Latents {
    channels: usize,
    side: usize,
    values: Vec<f16>,
}

/// Pictures of one file of the cache: what a kill can cost.
const SHARD: usize = 256;
const BATCH: usize = 8;

impl Latents {
    /// Posterior means (times the scaling factor) of all pictures of `world` at `size` pixels, from
    /// the cache of an earlier run as far as it reaches. `None` when the caller asked to stop.
    ///
    /// # Errors
    /// A missing or damaged `vae/`, pictures that cannot be read, or a failing disk.
    pub fn of_world(
        stage: &Stage,
        world: &World,
        size: usize,
        control: &mut Control<'_>,
    ) -> Result<Option<Self>> {
        let dir = ModelDir::open(stage.component("vae")).map_err(Error::component("vae"))?;
        let key = format!(
            "{}-{:016x}-{size}",
            fingerprint(&dir)?,
            world.fingerprint(0..world.records().len()),
        );
        let vae = AutoencoderKl::load(&dir, &stage.device).map_err(Error::component("vae"))?;
        let cache = stage.checkpoints("latents").join(key);
        std::fs::create_dir_all(&cache).map_err(Error::io(&cache))?;
        let start = std::time::Instant::now();
        let count = world.records().len();
        let side = size / vae.downscale();
        let mut all = Self {
            channels: 0,
            side,
            values: Vec::new(),
        };
        for (number, first) in (0..count).step_by(SHARD).enumerate() {
            if control.stopped() {
                return Ok(None);
            }
            let file = cache.join(format!("{number:05}.safetensors"));
            let indices: Vec<usize> = (first..(first + SHARD).min(count)).collect();
            let (channels, values) = if file.exists() {
                read(&file)?
            } else {
                let pictures = world.pictures(&indices, Modality::Image, Layout::Rgb, size)?;
                let made = encode(&vae, &pictures, &stage.device);
                write(&file, &made.1, [indices.len(), made.0, side, side])?;
                (control.on_report)(
                    "latents",
                    &Report {
                        step: number as u64 + 1,
                        progress: (first + indices.len()) as f64 / count as f64,
                        elapsed_seconds: start.elapsed().as_secs_f64(),
                        ..Report::default()
                    },
                );
                made
            };
            all.channels = channels;
            all.values.extend(values);
        }
        Ok(Some(all))
    }

    /// Latents from values at hand.
    pub fn new(channels: usize, side: usize, values: Vec<f16>) -> Self {
        Self {
            channels,
            side,
            values,
        }
    }

    /// Height and width.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All values, little-endian, two bytes each.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        bytes(&self.values)
    }

    /// The latents `indices` as `[n, channels, side, side]`.
    pub fn batch(&self, indices: &[usize], device: &Device) -> Tensor<4> {
        let stride = self.channels * self.side * self.side;
        let mut values = Vec::with_capacity(indices.len() * stride);
        for &index in indices {
            values.extend(
                self.values[index * stride..][..stride]
                    .iter()
                    .map(|value| value.to_f32()),
            );
        }
        let shape = [indices.len(), self.channels, self.side, self.side];
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

/// Posterior means (times the scaling factor) of pictures, one after the other, and their channels.
pub(crate) fn encode(
    vae: &AutoencoderKl,
    pictures: &Pictures,
    device: &Device,
) -> (usize, Vec<f16>) {
    let mut values = Vec::new();
    let mut channels = 0;
    for first in (0..pictures.len()).step_by(BATCH) {
        let indices: Vec<usize> = (first..(first + BATCH).min(pictures.len())).collect();
        let latents =
            vae.encode(signed(pictures.batch(&indices, device))).mean * vae.scaling_factor();
        channels = latents.dims()[1];
        values.extend(latents.into_data().iter::<f32>().map(f16::from_f32));
    }
    (channels, values)
}

fn bytes(values: &[f16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn write(file: &Path, values: &[f16], shape: [usize; 4]) -> Result<()> {
    let bytes = bytes(values);
    let view =
        TensorView::new(Dtype::F16, shape.to_vec(), &bytes).map_err(Error::component("latents"))?;
    let file_bytes =
        safetensors::serialize([("latents", view)], None).map_err(Error::component("latents"))?;
    reliad_files::write(file, &file_bytes).map_err(Error::io(file))
}

fn read(file: &Path) -> Result<(usize, Vec<f16>)> {
    let bytes = std::fs::read(file).map_err(Error::io(file))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(Error::component("latents"))?;
    let latents = tensors
        .tensor("latents")
        .map_err(Error::component("latents"))?;
    let values = latents
        .data()
        .chunks_exact(2)
        .map(|pair| f16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    Ok((latents.shape()[1], values))
}
