//! Noise schedules and DDIM, as arithmetic on scalars: no tensor, no device, no model.

mod config;
mod ddim;

pub use config::{BetaSchedule, Prediction, SchedulerConfig, Spacing};
pub use ddim::{Combination, Ddim, DdimStep};
