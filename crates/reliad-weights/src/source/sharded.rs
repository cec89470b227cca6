//! Weights in several files with an index beside them: `{"weight_map": {"tensor": "file", ...}}`, as the ecosystem cuts
//! what is large.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Entries, Source};
use crate::{Error, ModelDir};

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

fn parse(index: &[u8], file: &str) -> Result<Index, Error> {
    serde_json::from_slice(index).map_err(|source| Error::Json {
        file: file.to_owned(),
        source,
    })
}

/// The files that the index names, sorted; `file` is the index, as messages call it.
///
/// # Errors
/// [`Error::Json`] for an index that isn't one.
pub(super) fn files(index: &[u8], file: &str) -> Result<Vec<String>, Error> {
    let shards = parse(index, file)?.weight_map.into_values();
    let shards: BTreeSet<String> = shards.collect();
    Ok(shards.into_iter().collect())
}

/// The tensors of all files that the index names; `file` is the index, as messages call it, and `dir` where it stands.
///
/// # Errors
/// [`Error::Json`] for an index that isn't one, [`Error::Shards`] with every file that is missing and every tensor that is in
/// another file than the index says, or in two; and the errors of the files.
pub(super) fn entries(index: &[u8], file: &str, dir: &ModelDir) -> Result<Entries, Error> {
    let index = parse(index, file)?;
    let mut problems = Vec::new();
    let mut all = Entries::default();
    let mut home: BTreeMap<String, &str> = BTreeMap::new();
    let shards: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    let mut read = BTreeSet::new();
    for shard in shards {
        if shard.contains(['/', '\\']) || shard == ".." || shard.ends_with(".json") {
            problems.push(format!("{shard:?} is not the name of a file of weights"));
            continue;
        }
        if !dir.contains(shard) {
            problems.push(format!("{} is missing", dir.display(shard)));
            continue;
        }
        read.insert(shard);
        let source = Source::of_file(dir, shard)?;
        for (name, entry) in source.entries {
            match home.entry(name.clone()) {
                Entry::Occupied(first) => {
                    problems.push(format!("{name} is in both {} and {shard}", first.get()));
                }
                Entry::Vacant(free) => {
                    free.insert(shard);
                    all.tensors.insert(name, entry);
                }
            }
        }
        all.notes.extend(source.notes);
    }
    for (name, shard) in &index.weight_map {
        let there = home.get(name);
        // A file that is missing is told once, not for each of its tensors.
        if there != Some(&shard.as_str()) && read.contains(shard.as_str()) {
            problems.push(match there {
                Some(other) => format!("{name} should be in {shard}, but is in {other}"),
                None => format!("{name} should be in {shard}, but isn't"),
            });
        }
    }
    if problems.is_empty() {
        Ok(all)
    } else {
        Err(Error::Shards {
            file: file.to_owned(),
            problems,
        })
    }
}
