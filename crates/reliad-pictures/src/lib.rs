//! Pictures as tensors: to and from 8 bits, antialiased resampling, normalisation.
//!
//! What painter and judge share of it, as neither imports the other. Tensors are `[n, channels, height, width]`, with values
//! in 0 to 1 unless a function says otherwise.

mod convert;
mod error;
mod normalise;
mod resize;

pub use convert::{
    gray_image, gray_tensor, planes, planes_tensor, rgb_image, rgb_tensor, rgba_tensor,
};
pub use error::Error;
pub use normalise::{composite, normalise, over};
pub use resize::{Filter, resize, resize_by};
