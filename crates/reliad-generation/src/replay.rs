//! Replay: the recorded pictures made again, to the same bytes, or what stands in the way.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use reliad_imaging::paste_back;

use crate::error::Result;
use crate::files;
use crate::identity::{ModelIdentity, short};
use crate::manifest::Record;
use crate::paint::{Drawing, Paint};
use crate::product::ProductFile;
use crate::run::place;

/// What became of one recorded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// Made again, byte for byte.
    Same,
    /// Made again, with other bytes; each line names something that differs from the recording.
    Other(Vec<String>),
    /// Not made; each line says why.
    NotMade(Vec<String>),
    /// Stopped by the user.
    Interrupted,
}

/// Where the product of a record is looked for: where it was, or by its name in `products`.
pub fn product_path(record: &Record, products: Option<&Path>) -> PathBuf {
    match (products, record.product_path.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => record.product_path.clone(),
    }
}

/// What keeps a record from being painted: a model or a product other than the recorded one.
pub fn obstacles(record: &Record, model: &ModelIdentity, product: &Path) -> Vec<String> {
    let mut lines = record.model.differences(model);
    match files::hash_file(product) {
        Ok(hash) if hash == record.recipe.product => {}
        Ok(hash) => lines.push(format!(
            "product file {} differs: recorded {}, found {}",
            product.display(),
            short(&record.recipe.product),
            short(&hash)
        )),
        Err(error) => lines.push(error.to_string()),
    }
    lines
}

/// Makes the picture of `record` again from the product at `product`; with `out`, saves it there
/// under its recorded name.
///
/// # Errors
/// What isn't about this record: the painter fails, or `out` can't be written.
pub fn replay(
    record: &Record,
    painter: &dyn Paint,
    product: &Path,
    out: Option<&Path>,
    on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Replayed> {
    let obstacles = obstacles(record, painter.identity(), product);
    if !obstacles.is_empty() {
        return Ok(Replayed::NotMade(obstacles));
    }
    let sampling = &record.recipe.sampling;
    if let Err(error) = sampling.check() {
        return Ok(Replayed::NotMade(vec![error.to_string()]));
    }
    let file = ProductFile {
        path: product.to_path_buf(),
        hash: record.recipe.product.clone(),
        title: record.title.clone(),
        photograph: record.photograph.clone(),
        warnings: Vec::new(),
    };
    let placed = match place(&file, sampling, record.recipe.scale) {
        Ok(placed) => placed,
        Err(error) => return Ok(Replayed::NotMade(vec![error.to_string()])),
    };
    let drawing = Drawing {
        recipe: record.recipe.clone(),
        product: placed,
    };
    let Some(pictures) = painter.paint(std::slice::from_ref(&drawing), on_step)? else {
        return Ok(Replayed::Interrupted);
    };
    let mut png = Vec::new();
    for painted in &pictures {
        png = files::encode_png(&paste_back(painted, &drawing.product))?;
    }
    if let Some(out) = out {
        files::write_atomic(&out.join(format!("{}.png", record.name)), &png)?;
    }
    let found = files::hash(&png);
    if found == record.png_blake3 {
        return Ok(Replayed::Same);
    }
    let mut lines = vec![format!(
        "the picture's bytes differ: recorded {}, made {}",
        short(&record.png_blake3),
        short(&found)
    )];
    if record.reliad != crate::VERSION {
        lines.push(format!(
            "reliad's version differs: recorded {}, this is {}",
            record.reliad,
            crate::VERSION
        ));
    }
    if record.device != painter.device() {
        lines.push(format!(
            "the device differs: recorded {}, this is {}",
            record.device,
            painter.device()
        ));
    }
    if lines.len() == 1 {
        lines.push("the same version on another processor may round differently".into());
    }
    Ok(Replayed::Other(lines))
}
