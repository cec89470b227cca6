//! Whose maps a sample has. `reliad data prepare` notes in the index which network made a map and how large, so that a judge
//! is trained and measured on the maps that it will see in use.

use std::collections::BTreeMap;

use reliad_dataset::{Modality, Record};
use reliad_weights::ModelDir;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::fingerprint::{self, fingerprint};

/// The maps, in the order of their fields.
pub const MAPS: [Modality; 2] = [Modality::Depth, Modality::Saliency];

/// The index's field that says who made a sample's map of this kind.
fn field(kind: Modality) -> &'static str {
    match kind {
        Modality::Depth => "depth_by",
        _ => "saliency_by",
    }
}

/// Notes that `network` ([`network_of`]) made the map, its longest side `size` pixels at most (0: as the picture's).
pub(crate) fn note(record: &mut Record, kind: Modality, network: &str, size: usize) {
    let by = Value::from(format!("{network}@{size}"));
    record.others.insert(field(kind).to_owned(), by);
}

/// Who made the map, and its longest side, where the record says so.
fn noted(record: &Record, kind: Modality) -> Option<(&str, usize)> {
    let (network, size) = record.others.get(field(kind))?.as_str()?.split_once('@')?;
    Some((network, size.parse().ok()?))
}

/// Tells a model's network for maps of this kind from others: by its configuration and weights. `None` where the model has
/// none.
///
/// # Errors
/// A folder that can't be listed, or a file that can't be read.
pub fn network_of(model: &ModelDir, kind: Modality) -> Result<Option<String>> {
    if !model.contains(&format!("{}/config.json", kind.name())) {
        return Ok(None);
    }
    let dir = model.sub(kind.name());
    let told = || Ok(dir.digest("config.json")? + &fingerprint::weights(&dir)?);
    let told = told().map_err(Error::component::<reliad_weights::Error>("maps"))?;
    Ok(Some(format!("{:016x}", fingerprint(told.as_bytes()))))
}

/// The networks of a model that estimate maps, as far as a judge looks at these.
#[derive(Debug, Clone)]
pub struct MapNetworks {
    /// What messages call the model.
    model: String,
    /// For each of [`MAPS`]: whether the judge looks at it, and the model's network.
    wanted: [(bool, Option<String>); 2],
    /// Side of the judge's input in pixels.
    image_size: usize,
}

/// Where a map comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The sample's own is taken.
    Sample,
    /// The model's network looks at the picture.
    Network,
    /// The judge doesn't look at it.
    Unseen,
    /// There is neither map nor network.
    Nowhere,
}

/// Why a map isn't simply taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Because {
    /// Another network than the model's made it.
    Other,
    /// The record doesn't say who made it.
    Untold,
    /// It has fewer pixels than the judge looks at.
    Small,
}

impl MapNetworks {
    /// Those of `model`, for a judge that looks at depth and saliency as said, with inputs of `image_size` pixels.
    ///
    /// # Errors
    /// As [`network_of`].
    pub fn of(model: &ModelDir, looks: [bool; 2], image_size: usize) -> Result<Self> {
        let wanted = |at: usize| -> Result<(bool, Option<String>)> {
            Ok(match looks[at] {
                true => (true, network_of(model, MAPS[at])?),
                false => (false, None),
            })
        };
        Ok(Self {
            model: model.display(""),
            wanted: [wanted(0)?, wanted(1)?],
            image_size,
        })
    }

    /// Tells these networks from others, as far as the judge looks at their maps.
    pub(crate) fn key(&self) -> String {
        format!(
            "{:016x}",
            fingerprint(format!("{:?}", self.wanted).as_bytes())
        )
    }

    /// For pictures that are no sample's, so that no sample has their maps: `what` needs all networks that the judge looks through.
    ///
    /// # Errors
    /// [`Error::Setting`] with the missing one.
    pub(crate) fn required(&self, what: &str) -> Result<()> {
        for (kind, (looks, network)) in MAPS.into_iter().zip(&self.wanted) {
            if *looks && network.is_none() {
                return Err(Error::Setting {
                    name: kind.name(),
                    reason: format!(
                        "{what} need a {0} network in {1}/{0}",
                        kind.name(),
                        self.model
                    ),
                });
            }
        }
        Ok(())
    }

    fn network(&self, kind: Modality) -> &(bool, Option<String>) {
        match kind {
            Modality::Depth => &self.wanted[0],
            _ => &self.wanted[1],
        }
    }

    /// Where the sample's map of this kind comes from: its own where the model's network made it, or the model has none;
    /// else the model's network. Of a rendered sample the exact map is never taken, as no judge sees such in use.
    pub fn origin(&self, record: &Record, kind: Modality) -> Origin {
        self.decide(record, kind).0
    }

    fn decide(&self, record: &Record, kind: Modality) -> (Origin, Option<Because>) {
        let (looks, network) = self.network(kind);
        if !looks {
            return (Origin::Unseen, None);
        }
        let else_network = match network {
            Some(_) => Origin::Network,
            None => Origin::Nowhere,
        };
        if record.place(kind).is_none() {
            return (else_network, None);
        }
        let because = match noted(record, kind) {
            None if record.parameters.is_some() => return (else_network, None),
            None => Because::Untold,
            Some((by, _)) if network.as_ref().is_some_and(|own| own != by) => Because::Other,
            Some((_, size)) if size != 0 && size < self.image_size => Because::Small,
            Some(_) => return (Origin::Sample, None),
        };
        match network {
            Some(_) => (Origin::Network, Some(because)),
            None => (Origin::Sample, Some(because)),
        }
    }

    /// What makes the view of a sample another one: whose maps it shows.
    pub(crate) fn shown(&self, record: &Record) -> String {
        let shown = |kind: Modality| match self.origin(record, kind) {
            Origin::Unseen | Origin::Nowhere => String::new(),
            Origin::Network => self.network(kind).1.clone().unwrap_or_default(),
            // One network's maps are the same whether they were kept or not.
            Origin::Sample => match (noted(record, kind), record.place(kind)) {
                (Some((by, _)), _) => by.to_owned(),
                (None, place) => place.map(ToString::to_string).unwrap_or_default(),
            },
        };
        MAPS.map(shown).join(";")
    }

    /// One line for each way in which maps of the samples aren't simply taken, for people.
    ///
    /// # Errors
    /// Samples that have neither map nor network, with what to do.
    pub fn told<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> Result<Vec<String>> {
        let mut counts: BTreeMap<(&str, Option<Because>, bool), u64> = BTreeMap::new();
        for record in records {
            for kind in MAPS {
                let (origin, because) = self.decide(record, kind);
                if origin == Origin::Nowhere || because.is_some() {
                    let key = (kind.name(), because, origin == Origin::Sample);
                    *counts.entry(key).or_default() += 1;
                }
            }
        }
        let model = &self.model;
        let mut lines = Vec::new();
        for ((kind, because, taken), count) in counts {
            let Some(because) = because else {
                return Err(Error::Setting {
                    name: kind,
                    reason: format!(
                        "{count} samples have no {kind} map, and {model} has no {kind}/ to estimate it; put a {kind} network there, \
                         or let `reliad data prepare --model DIR` compute maps with a model that has one"
                    ),
                });
            };
            let what = match because {
                Because::Other => "of another network than the model's".to_owned(),
                Because::Untold => "whose network the index doesn't tell".to_owned(),
                Because::Small => format!("smaller than the judge's {} pixels", self.image_size),
            };
            lines.push(match taken {
                true => format!(
                    "{count} samples have {kind} maps {what}; they are taken, as {model} has no {kind}/: give it the network that made them before \
                     the judge is used"
                ),
                false => format!(
                    "{count} samples have {kind} maps {what}; they are estimated again: `reliad data prepare --replace --model {model}` makes them \
                     once"
                ),
            });
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    fn record(depth: Option<&str>, by: Option<&str>, rendered: bool) -> Record {
        let mut record: Record =
            serde_json::from_str(r#"{"image": "a.jpg", "label": "available", "product_id": 1}"#)
                .unwrap();
        record.depth = depth.map(Into::into);
        if let Some((network, size)) = by.and_then(|by| by.split_once('@')) {
            note(&mut record, Modality::Depth, network, size.parse().unwrap());
        }
        record.parameters = rendered.then(Default::default);
        record
    }

    fn networks(depth: Option<&str>) -> MapNetworks {
        MapNetworks {
            model: "judge".to_owned(),
            wanted: [(true, depth.map(str::to_owned)), (false, None)],
            image_size: 384,
        }
    }

    #[test]
    fn a_map_is_taken_where_the_models_network_made_it_or_there_is_none() {
        let (own, none) = (networks(Some("aa")), networks(None));
        for (record, with, without) in [
            (record(None, None, false), Origin::Network, Origin::Nowhere),
            (
                record(Some("d"), Some("aa@384"), false),
                Origin::Sample,
                Origin::Sample,
            ),
            (
                record(Some("d"), Some("aa@0"), false),
                Origin::Sample,
                Origin::Sample,
            ),
            (
                record(Some("d"), Some("aa@128"), false),
                Origin::Network,
                Origin::Sample,
            ),
            (
                record(Some("d"), Some("bb@384"), false),
                Origin::Network,
                Origin::Sample,
            ),
            (
                record(Some("d"), None, false),
                Origin::Network,
                Origin::Sample,
            ),
            // A render's exact map is none that a judge sees in use; what was prepared of a render is.
            (
                record(Some("d"), None, true),
                Origin::Network,
                Origin::Nowhere,
            ),
            (
                record(Some("d"), Some("aa@384"), true),
                Origin::Sample,
                Origin::Sample,
            ),
        ] {
            assert_eq!(own.origin(&record, Modality::Depth), with, "{record:?}");
            assert_eq!(none.origin(&record, Modality::Depth), without, "{record:?}");
            assert_eq!(own.origin(&record, Modality::Saliency), Origin::Unseen);
        }
    }

    #[test]
    fn what_is_told_is_one_line_a_kind_and_neither_map_nor_network_is_an_error() {
        let other = record(Some("d"), Some("bb@384"), false);
        let lines = networks(Some("aa")).told([&other, &other]).unwrap();
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].starts_with("2 samples have depth maps of another network")
                && lines[0].contains("--replace"),
            "{lines:?}"
        );
        let lines = networks(None)
            .told([&record(Some("d"), None, false)])
            .unwrap();
        assert!(
            lines[0].contains("they are taken, as judge has no depth/"),
            "{lines:?}"
        );
        let bare = record(None, None, false);
        assert!(networks(Some("aa")).told([&bare]).unwrap().is_empty());
        let said = networks(None).told([&bare]).unwrap_err().to_string();
        assert!(
            said.contains("1 samples have no depth map") && said.contains("`reliad data prepare"),
            "{said}"
        );
    }

    #[test]
    fn a_view_is_the_same_whether_the_networks_map_was_kept_or_not() {
        let own = networks(Some("aa"));
        let shown = |record: &Record| own.shown(record);
        let estimated = shown(&record(None, None, false));
        assert_eq!(estimated, shown(&record(Some("d"), Some("aa@384"), false)));
        let foreign = networks(None);
        assert_ne!(
            estimated,
            foreign.shown(&record(Some("d"), Some("bb@384"), false))
        );
        assert_ne!(
            foreign.shown(&record(Some("d"), None, false)),
            foreign.shown(&record(Some("e"), None, false))
        );
    }
}
