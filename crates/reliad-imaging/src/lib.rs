//! Pixels only: reading cut-outs, placement, masks, Canny edges, paste-back.
//!
//! The way of a product: [`Cutout::read`] → [`PlacedProduct::place`] on a [`Canvas`] →
//! [`PlacedProduct::edges`] for the ControlNet, [`PlacedProduct::on_grey`] and [`PlacedProduct::free`]
//! for the painter → [`paste_back`] over the painted scene.

pub mod blocks;
pub mod canny;
pub mod canvas;
pub mod checks;
pub mod class;
mod conditions;
pub mod cutout;
mod edge;
pub mod error;
mod faint;
mod jpeg;
pub mod locate;
pub mod mask;
pub mod open;
pub mod paste;
pub mod photograph;
pub mod placement;
mod png_chunks;
mod profile;
pub mod resize;
pub mod warning;
mod webp_chunks;
mod white_ground;
mod whitish;

pub use canny::canny;
pub use canvas::{Bounds, Canvas};
pub use class::Class;
pub use cutout::Cutout;
pub use error::{Error, Problem, Result};
pub use mask::{background_mask, dilate};
pub use open::{Opened, open};
pub use paste::paste_back;
pub use placement::PlacedProduct;
pub use warning::{Warning, Warnings};
