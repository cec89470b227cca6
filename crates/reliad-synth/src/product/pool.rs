//! Pools of products: who may learn from which, so that nothing is measured on what something has learned from.

use std::ops::Range;

/// A pool of product identities. No two pools share one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    /// What a world shows unless it is asked for others: painter, ControlNet and judge learn from these.
    #[default]
    World,
    /// What `evaluate painter` shows. Some of their paintings have taught the judge that is embedded.
    Unseen,
    /// What a painter is tuned on by feedback.
    Tuning,
    /// What settings are chosen on, and what a tuning is watched on while it runs.
    Choosing,
    /// What results are reported on, and nothing else.
    Reporting,
    /// What the held-out judge learns from.
    HeldOut,
    /// What paintings are labelled on to measure judges by.
    Labelling,
}

/// How many identities the pool of the world has.
pub const POOL: u64 = 2000;

/// Identities of products that no world draws unless it is asked to: whatever was trained on rendered samples has never
/// seen them.
pub const UNSEEN: Range<u64> = POOL..POOL + 10_000;

impl Pool {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::World,
        Self::Unseen,
        Self::Tuning,
        Self::Choosing,
        Self::Reporting,
        Self::HeldOut,
        Self::Labelling,
    ];

    /// The identities in it.
    pub fn identities(self) -> Range<u64> {
        let after = |start, count| UNSEEN.end + start..UNSEEN.end + start + count;
        match self {
            Self::World => 0..POOL,
            Self::Unseen => UNSEEN,
            Self::Tuning => after(0, 4000),
            Self::Choosing => after(4000, 2000),
            Self::Reporting => after(6000, 4000),
            Self::HeldOut => after(10_000, 3000),
            Self::Labelling => after(13_000, 2000),
        }
    }

    /// Its name on the command line.
    pub fn slug(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Unseen => "unseen",
            Self::Tuning => "tuning",
            Self::Choosing => "choosing",
            Self::Reporting => "reporting",
            Self::HeldOut => "held-out",
            Self::Labelling => "labelling",
        }
    }

    /// The pool of that name.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pool| pool.slug() == slug)
    }

    /// The pool that has this product.
    pub fn of(id: u64) -> Option<Self> {
        let mut pools = Self::ALL.into_iter();
        pools.find(|pool| pool.identities().contains(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_product_is_in_two_pools() {
        let mut last = 0;
        for pool in Pool::ALL {
            let ids = pool.identities();
            assert_eq!(
                ids.start,
                last,
                "{} begins where the last ends",
                pool.slug()
            );
            assert!(!ids.is_empty());
            assert_eq!(Pool::of(ids.start), Some(pool));
            assert_eq!(Pool::of(ids.end - 1), Some(pool));
            assert_eq!(Pool::from_slug(pool.slug()), Some(pool));
            last = ids.end;
        }
        assert_eq!(Pool::of(last), None);
    }
}
