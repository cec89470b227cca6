//! What a tuning leaves behind, and how a painter takes it up.
//!
//! A tuned directory holds exactly one of `controlnet/`, `lora/pytorch_lora_weights.safetensors`, `unet/` and
//! `phrases.json`; what stands beside it is for people. A plain ControlNet directory, as diffusers writes it, is one too.

use std::path::{Path, PathBuf};

use reliad_weights::{ModelDir, lora};

use crate::adapters::AdapterFile;
use crate::error::{Error, Result};
use crate::phrases::{self, Phrases};

/// The ControlNet's directory in a model.
pub const CONTROLNET: &str = "controlnet";
/// Where a model whose ControlNet was tuned keeps the one of before.
pub const ORIGINAL: &str = "controlnet-original";
const UNET: &str = "unet";
const CONFIG: &str = "config.json";

/// Something in the place of, or beside, what a model has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tuned {
    /// The ControlNet from which tuning began: the model's `controlnet-original/` where it has one, else its own.
    Original,
    /// A ControlNet's directory.
    ControlNet(PathBuf),
    /// A UNet's directory.
    UNet(PathBuf),
    /// A file of adapters, laid on beside the model's own.
    Adapters(PathBuf),
    /// A file of phrases.
    Phrases(PathBuf),
}

impl Tuned {
    /// What the directory `dir` holds.
    ///
    /// # Errors
    /// [`Error::Content`] where it is no directory, or holds nothing or more than one thing of the kind.
    pub fn open(dir: &Path) -> Result<Self> {
        let refuse = |message: String| Error::Content {
            file: dir.display().to_string(),
            message,
        };
        if !dir.is_dir() {
            return Err(refuse("there is no such directory".into()));
        }
        let kinds = [
            (CONFIG.to_owned(), Self::ControlNet(dir.to_owned())),
            (
                format!("{CONTROLNET}/{CONFIG}"),
                Self::ControlNet(dir.join(CONTROLNET)),
            ),
            (format!("{UNET}/{CONFIG}"), Self::UNet(dir.join(UNET))),
            (
                format!("lora/{}", lora::FILE),
                Self::Adapters(dir.join("lora").join(lora::FILE)),
            ),
            (
                phrases::FILE_NAME.to_owned(),
                Self::Phrases(dir.join(phrases::FILE_NAME)),
            ),
        ];
        let mut found = kinds.iter().filter(|(file, _)| dir.join(file).is_file());
        match (found.next(), found.next()) {
            (Some((_, one)), None) => Ok(one.clone()),
            (Some((one, _)), Some((other, _))) => Err(refuse(format!(
                "it holds {one} and {other}; a tuned directory holds one of them"
            ))),
            (None, _) => Err(refuse(format!(
                "it is no ControlNet and no tuned directory; it holds none of {}",
                kinds.map(|(file, _)| file).join(", ")
            ))),
        }
    }

    /// `model` with this in the place of its own ControlNet or UNet; adapters and phrases are taken up elsewhere.
    ///
    /// # Errors
    /// [`Error::Weights`] when the directory is gone.
    pub fn over(&self, model: &ModelDir) -> Result<ModelDir> {
        let model = model.clone();
        Ok(match self {
            Self::Original if model.contains(ORIGINAL) => {
                let original = model.sub(ORIGINAL);
                model.with_component(CONTROLNET, original)
            }
            Self::ControlNet(dir) => model.with_component(CONTROLNET, ModelDir::open(dir)?),
            Self::UNet(dir) => model.with_component(UNET, ModelDir::open(dir)?),
            Self::Original | Self::Adapters(_) | Self::Phrases(_) => model,
        })
    }

    /// The adapters to lay on the model at their trained strength.
    ///
    /// # Errors
    /// A file that holds something else.
    pub fn adapters(&self) -> Result<Vec<AdapterFile>> {
        match self {
            Self::Adapters(file) => Ok(vec![AdapterFile::read(file, 1.0)?]),
            _ => Ok(Vec::new()),
        }
    }

    /// The phrases to add to prompts.
    ///
    /// # Errors
    /// A file that holds something else.
    pub fn phrases(&self) -> Result<Option<Phrases>> {
        match self {
            Self::Phrases(file) => Phrases::read(file).map(Some),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use std::fs;

    use super::*;

    fn write(root: &Path, file: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }

    #[test]
    fn a_directory_is_what_it_holds_and_only_one_thing() {
        let root = tempfile::tempdir().unwrap();
        let with = |name: &str, files: &[&str]| {
            let dir = root.path().join(name);
            fs::create_dir_all(&dir).unwrap();
            files.iter().for_each(|file| write(&dir, file));
            dir
        };
        let plain = with("plain", &["config.json", "model.safetensors"]);
        assert_eq!(
            Tuned::open(&plain).unwrap(),
            Tuned::ControlNet(plain.clone())
        );
        let rfft = with("rfft", &["controlnet/config.json", "finetune.json"]);
        assert_eq!(
            Tuned::open(&rfft).unwrap(),
            Tuned::ControlNet(rfft.join("controlnet"))
        );
        let unet = with("unet", &["unet/config.json"]);
        assert_eq!(Tuned::open(&unet).unwrap(), Tuned::UNet(unet.join("unet")));
        let lora = with("lora", &["lora/pytorch_lora_weights.safetensors"]);
        assert!(matches!(Tuned::open(&lora).unwrap(), Tuned::Adapters(_)));
        let words = with("words", &["phrases.json"]);
        assert!(matches!(Tuned::open(&words).unwrap(), Tuned::Phrases(_)));
        for (dir, told) in [
            (with("none", &["README.md"]), "no tuned directory"),
            (
                with("both", &["controlnet/config.json", "phrases.json"]),
                "holds controlnet/config.json and phrases.json",
            ),
            (root.path().join("nowhere"), "no such directory"),
        ] {
            let error = Tuned::open(&dir).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn original_is_the_kept_one_or_the_models_own() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "controlnet/config.json");
        let model = ModelDir::open(root.path()).unwrap();
        let read = |tuned: &Tuned| {
            let over = tuned.over(&model).unwrap();
            over.read("controlnet/config.json").unwrap().into_owned()
        };
        assert_eq!(read(&Tuned::Original), b"controlnet/config.json");
        write(root.path(), "controlnet-original/config.json");
        assert_eq!(read(&Tuned::Original), b"controlnet-original/config.json");
    }
}
