//! Which of two pictures people would rather have: answers to blind pairs (two-alternative forced choice, with a way out).

use serde::Serialize;

use super::Figure;

/// What a person said of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preferred {
    /// The first painter's picture.
    First,
    /// The second painter's picture.
    Second,
    /// Neither.
    Neither,
}

/// Answers of all people together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Preference {
    /// How often the second is preferred; an answer for neither counts as half.
    pub win_rate: Figure,
    /// Share of answers for the first.
    pub first: Figure,
    /// Share of answers for the second.
    pub second: Figure,
    /// Share of answers for neither.
    pub neither: Figure,
}

/// The preference in `answers`, each with the group (product) of its pair. `None` without answers.
pub fn preference(answers: &[(u64, Preferred)], seed: u64) -> Option<Preference> {
    let won = |preferred| match preferred {
        Preferred::First => 0.0,
        Preferred::Second => 1.0,
        Preferred::Neither => 0.5,
    };
    let wins: Vec<(u64, f64)> = answers.iter().map(|&(g, said)| (g, won(said))).collect();
    let share = |what| {
        let held: Vec<(u64, bool)> = answers.iter().map(|&(g, said)| (g, said == what)).collect();
        Figure::share(&held, seed)
    };
    Some(Preference {
        win_rate: Figure::mean(&wins, seed)?,
        first: share(Preferred::First)?,
        second: share(Preferred::Second)?,
        neither: share(Preferred::Neither)?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn win_rates_by_hand() {
        use Preferred::{First, Neither, Second};
        let answers = [(1, Second), (2, Second), (3, Neither), (4, First)];
        let found = preference(&answers, 1).unwrap();
        assert_eq!(found.win_rate.value, 0.625);
        assert_eq!(
            [found.first.value, found.second.value, found.neither.value],
            [0.25, 0.5, 0.25]
        );
        assert!(found.win_rate.low < 0.625 && found.win_rate.high > 0.625);
        assert_eq!(preference(&[], 1), None);
        // Two people who agree on four pairs know no more of other products than one.
        let twice: Vec<_> = answers.iter().chain(&answers).copied().collect();
        let twice = preference(&twice, 1).unwrap().win_rate;
        assert!((twice.low - found.win_rate.low).abs() < 1e-9);
        assert_eq!(twice.n, 8);
    }
}
