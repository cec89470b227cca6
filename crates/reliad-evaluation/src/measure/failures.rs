//! How a painter's pictures fail, by a judge's verdicts.

use std::collections::BTreeMap;

use reliad_generation::manifest::VerdictRecord;

use super::Figure;

/// Share of all pictures that the judge rejects for each reason its head knows, by the reason's slug. Each verdict comes with
/// the group (product) of its picture.
pub fn failure_shares(verdicts: &[(u64, &VerdictRecord)], seed: u64) -> BTreeMap<String, Figure> {
    let reasons = verdicts
        .first()
        .map_or(&[][..], |(_, verdict)| &verdict.probabilities);
    reasons
        .iter()
        .skip(1)
        .filter_map(|reason| {
            let rejected: Vec<(u64, bool)> = verdicts
                .iter()
                .map(|(group, verdict)| {
                    let for_it = !verdict.available && verdict.slug() == reason.class;
                    (*group, for_it)
                })
                .collect();
            Figure::share(&rejected, seed).map(|figure| (reason.class.clone(), figure))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use reliad_imaging::Class;

    use super::*;

    #[test]
    fn shares_are_of_all_pictures_and_by_reason() {
        let of = |class: Class, available| VerdictRecord::new(class, available, &[0.2; 5]);
        let verdicts = [
            of(Class::Available, true),
            of(Class::SpaceMismatch, false),
            of(Class::SpaceMismatch, false),
            // Below the threshold: rejected for no reason of the head's.
            of(Class::Available, false),
        ];
        let grouped: Vec<_> = (0..).zip(&verdicts).collect();
        let shares = failure_shares(&grouped, 1);
        assert_eq!(shares.len(), 4);
        assert_eq!(shares["space_mismatch"].value, 0.5);
        assert_eq!(shares["size_mismatch"].value, 0.0);
        assert!(failure_shares(&[], 1).is_empty());
    }
}
