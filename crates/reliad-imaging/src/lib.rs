//! Pixels only: reading cut-outs, placement, masks, Canny edges, paste-back.

pub mod class;

pub use class::Class;
