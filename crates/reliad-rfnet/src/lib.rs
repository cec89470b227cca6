//! The judge RFNet, its encoders, the depth and saliency networks, the one preprocessing.

mod attention;
mod error;
pub mod preprocess;
pub mod resnet;
pub mod rfnet;
pub mod roberta;

pub use error::{Error, Result};
