//! The figures of a comparison: what the JSON file and the table hold.

use std::collections::BTreeMap;

use reliad_dataset::Label;
use reliad_diffusion::Sampling;
use reliad_generation::manifest::VerdictRecord;
use reliad_synth::WORLD;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::differences::Differences;
use super::looks::{Looks, Own};
use super::painted::{Painted, Timed};
use crate::measure::Figure;
use crate::measure::failures::failure_shares;
use crate::measure::preference::Preference;
use crate::measure::recurrence::{self, Found};
use crate::measure::variety::{self, Pair};
use crate::painter::Named;

/// What decides the figures.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Settings {
    /// Version of the program.
    pub reliad: String,
    /// Version of the rendered world.
    pub world: u32,
    /// Seed of items, noise and sheets.
    pub seed: u64,
    /// Items painted.
    pub count: usize,
    /// Where they come from.
    pub products: String,
    /// Attempts at an item, at most.
    pub attempts: u32,
    /// Items that diversity is measured on.
    pub varied: usize,
    /// Where networks stood.
    pub device: String,
    /// The model whose ControlNet is exchanged.
    pub model: String,
    /// Judged.
    pub judge: Named,
    /// Judged for the report alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<Named>,
    /// Told what pictures show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scene: Option<Named>,
    /// How pictures were sampled.
    pub sampling: Sampling,
}

impl Settings {
    /// The version of the rendered world that items come from.
    pub(super) const WORLD: u32 = WORLD;
}

/// What is known of one painter, by item or by pair: what figures and differences are made of.
pub(super) struct Measures {
    pub found: Vec<Found>,
    pub available: Vec<bool>,
    pub own: Vec<Own>,
    /// Distances of the first items.
    pub diversity: Vec<f64>,
    /// Distances of the pairs.
    pub variety: Vec<f64>,
    /// Labels of items' first attempts, one a person.
    pub labels: Vec<Vec<Label>>,
}

impl Measures {
    pub fn new(painted: &Painted, looks: &Looks, labels: Vec<Vec<Label>>) -> Self {
        Self {
            found: painted.found(),
            available: painted
                .tries
                .iter()
                .map(|tries| tries[0].available)
                .collect(),
            own: looks.own.clone(),
            diversity: looks.diversity.clone(),
            variety: looks.variety.clone(),
            labels,
        }
    }
}

/// What all painters' measures have in common.
pub(super) struct Common<'a> {
    pub groups: &'a [u64],
    pub pairs: &'a [Pair],
    pub attempts: u32,
    pub seed: u64,
}

/// The figures of one painter; one that couldn't be measured is absent.
#[derive(Clone, Debug, serde::Serialize)]
pub struct OfPainter {
    /// What was given for it.
    pub value: String,
    /// What that is.
    pub kind: &'static str,
    /// BLAKE3 over the files that were loaded.
    pub digest: String,
    /// Share that the judge calls available at the first attempt.
    pub availability: Option<Figure>,
    /// Share that the held-out judge calls available at the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_held_out: Option<Figure>,
    /// Share that people call available at the first attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_people: Option<Figure>,
    /// Share of items with an available picture within 1, 2, ... attempts, by the judge.
    pub available_within: Vec<Figure>,
    /// Share of the pictures that the judge lets pass, each item's first one, that the held-out judge calls available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_held_out: Option<Figure>,
    /// Share of people's labels whose verdict on publishing is the judge's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_agrees_with_people: Option<Figure>,
    /// Share of people's labels whose verdict on publishing is the held-out judge's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out_agrees_with_people: Option<Figure>,
    /// Pictures painted for one available.
    pub pictures_per_available: Option<Figure>,
    /// What painting and judging one picture took, and of how many pictures that is known.
    pub time: Timed,
    /// Seconds of painting and judging for one available picture.
    pub seconds_per_available: Option<Figure>,
    /// Share that the judge rejects at the first attempt, by the reason's slug.
    pub failure_shares: BTreeMap<String, Figure>,
    /// Feature distance between pictures of one product and prompt, outside the product.
    pub diversity: Option<Figure>,
    /// Feature distance between pictures of different products, outside both.
    pub variety: Option<Figure>,
    /// Share whose scene family and main colour are those of their prompt.
    pub prompt_agreement: Option<Figure>,
    /// Share whose scene family is that of their prompt.
    pub scene_agreement: Option<Figure>,
    /// Share whose main colour is that of their prompt, where the prompt names it.
    pub color_agreement: Option<Figure>,
}

/// How a painter is called and what it is, before anything is measured.
pub(super) struct Called<'a> {
    pub value: &'a str,
    pub kind: &'static str,
    pub digest: &'a str,
}

impl OfPainter {
    pub(super) fn new(
        called: &Called<'_>,
        painted: &Painted,
        measures: &Measures,
        common: &Common<'_>,
    ) -> Self {
        let &Common {
            groups,
            pairs,
            attempts,
            seed,
        } = common;
        let share = |values: Vec<(u64, bool)>| Figure::share(&values, seed);
        let of_own = |of: fn(&Own) -> Option<bool>| {
            let own = groups.iter().zip(&measures.own);
            share(
                own.filter_map(|(group, own)| Some((*group, of(own)?)))
                    .collect(),
            )
        };
        let first: Vec<(u64, &VerdictRecord)> = (0..groups.len())
            .map(|item| (groups[item], painted.first(item)))
            .collect();
        // One measurement a label: several people's labels of a picture stay within its product.
        let of_labels = |of: &dyn Fn(usize, &Label) -> Option<bool>| {
            let labels = measures.labels.iter().enumerate();
            let measured = labels.flat_map(|(item, labels)| {
                let of_item = labels.iter().filter_map(move |label| of(item, label));
                of_item.map(move |holds| (groups[item], holds))
            });
            share(measured.collect())
        };
        let pictures_per_available =
            recurrence::per_available(&measures.found, groups, attempts, seed);
        let each = painted.time.each();
        let varied: Vec<(u64, f64)> = groups
            .iter()
            .copied()
            .zip(measures.diversity.iter().copied())
            .collect();
        Self {
            value: called.value.to_owned(),
            kind: called.kind,
            digest: called.digest.to_owned(),
            availability: share(
                first
                    .iter()
                    .map(|(group, v)| (*group, v.available))
                    .collect(),
            ),
            availability_held_out: of_own(|own| own.held_out),
            availability_people: of_labels(&|_, label| Some(label.is_available())),
            available_within: recurrence::within(&measures.found, groups, attempts, seed),
            published_held_out: of_own(|own| own.published_held_out),
            judge_agrees_with_people: of_labels(&|item, label| {
                Some(label.is_available() == measures.available[item])
            }),
            held_out_agrees_with_people: of_labels(&|item, label| {
                Some(label.is_available() == measures.own[item].held_out?)
            }),
            pictures_per_available,
            time: painted.time,
            seconds_per_available: pictures_per_available
                .zip(each)
                .map(|(figure, each)| scaled(figure, each)),
            failure_shares: failure_shares(&first, seed),
            diversity: Figure::mean(&varied, seed),
            variety: variety::mean(pairs, &measures.variety, groups, seed),
            prompt_agreement: of_own(Own::agrees),
            scene_agreement: of_own(|own| own.family),
            color_agreement: of_own(|own| own.color),
        }
    }

    /// Each figure with its name and, for people, what it says; those that weren't asked for are left out.
    pub fn lines(&self) -> Vec<(&'static str, Option<Figure>, &'static str)> {
        let always = |name, figure, words| (name, figure, words);
        let mut lines = vec![always(
            "availability",
            self.availability,
            "pictures that the judge calls available at the first attempt",
        )];
        let asked = [
            (
                "availability_held_out",
                self.availability_held_out,
                "the same by the held-out judge, which taught nobody",
            ),
            (
                "availability_people",
                self.availability_people,
                "the same by people",
            ),
        ];
        lines.extend(asked.into_iter().filter(|line| line.1.is_some()));
        lines.push(always(
            "available_within",
            self.available_within.last().copied(),
            "products with an available picture within all attempts, by the judge",
        ));
        let asked = [
            (
                "published_held_out",
                self.published_held_out,
                "of the pictures that the judge lets pass, those that the held-out judge does too",
            ),
            (
                "judge_agrees_with_people",
                self.judge_agrees_with_people,
                "people's labels whose verdict on publishing is the judge's",
            ),
            (
                "held_out_agrees_with_people",
                self.held_out_agrees_with_people,
                "people's labels whose verdict on publishing is the held-out judge's",
            ),
        ];
        lines.extend(asked.into_iter().filter(|line| line.1.is_some()));
        lines.extend([
            always(
                "pictures_per_available",
                self.pictures_per_available,
                "pictures painted for one available",
            ),
            always(
                "seconds_per_available",
                self.seconds_per_available,
                "seconds of painting and judging for one available",
            ),
            always(
                "diversity",
                self.diversity,
                "distance between pictures of one product and prompt, outside the product",
            ),
            always(
                "variety",
                self.variety,
                "distance between pictures of different products, outside both",
            ),
            always(
                "prompt_agreement",
                self.prompt_agreement,
                "pictures whose scene family and main colour are those of their prompt",
            ),
            always(
                "scene_agreement",
                self.scene_agreement,
                "the scene family alone",
            ),
            always(
                "color_agreement",
                self.color_agreement,
                "the main colour alone, where the prompt names it",
            ),
        ]);
        lines
    }
}

fn scaled(figure: Figure, by: f64) -> Figure {
    Figure {
        value: figure.value * by,
        low: figure.low * by,
        high: figure.high * by,
        n: figure.n,
    }
}

/// What people prefer of two painters.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Comparison {
    /// Name of the first.
    pub first: String,
    /// Name of the second, whose win rate it is.
    pub second: String,
    /// How many files of answers there are.
    pub people: usize,
    /// Their answers together.
    #[serde(flatten)]
    pub preference: Preference,
}

/// Values by the painters' names, in the painters' order.
#[derive(Clone, Debug)]
pub struct ByName<T>(pub Vec<(String, T)>);

impl<T: Serialize> Serialize for ByName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Everything that was measured.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Figures {
    /// What decides the figures.
    pub settings: Settings,
    /// Figures of each painter.
    pub controlnets: ByName<OfPainter>,
    /// What each but the first has more than the first.
    pub differences: ByName<Differences>,
    /// What people prefer, where they were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

impl Figures {
    /// The figures as Markdown tables.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| controlnet | figure | value | 95 % interval | n |\n|---|---|---|---|---|\n",
        );
        for (name, of) in &self.controlnets.0 {
            for (figure, value, _) in of.lines() {
                text += &row(name, figure, value);
            }
            for (class, figure) in &of.failure_shares {
                text += &row(name, &format!("judged {class}"), Some(*figure));
            }
        }
        if let Some((first, _)) = self.controlnets.0.first()
            && !self.differences.0.is_empty()
        {
            text += &format!(
                "\n| more than {first} | figure | value | 95 % interval | n |\n|---|---|---|---|---|\n"
            );
            for (name, of) in &self.differences.0 {
                for (figure, value) in of.lines() {
                    text += &row(name, figure, value);
                }
            }
        }
        if let Some(comparison) = &self.comparison {
            let Comparison {
                first,
                second,
                people,
                preference,
            } = comparison;
            let Figure {
                value,
                low,
                high,
                n,
            } = preference.win_rate;
            text += &format!(
                "\n{people} people, {n} answers: {second} is preferred to {first} in {value:.3} ({low:.3} to {high:.3}), an answer \
                 for neither as half; {first} {:.3}, {second} {:.3}, neither {:.3}\n",
                preference.first.value, preference.second.value, preference.neither.value
            );
        }
        text
    }
}

fn row(name: &str, figure: &str, value: Option<Figure>) -> String {
    match value {
        Some(Figure {
            value,
            low,
            high,
            n,
        }) => {
            format!("| {name} | {figure} | {value:.3} | {low:.3} to {high:.3} | {n} |\n")
        }
        None => format!("| {name} | {figure} | – | – | 0 |\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_order_in_the_file() {
        let by_name = ByName(vec![("tuned".to_owned(), 1), ("base".to_owned(), 2)]);
        let written = serde_json::to_string(&by_name);
        assert!(written.is_ok_and(|text| text == r#"{"tuned":1,"base":2}"#));
    }
}
