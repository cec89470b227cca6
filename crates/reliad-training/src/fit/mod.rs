//! The training loop that every network shares, and what it keeps and tells on the way.

pub mod checkpoint;
mod config;
mod curves;
mod metrics;
pub mod muon;
pub mod parameters;
pub mod progress;
mod run;
pub mod schedule;
mod task;
mod tensorboard;
mod window;
mod workers;

pub use config::FitConfig;
pub use run::fit;
pub use task::{Loss, Outcome, Step, Task, Training};
