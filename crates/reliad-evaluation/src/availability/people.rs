//! What people say of pictures: in which order these stand on a blind sheet, and how what was saved is read back.
//!
//! A sheet tells neither painters nor verdicts. Pictures have ids, the first digits of their recipes' hashes, and what people
//! say is saved by them: so it holds for these pictures in whatever comparison they are, and for no others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand::RngExt as _;
use reliad_dataset::Label;
use reliad_generation::recipe::Recipe;
use reliad_training::random;
use serde::{Deserialize, Serialize};

use super::items::{Hand, Items};
use super::painted::Painted;
use crate::error::{Error, Result};
use crate::measure::preference::Preferred;

/// The id of a recipe's picture.
pub fn picture_id(recipe: &Recipe) -> String {
    let mut id = recipe.name();
    id.truncate(12);
    id
}

/// A picture on a sheet: which painter's, of which item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// Place of the painter.
    pub painter: usize,
    /// The item.
    pub item: usize,
}

/// Pictures of a sheet for labels: item by item in an order drawn by lot, so that a sheet that was labelled in part holds whole
/// items, the painters of each in another order.
pub fn label_order(painters: usize, items: usize, seed: u64) -> Vec<Shown> {
    let order = random::shuffled(items, &mut random::generator(seed, "label sheet", 0));
    let of_item = |item: usize| {
        let mut rng = random::generator(seed, "label sheet", 1 + item as u64);
        random::shuffled(painters, &mut rng)
            .into_iter()
            .map(move |painter| Shown { painter, item })
    };
    order.into_iter().flat_map(of_item).collect()
}

/// A pair on a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SidedPair {
    /// The item.
    pub item: usize,
    /// Whether the first painter's picture stands on the left.
    pub first_left: bool,
}

/// Pairs of a sheet: items and sides drawn by lot.
pub fn pair_order(items: usize, seed: u64) -> Vec<SidedPair> {
    let mut rng = random::generator(seed, "pair sheet", 0);
    let order = random::shuffled(items, &mut rng);
    order
        .into_iter()
        .map(|item| SidedPair {
            item,
            first_left: rng.random_bool(0.5),
        })
        .collect()
}

/// Which side of a pair a person would rather have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The left picture.
    Left,
    /// The right picture.
    Right,
    /// Neither.
    Equal,
}

/// One person's answer to a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Id of the left picture.
    pub left: String,
    /// Id of the right picture.
    pub right: String,
    /// What was said.
    pub side: Side,
}

impl Answer {
    /// Which of two painters is preferred, by the ids of their pictures; `None` where the pair isn't theirs.
    pub fn preferred(&self, first: &str, second: &str) -> Option<Preferred> {
        let first_left = match (self.left.as_str(), self.right.as_str()) {
            (left, right) if (left, right) == (first, second) => true,
            (left, right) if (left, right) == (second, first) => false,
            _ => return None,
        };
        Some(match (self.side, first_left) {
            (Side::Equal, _) => Preferred::Neither,
            (Side::Left, true) | (Side::Right, false) => Preferred::First,
            (Side::Left, false) | (Side::Right, true) => Preferred::Second,
        })
    }
}

/// What one person saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved<T> {
    /// The file.
    pub path: PathBuf,
    /// What was said.
    pub said: Vec<T>,
}

/// How answers stand on disk: the pair's ids with a `-` between, left first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answers {
    pairs: BTreeMap<String, Side>,
}

fn refuse(path: &Path, message: String) -> Error {
    Error::Sheet {
        path: path.to_owned(),
        message,
    }
}

/// Reads answers to pairs, as a sheet saves them.
///
/// # Errors
/// A file that can't be read, or isn't one.
pub fn answers(path: &Path) -> Result<Saved<Answer>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let read: Answers = serde_json::from_slice(&bytes)
        .map_err(|error| refuse(path, format!("no answers to a sheet of pairs: {error}")))?;
    let answer = |(pair, side): (String, Side)| match pair.split_once('-') {
        Some((left, right)) => Ok(Answer {
            left: left.to_owned(),
            right: right.to_owned(),
            side,
        }),
        None => Err(refuse(path, format!("`{pair}` isn't two pictures' ids"))),
    };
    Ok(Saved {
        path: path.to_owned(),
        said: read.pairs.into_iter().map(answer).collect::<Result<_>>()?,
    })
}

/// A person's label of a picture, by its id.
pub type Labelled = (String, Label);

/// Reads labels, as a sheet saves them: lines `picture,label`; a line that begins with `#` is a remark.
///
/// # Errors
/// A file that can't be read, or a line that is none.
pub fn labels(path: &Path) -> Result<Saved<Labelled>> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let mut said: BTreeMap<String, Label> = BTreeMap::new();
    for (at, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let label = line.split_once(',').and_then(|(picture, label)| {
            let label = Label::from_slug(label.trim())?;
            Some((picture.trim().to_owned(), label))
        });
        let Some((picture, label)) = label else {
            let labels = Label::ALL.map(Label::slug).join(", ");
            let message = format!(
                "line {}: `{line}` isn't picture,label; labels are {labels}",
                at + 1
            );
            return Err(refuse(path, message));
        };
        if said.contains_key(&picture) {
            let message = format!("line {}: {picture} has a label already", at + 1);
            return Err(refuse(path, message));
        }
        said.insert(picture, label);
    }
    Ok(Saved {
        path: path.to_owned(),
        said: said.into_iter().collect(),
    })
}

impl<T> Saved<T> {
    /// What `of` makes of all that was said of pictures of this comparison.
    ///
    /// # Errors
    /// [`Error::Sheet`] when nothing was.
    pub fn known<U>(&self, of: impl Fn(&T) -> Option<U>) -> Result<Vec<U>> {
        let known: Vec<U> = self.said.iter().filter_map(of).collect();
        if known.is_empty() {
            let message = format!(
                "none of its {} entries is of a picture of this comparison",
                self.said.len()
            );
            return Err(refuse(&self.path, message));
        }
        Ok(known)
    }
}

/// People's labels of each painter's first attempts.
pub(super) fn labels_of(
    items: &Items,
    painted: &[Painted],
    saved: &[Saved<Labelled>],
) -> Result<Vec<Vec<Vec<Label>>>> {
    let count = items.records().len();
    let mut places: BTreeMap<String, Vec<[usize; 2]>> = BTreeMap::new();
    for (painter, of) in painted.iter().enumerate() {
        for item in 0..count {
            let id = items.picture_id(&of.hand, item)?;
            places.entry(id).or_default().push([painter, item]);
        }
    }
    let mut labels = vec![vec![Vec::new(); count]; painted.len()];
    for of_person in saved {
        let known = of_person.known(|(id, label)| Some((places.get(id)?, *label)))?;
        for (at, label) in known {
            // Two names of one painter have one picture.
            for &[painter, item] in at {
                labels[painter][item].push(label);
            }
        }
    }
    Ok(labels)
}

/// All people's answers to pairs of two painters, each with the product.
pub(super) fn answers_of(
    items: &Items,
    hands: [&Hand; 2],
    saved: &[Saved<Answer>],
) -> Result<Vec<(u64, Preferred)>> {
    let mut by_pictures = BTreeMap::new();
    for (item, group) in items.groups().into_iter().enumerate() {
        let [first, second] = hands.map(|hand| items.picture_id(hand, item));
        let (first, second) = (first?, second?);
        by_pictures.insert(first.clone(), (first.clone(), second.clone(), group));
        by_pictures.insert(second.clone(), (first, second, group));
    }
    let mut answers = Vec::new();
    for of_person in saved {
        answers.extend(of_person.known(|answer| {
            let (first, second, group) = by_pictures.get(&answer.left)?;
            Some((*group, answer.preferred(first, second)?))
        })?);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_sheet_has_every_picture_once_and_whole_items_first() {
        let order = label_order(3, 20, 5);
        assert_eq!(order, label_order(3, 20, 5));
        assert_ne!(order, label_order(3, 20, 6));
        let all: BTreeSet<Shown> = order.iter().copied().collect();
        assert_eq!(all.len(), 60);
        let whole = |item: &[Shown]| item.iter().all(|shown| shown.item == item[0].item);
        assert!(order.chunks(3).all(whole));
        let firsts: BTreeSet<usize> = order.chunks(3).map(|item| item[0].painter).collect();
        assert_eq!(firsts.len(), 3, "no painter always comes first");
        let pairs = pair_order(200, 5);
        let left = pairs.iter().filter(|pair| pair.first_left).count();
        // Six standard errors of a fair coin thrown 200 times.
        assert!((58..=142).contains(&left), "{left}");
        let items: BTreeSet<usize> = pairs.iter().map(|pair| pair.item).collect();
        assert_eq!(items.len(), 200);
    }

    #[test]
    fn a_side_is_a_painter_by_where_it_stood() {
        let answer = |side| Answer {
            left: "a".into(),
            right: "b".into(),
            side,
        };
        let (left, right) = (answer(Side::Left), answer(Side::Right));
        assert_eq!(left.preferred("a", "b"), Some(Preferred::First));
        assert_eq!(right.preferred("a", "b"), Some(Preferred::Second));
        assert_eq!(left.preferred("b", "a"), Some(Preferred::Second));
        assert_eq!(right.preferred("b", "a"), Some(Preferred::First));
        let neither = answer(Side::Equal).preferred("b", "a");
        assert_eq!(neither, Some(Preferred::Neither));
        assert_eq!(left.preferred("a", "c"), None);
    }

    #[test]
    fn what_was_saved_is_read_and_what_is_of_other_pictures_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("saved");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        write(r#"{"pairs": {"a-b": "left", "d-c": "equal"}}"#);
        let saved = answers(&file).unwrap();
        assert_eq!(saved.said[1].side, Side::Equal);
        let known = saved.known(|answer| answer.preferred("c", "d")).unwrap();
        assert_eq!(known, [Preferred::Neither]);
        let error = saved
            .known(|answer| answer.preferred("x", "y"))
            .unwrap_err();
        assert!(
            error.to_string().contains("none of its 2 entries"),
            "{error}"
        );
        for text in [
            r#"{"pairs": {"a-b": "up"}}"#,
            r#"{"pairs": {"ab": "left"}}"#,
            "[]",
        ] {
            write(text);
            assert!(answers(&file).is_err(), "{text}");
        }

        write("# by hand\n\nabc,available\n d , size_mismatch\n");
        let saved = labels(&file).unwrap();
        assert_eq!(
            saved.said[0],
            ("abc".into(), Label::from_slug("available").unwrap())
        );
        assert!(!saved.said[1].1.is_available());
        for (text, told) in [
            ("\na;available\n", "line 2"),
            ("a,fine\n", "labels are available"),
            ("a,available\na,available\n", "line 2: a has a label"),
        ] {
            write(text);
            let error = labels(&file).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
