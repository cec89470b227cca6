//! Training of every network, with checkpoints that survive a kill.
//!
//! One loop ([`fit`]) trains everything. A stage ([`painter::vae`], [`judge::rfnet`], ...) brings the data, the loss and
//! the held-out measure, and writes its component into a model directory.

pub mod data;
pub mod error;
pub mod fingerprint;
pub mod fit;
pub mod judge;
pub mod painter;
pub mod random;
pub mod stage;
pub mod threads;

pub use error::{Error, Result};
pub use fit::progress::{Control, Report};
pub use fit::schedule::Budget;
pub use fit::{FitConfig, Outcome};
pub use stage::{Ended, Stage, read_config};
