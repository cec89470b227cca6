//! What networks learn from: the samples, their pictures, and what is done to them on the way.

pub mod edges;
pub mod maps;
pub mod pictures;
pub mod prepare;
pub mod prompts;
pub mod regions;
pub mod soften;
pub mod spoil;
pub mod world;
