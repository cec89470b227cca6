//! What a training sums up between two reports.

use std::time::Instant;

use burn::tensor::Tensor;

use crate::error::{Error, Result};
use crate::fit::checkpoint::State;
use crate::fit::progress::Report;
use crate::fit::task::Loss;

/// Losses since the last report, summed on the device so that no step waits for a read.
pub(crate) struct Window {
    pub(crate) since: Instant,
    batches: u64,
    steps: u64,
    total: Option<Tensor<1>>,
    parts: Vec<(&'static str, Tensor<1>)>,
    norm: f64,
    rate: f64,
}

impl Window {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            batches: 0,
            steps: 0,
            total: None,
            parts: Vec::new(),
            norm: 0.0,
            rate: 0.0,
        }
    }

    pub(crate) fn add(&mut self, loss: Loss) {
        let total = loss.total.without_autodiff();
        self.total = Some(match self.total.take() {
            Some(sum) => sum + total,
            None => total,
        });
        for (name, part) in loss.parts {
            let part = part.without_autodiff();
            match self.parts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum = sum.clone() + part,
                None => self.parts.push((name, part)),
            }
        }
        self.batches += 1;
    }

    pub(crate) fn step(&mut self, norm: f64, rate: f64) {
        self.steps += 1;
        self.norm += norm;
        self.rate = rate;
    }

    fn mean(&self) -> Option<f64> {
        let total = self.total.clone()?;
        Some(f64::from(total.into_scalar::<f32>()) / self.batches as f64)
    }

    pub(crate) fn check(&self, step: u64) -> Result<()> {
        match self.mean() {
            Some(loss) if !loss.is_finite() => Err(Error::Diverged { step, loss }),
            _ => Ok(()),
        }
    }

    pub(crate) fn report(&self, state: &State, progress: f64, batch_size: usize) -> Result<Report> {
        self.check(state.step)?;
        let batches = self.batches as f64;
        let mut figures: Vec<(String, f64)> = self
            .parts
            .iter()
            .map(|(name, sum)| {
                let sum = f64::from(sum.clone().into_scalar::<f32>());
                ((*name).to_owned(), sum / batches)
            })
            .collect();
        figures.push(("gradient_norm".to_owned(), self.norm / self.steps as f64));
        Ok(Report {
            step: state.step,
            progress,
            elapsed_seconds: state.elapsed_seconds,
            loss: self.mean(),
            learning_rate: self.rate,
            samples_per_second: batches * batch_size as f64 / self.since.elapsed().as_secs_f64(),
            figures,
        })
    }
}
