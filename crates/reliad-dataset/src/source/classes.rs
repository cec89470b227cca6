//! Names of classes whose numbers labels are, as Hugging Face's `datasets` writes them (`ClassLabel`).

use std::path::Path;

use serde_json::Value;

/// Longest description that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// The class names of the first of these fields that has any, in a description of features:
/// `{"label": {"names": ["available", ...], "_type": "ClassLabel"}, ...}`, whatever it stands in.
pub(super) fn of_features(description: &Value, fields: &[&str]) -> Option<Vec<String>> {
    let Value::Object(object) = description else {
        return None;
    };
    if let Some(features) = object.get("features") {
        let names = |field: &&str| {
            let names = features.get(*field)?.get("names")?.as_array()?;
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<Vec<_>>>()
        };
        return fields.iter().find_map(names);
    }
    // `{"info": ...}` in parquet files, `{"default": ...}` in dataset_infos.json.
    let mut inner = object.values().map(|inner| of_features(inner, fields));
    inner.find(Option::is_some).flatten()
}

/// The class names that `dataset_info.json` (or the older `dataset_infos.json`) beside the data tells.
pub(super) fn beside(path: &Path, fields: &[&str]) -> Option<Vec<String>> {
    let folder = match path.is_dir() {
        true => path,
        false => path.parent()?,
    };
    ["dataset_info.json", "dataset_infos.json"]
        .iter()
        .find_map(|name| {
            let path = folder.join(name);
            let short = std::fs::metadata(&path).ok()?.len() <= LONGEST;
            let bytes = short.then(|| std::fs::read(&path).ok())??;
            let description: Value = serde_json::from_slice(&bytes).ok()?;
            of_features(&description, fields)
        })
}
