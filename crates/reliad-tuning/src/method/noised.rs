//! A clean picture under noise, as methods without a roll-out ask the networks about it.

use burn::tensor::{Tensor, TensorData};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_diffusion::conditions::Conditions;
use reliad_diffusion::guidance::Parts;
use reliad_diffusion::noise::ItemSeed;
use reliad_diffusion::scheduler::Combination;

use crate::networks::Networks;
use crate::query::Query;

/// Latents of a clean picture under the noise of a timestep.
pub struct Noised {
    /// What the network sees.
    pub sample: Tensor<4>,
    /// The timestep.
    pub timestep: usize,
    /// What it should say.
    pub target: Tensor<4>,
    /// The clean picture that follows from what it says.
    pub clean: Combination,
}

impl Noised {
    /// `latents` under `noise` at `timestep`.
    pub fn new(networks: &Networks, latents: Tensor<4>, noise: Tensor<4>, timestep: usize) -> Self {
        let schedule = networks.painter.scheduler.schedule();
        let sum = |(of_clean, of_noise): (f64, f64)| {
            latents.clone().mul_scalar(of_clean) + noise.clone().mul_scalar(of_noise)
        };
        Self {
            sample: sum(schedule.add_noise(timestep)),
            target: sum(schedule.target(timestep)),
            clean: schedule.predictions(timestep).0,
            timestep,
        }
    }

    /// The question about it: the conditional part alone.
    pub fn query(&self, networks: &Networks, conditions: &Conditions) -> Query {
        Query {
            sample: self.sample.clone(),
            timestep: self.timestep as f64,
            conditions: conditions.clone(),
            control_scale: networks.sampling.control_scale,
            parts: Parts::default(),
        }
    }
}

/// A timestep from `begin` to before `end`, two shares of the schedule.
pub fn timestep(networks: &Networks, [begin, end]: [f64; 2], rng: &mut ChaCha8Rng) -> usize {
    let total = networks.painter.scheduler.schedule().alphas().len();
    let first = (begin * total as f64) as usize;
    let last = ((end * total as f64) as usize).clamp(first + 1, total);
    rng.random_range(first..last)
}

/// Noise of the shape of `latents`, for `purpose`.
pub fn noise(seed: &ItemSeed, purpose: &str, latents: &Tensor<4>) -> Tensor<4> {
    let shape = latents.dims();
    let numbers = seed.normal(purpose, shape.iter().product());
    Tensor::from_data(TensorData::new(numbers, shape), &latents.device())
}
