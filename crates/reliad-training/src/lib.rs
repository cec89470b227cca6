//! Training of every network, with checkpoints that survive a kill.
//!
//! One loop ([`fit`]) trains everything; a stage ([`vae`], ...) brings the data, the loss and the
//! held-out measure, and writes its component into a model directory.

pub mod calibrate;
pub mod card;
pub mod checkpoint;
pub mod controlled;
pub mod controlnet;
pub mod curves;
pub mod detectors;
pub mod encoder;
pub mod error;
pub mod fit;
pub mod fusion;
pub mod judging;
pub mod latents;
pub mod lora;
pub mod maps;
pub mod measure;
pub mod metrics;
pub mod muon;
pub mod noised;
pub mod painter;
pub mod parameters;
pub mod pca;
pub mod pictures;
pub mod prepare;
pub mod pretrained;
pub mod progress;
pub mod prompts;
pub mod random;
pub mod regions;
pub mod repaint;
pub mod retitle;
pub mod rfnet;
pub mod samples;
pub mod scene;
pub mod schedule;
pub mod soften;
pub mod stage;
mod tensorboard;
pub mod text;
pub mod threads;
pub mod tokenizer;
pub mod vae;
pub mod views;
mod window;
pub mod world;

pub use error::{Error, Result};
pub use fit::{FitConfig, Outcome};
pub use progress::{Control, Report};
pub use schedule::Budget;
pub use stage::{Ended, Stage, read_config};
