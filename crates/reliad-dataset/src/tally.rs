//! Things of one kind counted, so that a million of them make one line.

use std::collections::BTreeMap;

/// Examples that are named.
const SHOWN: usize = 3;
/// Kinds that are told apart; a data set that is wrong in more ways is wrong as a whole.
const KINDS: usize = 64;

/// How many things there are of each kind, and the first few.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<String, Kind>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Kind {
    count: u64,
    examples: Vec<String>,
}

impl Tally {
    /// Counts one thing.
    pub(crate) fn add(&mut self, kind: &str, example: impl FnOnce() -> String) {
        let is_new = !self.0.contains_key(kind);
        let kind = if is_new && self.0.len() >= KINDS {
            "other reasons"
        } else {
            kind
        };
        let of_kind = self.0.entry(kind.to_owned()).or_default();
        of_kind.count += 1;
        if of_kind.examples.len() < SHOWN {
            of_kind.examples.push(example());
        }
    }

    /// Takes in another's things.
    pub(crate) fn join(&mut self, other: Self) {
        for (kind, of_kind) in other.0 {
            let known = self.0.entry(kind).or_default();
            known.count += of_kind.count;
            let room = SHOWN - known.examples.len();
            known
                .examples
                .extend(of_kind.examples.into_iter().take(room));
        }
    }

    /// One line a kind, the most frequent first: count, kind and first examples.
    pub fn lines(&self) -> Vec<String> {
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|(_, of_kind)| std::cmp::Reverse(of_kind.count));
        let line = |(kind, of_kind): (&String, &Kind)| {
            let more = match of_kind.count > of_kind.examples.len() as u64 {
                true => ", ...",
                false => "",
            };
            let examples = of_kind.examples.join(", ");
            format!("{} × {kind}: {examples}{more}", of_kind.count)
        };
        kinds.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_things_make_one_line() {
        let mut tally = Tally::default();
        tally.add("no label", || "z.png".to_owned());
        for number in 0..1000 {
            tally.add("no picture", || format!("{number}.png"));
        }
        assert_eq!(
            tally.lines(),
            [
                "1000 × no picture: 0.png, 1.png, 2.png, ...",
                "1 × no label: z.png"
            ]
        );
    }
}
