//! Training of every network, with checkpoints that survive a kill.

pub mod checkpoint;
pub mod error;
pub mod fit;
pub mod parameters;
pub mod pca;
pub mod progress;
pub mod random;
pub mod schedule;

pub use error::{Error, Result};
pub use fit::{FitConfig, Outcome};
pub use progress::{Control, Report};
pub use schedule::Budget;
