//! Samples without pictures, as what paints learns from them: latents, cover and edges of the product.
//!
//! A folder of `latents.json`, numbered shards of [`SHARD`] samples and `metadata.jsonl` with the samples' texts. A
//! shard is written whole and then told of in the metadata, so that a kill costs one; more are appended by the command
//! that wrote the first.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use half::f16;
use reliad_dataset::METADATA;
use reliad_weights::{ModelDir, Source};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::data::edges::Edges;
use crate::data::regions::Cover;
use crate::error::{Error, Result};
use crate::painter::latents::Latents;

/// The file that tells how a folder's shards were made.
pub const SETTINGS: &str = "latents.json";
/// Samples of one shard.
pub const SHARD: usize = 256;

/// How a folder's shards were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Fingerprint of the autoencoder's weights.
    pub autoencoder: String,
    /// Side of the pictures in pixels.
    pub size: usize,
    /// Canny's thresholds.
    pub canny: [f32; 2],
    /// What the samples are, for whoever continues the folder.
    pub samples: serde_json::Value,
}

/// Tells the encoder of one autoencoder from those of others; a decoder changes no latents.
///
/// # Errors
/// A missing or unreadable file.
pub fn fingerprint(vae: &ModelDir) -> Result<String> {
    let weights = Source::of_component(vae).map_err(Error::component("vae"))?;
    let mut encoder = Vec::new();
    for (name, _) in weights.tensors() {
        if name.starts_with("encoder.") || name.starts_with("quant_conv.") {
            let tensor = weights.read(name).map_err(Error::component("vae"))?;
            encoder.extend_from_slice(name.as_bytes());
            encoder.extend_from_slice(tensor.bytes());
        }
    }
    Ok(format!(
        "{:016x}",
        crate::fingerprint::fingerprint(&encoder)
    ))
}

/// What some samples are without their pictures.
#[derive(Debug, Clone)]
pub struct Shard {
    /// Latents at full and at half size.
    pub latents: [Latents; 2],
    /// Cover of the full size's cells.
    pub cover: Cover,
    /// Edges at full size.
    pub edges: Edges,
}

/// A folder of shards.
#[derive(Debug, Clone)]
pub struct Shards {
    dir: PathBuf,
    settings: Settings,
}

impl Shards {
    /// The folder `dir`, or `None` where it holds no shards.
    ///
    /// # Errors
    /// Settings that cannot be read.
    pub fn open(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(SETTINGS);
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(Self {
            dir: dir.to_owned(),
            settings: crate::stage::read_config(&path)?,
        }))
    }

    /// Begins or continues a folder.
    ///
    /// # Errors
    /// A folder whose shards were made otherwise, or a failing disk.
    pub fn create(dir: &Path, settings: Settings) -> Result<Self> {
        if let Some(found) = Self::open(dir)? {
            if found.settings == settings {
                return Ok(found);
            }
            return Err(Error::Data {
                path: dir.to_owned(),
                reason: format!(
                    "it holds samples that were made otherwise; choose an empty folder or the settings in its {SETTINGS}"
                ),
            });
        }
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        reliad_weights::write_config(&dir.join(SETTINGS), &settings)
            .map_err(Error::component("data"))?;
        Ok(Self {
            dir: dir.to_owned(),
            settings,
        })
    }

    fn path(&self, number: usize) -> PathBuf {
        self.dir.join(Self::name(number))
    }

    /// The file name of a shard.
    pub fn name(number: usize) -> String {
        format!("{number:05}.safetensors")
    }

    /// Number of shards that are complete; lines of others are taken out of the metadata.
    ///
    /// # Errors
    /// A failing disk.
    pub fn complete(&self) -> Result<usize> {
        let path = self.dir.join(METADATA);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        let whole = text.matches('\n').count() / SHARD;
        let complete = (0..whole)
            .take_while(|&number| self.path(number).exists())
            .count();
        let kept: usize = text
            .split_inclusive('\n')
            .take(complete * SHARD)
            .map(str::len)
            .sum();
        if kept < text.len() {
            reliad_files::write(&path, &text.as_bytes()[..kept]).map_err(Error::io(&path))?;
        }
        Ok(complete)
    }

    /// Writes shard `number`, of [`SHARD`] samples with their lines for the metadata.
    ///
    /// # Errors
    /// A failing disk.
    pub fn append(&self, number: usize, shard: &Shard, lines: &[String]) -> Result<()> {
        let failed = Error::component::<safetensors::SafeTensorError>;
        let [full, half] = shard.latents.each_ref().map(Latents::bytes);
        let cover: Vec<u8> = shard
            .cover
            .values()
            .iter()
            .map(|&share| packed(share))
            .collect();
        let latents = |of: &Latents| vec![SHARD, of.channels(), of.side(), of.side()];
        let side = shard.latents[0].side();
        let view =
            |dtype, shape, bytes| TensorView::new(dtype, shape, bytes).map_err(failed("data"));
        let bits = shard.edges.bits();
        let tensors = [
            (
                "latents",
                view(Dtype::F16, latents(&shard.latents[0]), &full)?,
            ),
            (
                "latents_half",
                view(Dtype::F16, latents(&shard.latents[1]), &half)?,
            ),
            ("cover", view(Dtype::U8, vec![SHARD, side, side], &cover)?),
            (
                "edges",
                view(Dtype::U8, vec![SHARD, bits.len() / SHARD], bits)?,
            ),
        ];
        let bytes = safetensors::serialize(tensors, None).map_err(failed("data"))?;
        let path = self.path(number);
        reliad_files::write(&path, &bytes).map_err(Error::io(&path))?;
        let path = self.dir.join(METADATA);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::io(&path))?;
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(Error::io(&path))
    }

    /// Whether the latents are those of the autoencoder in `vae`.
    ///
    /// # Errors
    /// [`Error::Data`] where they aren't, or a missing or unreadable file.
    pub fn check(&self, vae: &ModelDir) -> Result<()> {
        let own = fingerprint(vae)?;
        if own == self.settings.autoencoder {
            return Ok(());
        }
        Err(self.other(format!(
            "its latents are those of another autoencoder ({}, not {own}); make them anew with `reliad synth latents`",
            self.settings.autoencoder
        )))
    }

    /// Latents and cover of the first `count` samples at `size` pixels, by the autoencoder in `vae`.
    ///
    /// # Errors
    /// Shards of another autoencoder, of other sizes than `size` and twice that, or that cannot be read.
    pub fn read(&self, vae: &ModelDir, size: usize, count: usize) -> Result<(Latents, Cover)> {
        self.check(vae)?;
        let full = self.settings.size;
        let name = match size {
            size if size == full => "latents",
            size if 2 * size == full => "latents_half",
            _ => {
                return Err(self.other(format!(
                    "its latents are those of pictures of {full} and {} pixels, not of {size}",
                    full / 2
                )));
            }
        };
        let (mut values, mut cover) = (Vec::new(), Vec::new());
        let (mut shape, mut side) = ([0; 2], 0);
        self.each(count, |shard, taken| {
            let latents = tensor(shard, name)?;
            shape = [latents.shape()[1], latents.shape()[2]];
            let stride = shape[0] * shape[1] * shape[1];
            values.extend(f16s(&latents.data()[..2 * taken * stride]));
            let maps = tensor(shard, "cover")?;
            side = maps.shape()[1];
            let shares = maps.data()[..taken * side * side].iter();
            cover.extend(shares.map(|&share| f32::from(share) / 255.0));
            Ok(())
        })?;
        let cover = Cover::new(side, cover);
        let cover = if size == full { cover } else { cover.halved() };
        Ok((Latents::new(shape[0], shape[1], values), cover))
    }

    /// Edges of the first `count` samples.
    ///
    /// # Errors
    /// Shards with other thresholds or of another size, or that cannot be read.
    pub fn edges(&self, size: usize, canny: [f32; 2], count: usize) -> Result<Edges> {
        if (size, canny) != (self.settings.size, self.settings.canny) {
            return Err(self.other(format!(
                "its edges are those of pictures of {} pixels with thresholds {:?}, not of {size} with {canny:?}",
                self.settings.size, self.settings.canny
            )));
        }
        let mut bits = Vec::with_capacity(count * Edges::stride_of(size));
        self.each(count, |shard, taken| {
            let edges = tensor(shard, "edges")?;
            bits.extend(&edges.data()[..taken * Edges::stride_of(size)]);
            Ok(())
        })?;
        Ok(Edges::new(size, bits))
    }

    fn other(&self, reason: String) -> Error {
        Error::Data {
            path: self.dir.clone(),
            reason,
        }
    }

    /// Calls `take` with every shard of the first `count` samples and how many of them it holds.
    fn each(
        &self,
        count: usize,
        mut take: impl FnMut(&SafeTensors<'_>, usize) -> Result<()>,
    ) -> Result<()> {
        for (number, first) in (0..count).step_by(SHARD).enumerate() {
            let path = self.path(number);
            let bytes = std::fs::read(&path).map_err(Error::io(&path))?;
            let shard = SafeTensors::deserialize(&bytes).map_err(Error::component("data"))?;
            take(&shard, SHARD.min(count - first))?;
        }
        Ok(())
    }
}

/// A share as 8 bits; what is covered a little stays so.
fn packed(share: f32) -> u8 {
    ((share * 255.0).round() as u8).max(u8::from(share > 0.0))
}

fn tensor<'a>(shard: &SafeTensors<'a>, name: &str) -> Result<TensorView<'a>> {
    shard.tensor(name).map_err(Error::component("data"))
}

fn f16s(bytes: &[u8]) -> impl Iterator<Item = f16> {
    bytes
        .chunks_exact(2)
        .map(|pair| f16::from_le_bytes([pair[0], pair[1]]))
}
