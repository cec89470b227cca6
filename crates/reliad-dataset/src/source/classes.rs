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

/// The class names that `dataset_info.json` (or the older `dataset_infos.json`) beside the data tells, or the front matter of
/// its `README.md`.
pub(super) fn beside(path: &Path, fields: &[&str]) -> Option<Vec<String>> {
    let folder = match path.is_dir() {
        true => path,
        false => path.parent()?,
    };
    let read = |name: &str| {
        let path = folder.join(name);
        let short = std::fs::metadata(&path).ok()?.len() <= LONGEST;
        short.then(|| std::fs::read_to_string(&path).ok())?
    };
    let described = |name: &&str| {
        let description: Value = serde_json::from_str(&read(name)?).ok()?;
        of_features(&description, fields)
    };
    ["dataset_info.json", "dataset_infos.json"]
        .iter()
        .find_map(described)
        .or_else(|| of_card(&read("README.md")?, fields))
}

/// The class names that a data set's card tells in its front matter:
/// `dataset_info: {features: [{name: label, dtype: {class_label: {names: {'0': available, ...}}}}]}`, or a list of such.
fn of_card(card: &str, fields: &[&str]) -> Option<Vec<String>> {
    let (front, _) = card.strip_prefix("---")?.split_once("\n---")?;
    let front: Value = serde_saphyr::from_str(front).ok()?;
    let infos = match front.get("dataset_info")? {
        Value::Array(infos) => infos.iter().collect(),
        info => vec![info],
    };
    let features = infos
        .iter()
        .filter_map(|info| info.get("features")?.as_array())
        .flatten();
    let names = |field: &&str| {
        let mut features = features.clone();
        let feature =
            features.find(|feature| feature.get("name").is_some_and(|name| name == field))?;
        match feature.pointer("/dtype/class_label/names")? {
            Value::Object(names) => (0..names.len())
                .map(|number| Some(names.get(&number.to_string())?.as_str()?.to_owned()))
                .collect(),
            Value::Array(names) => names
                .iter()
                .map(|name| Some(name.as_str()?.to_owned()))
                .collect(),
            _ => None,
        }
    };
    fields.iter().find_map(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_name_classes_by_number_or_in_order() {
        for (card, expected) in [
            (
                "---\ndataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: label\n    dtype:\n      \
                 class_label:\n        names:\n          '0': size_mismatch\n          '1': available\n---\n# A set\n",
                Some(vec!["size_mismatch".to_owned(), "available".to_owned()]),
            ),
            (
                "---\nlicense: mit\ndataset_info:\n- config_name: small\n  features:\n  - name: label\n    dtype:\n      \
                 class_label:\n        names: [\"no\", available]\n---\n",
                Some(vec!["no".to_owned(), "available".to_owned()]),
            ),
            ("---\nlicense: mit\n---\n", None),
            ("---\n: [\n---\n", None),
            ("# No front matter\n", None),
        ] {
            assert_eq!(of_card(card, &["label"]), expected, "{card}");
        }
    }
}
