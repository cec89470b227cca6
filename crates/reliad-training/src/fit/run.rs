//! The one training loop: AdamW (and Muon), gradient clipping, moving average, checkpoints, reports.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use reliad_kernels::Arithmetic;

use crate::error::{Error, Result};
use crate::fit::checkpoint::{Background, Best, Checkpoints, State};
use crate::fit::config::FitConfig;
use crate::fit::metrics::Metrics;
use crate::fit::parameters::{average_towards, clip_norm, scaled};
use crate::fit::progress::{Control, Report};
use crate::fit::schedule::Budget;
use crate::fit::task::{Loss, Outcome, Step, Task, Training};
use crate::fit::window::Window;
use crate::fit::workers::Workers;
use crate::random;

/// Trains `model` (on an autodiff device), from the newest checkpoint in the folder or from the
/// start.
///
/// # Errors
/// [`Error::Diverged`] when the loss is no number, [`Error::Checkpoint`] when the checkpoints
/// belong to another network or seed, [`Error::Busy`] when another process trains in the folder, [`Error::Io`] when they cannot be written.
pub fn fit<T: Task>(
    task: &mut T,
    model: T::Model,
    training: &Training<'_>,
    control: &mut Control<'_>,
) -> Result<Outcome<T::Model>> {
    let Training {
        name,
        config,
        budget,
        seed,
        dir,
        devices,
    } = training.clone();
    config.check()?;
    if devices.is_empty() || !config.accumulate.is_multiple_of(devices.len()) {
        return Err(Error::Setting {
            name: "accumulate",
            reason: format!(
                "{} batches a step can't be shared by {} devices evenly; set fit.accumulate to a multiple of \
                 the devices",
                config.accumulate,
                devices.len()
            ),
        });
    }
    let _lock = lock(dir)?;
    if config.arithmetic.choose().is_err() {
        tracing::warn!(
            "{name}: this processor has no AVX512-BF16 instructions; trains in f32, which takes longer"
        );
        Arithmetic::F32.choose().ok();
    }
    let budget = budget.in_steps(task.samples(), config.batch_size * config.accumulate);
    let checkpoints = Checkpoints::new(dir);
    // Networks are large structs: on the heap they don't fill the stack with their copies.
    let average = Box::new(model.valid());
    let model = Box::new(model);
    let optimizer = config.optimizer(&*model)?;
    let (state, model, average, optimizer) = checkpoints.load(model, average, optimizer)?;
    let best = match state.as_ref().and_then(|state| state.best.as_ref()) {
        Some(_) => Some(checkpoints.load_best(&*average)?),
        None => None,
    };
    if let Some(state) = &state
        && state.seed != seed
    {
        return Err(Error::Checkpoint {
            path: dir.to_owned(),
            reason: format!("it was begun with seed {}, not {seed}", state.seed),
            source: None,
        });
    }
    let state = state.unwrap_or(State {
        seed,
        ..State::default()
    });
    let metrics = Metrics::resume(&dir.join("metrics.jsonl"), state.step)?;
    let side_by_side = T::SIDE_BY_SIDE && devices.len() == 1 && devices[0] == Device::flex();
    let workers = (side_by_side && config.accumulate > 1)
        .then(|| Workers::new(config.accumulate))
        .transpose()?;
    let mut run = Run {
        config,
        workers,
        devices: devices
            .iter()
            .map(|device| device.clone().autodiff())
            .collect(),
        budget,
        name,
        checkpoints,
        writing: Background::default(),
        metrics,
        model,
        average,
        best,
        optimizer,
        state,
    };
    run.until_done(task, control)
}

/// Keeps others from training in `dir` for as long as the file is held.
fn lock(dir: &Path) -> Result<File> {
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    let path = dir.join("lock");
    let file = File::create(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::Busy {
            path: dir.to_owned(),
        }),
        // Some file systems have no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

struct Run<'a, M: Module + Sync> {
    config: &'a FitConfig,
    /// Autodiff devices; the model stands on the first.
    devices: Vec<Device>,
    /// Where the batches of a step are worked on side by side.
    workers: Option<Workers>,
    budget: Budget,
    name: &'a str,
    checkpoints: Checkpoints,
    writing: Background,
    metrics: Metrics,
    model: Box<M>,
    average: Box<M>,
    /// Averaged weights at the best validation, under patience.
    best: Option<Box<M>>,
    optimizer: ModuleOptimizer,
    state: State,
}

impl<M: Module + Sync + 'static> Run<'_, M> {
    fn until_done<T: Task<Model = M>>(
        &mut self,
        task: &mut T,
        control: &mut Control<'_>,
    ) -> Result<Outcome<M>> {
        let start = Instant::now();
        let before = self.state.elapsed_seconds;
        let mut saved = Instant::now();
        let mut window = Window::new();
        if T::GUARDED && self.state.best.is_none() {
            // Until a validation finds better, the weights it starts with are the last good ones.
            self.keep(0.0, &[]);
        }
        let mut validated = self.validations_due();
        while self.progress() < 1.0 && !self.out_of_patience() && self.state.alarm.is_none() {
            if control.stopped() {
                self.save()?;
                self.writing.wait()?;
                return Ok(Outcome::Stopped(self.state.clone()));
            }
            self.step(task, &mut window)?;
            self.state.elapsed_seconds = before + start.elapsed().as_secs_f64();
            if window.since.elapsed() >= seconds(self.config.report_seconds) {
                let report = window.report(&self.state, self.progress(), self.config.batch_size)?;
                self.tell(&report, control)?;
                window = Window::new();
            }
            if self.validations_due() > validated && self.progress() < 1.0 {
                self.validate(task, control)?;
                validated = self.validations_due();
                window = Window::new();
            }
            if saved.elapsed() >= seconds(self.config.checkpoint_seconds) {
                // A loss that is no number must not reach a checkpoint.
                window.check(self.state.step)?;
                self.save()?;
                saved = Instant::now();
            }
            self.state.elapsed_seconds = before + start.elapsed().as_secs_f64();
        }
        window.check(self.state.step)?;
        let ended = self.state.finished || self.out_of_patience() || self.state.alarm.is_some();
        let settled = self.state.best.is_some() && ended;
        let last = if settled {
            Vec::new()
        } else {
            self.validate(task, control)?
        };
        self.state.finished = true;
        self.save()?;
        self.writing.wait()?;
        let (model, figures) = match (&self.best, &self.state.best) {
            (Some(weights), Some(best)) if self.config.patience > 0 || T::GUARDED => {
                (weights, best.figures.clone())
            }
            _ => (&self.average, last),
        };
        Ok(Outcome::Finished {
            model: M::clone(model),
            figures,
            state: self.state.clone(),
        })
    }

    fn out_of_patience(&self) -> bool {
        let patience = self.config.patience;
        let best = self.state.best.as_ref();
        patience > 0 && best.is_some_and(|best| best.validations_since >= patience)
    }

    fn progress(&self) -> f64 {
        self.budget
            .progress(self.state.step, self.state.elapsed_seconds)
    }

    /// How many validations belong to the budget that is used.
    fn validations_due(&self) -> u64 {
        // A whole number of them can come out a rounding error short.
        (self.progress() * f64::from(self.config.validations.max(1)) + 1e-9) as u64
    }

    fn step<T: Task<Model = M>>(&mut self, task: &mut T, window: &mut Window) -> Result<()> {
        let index = self.state.step;
        let progress = self.progress();
        task.look(&self.average, index + 1);
        let batches = Batches {
            name: self.name,
            seed: self.state.seed,
            step: index,
            parts: self.config.accumulate,
            progress,
        };
        let gradients = match &self.workers {
            Some(workers) => self.side_by_side(&*task, batches, workers, window)?,
            None => self.in_turn(&*task, batches, window)?,
        };
        let (gradients, norm) = clip_norm(&*self.model, gradients, self.config.gradient_norm);
        let rate = self.config.learning_rate.at(index, progress);
        *self.model = self.optimizer.step(rate, M::clone(&self.model), gradients);
        let decay = self
            .config
            .average_decay
            .min((1.0 + index as f64) / (10.0 + index as f64));
        // `valid` also folds pending running statistics of batch norms into their values.
        *self.average = average_towards(M::clone(&self.average), &self.model.valid(), decay);
        self.state.step += 1;
        window.step(norm, rate);
        Ok(())
    }

    /// The mean gradient of a step's batches, one after the other, or as many at once as there are devices: these compute
    /// while the next one is told what to do, for nothing here waits for a result.
    fn in_turn<T: Task<Model = M>>(
        &self,
        task: &T,
        batches: Batches<'_>,
        window: &mut Window,
    ) -> Result<GradientsParams> {
        let main = &self.devices[0];
        let replicas: Vec<Box<M>> = self.devices[1..]
            .iter()
            .map(|device| Box::new(self.model.valid().train().fork(device)))
            .collect();
        let mut gradients = GradientsAccumulator::new();
        for part in 0..batches.parts {
            let place = part % self.devices.len();
            let model = match place {
                0 => &self.model,
                place => &replicas[place - 1],
            };
            let mut step = batches.batch(part, &self.devices[place]);
            // Dropout draws from the device's generator: it too must depend on the step alone.
            let seed = self.state.seed.wrapping_mul(0x9e37_79b9);
            step.device.seed(seed.wrapping_add(step.index));
            let (mut loss, mut own) = batches.descend(task, &**model, &mut step)?;
            if place > 0 {
                own = own.to_device(main, &*self.model);
                loss = loss.on(main);
            }
            gradients.accumulate(&*self.model, own);
            window.add(loss);
        }
        Ok(gradients.grads())
    }

    /// The same on the threads of one processor, to the bit.
    fn side_by_side<T: Task<Model = M>>(
        &self,
        task: &T,
        batches: Batches<'_>,
        workers: &Workers,
        window: &mut Window,
    ) -> Result<GradientsParams> {
        let (weights, device) = (Box::new(self.model.valid()), &self.devices[0]);
        let done = workers.each(batches.parts, |part| {
            // Leaves of its own: graphs that share some, walked by two threads, can wait for each other for ever in Burn 0.22.
            let own = Box::new(weights.clone().train());
            batches.descend(task, &*own, &mut batches.batch(part, device))
        })?;
        let mut gradients = GradientsAccumulator::new();
        for (loss, own) in done {
            gradients.accumulate(&*self.model, own);
            window.add(loss);
        }
        Ok(gradients.grads())
    }

    fn validate<T: Task<Model = M>>(
        &mut self,
        task: &mut T,
        control: &mut Control<'_>,
    ) -> Result<Vec<(String, f64)>> {
        let figures = task.validate(&*self.average)?;
        if T::GUARDED {
            match task.alarm() {
                None => self.keep(0.0, &figures),
                Some(reason) => self.state.alarm = Some(reason),
            }
        } else if self.config.patience > 0 {
            self.compare(T::error(&figures), &figures);
        }
        let report = Report {
            step: self.state.step,
            progress: self.progress(),
            elapsed_seconds: self.state.elapsed_seconds,
            figures: figures.clone(),
            ..Report::default()
        };
        self.tell(&report, control)?;
        if let Err(error) = self.metrics.draw() {
            tracing::warn!("{}", error.in_full());
        }
        Ok(figures)
    }

    /// Keeps the averaged weights if no validation was better.
    fn compare(&mut self, error: f64, figures: &[(String, f64)]) {
        match &mut self.state.best {
            // An error that is no number is no improvement.
            Some(best) if error >= best.error || error.is_nan() => best.validations_since += 1,
            _ => self.keep(error, figures),
        }
    }

    /// Keeps the averaged weights.
    fn keep(&mut self, error: f64, figures: &[(String, f64)]) {
        self.state.best = Some(Best {
            error,
            step: self.state.step,
            validations_since: 0,
            figures: figures.to_vec(),
        });
        self.best = Some(snapshot(&*self.average));
    }

    fn tell(&self, report: &Report, control: &mut Control<'_>) -> Result<()> {
        (control.on_report)(self.name, report);
        self.metrics.append(report)
    }

    /// Begins to write a checkpoint; the training goes on beside it.
    fn save(&mut self) -> Result<()> {
        let (checkpoints, state) = (self.checkpoints.clone(), self.state.clone());
        let (model, average) = (snapshot(&*self.model), snapshot(&*self.average));
        let (best, optimizer) = (self.best.clone(), self.optimizer.clone());
        self.writing.start(move || {
            checkpoints.save(&state, &*model, &*average, best.as_deref(), &optimizer)
        })
    }
}

/// The batches of one step.
#[derive(Clone, Copy)]
struct Batches<'a> {
    name: &'a str,
    seed: u64,
    /// Index of the step.
    step: u64,
    /// How many there are.
    parts: usize,
    progress: f64,
}

impl Batches<'_> {
    /// What the task is told of batch number `part`.
    fn batch(self, part: usize, device: &Device) -> Step {
        let index = self.step * self.parts as u64 + part as u64;
        Step {
            index,
            progress: self.progress,
            rng: random::generator(self.seed, self.name, index),
            device: device.clone(),
        }
    }

    /// Loss of a batch, and its gradients as their share of the step's mean.
    fn descend<T: Task>(
        self,
        task: &T,
        model: &T::Model,
        step: &mut Step,
    ) -> Result<(Loss, GradientsParams)> {
        let mut loss = task.loss(model, step)?;
        let gradients = match (loss.gradients.take(), self.parts) {
            (Some(own), 1) => own,
            (Some(own), parts) => scaled(model, own, 1.0 / parts as f32),
            (None, parts) => {
                let share = match parts {
                    1 => loss.total.clone(),
                    parts => loss.total.clone().div_scalar(parts as f32),
                };
                GradientsParams::from_grads(share.backward(), model)
            }
        };
        Ok((loss, gradients))
    }
}

/// The weights as they stand, without gradients. A clone would not do: Burn's clones share the running statistics of their
/// batch norms, and each changes the other's.
fn snapshot<M: Module>(model: &M) -> Box<M> {
    Box::new(model.valid())
}

fn seconds(value: f64) -> Duration {
    Duration::from_secs_f64(value.max(0.0))
}
