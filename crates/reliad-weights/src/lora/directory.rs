//! Which files adapters come in: one of tensors, a PEFT directory with its configuration, or a directory with one of these for
//! each component.

use std::path::Path;

use super::Lora;
use super::file;
use super::peft::Peft;
use crate::{Error, ModelDir, Source};

/// What diffusers calls the file in a folder of its own.
pub const FILE: &str = "pytorch_lora_weights.safetensors";
/// What PEFT calls its configuration.
const CONFIG: &str = "adapter_config.json";
/// What PEFT calls its tensors.
const TENSORS: [&str; 2] = ["adapter_model.safetensors", "adapter_model.bin"];
/// Folders of a directory with one PEFT directory for each component.
const COMPONENTS: [&str; 2] = ["unet", "text_encoder"];

/// A file of tensors, and what is known of it.
struct Part {
    tensors: String,
    /// Beside it.
    config: Option<String>,
    component: Option<&'static str>,
}

impl Lora {
    /// Reads a file of adapters, with an `adapter_config.json` beside an `adapter_model.safetensors`, or a directory as
    /// [`of_dir`](Self::of_dir).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`] for a damaged file, [`Error::Adapters`] for what isn't understood.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            return Self::of_dir(&ModelDir::Disk(path.to_owned()));
        }
        let parent = path.parent().unwrap_or(Path::new(""));
        let dir = ModelDir::Disk(parent.to_owned());
        let Some(tensors) = path.file_name().and_then(|name| name.to_str()) else {
            // Only a name that isn't text.
            let bytes = std::fs::read(path).map_err(Error::io(path.display()))?;
            let digest = blake3::hash(&bytes).to_hex().to_string();
            let source = Source::from_bytes(bytes, &path.display().to_string())?;
            return Self::of_source(&source, digest);
        };
        let has_config = TENSORS.contains(&tensors) && dir.contains(CONFIG);
        let part = Part {
            tensors: tensors.to_owned(),
            config: has_config.then(|| CONFIG.to_owned()),
            component: None,
        };
        Self::of_parts(&dir, dir.display(tensors), &[part])
    }

    /// Reads a directory: PEFT's (`adapter_config.json` with `adapter_model.safetensors`), one with such directories as `unet/`
    /// and `text_encoder/`, or diffusers' ([`FILE`]).
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Error::Adapters`] for a directory that holds none or several of these.
    pub fn of_dir(dir: &ModelDir) -> Result<Self, Error> {
        let refuse = |reason: String| Error::Adapters {
            file: dir.display(""),
            reason,
        };
        let mut parts = Vec::new();
        let folders = COMPONENTS.map(|name| (format!("{name}/"), Some(name)));
        for (folder, component) in [(String::new(), None)].into_iter().chain(folders) {
            let config = format!("{folder}{CONFIG}");
            if !dir.contains(&config) {
                continue;
            }
            let tensors = TENSORS.map(|name| format!("{folder}{name}"));
            let Some(tensors) = tensors.into_iter().find(|name| dir.contains(name)) else {
                let expected = TENSORS.join(" or ");
                return Err(refuse(format!("{expected} is missing beside {config}")));
            };
            parts.push(Part {
                tensors,
                config: Some(config),
                component,
            });
        }
        if dir.contains(FILE) {
            parts.push(Part {
                tensors: FILE.to_owned(),
                config: None,
                component: None,
            });
        }
        let whole = parts.iter().filter(|part| part.component.is_none()).count();
        match parts.len() {
            0 => Err(refuse(format!(
                "it holds no adapters: neither {CONFIG} with {} nor {FILE}",
                TENSORS[0]
            ))),
            several if several > 1 && whole > 0 => {
                let names: Vec<_> = parts.iter().map(|part| &*part.tensors).collect();
                let names = names.join(" and ");
                Err(refuse(format!(
                    "it holds {names}; name the one that is meant"
                )))
            }
            _ => Self::of_parts(dir, dir.display(""), &parts),
        }
    }

    fn of_parts(dir: &ModelDir, name: String, parts: &[Part]) -> Result<Self, Error> {
        let mut changes = Vec::new();
        let mut digests = Vec::new();
        for part in parts {
            let config = part.config.as_ref().map(|config| {
                let bytes = dir.read(config)?;
                digests.push(blake3::hash(&bytes).to_hex().to_string());
                Peft::parse(&bytes, &dir.display(config))
            });
            let config = config.transpose()?;
            let (source, digest) = read(dir, &part.tensors)?;
            digests.push(digest);
            changes.extend(file::changes(&source, config.as_ref(), part.component)?);
        }
        let digest = match &digests[..] {
            [only] => only.clone(),
            several => blake3::hash(several.concat().as_bytes())
                .to_hex()
                .to_string(),
        };
        // `has` and messages name the file that was asked for; of one that lies in a model its place there.
        let file = match parts {
            [part] => dir.display(&part.tensors),
            _ => name,
        };
        Ok(Self {
            file,
            digest,
            changes,
        })
    }

    /// Reads the adapters among named tensors; `digest` is their file's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn of_source(source: &Source, digest: String) -> Result<Self, Error> {
        Ok(Self {
            file: source.file().to_owned(),
            digest,
            changes: file::changes(source, None, None)?,
        })
    }
}

/// The tensors of a file and its digest: of the bytes that were hashed, whatever happens to the file. PyTorch's are read in
/// pieces.
fn read(dir: &ModelDir, file: &str) -> Result<(Source, String), Error> {
    if crate::source::is_pickle(file) {
        return Ok((Source::of_file(dir, file)?, dir.digest(file)?));
    }
    let bytes = dir.read(file)?;
    let digest = blake3::hash(&bytes).to_hex().to_string();
    Ok((Source::from_bytes(bytes, &dir.display(file))?, digest))
}
