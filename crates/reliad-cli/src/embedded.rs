//! The model compiled into the binary, and how `mini` or a path becomes a model directory.

use std::path::Path;

use anyhow::Result;
use include_dir::{Dir, include_dir};
use reliad_weights::ModelDir;

use crate::message::hinted;

/// What the embedded model is called on the command line and in manifests.
pub const MINI: &str = "mini";

static MINI_DIR: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../models/mini");

/// Opens `mini` or the directory at the path `name`.
///
/// # Errors
/// When there is no such directory, or this binary was built before `mini` was trained.
pub fn open(name: &str) -> Result<ModelDir> {
    if name != MINI {
        let path = Path::new(name);
        if !path.is_dir() {
            return Err(hinted(
                format!("{name}: there is no such model directory"),
                "give a directory in diffusers layout, or `mini` for the embedded model",
            ));
        }
        return Ok(ModelDir::open(path)?);
    }
    let model = ModelDir::embedded(MINI, &MINI_DIR);
    if model.contains("unet/config.json") {
        Ok(model)
    } else {
        Err(hinted(
            "this reliad was built without the embedded model: models/mini was incomplete",
            "train it as docs/mini.md says and build again, or pass --model DIR",
        ))
    }
}
