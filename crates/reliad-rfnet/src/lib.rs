//! The judge RFNet, its encoders, the depth and saliency networks, the one preprocessing.

mod attention;
pub mod calibration;
pub mod classes;
pub mod classifier;
mod components;
mod convolution;
pub mod depth_network;
pub mod detector;
pub mod dpt;
mod error;
pub mod hrnet;
pub mod judge;
pub mod maps;
pub mod preprocess;
pub mod resnet;
pub mod rfnet;
pub mod roberta;
pub mod saliency_network;
pub mod scene_network;
pub mod u2net;
pub mod vit;

pub use error::{Error, Result};
