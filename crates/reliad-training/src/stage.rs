//! What every stage of a model's training is given, and what it leaves behind.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::fit::schedule::Budget;
use crate::fit::{FitConfig, Training};

/// Where a stage reads and writes, and how long it runs.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Folder of rendered samples.
    pub data: PathBuf,
    /// Model directory in the ecosystem's layout; components of earlier stages are read from it.
    pub out: PathBuf,
    /// How long to train.
    pub budget: Budget,
    /// Seed of weights, data order and noise.
    pub seed: u64,
    /// Plain device (without gradients).
    pub device: Device,
    /// Further devices, which share the batches of a step with it; `fit.accumulate` is a multiple of their number and one.
    pub helpers: Vec<Device>,
    /// Begin with the weights of the stage's own component in `out` instead of fresh ones. Only painter and ControlNet
    /// can; others ignore it.
    pub warm_start: bool,
}

impl Stage {
    /// Folder of the checkpoints and curves of the stage `name`.
    pub fn checkpoints(&self, name: &str) -> PathBuf {
        self.out.join(".training").join(name)
    }

    /// Folder of the component `name` in the model directory.
    pub fn component(&self, name: &str) -> PathBuf {
        self.out.join(name)
    }

    /// This stage's training under `name`, with its checkpoints in `dir`.
    pub fn training<'a>(
        &self,
        name: &'a str,
        config: &'a FitConfig,
        dir: &'a Path,
    ) -> Training<'a> {
        Training {
            name,
            config,
            budget: self.budget,
            seed: self.seed,
            dir,
            devices: std::iter::once(&self.device)
                .chain(&self.helpers)
                .cloned()
                .collect(),
        }
    }

    /// For a stage whose frozen networks stand on one device.
    ///
    /// # Errors
    /// [`Error::Setting`] when there are several.
    pub fn on_one_device(&self, name: &str) -> Result<()> {
        if self.helpers.is_empty() {
            return Ok(());
        }
        Err(Error::Setting {
            name: "device",
            reason: format!("{name} trains on one device; give one"),
        })
    }

    /// The device on which networks train.
    pub fn training_device(&self) -> Device {
        self.device.clone().autodiff()
    }
}

/// How a stage ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// Its component was written; the held-out figures.
    Finished(Vec<(String, f64)>),
    /// It was stopped; the same command continues it.
    Stopped,
}

/// Reads a stage's configuration file.
///
/// # Errors
/// [`Error::Io`] or [`Error::Json`], which names the field.
pub fn read_config<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read(path).map_err(Error::io(path))?;
    serde_json::from_slice(&text).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}
