//! Training of what judges: the networks that it sees and reads with, RFNet and its rivals on top of them.

pub(crate) mod card;
pub mod encoder;
pub mod fusion;
pub mod maps;
pub mod metrics;
pub mod pretrained;
pub mod retitle;
pub mod rfnet;
pub mod samples;
pub mod scene;
pub mod text;
pub mod views;
