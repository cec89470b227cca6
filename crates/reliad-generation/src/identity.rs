//! Which model made or judged a picture: the hash of each file that it was loaded from, prose (`.md`) left out.

use std::collections::BTreeMap;
use std::path::Path;

use reliad_diffusion::painter::ADAPTERS;
use reliad_weights::ModelDir;
use serde::{Deserialize, Serialize};

use crate::adapters::Adapters;
use crate::error::{Error, Result};
use crate::files;

/// Directories of a model that decide what is painted.
const PAINTER_PARTS: [&str; 6] = [
    "controlnet",
    "scheduler",
    "text_encoder",
    "tokenizer",
    "unet",
    "vae",
];
/// Directories of a model that decide the verdict.
const JUDGE_PARTS: [&str; 3] = ["depth", "rfnet", "saliency"];

/// A model as a manifest records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// How to open it again: an absolute path, or the name of an embedded model.
    pub name: String,
    /// BLAKE3 over the paths and hashes of all files.
    pub digest: String,
    /// BLAKE3 of each file, by its path in the model directory.
    pub files: BTreeMap<String, String>,
    /// Components that stand in the place of its own, such as `controlnet`, and where they lie: a directory of the model,
    /// or an absolute path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, String>,
    /// Adapters laid on it beside its own, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<Adapters>,
}

impl ModelIdentity {
    /// Checks that the parts that paint are there, without reading them.
    ///
    /// # Errors
    /// [`Error::MissingPart`] when one isn't.
    pub(crate) fn require_painter(model: &ModelDir) -> Result<()> {
        PAINTER_PARTS
            .iter()
            .try_for_each(|part| require(model, part))
    }

    /// Checks that the part that judges is there, without reading it.
    ///
    /// # Errors
    /// [`Error::MissingPart`] when it isn't.
    pub(crate) fn require_judge(model: &ModelDir) -> Result<()> {
        require(model, "rfnet")
    }

    /// The identity of the parts that paint.
    ///
    /// # Errors
    /// [`Error::MissingPart`] when one isn't there, [`Error::Weights`] when a file can't be read.
    pub fn of_painter(model: &ModelDir) -> Result<Self> {
        let mut parts = PAINTER_PARTS.to_vec();
        if model.contains(ADAPTERS) {
            parts.push(ADAPTERS);
        }
        Self::of(model, &parts)
    }

    /// The identity of this model under further adapters.
    pub(crate) fn with(mut self, adapters: Adapters) -> Self {
        let Adapters {
            blake3, strength, ..
        } = &adapters;
        self.digest = files::hash(format!("{} {blake3} {strength}", self.digest).as_bytes());
        self.adapters.push(adapters);
        self
    }

    /// The identity of the parts that judge.
    ///
    /// # Errors
    /// [`Error::MissingPart`] without `rfnet/`, [`Error::Weights`] when a file can't be read.
    pub fn of_judge(model: &ModelDir) -> Result<Self> {
        Self::require_judge(model)?;
        // A judge that looks at no map needs no network for it.
        let parts: Vec<&str> = JUDGE_PARTS
            .into_iter()
            .filter(|part| model.contains(part))
            .collect();
        Self::of(model, &parts)
    }

    /// The identity of some directories of a model.
    ///
    /// # Errors
    /// As [`of_painter`](Self::of_painter).
    pub fn of(model: &ModelDir, parts: &[&'static str]) -> Result<Self> {
        let mut hashes = BTreeMap::new();
        for part in parts {
            require(model, part)?;
            let directory = model.sub(part);
            for file in directory.files()?.into_iter().filter(|file| decides(file)) {
                hashes.insert(format!("{part}/{file}"), directory.digest(&file)?);
            }
        }
        let mut digest = blake3::Hasher::new();
        for (file, hash) in &hashes {
            digest.update(format!("{hash}  {file}\n").as_bytes());
        }
        Ok(Self {
            name: name_of(model.base())?,
            digest: digest.finalize().to_hex().to_string(),
            files: hashes,
            components: components_of(model)?,
            adapters: Vec::new(),
        })
    }

    /// `model` with the components that were recorded in the place of its own.
    ///
    /// # Errors
    /// [`Error::Weights`] when one's directory is gone.
    pub fn with_components(&self, model: &ModelDir) -> Result<ModelDir> {
        let mut over = model.clone();
        for (component, place) in &self.components {
            let dir = match Path::new(place).is_absolute() {
                true => ModelDir::open(place)?,
                false => model.sub(place),
            };
            over = over.with_component(component, dir);
        }
        Ok(over)
    }

    /// What `found` has otherwise than `self`, one line a file; empty when they are equal.
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        // Manifests of before name prose, too.
        for (file, hash) in self.files.iter().filter(|(file, _)| decides(file)) {
            match found.files.get(file) {
                None => lines.push(format!("model file {file} is gone")),
                Some(other) if other != hash => lines.push(format!(
                    "model file {file} differs: recorded {}, found {}",
                    short(hash),
                    short(other)
                )),
                Some(_) => {}
            }
        }
        for file in found
            .files
            .keys()
            .filter(|file| !self.files.contains_key(*file))
        {
            lines.push(format!("model file {file} is new"));
        }
        let told = |identity: &Self| -> Vec<String> {
            let told = identity
                .adapters
                .iter()
                .map(|used| format!("{} at {}", short(&used.blake3), used.strength));
            told.collect()
        };
        let (recorded, found) = (told(self), told(found));
        if recorded != found {
            let or_none = |list: Vec<String>| match list.is_empty() {
                true => "none".to_owned(),
                false => list.join(", "),
            };
            lines.push(format!(
                "adapters differ: recorded {}, found {}",
                or_none(recorded),
                or_none(found)
            ));
        }
        lines
    }
}

/// Whether a file can change what a model does.
fn decides(file: &str) -> bool {
    !file.ends_with(".md")
}

/// The first digits of a hash, for people.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn require(model: &ModelDir, part: &'static str) -> Result<()> {
    if model.contains(part) {
        Ok(())
    } else {
        Err(Error::MissingPart {
            model: model.display(""),
            part,
        })
    }
}

fn name_of(model: &ModelDir) -> Result<String> {
    match model {
        ModelDir::Disk(path) => std::path::absolute(path)
            .map(|path| path.display().to_string())
            .map_err(Error::read(path)),
        ModelDir::Embedded { .. } | ModelDir::Layered { .. } => Ok(model.display("")),
    }
}

/// What was laid over a model, by component: where it lies in the model, else its absolute path.
fn components_of(model: &ModelDir) -> Result<BTreeMap<String, String>> {
    let base = model.base();
    let place = |over: &ModelDir| match (base, over) {
        (ModelDir::Disk(model), ModelDir::Disk(path)) => match path.strip_prefix(model) {
            Ok(inside) => Ok(inside.to_string_lossy().replace('\\', "/")),
            Err(_) => name_of(over),
        },
        _ => {
            let (model, over) = (name_of(base)?, name_of(over.base())?);
            let inside = over
                .strip_prefix(&model)
                .and_then(|rest| rest.strip_prefix('/'));
            Ok(inside.map_or(over.clone(), str::to_owned))
        }
    };
    let over = model.components_over();
    over.into_iter()
        .map(|(component, over)| Ok((component.to_owned(), place(over)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is the test's failure")]

    use std::fs;

    use super::*;

    fn model(root: &Path) -> ModelDir {
        for part in PAINTER_PARTS {
            fs::create_dir_all(root.join(part)).unwrap();
            fs::write(root.join(part).join("config.json"), part).unwrap();
        }
        ModelDir::open(root).unwrap()
    }

    #[test]
    fn a_changed_a_lost_and_a_new_file_are_named() {
        let root = tempfile::tempdir().unwrap();
        let model = model(root.path());
        let before = ModelIdentity::of_painter(&model).unwrap();
        fs::write(root.path().join("unet/README.md"), "a card").unwrap();
        let with_card = ModelIdentity::of_painter(&model).unwrap();
        assert_eq!(before, with_card);
        let mut recorded = before.clone();
        let card = "unet/README.md".to_owned();
        recorded
            .files
            .insert(card, "as older versions recorded it".into());
        assert!(recorded.differences(&with_card).is_empty());
        fs::write(root.path().join("unet/config.json"), "other").unwrap();
        fs::remove_file(root.path().join("vae/config.json")).unwrap();
        fs::write(root.path().join("vae/new.json"), "new").unwrap();
        let after = ModelIdentity::of_painter(&model).unwrap();
        assert_ne!(before.digest, after.digest);
        let lines = before.differences(&after);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("unet/config.json differs"));
    }

    #[test]
    fn a_component_in_the_place_of_the_own_one_is_recorded_and_found_again() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let own = model(root.path());
        for dir in [root.path().join("controlnet-original"), other.path().into()] {
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("config.json"), dir.display().to_string()).unwrap();
        }
        let plain = ModelIdentity::of_painter(&own).unwrap();
        for (over, place) in [
            (own.sub("controlnet-original"), "controlnet-original"),
            (
                ModelDir::open(other.path()).unwrap(),
                other.path().to_str().unwrap(),
            ),
        ] {
            let tuned = own.clone().with_component("controlnet", over);
            let identity = ModelIdentity::of_painter(&tuned).unwrap();
            assert_eq!(identity.name, plain.name);
            assert_ne!(identity.digest, plain.digest);
            assert_eq!(identity.components["controlnet"], place);
            let lines = identity.differences(&plain);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains("controlnet/config.json differs"));
            let again = identity.with_components(&own).unwrap();
            assert_eq!(ModelIdentity::of_painter(&again).unwrap(), identity);
            let text = serde_json::to_string(&identity).unwrap();
            assert_eq!(
                serde_json::from_str::<ModelIdentity>(&text).unwrap(),
                identity
            );
        }
        drop(other);
    }

    #[test]
    fn a_model_without_a_judge_says_what_it_lacks() {
        let root = tempfile::tempdir().unwrap();
        let error = ModelIdentity::of_judge(&model(root.path())).unwrap_err();
        assert!(error.to_string().ends_with("has no rfnet/"), "{error}");
        assert!(matches!(error, Error::MissingPart { part: "rfnet", .. }));
    }
}
