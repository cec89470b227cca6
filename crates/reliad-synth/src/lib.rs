//! The rendered world: products, scenes, exact depth and saliency, labels by construction.
//!
//! [`sample`] is a pure function of (seed, index, size); [`render_folder`] writes many of them.

mod arrange;
pub mod audit;
mod camera;
mod color;
mod draw;
mod error;
mod failure;
mod folder;
mod geometry;
mod material;
mod measure;
mod parameters;
mod product;
mod prop;
mod render;
mod showcase;
mod stage;
mod texture;
mod words;
mod world;

pub use error::{Error, Result};
pub use failure::{
    Failure, LARGEST_SCALE, MAX_COVER, MAX_DAMAGED, MAX_DETACHED, MAX_EXTENSION, MAX_GAP,
    MAX_OVERHANG, MAX_SCALE, MAX_SINK, MAX_TRUNCATED, MIN_COVER, MIN_DAMAGED, MIN_DETACHED,
    MIN_EXTENSION, MIN_GAP, MIN_OVERHANG, MIN_SCALE, MIN_SINK, MIN_TRUNCATED, SMALLEST_SCALE,
};
pub use folder::{Progress, RenderConfig, WORLD, record, render_folder, write_sample};
pub use parameters::Parameters;
pub use product::{Family as ProductFamily, POOL, Pool, UNSEEN};
pub use showcase::render_product;
pub use stage::Family as SceneFamily;
pub use words::mirrored;
pub use world::{
    CLEAR, CLOSE, MIN_CLUTTER, MIN_SHADOW_CHANGE, Sample, Scenes, Sizes, World, sample,
};
