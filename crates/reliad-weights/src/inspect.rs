//! What a model directory holds, read from headers only.

use std::collections::BTreeMap;

use crate::{Error, ModelDir, Source};

/// One component of a model directory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Component {
    /// Its sub-directory (`unet`, `rfnet`, ...).
    pub name: String,
    /// The class that its configuration names, or "".
    pub class: String,
    /// Number of parameters in its weights.
    pub parameters: usize,
    /// Parameters by type ("F16" -> count).
    pub dtypes: BTreeMap<String, usize>,
    /// Size of all its files in bytes.
    pub bytes: usize,
}

/// The components of `dir`, sorted by name.
///
/// # Errors
/// [`Error::Io`] when a file cannot be read, [`Error::Format`] when a `.safetensors` file is damaged.
pub fn inspect(dir: &ModelDir) -> Result<Vec<Component>, Error> {
    let mut components: BTreeMap<String, Component> = BTreeMap::new();
    for file in dir.files()? {
        let Some((name, rest)) = file.split_once('/') else {
            continue;
        };
        let component = components
            .entry(name.to_owned())
            .or_insert_with(|| Component {
                name: name.to_owned(),
                class: String::new(),
                parameters: 0,
                dtypes: BTreeMap::new(),
                bytes: 0,
            });
        component.bytes += dir.size(&file)?;
        if rest.ends_with("config.json") {
            let config: serde_json::Value = dir.read_json(&file)?;
            let class = config["_class_name"].as_str().map(str::to_owned);
            let class = class.or_else(|| config["architectures"][0].as_str().map(str::to_owned));
            let class = class.or_else(|| config["tokenizer_class"].as_str().map(str::to_owned));
            let class = class.or_else(|| config["model_type"].as_str().map(str::to_owned));
            // The network's own comes first; beside it there may be a tokenizer's.
            if let Some(class) = class
                && component.class.is_empty()
            {
                component.class = class;
            }
        }
    }
    for component in components.values_mut() {
        // A tokenizer has none.
        let weights = match Source::of_component(&dir.sub(&component.name)) {
            Err(Error::NoWeights { .. }) => continue,
            weights => weights?,
        };
        for (_, tensor) in weights.tensors() {
            component.parameters += tensor.count();
            *component
                .dtypes
                .entry(format!("{:?}", tensor.dtype))
                .or_default() += tensor.count();
        }
    }
    Ok(components.into_values().collect())
}
