//! The models compiled into the binary, and how their names or a path become a model directory.

use std::path::Path;

use anyhow::Result;
use include_dir::{Dir, include_dir};
use reliad_weights::ModelDir;

use crate::message::{hinted, warning_line};

/// What the embedded model is called on the command line and in manifests.
pub const MINI: &str = "mini";

/// What the embedded judge is called that nothing is trained or chosen by. It has no painter.
pub const MINI_HELD_OUT: &str = "mini-held-out";

/// An embedded model.
struct Embedded {
    name: &'static str,
    files: Dir<'static>,
    /// A file without which it isn't there.
    needs: &'static str,
}

static EMBEDDED: [Embedded; 2] = [
    Embedded {
        name: MINI,
        files: include_dir!("$CARGO_MANIFEST_DIR/../../models/mini"),
        needs: "unet/config.json",
    },
    Embedded {
        name: MINI_HELD_OUT,
        files: include_dir!("$CARGO_MANIFEST_DIR/../../models/mini-held-out"),
        needs: "rfnet/config.json",
    },
];

/// Opens the embedded model called `name`, or the directory at that path.
///
/// # Errors
/// When there is no such directory, or this binary was built before the embedded model was trained.
pub fn open(name: &str) -> Result<ModelDir> {
    if let Some(embedded) = EMBEDDED.iter().find(|embedded| embedded.name == name) {
        let model = ModelDir::embedded(name, &embedded.files);
        if model.contains(embedded.needs) {
            if Path::new(name).is_dir() {
                warning_line(&format!(
                    "{name} is the model that is compiled in; the folder here is ./{name}"
                ));
            }
            return Ok(model);
        }
        return Err(hinted(
            format!(
                "this reliad was built without the embedded model: models/{name} was incomplete"
            ),
            "train it as docs/mini.md says and build again, or give a model directory",
        ));
    }
    let path = Path::new(name);
    if !path.is_dir() {
        return Err(hinted(
            format!("{name}: there is no such model directory"),
            "give a directory in diffusers layout, or `mini` for the embedded model",
        ));
    }
    Ok(ModelDir::open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the repository is allowed to carry into the binary.
    const MOST_BYTES: usize = 40_000_000;

    #[test]
    fn the_embedded_models_open_by_their_names_and_stay_small() {
        let mut bytes = 0;
        for embedded in &EMBEDDED {
            let model = open(embedded.name).expect(embedded.name);
            for file in model.files().expect(embedded.name) {
                bytes += model.size(&file).expect(&file);
            }
        }
        assert!(bytes < MOST_BYTES, "{bytes}");
        assert!(open("no such model").is_err());
    }
}
