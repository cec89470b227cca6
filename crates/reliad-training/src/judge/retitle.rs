//! Titles that tell another size of the product, so that a judge must weigh what it reads against what it sees. Ours.
//!
//! A product's size is wrong when picture and title disagree. A few hundred such pictures don't teach a network to read
//! numbers: it finds that large props mean a wrong size and never looks at the title. A picture of the right size with the
//! title of a product three times as big is a size mismatch too, and a picture of the wrong size can be made right by the
//! title of the product that it shows: then only both together tell.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use reliad_dataset::{Label, Record};
use reliad_imaging::Class;
use serde::Deserialize;

use crate::error::{Error, Result};

/// How often titles are changed and by how much.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retitling {
    /// Share of the available pictures with props that get the title of a product of another size, and so are size
    /// mismatches, and of the size mismatches that get the title that makes them right, 0 to 1. One share for both: where many
    /// more of one kind change, what the picture shows comes to stand for the other label.
    pub share: f64,
    /// Least factor between the sizes; as often its inverse.
    pub least: f64,
    /// Largest factor.
    pub most: f64,
}

impl Default for Retitling {
    fn default() -> Self {
        Self {
            share: 0.0,
            least: 2.2,
            most: 6.0,
        }
    }
}

impl Retitling {
    /// # Errors
    /// [`Error::Setting`] for a value out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        let factors = 1.0 < self.least && self.least < self.most && self.most.is_finite();
        if factors && (0.0..=1.0).contains(&self.share) {
            return Ok(());
        }
        Err(Error::Setting {
            name: "retitle",
            reason: "its share must lie in 0 to 1, and 1 < least < most".to_owned(),
        })
    }

    /// Another title for a rendered sample, and the label that it has under this title. `None` to leave it as it is: by lot,
    /// or because nothing in the picture shows how big the product is, or because its title doesn't say.
    fn draw(&self, record: &Record, rng: &mut ChaCha8Rng) -> Option<(String, Label)> {
        if self.share == 0.0 {
            return None;
        }
        let known = record.parameters.as_ref()?;
        known.props().first()?;
        let prop_scale = f64::from(known.prop_scale?);
        match record.label?.class()? {
            Class::Available if rng.random_bool(self.share) => {
                let factor = factor(self.least, self.most, rng);
                let title = resized(&record.title, factor)?;
                Some((title, Label::Class(Class::SizeMismatch)))
            }
            // Props a third as large as they should be make the product look three times as big.
            Class::SizeMismatch if prop_scale > 0.0 && rng.random_bool(self.share) => {
                let title = resized(&record.title, prop_scale.recip())?;
                Some((title, Label::Class(Class::Available)))
            }
            _ => None,
        }
    }
}

/// What became of the titles of a batch: another one with the label it makes, or nothing.
pub(crate) struct Retitled(Vec<Option<(String, Label)>>);

impl Retitled {
    pub(crate) fn none(count: usize) -> Self {
        Self(vec![None; count])
    }

    pub(crate) fn draw(records: &[&Record], how: &Retitling, rng: &mut ChaCha8Rng) -> Self {
        let titles = records.iter().map(|record| how.draw(record, rng));
        Self(titles.collect())
    }

    /// The titles of the batch that this was drawn for.
    pub(crate) fn titles<'a>(&'a self, records: &[&'a Record]) -> Vec<&'a str> {
        let titles = self.0.iter().zip(records);
        titles
            .map(|(changed, record)| changed.as_ref().map_or(&*record.title, |(title, _)| title))
            .collect()
    }

    /// Their labels.
    pub(crate) fn labels(&self, records: &[&Record]) -> Vec<Option<Label>> {
        let labels = self.0.iter().zip(records);
        labels
            .map(|(changed, record)| {
                changed
                    .as_ref()
                    .map_or(record.label, |(_, label)| Some(*label))
            })
            .collect()
    }
}

/// A factor between `least` and `most`, even in its logarithm, or as often its inverse.
pub(crate) fn factor(least: f64, most: f64, rng: &mut ChaCha8Rng) -> f64 {
    let exponent: f64 = rng.random_range(least.ln()..most.ln());
    if rng.random() { exponent } else { -exponent }.exp()
}

/// The title with every length in it, such as `14 cm`, times `factor`, in whole centimetres and at least 1; `None` where it
/// tells none.
pub(crate) fn resized(title: &str, factor: f64) -> Option<String> {
    let mut words: Vec<String> = title.split(' ').map(str::to_owned).collect();
    let mut told = false;
    for at in 1..words.len() {
        if words[at].trim_end_matches([',', '.', ';', ')']) != "cm" {
            continue;
        }
        if let Ok(length) = words[at - 1].parse::<f64>() {
            words[at - 1] = format!("{}", (length * factor).round().max(1.0));
            told = true;
        }
    }
    told.then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::random;
    use serde_json::json;

    fn record(label: &str, prop_scale: f64, props: &[&str]) -> Record {
        serde_json::from_value(json!({
            "image": "a.png", "label": label, "product_id": 1, "title": "Navy mug, 9 cm tall, matte",
            "parameters": { "props": props, "prop_scale": prop_scale }
        }))
        .unwrap()
    }

    #[test]
    fn lengths_are_changed_and_nothing_else() {
        assert_eq!(resized("Mug, 9 cm tall", 3.0).unwrap(), "Mug, 27 cm tall");
        assert_eq!(
            resized("Mug 2 in red, 9 cm, 12.5 cm.", 2.0).unwrap(),
            "Mug 2 in red, 18 cm, 25 cm."
        );
        assert_eq!(resized("Pen, 2 cm", 0.1).unwrap(), "Pen, 1 cm");
        assert_eq!(resized("Set of 3, cm scale", 2.0), None);
    }

    #[test]
    fn labels_follow_the_title() {
        let every = Retitling {
            share: 1.0,
            ..Retitling::default()
        };
        let mut rng = random::generator(1, "titles", 0);
        let mut larger = 0;
        for _ in 0..200 {
            let (title, label) = every
                .draw(&record("available", 1.0, &["book"]), &mut rng)
                .unwrap();
            assert_eq!(label, Label::Class(Class::SizeMismatch));
            let told: f64 = title.split(' ').nth(2).unwrap().parse().unwrap();
            // 9 cm by 2.2 to 6, rounded.
            assert!(
                (20.0..=54.0).contains(&told) || (2.0..=4.0).contains(&told),
                "{title}"
            );
            larger += usize::from(told > 9.0);
        }
        assert!((70..130).contains(&larger), "{larger}");
        // Props a third of their size: what is shown is a mug of 27 cm.
        let small = record("size_mismatch", 1.0 / 3.0, &["book"]);
        let shown: Vec<_> = (0..200)
            .filter_map(|_| every.draw(&small, &mut rng))
            .collect();
        assert_eq!(shown.len(), 200);
        for (title, label) in shown {
            assert_eq!(
                (title.as_str(), label),
                (
                    "Navy mug, 27 cm tall, matte",
                    Label::Class(Class::Available)
                )
            );
        }
        assert_eq!(every.draw(&record("available", 1.0, &[]), &mut rng), None);
        assert_eq!(
            every.draw(&record("space_mismatch", 1.0, &["book"]), &mut rng),
            None
        );
        // As often the one as the other: 60 of 400 are 15 %.
        let some = Retitling {
            share: 0.15,
            ..Retitling::default()
        };
        for of in [&small, &record("available", 1.0, &["book"])] {
            let changed = (0..400).filter(|_| some.draw(of, &mut rng).is_some());
            let changed = changed.count();
            assert!((35..85).contains(&changed), "{changed}");
        }
        let never = Retitling::default();
        assert_eq!(
            never.draw(&record("available", 1.0, &["book"]), &mut rng),
            None
        );
    }
}
