//! The rendered world: products, scenes, exact depth and saliency, labels by construction.
//!
//! [`sample`] is a pure function of (seed, index, size); [`render_folder`] writes many of them.

mod arrange;
mod camera;
mod color;
mod draw;
mod error;
mod failure;
mod folder;
mod geometry;
mod material;
mod measure;
mod product;
mod prop;
mod render;
mod showcase;
mod stage;
mod texture;
mod words;
mod world;

pub use error::{Error, Result};
pub use failure::{MAX_SCALE, MIN_EXTENSION, MIN_GAP, MIN_OVERHANG, MIN_SCALE, MIN_SINK};
pub use folder::{Progress, RenderConfig, render_folder, write_sample};
pub use product::{Family as ProductFamily, POOL};
pub use showcase::render_product;
pub use stage::Family as SceneFamily;
pub use world::{CLEAR, CLOSE, Sample, World, corpus, sample};
