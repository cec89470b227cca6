//! Where a component directory keeps its weights: the one place that knows the ecosystem's file names.

use super::{Error, ModelDir, Source, sharded};

/// Names under which the ecosystem keeps a component's weights, in the order in which they are tried.
const SAFETENSORS: [&str; 6] = [
    "diffusion_pytorch_model.safetensors",
    "model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "model.safetensors.index.json",
];
/// The same for PyTorch's own, which are read from disk only.
const PICKLES: [&str; 6] = [
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
    "model.pth",
    "model.pt",
    "diffusion_pytorch_model.bin.index.json",
    "pytorch_model.bin.index.json",
];
/// Endings of PyTorch's files.
const PICKLED: [&str; 4] = [".bin", ".pth", ".pt", ".ckpt"];

/// Whether a file is one of PyTorch's, by its name.
pub(crate) fn is_pickle(file: &str) -> bool {
    PICKLED.iter().any(|ending| file.ends_with(ending))
}

impl Source {
    /// Opens the weights of a component directory: under whichever of the ecosystem's names they stand, or else the only file
    /// of weights directly in it (`u2net.pth`).
    ///
    /// # Errors
    /// [`Error::NoWeights`], or as [`open`](Self::open).
    pub fn of_component(dir: &ModelDir) -> Result<Self, Error> {
        Self::of_file(dir, &file_of(dir)?)
    }

    /// The files that hold the weights of a component directory: one, or an index and those that it names.
    ///
    /// # Errors
    /// [`Error::NoWeights`], or an index that can't be read.
    pub fn files_of(dir: &ModelDir) -> Result<Vec<String>, Error> {
        let file = file_of(dir)?;
        let mut files = Vec::new();
        if file.ends_with(".json") {
            files.extend(sharded::files(&dir.read(&file)?, &dir.display(&file))?);
        }
        files.insert(0, file);
        Ok(files)
    }
}

fn file_of(dir: &ModelDir) -> Result<String, Error> {
    let on_disk = matches!(dir.base(), ModelDir::Disk(_));
    let pickles = if on_disk { &PICKLES[..] } else { &[] };
    let mut names = SAFETENSORS.iter().chain(pickles);
    if let Some(name) = names.find(|name| dir.contains(name)) {
        return Ok((*name).to_owned());
    }
    let mut others = Vec::new();
    if dir.contains("") {
        others = dir.files()?;
        others.retain(|file| {
            let known = file.ends_with(".safetensors") || on_disk && is_pickle(file);
            known && !file.contains('/')
        });
    }
    match others.len() {
        1 => Ok(others.remove(0)),
        _ => {
            let expected = SAFETENSORS.iter().chain(&PICKLES).copied();
            let expected: Vec<_> = expected.collect();
            let found = match others.len() {
                0 => String::new(),
                _ => format!("; which of {} it is can't be told", others.join(", ")),
            };
            Err(Error::NoWeights {
                dir: dir.display(""),
                expected: expected.join(", ") + &found,
            })
        }
    }
}
