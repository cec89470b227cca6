//! Checkpoints that survive a kill at any moment: a complete folder appears by one rename.
//!
//! `<dir>/step-000000123/{model.bpk,average.bpk,optimizer.bpk,state.json}`, and `best.bpk` under
//! early stopping; the newest complete folder counts, older ones are removed after it stands.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use serde::{Deserialize, Serialize};

use crate::error::{Cause, Error, Result};

/// Where a training stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Optimizer steps done.
    pub step: u64,
    /// Seconds of training, summed over all runs.
    pub elapsed_seconds: f64,
    /// Seed of data order and noise.
    pub seed: u64,
    /// Whether the budget, or patience, is used up.
    pub finished: bool,
    /// Why a guard ended the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// The best validation so far where early stopping is asked for, the last good one where validations guard the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Best>,
}

/// The validation whose weights a training keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// What was compared; smaller is better. 0 where nothing is.
    pub error: f64,
    /// Steps done then.
    pub step: u64,
    /// Validations after it.
    pub validations_since: u32,
    /// Its figures.
    pub figures: Vec<(String, f64)>,
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
        best: Option<&M>,
        optimizer: &ModuleOptimizer,
    ) -> Result<()> {
        let name = format!("step-{:09}", state.step);
        let target = self.dir.join(&name);
        let partial = self.dir.join(format!("{name}.partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(Error::io(&partial))?;
        }
        fs::create_dir_all(&partial).map_err(Error::io(&partial))?;
        let failed = |file: &str, cause: Cause| Error::Checkpoint {
            path: partial.join(file),
            reason: "it can't be written".to_owned(),
            source: Some(cause),
        };
        let networks = [
            ("model.bpk", Some(model)),
            ("average.bpk", Some(average)),
            ("best.bpk", best),
        ];
        for (file, network) in networks {
            if let Some(network) = network {
                network
                    .clone()
                    .into_record()
                    .save(partial.join(file))
                    .map_err(|e| failed(file, e.into()))?;
            }
        }
        optimizer
            .save(partial.join("optimizer.bpk"))
            .map_err(|e| failed("optimizer.bpk", e.into()))?;
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
        mut model: Box<M>,
        mut average: Box<M>,
        optimizer: ModuleOptimizer,
    ) -> Result<Loaded<M>> {
        let Some((_, path)) = self.complete()?.into_iter().next_back() else {
            return Ok((None, model, average, optimizer));
        };
        let misfit = |e: burn::store::RecordError| Error::Checkpoint {
            path: path.clone(),
            reason: "it belongs to another network".to_owned(),
            source: Some(e.into()),
        };
        let state = self.state_in(&path)?;
        read_into(&mut model, &path.join("model.bpk"))?;
        read_into(&mut average, &path.join("average.bpk"))?;
        let optimizer = optimizer.load(path.join("optimizer.bpk")).map_err(misfit)?;
        Ok((Some(state), model, average, optimizer))
    }

    /// Reads the weights of the best validation, which the newest complete checkpoint has under early stopping, into
    /// a copy of `average`.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when they are gone or do not fit the network.
    pub fn load_best<M: Module>(&self, average: &M) -> Result<Box<M>> {
        let folder = self.complete()?.into_iter().next_back();
        let path = folder.map_or_else(|| self.dir.clone(), |(_, path)| path);
        // Not a clone, whose running statistics would be those of `average` itself.
        let mut best = Box::new(average.valid());
        read_into(&mut best, &path.join("best.bpk"))?;
        Ok(best)
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

/// At most one checkpoint that is being written while the training goes on.
#[derive(Debug, Default)]
pub(crate) struct Background {
    writing: Option<JoinHandle<Result<()>>>,
}

impl Background {
    /// Runs `write` in a thread, after the one before has ended.
    ///
    /// # Errors
    /// That of the one before.
    pub(crate) fn start(
        &mut self,
        write: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.wait()?;
        self.writing = Some(std::thread::spawn(write));
        Ok(())
    }

    /// Waits until nothing is being written.
    ///
    /// # Errors
    /// That of the writing.
    pub(crate) fn wait(&mut self) -> Result<()> {
        match self.writing.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(written)) => written,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Background {
    /// A training that ends with an error lets what is being written come to its end.
    fn drop(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _ = writing.join();
        }
    }
}

/// Where a training stands, its network, the averaged one, and the optimizer.
pub type Loaded<M> = (Option<State>, Box<M>, Box<M>, ModuleOptimizer);

/// Puts the weights in `file` into `network`.
#[inline(never)]
fn read_into<M: Module>(network: &mut Box<M>, file: &Path) -> Result<()> {
    let failed = |reason: &str, cause: Cause| Error::Checkpoint {
        path: file.to_owned(),
        reason: reason.to_owned(),
        source: Some(cause),
    };
    let record = ModuleRecord::load(file).map_err(|e| failed("it can't be read", e.into()))?;
    **network = M::clone(network)
        .try_load_record(record)
        .map_err(|e| failed("it belongs to another network", e.into()))?;
    Ok(())
}
