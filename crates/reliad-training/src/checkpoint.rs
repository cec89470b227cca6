//! Checkpoints that survive a kill at any moment: a complete folder appears by one rename.
//!
//! `<dir>/step-000000123/{model.bpk,average.bpk,optimizer.bpk,state.json}`; the newest complete
//! folder counts, older ones are removed after it stands.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where a training stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Optimizer steps done.
    pub step: u64,
    /// Seconds of training, summed over all runs.
    pub elapsed_seconds: f64,
    /// Seed of data order and noise.
    pub seed: u64,
    /// Whether the budget is used up.
    pub finished: bool,
}

/// The folder of one training's checkpoints.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    dir: PathBuf,
}

impl Checkpoints {
    /// Checkpoints under `dir`, which is made when first needed.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a checkpoint and removes older ones.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk is full or the folder is not writable; the last checkpoint stays.
    pub fn save<M: Module>(
        &self,
        state: &State,
        model: &M,
        average: &M,
        optimizer: &ModuleOptimizer,
    ) -> Result<()> {
        let name = format!("step-{:09}", state.step);
        let target = self.dir.join(&name);
        let partial = self.dir.join(format!("{name}.partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(Error::io(&partial))?;
        }
        fs::create_dir_all(&partial).map_err(Error::io(&partial))?;
        let failed = |file: &str, reason: String| Error::Checkpoint {
            path: partial.join(file),
            reason,
        };
        model
            .clone()
            .into_record()
            .save(partial.join("model.bpk"))
            .map_err(|e| failed("model.bpk", e.to_string()))?;
        average
            .clone()
            .into_record()
            .save(partial.join("average.bpk"))
            .map_err(|e| failed("average.bpk", e.to_string()))?;
        optimizer
            .save(partial.join("optimizer.bpk"))
            .map_err(|e| failed("optimizer.bpk", e.to_string()))?;
        let file = partial.join("state.json");
        let text = serde_json::to_vec_pretty(state).map_err(|source| Error::Json {
            path: file.clone(),
            source,
        })?;
        fs::write(&file, text).map_err(Error::io(&file))?;
        if target.exists() {
            // The same step again: only its state (finished, elapsed) can differ.
            fs::remove_dir_all(&target).map_err(Error::io(&target))?;
        }
        fs::rename(&partial, &target).map_err(Error::io(&target))?;
        for (step, path) in self.complete()? {
            if step < state.step {
                fs::remove_dir_all(&path).map_err(Error::io(&path))?;
            }
        }
        Ok(())
    }

    /// Reads the newest complete checkpoint into freshly made `model`, `average` and `optimizer`;
    /// gives them back untouched with no state when there is none.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when the files do not fit the networks.
    pub fn load<M: Module>(
        &self,
        model: M,
        average: M,
        optimizer: ModuleOptimizer,
    ) -> Result<(Option<State>, M, M, ModuleOptimizer)> {
        let Some((_, path)) = self.complete()?.into_iter().next_back() else {
            return Ok((None, model, average, optimizer));
        };
        let read = |file: &str| {
            ModuleRecord::load(path.join(file)).map_err(|e| Error::Checkpoint {
                path: path.join(file),
                reason: e.to_string(),
            })
        };
        let misfit = |e: burn::store::RecordError| Error::Checkpoint {
            path: path.clone(),
            reason: format!("it belongs to another network: {e}"),
        };
        let state = self.state_in(&path)?;
        let model = model.try_load_record(read("model.bpk")?).map_err(misfit)?;
        let average = average
            .try_load_record(read("average.bpk")?)
            .map_err(misfit)?;
        let optimizer = optimizer.load(path.join("optimizer.bpk")).map_err(misfit)?;
        Ok((Some(state), model, average, optimizer))
    }

    /// State of the newest complete checkpoint, without reading any weights.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Json`] when it cannot be read.
    pub fn state(&self) -> Result<Option<State>> {
        match self.complete()?.into_iter().next_back() {
            Some((_, path)) => self.state_in(&path).map(Some),
            None => Ok(None),
        }
    }

    fn state_in(&self, path: &Path) -> Result<State> {
        let file = path.join("state.json");
        let text = fs::read(&file).map_err(Error::io(&file))?;
        serde_json::from_slice(&text).map_err(|source| Error::Json { path: file, source })
    }

    /// Complete checkpoints, oldest first.
    fn complete(&self) -> Result<Vec<(u64, PathBuf)>> {
        if !self.dir.exists() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(Error::io(&self.dir))? {
            let path = entry.map_err(Error::io(&self.dir))?.path();
            let step = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_prefix("step-"))
                .and_then(|digits| digits.parse().ok());
            if let Some(step) = step
                && path.join("state.json").exists()
            {
                found.push((step, path));
            }
        }
        found.sort();
        Ok(found)
    }
}
