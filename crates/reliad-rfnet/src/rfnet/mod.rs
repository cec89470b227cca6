//! RFNet, the judge of advertising pictures: config, feature filter, fusion, network.

mod config;
mod filter;
mod fusion;
mod network;

pub use config::{FusionNorm, Inputs, RfNetConfig};
pub use filter::FeatureFilter;
pub use fusion::FusionLayer;
pub use network::{Features, ImageEncoders, RfNet, RfNetInput};
