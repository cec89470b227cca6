//! Networks that reward and measure pictures: ImageReward, CLIP, and the small stand-in of `mini`.
//!
//! Each takes pictures `[n, 3, h, w]` in [0, 1], which may carry gradients, and a prompt for each, and gives one number a
//! picture. None of them judges: whether a picture can be published is RFNet's verdict.

mod aesthetic;
pub mod clip;
mod error;
pub mod image_reward;
mod preprocess;
pub mod scene_aesthetic;

pub use aesthetic::{AestheticReward, COMPONENT};
pub use error::{Error, Result};
pub use preprocess::CentreSquare;
