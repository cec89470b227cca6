//! Pictures that the painter made before it was tuned, with what the judge says of them: what methods learn from that need
//! clean pictures.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use burn::tensor::{Tensor, TensorData};
use reliad_diffusion::noise::ItemSeed;
use reliad_training::error::{Error, Result};
use reliad_training::{Control, threads};
use serde::{Deserialize, Serialize};

use crate::briefs::Briefs;
use crate::networks::Networks;

/// How much is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BankConfig {
    /// Items of which pictures are painted, at most.
    pub items: usize,
    /// Pictures of each.
    pub pictures: u32,
}

impl Default for BankConfig {
    fn default() -> Self {
        Self {
            items: 128,
            pictures: 3,
        }
    }
}

/// A painting.
#[derive(Debug, Clone)]
pub struct Painting {
    /// The item, as [`Briefs::get`] counts.
    pub item: usize,
    /// Clean latents `[1, channels, h, w]`.
    pub latents: Tensor<4>,
    /// Probability of availability.
    pub available: f32,
    /// Whether the judge passes it.
    pub passed: bool,
}

/// Paintings by item.
#[derive(Debug, Default)]
pub struct Bank {
    /// One by one, those of an item in a row.
    pub paintings: Vec<Painting>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    shape: [usize; 4],
    latents: Vec<f32>,
    available: f32,
    passed: bool,
}

impl Bank {
    /// Paints what isn't in `dir` yet; `None` when the caller asked to stop.
    ///
    /// # Errors
    /// A product or text that can't be read, or a file that can't be read or written.
    pub fn paint(
        networks: &Networks,
        briefs: &Briefs,
        config: &BankConfig,
        seed: u64,
        dir: &Path,
        control: &Control<'_>,
    ) -> Result<Option<Self>> {
        reliad_files::prepare_directory(dir).map_err(Error::io(dir))?;
        let items = config.items.min(briefs.len());
        let count = items * config.pictures as usize;
        let stop = control.stop;
        let device = networks.painter.device();
        let paintings = threads::each(count, threads::at_once(device), |place| {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (item, picture) = (
                place / config.pictures as usize,
                (place % config.pictures as usize) as u32,
            );
            let path = dir.join(format!("{item:06}-{picture}.json"));
            painting(networks, briefs, item, picture, seed, path).map(Some)
        })?;
        let paintings: Option<Vec<Painting>> = paintings.into_iter().collect();
        Ok(paintings.map(|paintings| Self { paintings }))
    }

    /// The paintings that the judge passes.
    pub fn passed(&self) -> Vec<&Painting> {
        let paintings = self.paintings.iter();
        paintings.filter(|painting| painting.passed).collect()
    }

    /// For each item with both, the painting that is most and the one that is least probably available.
    pub fn pairs(&self) -> Vec<[&Painting; 2]> {
        let mut pairs = Vec::new();
        for group in self.paintings.chunk_by(|a, b| a.item == b.item) {
            let by = |a: &&Painting, b: &&Painting| a.available.total_cmp(&b.available);
            let best = group.iter().filter(|painting| painting.passed).max_by(by);
            let worst = group.iter().filter(|painting| !painting.passed).min_by(by);
            pairs.extend(best.zip(worst).map(|(best, worst)| [best, worst]));
        }
        pairs
    }
}

fn painting(
    networks: &Networks,
    briefs: &Briefs,
    item: usize,
    picture: u32,
    seed: u64,
    path: PathBuf,
) -> Result<Painting> {
    let device = networks.painter.device();
    let json = |source| Error::Json {
        path: path.clone(),
        source,
    };
    let kept = if path.exists() {
        let text = std::fs::read(&path).map_err(Error::io(&path))?;
        serde_json::from_slice(&text).map_err(json)?
    } else {
        let brief = briefs.get(item)?;
        let seed = ItemSeed {
            run: seed,
            item: format!("bank {}", brief.id),
            attempt: picture,
        };
        let item = networks.item(&brief, seed)?;
        let predictor = networks.painter.predictor.clone();
        let mut run = networks.denoise(predictor, item.conditions.clone());
        run.by_ref().for_each(drop);
        let latents = run.latents();
        let (available, passed) = networks.verdict(latents.clone(), &item)?;
        let kept = Kept {
            shape: latents.dims(),
            latents: latents.into_data().iter::<f32>().collect(),
            available,
            passed,
        };
        let text = serde_json::to_vec(&kept).map_err(json)?;
        reliad_files::write(&path, &text).map_err(Error::io(&path))?;
        kept
    };
    Ok(Painting {
        item,
        latents: Tensor::from_data(TensorData::new(kept.latents, kept.shape), device),
        available: kept.available,
        passed: kept.passed,
    })
}
