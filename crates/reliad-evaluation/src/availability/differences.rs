//! What a painter has more than the first one, paired by items and pairs of them.

use super::figures::{Common, Measures};
use super::looks::Own;
use crate::measure::Figure;
use crate::measure::variety;

/// Figures that are compared item by item.
#[derive(Clone, Copy)]
enum Compared {
    Availability,
    HeldOut,
    People,
    Agreement,
    Diversity,
}

impl Measures {
    /// Measurements of items as numbers, by item; for differences.
    fn by_item(&self, figure: Compared) -> Vec<Option<f64>> {
        let share = |holds: Option<bool>| holds.map(f64::from);
        let own =
            |of: fn(&Own) -> Option<bool>| self.own.iter().map(|own| share(of(own))).collect();
        match figure {
            Compared::Availability => {
                let available = self.available.iter();
                available.map(|&available| share(Some(available))).collect()
            }
            Compared::HeldOut => own(|own| own.held_out),
            Compared::People => self
                .labels
                .iter()
                .map(|labels| {
                    let available = labels.iter().filter(|label| label.is_available()).count();
                    (!labels.is_empty()).then(|| available as f64 / labels.len() as f64)
                })
                .collect(),
            Compared::Agreement => own(Own::agrees),
            Compared::Diversity => self.diversity.iter().copied().map(Some).collect(),
        }
    }
}

/// What a painter has more than the first one, item by item.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Differences {
    /// Of [`super::OfPainter::availability`].
    pub availability: Option<Figure>,
    /// Of [`super::OfPainter::availability_held_out`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_held_out: Option<Figure>,
    /// Of [`super::OfPainter::availability_people`], over the items that both have labels of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_people: Option<Figure>,
    /// Of [`super::OfPainter::diversity`].
    pub diversity: Option<Figure>,
    /// Of [`super::OfPainter::variety`].
    pub variety: Option<Figure>,
    /// Of [`super::OfPainter::prompt_agreement`].
    pub prompt_agreement: Option<Figure>,
}

impl Differences {
    pub(super) fn new(first: &Measures, other: &Measures, common: &Common<'_>) -> Self {
        let &Common {
            groups,
            pairs,
            seed,
            ..
        } = common;
        let by_item = |figure: Compared| {
            let (first, other) = (first.by_item(figure), other.by_item(figure));
            let both = groups.iter().zip(first.into_iter().zip(other));
            let more: Vec<(u64, f64)> = both
                .filter_map(|(group, (first, other))| Some((*group, other? - first?)))
                .collect();
            Figure::mean(&more, seed)
        };
        let more: Vec<f64> = first
            .variety
            .iter()
            .zip(&other.variety)
            .map(|(first, other)| other - first)
            .collect();
        Self {
            availability: by_item(Compared::Availability),
            availability_held_out: by_item(Compared::HeldOut),
            availability_people: by_item(Compared::People),
            diversity: by_item(Compared::Diversity),
            variety: variety::mean(pairs, &more, groups, seed),
            prompt_agreement: by_item(Compared::Agreement),
        }
    }

    /// Each difference with its figure's name.
    pub fn lines(&self) -> Vec<(&'static str, Option<Figure>)> {
        let all = [
            ("availability", self.availability),
            ("availability_held_out", self.availability_held_out),
            ("availability_people", self.availability_people),
            ("diversity", self.diversity),
            ("variety", self.variety),
            ("prompt_agreement", self.prompt_agreement),
        ];
        all.into_iter().filter(|line| line.1.is_some()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use reliad_dataset::Label;

    use super::*;
    use crate::measure::variety::Pair;

    fn measures(available: &[bool], diversity: &[f64], variety: &[f64]) -> Measures {
        let own = |&available: &bool| Own {
            held_out: Some(!available),
            family: Some(available),
            ..Own::default()
        };
        Measures {
            found: available
                .iter()
                .map(|&available| available.then_some(0))
                .collect(),
            available: available.to_vec(),
            own: available.iter().map(own).collect(),
            diversity: diversity.to_vec(),
            variety: variety.to_vec(),
            labels: vec![Vec::new(); available.len()],
        }
    }

    #[test]
    fn differences_are_paired_by_item_and_by_pair() {
        let pairs = [Pair { items: [0, 1] }, Pair { items: [2, 3] }];
        let common = Common {
            groups: &[1, 2, 3, 4],
            pairs: &pairs,
            attempts: 1,
            seed: 1,
        };
        let mut first = measures(&[true, false, false, false], &[0.4, 0.2], &[0.5, 0.7]);
        let mut other = measures(&[true, true, true, false], &[0.5, 0.4], &[0.4, 0.4]);
        let label = |slug| vec![Label::from_slug(slug).unwrap()];
        first.labels[0] = label("available");
        first.labels[1] = label("size_mismatch");
        other.labels[1] = label("available");
        let found = Differences::new(&first, &other, &common);
        let value = |figure: Option<Figure>| figure.unwrap().value;
        assert_eq!(value(found.availability), 0.5);
        assert_eq!(value(found.availability_held_out), -0.5);
        assert_eq!(value(found.prompt_agreement), 0.5);
        assert!((value(found.diversity) - 0.15).abs() < 1e-12);
        assert!((value(found.variety) + 0.2).abs() < 1e-12);
        // Item 1 alone was labelled for both.
        let people = found.availability_people.unwrap();
        assert_eq!((people.value, people.n), (1.0, 1));
        let same = Differences::new(&first, &first, &common);
        let none = same.availability.unwrap();
        assert_eq!((none.low, none.value, none.high), (0.0, 0.0, 0.0));
    }
}
