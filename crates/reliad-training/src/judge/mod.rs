//! Training of what judges: the networks that it sees and reads with, RFNet and its rivals on top of them.

pub mod aesthetic;
pub(crate) mod card;
pub mod encoder;
pub(crate) mod fusion;
pub mod maps;
pub mod metrics;
pub mod objective;
pub mod pretrained;
pub mod retitle;
pub mod rfnet;
pub mod samples;
pub mod scene;
pub mod settings;
pub mod text;
pub mod views;

/// Name of the judge's stage, its component and checkpoints.
pub(crate) const RFNET: &str = "rfnet";
