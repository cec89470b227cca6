//! What a run is asked for: a product, what its pictures shall show, and how they are made.

use std::collections::BTreeMap;

use reliad_diffusion::Sampling;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::product::ProductFile;

/// A product and the pictures that are wanted of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The product.
    pub product: ProductFile,
    /// What is wanted of it.
    pub request: Request,
    /// The row of the catalogue that asks for it, `None` where the command line does.
    pub row: Option<CatalogueRow>,
}

/// What is wanted of a product.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What the scenes shall show.
    pub prompt: String,
    /// What they shall not show.
    pub negative_prompt: String,
    /// How pictures are sampled.
    pub sampling: Sampling,
    /// Part of the canvas the product takes, above 0 and at most 1; drawn for each picture when `None`.
    pub scale: Option<f32>,
    /// The run's seed, or the row's own in its place.
    pub seed: u64,
    /// Pictures wanted, at least 1.
    pub count: u32,
}

impl Request {
    /// Checks every range.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first setting outside its range, [`Error::Diffusion`] for one of sampling.
    pub fn check(&self) -> Result<()> {
        self.sampling.check()?;
        if self.count == 0 {
            return Err(Error::Setting {
                name: "count",
                got: "0".into(),
                expected: "at least 1",
            });
        }
        match self.scale {
            Some(scale) if !(scale > 0.0 && scale <= 1.0) => Err(Error::Setting {
                name: "scale",
                got: scale.to_string(),
                expected: "above 0 and at most 1",
            }),
            _ => Ok(()),
        }
    }
}

/// Where in a catalogue an order stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueRow {
    /// The catalogue's absolute path.
    pub file: String,
    /// The line of a text file on which the row begins, the row of a parquet file; from 1.
    pub row: u64,
    /// The columns that decide nothing about the picture, such as an article number, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
}
