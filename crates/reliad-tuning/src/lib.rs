//! Painters that learn from a judge: reward fine-tuning (RFFT of Du et al. 2024), its rivals, and the guards that stop it.
//!
//! One harness ([`mod@tune`]) loads everything, hands products to a [`method`], and lets the one training loop
//! (`reliad_training::fit`) step. A method draws what the networks are to be asked and says what their predictions cost;
//! it knows neither devices nor threads nor checkpoints. The room above `reliad-evaluation`, since a tuning is watched by
//! the same measures as a finished painter.

pub mod bank;
pub mod briefs;
pub mod card;
pub mod config;
pub mod descent;
pub mod guard;
pub mod method;
pub mod networks;
pub mod paper;
pub mod query;
pub mod reward;
pub mod synthetic;
pub mod trainable;
pub mod tune;

pub use config::TuningConfig;
pub use tune::{Tuning, tune};
