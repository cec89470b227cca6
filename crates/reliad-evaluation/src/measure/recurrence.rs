//! What drawing again brings: shares with an available picture within so many attempts, and pictures painted for one
//! available.

use super::Figure;

/// At which attempt, from 0, an item had its available picture; `None` where none of its attempts was available.
pub type Found = Option<u32>;

/// Share of items with an available picture within 1 to `attempts` attempts, each with its interval; an item's group is its
/// product.
pub fn within(found: &[Found], groups: &[u64], attempts: u32, seed: u64) -> Vec<Figure> {
    let share = |limit: u32| {
        let holds = |found: &Found| found.is_some_and(|at| at < limit);
        let measured: Vec<(u64, bool)> = groups
            .iter()
            .zip(found)
            .map(|(group, found)| (*group, holds(found)))
            .collect();
        Figure::share(&measured, seed)
    };
    (1..=attempts).filter_map(share).collect()
}

/// Pictures painted of an item: up to its available one, else all attempts.
pub fn painted(found: Found, attempts: u32) -> u32 {
    found.map_or(attempts, |at| at + 1)
}

/// Pictures painted for one available picture, where an item is given up after `attempts`: all pictures over the items that
/// have one. `None` where no item has.
pub fn per_available(found: &[Found], groups: &[u64], attempts: u32, seed: u64) -> Option<Figure> {
    Figure::of_samples(groups, seed, |items| {
        let pictures: u32 = items.iter().map(|&i| painted(found[i], attempts)).sum();
        let available = items.iter().filter(|&&i| found[i].is_some()).count();
        (available > 0).then(|| f64::from(pictures) / available as f64)
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use super::*;

    #[test]
    fn shares_and_pictures_by_hand() {
        // Available at once, at the third attempt, never, at the second.
        let found = [Some(0), Some(2), None, Some(1)];
        let groups = [1, 2, 3, 4];
        let shares: Vec<f64> = within(&found, &groups, 4, 1)
            .iter()
            .map(|figure| figure.value)
            .collect();
        assert_eq!(shares, [0.25, 0.5, 0.75, 0.75]);
        // 1 + 3 + 4 + 2 pictures for three available ones.
        let figure = per_available(&found, &groups, 4, 1).unwrap();
        assert!((figure.value - 10.0 / 3.0).abs() < 1e-12, "{figure:?}");
        assert!(figure.low >= 1.0 && figure.low <= figure.value && figure.value <= figure.high);
        assert_eq!(figure.n, 4);
        assert_eq!(per_available(&[None, None], &[1, 2], 4, 1), None);
        let all = per_available(&[Some(0); 3], &[1, 2, 3], 4, 1).unwrap();
        assert_eq!((all.low, all.value, all.high), (1.0, 1.0, 1.0));
    }
}
