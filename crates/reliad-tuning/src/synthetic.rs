//! Products of the rendered world to tune on and to watch by.

use std::path::Path;

use reliad_evaluation::{Watch, render};
use reliad_imaging::{Canvas, Class};
use reliad_synth::{Pool, RenderConfig, Scenes, World};
use reliad_training::error::{Error, Result};

use crate::briefs::Briefs;

/// Which products.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// The pool that they are of.
    pub pool: Pool,
    /// How many items.
    pub count: usize,
    /// Seed of the world.
    pub seed: u64,
    /// Which scenes there are.
    pub scenes: Scenes,
    /// Scene families that prompts ask for; empty: all.
    pub families: Vec<String>,
}

/// Samples that are rendered, at most, for one that asks for a wanted scene.
const RENDERED_FOR_ONE: usize = 64;

impl Synthetic {
    /// The items, rendered into `dir` as far as they aren't there: products with the prompts of available scenes. `None` when
    /// the caller asked to stop.
    ///
    /// # Errors
    /// A folder that holds other samples or can't be written, or scene families that there aren't.
    pub fn briefs(&self, dir: &Path, canvas: Canvas, watch: &Watch<'_>) -> Result<Option<Briefs>> {
        let mut rendered = self.count;
        loop {
            let config = RenderConfig {
                count: rendered as u64,
                seed: self.seed,
                size: canvas.width,
                world: World {
                    class: Some(Class::Available),
                    products: Some(self.pool.identities().collect()),
                    scenes: self.scenes,
                    ..World::default()
                },
                out: dir.to_owned(),
            };
            if !render(&config, watch).map_err(Error::component("rendered products"))? {
                return Ok(None);
            }
            let mut briefs = Briefs::open(dir, canvas)?;
            briefs.only_families(&self.families);
            if briefs.len() >= self.count {
                briefs.truncate(self.count);
                return Ok(Some(briefs));
            }
            if rendered >= self.count * RENDERED_FOR_ONE {
                return Err(Error::Data {
                    path: dir.to_owned(),
                    reason: format!(
                        "of {rendered} samples only {} ask for {}",
                        briefs.len(),
                        self.families.join(", ")
                    ),
                });
            }
            rendered *= 2;
        }
    }
}
