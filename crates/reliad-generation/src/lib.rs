//! The recurrent loop: paint, judge, keep or draw again; manifest, report, replay.
//!
//! The way of a picture: [`Order`](order::Order) → [`run::run`] paints attempts
//! ([`paint::Paint`]), pastes the product's own pixels back, asks the judge ([`assess::Assess`])
//! and keeps the first available one; every attempt becomes a [`manifest::Record`], from which
//! [`replay::replay`] makes its picture again.

pub mod adapters;
pub mod assess;
pub mod cut_out;
pub mod defaults;
pub mod error;
pub mod files;
pub mod gallery;
pub mod identity;
pub mod manifest;
pub mod noise_file;
pub mod order;
pub mod paint;
pub mod painter;
pub mod phrases;
pub mod product;
pub mod recipe;
pub mod replay;
pub mod report;
pub mod run;
pub mod tuned;

pub use error::{Error, Result};

/// The version that manifests record.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
