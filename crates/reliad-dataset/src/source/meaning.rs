//! What the labels of a whole data set mean: where there is exactly one meaning it is taken, else the data set is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::LabelMap;
use crate::label::Numbers;

/// Distinct labels that are told apart; a data set with more has no classes.
const WORDS: usize = 256;
/// Fields that are named when there are no labels.
const FIELDS: usize = 16;

/// The labels that occur in a data set, those of samples that can't be used among them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    words: BTreeMap<String, u64>,
    /// Samples with further labels.
    others: u64,
    fields: BTreeSet<String>,
}

impl Seen {
    pub fn add(&mut self, word: String) {
        if let Some(count) = self.words.get_mut(&word) {
            *count += 1;
        } else if self.words.len() < WORDS {
            self.words.insert(word, 1);
        } else {
            self.others += 1;
        }
    }

    pub fn add_field(&mut self, name: &str) {
        if self.fields.len() < FIELDS && !self.fields.contains(name) {
            self.fields.insert(name.to_owned());
        }
    }

    /// Whether no sample has a label.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The names of fields that there are.
    pub fn fields(&self) -> String {
        Vec::from_iter(self.fields.iter().map(String::as_str)).join(", ")
    }

    /// The meaning of these labels.
    ///
    /// # Errors
    /// Why there is more than one, or none, and what to say.
    pub fn meaning(&self, map: &LabelMap) -> Result<LabelMap, String> {
        let untold = || self.words.keys().filter(|word| map.told(word).is_none());
        if let Some(truth) = untold().find(|word| is_truth(word)) {
            return Err(format!(
                "the label `{truth}` doesn't say whether true is good or bad; say it with `--labels \
                 true=available,false=unavailable` or `--labels true=unavailable,false=available`"
            ));
        }
        let ids: BTreeSet<u64> = untold().filter_map(|word| word.parse().ok()).collect();
        let map = match map.numbers() {
            Numbers::Undecided => map.with_numbers(first_number(&ids)?),
            _ => map.clone(),
        };
        if self.words.is_empty() || self.words.keys().any(|word| map.get(word).is_some()) {
            return Ok(map);
        }
        let words: Vec<String> = self.most().map(|word| format!("`{word}`")).collect();
        let such: Vec<String> = self
            .most()
            .zip(["available", "unavailable"].iter().cycle())
            .map(|(word, label)| format!("{word}={label}"))
            .collect();
        let more = match self.words.len() > words.len() {
            true => ", ...",
            false => "",
        };
        Err(format!(
            "nothing tells what the labels {}{more} mean; say it, for example with `--labels {}`",
            words.join(", "),
            such.join(",")
        ))
    }

    /// The most frequent labels.
    fn most(&self) -> impl Iterator<Item = &str> {
        let mut words: Vec<(&String, &u64)> = self.words.iter().collect();
        words.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        words.into_iter().take(6).map(|(word, _)| word.as_str())
    }
}

fn is_truth(word: &str) -> bool {
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false")
}

/// What numbers begin at. Only 0 to 5 and 1 to 6 are classes; a data set without a 0 may be either, but for one with a 6.
fn first_number(ids: &BTreeSet<u64>) -> Result<Numbers, String> {
    let classes: Vec<u64> = ids.iter().copied().filter(|&id| id <= 6).collect();
    match (classes.first(), classes.last()) {
        (None | Some(0), _) => Ok(Numbers::FromZero),
        (_, Some(6)) => Ok(Numbers::FromOne),
        (Some(first), Some(last)) => Err(format!(
            "the labels are numbers from {first} to {last} and 0 never occurs: the paper's classes from 0 on (1 is Space \
             Mismatch), or from 1 on (1 is Available)? Say it with `--labels from-0` or `--labels from-1`"
        )),
        (Some(_), None) => Ok(Numbers::FromZero),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use reliad_imaging::Class;

    use super::*;
    use crate::Label;

    fn meaning(words: &[&str], map: &LabelMap) -> Result<LabelMap, String> {
        let mut seen = Seen::default();
        for word in words {
            seen.add((*word).to_owned());
        }
        seen.meaning(map)
    }

    #[test]
    fn numbers_begin_where_only_one_beginning_fits() {
        let map = LabelMap::default();
        let space = Some(Label::Class(Class::SpaceMismatch));
        assert_eq!(meaning(&["0", "1"], &map).unwrap().get("1"), space);
        assert_eq!(meaning(&["1", "2", "6"], &map).unwrap().get("2"), space);
        // 6 next to 0 is no class at all.
        assert_eq!(meaning(&["0", "1", "6"], &map).unwrap().get("6"), None);
        for words in [
            &["1", "2", "3", "4"][..],
            &["1", "2", "3", "4", "5"],
            &["2"],
            &["available", "3"],
        ] {
            let refused = meaning(words, &map).unwrap_err();
            assert!(refused.contains("--labels from-1"), "{refused}");
        }
        let told = LabelMap::parse("from-1").unwrap();
        assert_eq!(meaning(&["1", "2"], &told).unwrap().get("2"), space);
    }

    #[test]
    fn truth_and_foreign_words_are_refused_with_what_to_say() {
        let map = LabelMap::default();
        let refused = meaning(&["True", "False"], &map).unwrap_err();
        assert!(refused.contains("--labels true="), "{refused}");
        let refused = meaning(&["good", "bad"], &map).unwrap_err();
        assert!(
            refused.contains("--labels bad=available,good=unavailable"),
            "{refused}"
        );
        let told = LabelMap::parse("true=available,false=unavailable").unwrap();
        assert_eq!(
            meaning(&["True", "False"], &told).unwrap().get("False"),
            Some(Label::Unavailable)
        );
        // One that is understood is enough: the others are set aside one by one.
        assert!(meaning(&["available", "oops"], &map).is_ok());
    }
}
