//! What is measured of painters and judges, and of pictures from any generator: figures with intervals, and pages that
//! show them.
//!
//! The room for everything that needs both generation and training. [`measure`] holds the pure measures; [`availability`],
//! [`painter`], [`judge`] and [`detectors`] gather what these are taken of; [`inspect`] looks at finished pictures; [`page`]
//! has what all pages are made of.

pub mod availability;
pub mod dataset;
pub mod detectors;
pub mod error;
pub mod inspect;
pub mod judge;
pub mod measure;
pub mod page;
pub mod painter;
pub mod progress;
mod rendered;

pub use error::{Error, Result};
pub use progress::{Event, Watch};
pub use rendered::render;
