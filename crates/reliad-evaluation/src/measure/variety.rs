//! Variety across products: how different pictures of different products are, outside both products. Ours.
//!
//! Pictures of one product under several noises can grow apart while all products get the same background; this falls then.

use reliad_training::random;

use super::Figure;

/// Partners of an item, at most.
const PARTNERS: usize = 4;

/// Two items whose pictures are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Places of the items.
    pub items: [usize; 2],
}

/// Pairs of items of different groups (products), drawn by lot from `seed`: each item is in 8 at most, fewer where there
/// are fewer items. The same for whatever is measured on the same items.
pub fn pairs(groups: &[u64], seed: u64) -> Vec<Pair> {
    let mut rng = random::generator(seed, "variety", 0);
    let order = random::shuffled(groups.len(), &mut rng);
    let count = order.len();
    // Steps around a ring in random order; beyond half of it, pairs would come again.
    let partners = PARTNERS.min(count.saturating_sub(1) / 2);
    let pair = |at: usize, step: usize| Pair {
        items: [order[at], order[(at + step) % count]],
    };
    let mut pairs: Vec<Pair> = match count {
        2 => vec![pair(0, 1)],
        _ => (1..=partners)
            .flat_map(|step| (0..count).map(move |at| (at, step)))
            .map(|(at, step)| pair(at, step))
            .collect(),
    };
    pairs.retain(|pair| groups[pair.items[0]] != groups[pair.items[1]]);
    pairs
}

/// The mean over `pairs` of what `values` holds for each, with the interval of the bootstrap over groups: a pair counts as
/// often as both its items were drawn together, the product of their numbers.
pub fn mean(pairs: &[Pair], values: &[f64], groups: &[u64], seed: u64) -> Option<Figure> {
    let mut figure = Figure::of_samples(groups, seed, |drawn| {
        let mut times = vec![0.0; groups.len()];
        for &item in drawn {
            times[item] += 1.0;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (pair, value) in pairs.iter().zip(values) {
            let weight = times[pair.items[0]] * times[pair.items[1]];
            sum += weight * value;
            weights += weight;
        }
        (weights > 0.0).then(|| sum / weights)
    })?;
    figure.n = pairs.len();
    Some(figure)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn pairs_are_of_different_products_and_none_comes_twice() {
        for count in [0usize, 1, 2, 3, 5, 16, 17, 64, 1000] {
            let groups: Vec<u64> = (0..count as u64).collect();
            let found = pairs(&groups, 7);
            assert_eq!(found, pairs(&groups, 7));
            let sets: BTreeSet<BTreeSet<usize>> =
                found.iter().map(|pair| pair.items.into()).collect();
            assert_eq!(sets.len(), found.len(), "{count}: {found:?}");
            assert!(sets.iter().all(|set| set.len() == 2));
            let met: BTreeSet<usize> = sets.into_iter().flatten().collect();
            assert_eq!(met.len(), if count < 2 { 0 } else { count });
        }
        let two_of_each: Vec<u64> = (0..10).map(|item| item / 2).collect();
        let found = pairs(&two_of_each, 1);
        assert!(
            found
                .iter()
                .all(|pair| pair.items[0] / 2 != pair.items[1] / 2)
        );
    }

    #[test]
    fn means_by_hand_and_intervals_by_products() {
        let pairs = [Pair { items: [0, 1] }, Pair { items: [1, 2] }];
        let figure = mean(&pairs, &[1.0, 3.0], &[5, 6, 7], 1).unwrap();
        assert_eq!((figure.value, figure.n), (2.0, 2));
        assert!(figure.low >= 1.0 && figure.high <= 3.0);
        assert_eq!(mean(&[], &[], &[5, 6], 1), None);
        // Every pair alike: nothing to be unsure of.
        let groups: Vec<u64> = (0..40).collect();
        let pairs = super::pairs(&groups, 3);
        let figure = mean(&pairs, &vec![0.5; pairs.len()], &groups, 1).unwrap();
        assert!((figure.low - 0.5).abs() < 1e-9 && (figure.high - 0.5).abs() < 1e-9);
    }
}
